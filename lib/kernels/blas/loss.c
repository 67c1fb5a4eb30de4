/* Binary cross-entropy and soft Dice on logits: their sums over a batch, and the gradient.
 *
 * The exponential is taken in float, all that follows from it for the sums in double: they are right to 1e-7 of themselves. */
#include "kernels/blas/elementwise.h"
#include "kernels/blas/exp.h"

enum { PIECE_FLOATS = 1 << 12, BLOCK = 64 };

typedef struct loss_call {
    const hl_view *logits, *target, *dlogits;
    hl_loss_sums *parts;
    float cross_entropy_factor, product_factor, probability_factor;
    int64_t pixels; /* of a piece */
} loss_call;

static int64_t piece_pixels(const hl_view *logits) { return hl_blas_pieces(PIECE_FLOATS, logits->c); }
static int64_t pieces_of(const hl_view *logits) { return hl_blas_pieces(hl_view_pixels(logits), piece_pixels(logits)); }

size_t HL_BLAS(loss_workspace)(const hl_view *logits) { return (size_t)pieces_of(logits) * sizeof(hl_loss_sums); }

/* log(1 + e) for e in 0..1, by the series of the inverse hyperbolic tangent of e / (2 + e) <= 1/3; off by 2e-9 of itself. */
static inline double log_1_plus(double e) {
    double s = e / (2 + e), square = s * s, sum = 1.0 / 15;
    sum = sum * square + 1.0 / 13;
    sum = sum * square + 1.0 / 11;
    sum = sum * square + 1.0 / 9;
    sum = sum * square + 1.0 / 7;
    sum = sum * square + 1.0 / 5;
    sum = sum * square + 1.0 / 3;
    return 2 * s * (sum * square + 1);
}

/* Adds the sums of up to BLOCK numbers. What hangs on a sign comes first: it would make branches of the double arithmetic. */
static void add_block(const float *z, const float *t, int count, hl_loss_sums *sums) {
    float e[BLOCK], above[BLOCK], top[BLOCK]; /* e^-|z|, max(z, 0), and the logistic function times 1 + e^-|z| */
    double cross_entropy = 0, product = 0, probability = 0, target = 0;
#pragma omp simd
    for (int i = 0; i < count; i++) {
        e[i] = hl_blas_exp(-fabsf(z[i]));
        above[i] = z[i] > 0 ? z[i] : 0;
        top[i] = z[i] < 0 ? e[i] : 1;
    }
#pragma omp simd reduction(+ : cross_entropy, product, probability, target)
    for (int i = 0; i < count; i++) {
        double p = (double)top[i] / (1 + (double)e[i]);
        /* -t log p - (1 - t) log(1 - p), without a logarithm of 0 */
        cross_entropy += (double)above[i] - (double)z[i] * (double)t[i] + log_1_plus((double)e[i]);
        product += p * (double)t[i];
        probability += p;
        target += (double)t[i];
    }
    sums->cross_entropy += cross_entropy, sums->product += product, sums->probability += probability, sums->target += target;
}

static void sums_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const loss_call *call = arg;
    const hl_view *logits = call->logits, *target = call->target;
    int64_t first = piece * call->pixels, left = hl_view_pixels(logits) - first, count = left < call->pixels ? left : call->pixels;
    bool dense = logits->stride == logits->c && target->stride == logits->c;
    int64_t runs = dense ? 1 : count, length = dense ? count * logits->c : logits->c;
    hl_loss_sums sums = {0};
    for (int64_t p = first; p < first + runs; p++)
        for (int64_t i = 0; i < length; i += BLOCK)
            add_block(hl_blas_pixel(logits, p) + i, hl_blas_pixel(target, p) + i, (int)(length - i < BLOCK ? length - i : BLOCK), &sums);
    call->parts[piece] = sums;
}

void HL_BLAS(loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_loss_sums *sums, void *workspace) {
    loss_call call = {.logits = logits, .target = target, .parts = workspace, .pixels = piece_pixels(logits)};
    hl_parallel_for(hl, pieces_of(logits), sums_piece, &call);
    *sums = (hl_loss_sums){0};
    for (int64_t piece = 0; piece < pieces_of(logits); piece++) {
        sums->cross_entropy += call.parts[piece].cross_entropy;
        sums->product += call.parts[piece].product;
        sums->probability += call.parts[piece].probability;
        sums->target += call.parts[piece].target;
    }
}

/* p - t is taken as p (1 - t) - (1 - p) t, which keeps its digits where p is close to t. */
static void backward_run(const loss_call *call, const float *z, const float *t, float *d, int64_t count) {
    float cross_entropy_factor = call->cross_entropy_factor, product_factor = call->product_factor,
          probability_factor = call->probability_factor;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float rest, p = hl_blas_sigmoid(z[i], &rest);
        d[i] = (p * (1 - t[i]) - rest * t[i]) * cross_entropy_factor + p * rest * (product_factor * t[i] + probability_factor);
    }
}

static void backward_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const loss_call *call = arg;
    const hl_view *z = call->logits, *t = call->target, *d = call->dlogits;
    int64_t first = piece * call->pixels, left = hl_view_pixels(z) - first, count = left < call->pixels ? left : call->pixels;
    bool dense = z->stride == z->c && t->stride == z->c && d->stride == z->c;
    int64_t runs = dense ? 1 : count, length = dense ? count * z->c : z->c;
    for (int64_t p = first; p < first + runs; p++)
        backward_run(call, hl_blas_pixel(z, p), hl_blas_pixel(t, p), hl_blas_pixel(d, p), length);
}

void HL_BLAS(loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor,
                            double product_factor, double probability_factor, const hl_view *dlogits) {
    loss_call call = {.logits = logits, .target = target, .dlogits = dlogits, .pixels = piece_pixels(logits)};
    call.cross_entropy_factor = (float)cross_entropy_factor, call.product_factor = (float)product_factor;
    call.probability_factor = (float)probability_factor;
    hl_parallel_for(hl, pieces_of(logits), backward_piece, &call);
}
