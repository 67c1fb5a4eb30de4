/* Classes that exclude one another: softmax over the channels, and sums and gradient of the loss on their logits. */
#include <math.h>

#include "kernels/ref/ref.h"

typedef struct class_call {
    const hl_view *x, *target, *y; /* logits; y: probabilities or the logits' gradient */
    double *rows;
    double cross_entropy_factor;
    const double *product_factor, *probability_factor;
} class_call;

/* A pixel's probabilities are exp(x_c - largest) / sum: no exponent is above 0. */
typedef struct scale {
    double largest, sum;
} scale;

static scale scale_of(const real *x, int classes) {
    scale s = {.largest = (double)x[0]};
    for (int c = 1; c < classes; c++) s.largest = (double)x[c] > s.largest ? (double)x[c] : s.largest;
    for (int c = 0; c < classes; c++) s.sum += exp((double)x[c] - s.largest);
    return s;
}

static double probability(const scale *s, real x) { return exp((double)x - s->largest) / s->sum; }

static void softmax_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const class_call *call = arg;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride;
        real *y = row_at(call->y, row) + i * call->y->stride;
        scale s = scale_of(x, call->x->c);
        for (int c = 0; c < call->x->c; c++) y[c] = (real)probability(&s, x[c]);
    }
}

void HL_REF(softmax_forward)(hl_context *hl, const hl_view *x, const hl_view *y) {
    class_call call = {.x = x, .y = y};
    hl_parallel_for(hl, rows_of(x), softmax_row, &call);
}

/* A row's sums: the cross-entropy, then for each class product, probability and target. */
static int64_t row_sums(const hl_view *logits) { return 1 + 3 * (int64_t)logits->c; }

size_t HL_REF(class_loss_workspace)(const hl_view *logits) { return (size_t)(rows_of(logits) * row_sums(logits)) * sizeof(double); }

static void sums_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const class_call *call = arg;
    double *sums = call->rows + row * row_sums(call->x);
    for (int64_t i = 0; i < row_sums(call->x); i++) sums[i] = 0;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride;
        double t = (double)row_at(call->target, row)[i * call->target->stride];
        scale s = scale_of(x, call->x->c);
        for (int c = 0; c < call->x->c; c++) {
            double p = probability(&s, x[c]), here = t == c;
            if (here != 0) sums[0] += log(s.sum) + s.largest - (double)x[c]; /* -log p, without a logarithm of 0 */
            sums[1 + 3 * c] += p * here;
            sums[2 + 3 * c] += p;
            sums[3 + 3 * c] += here;
        }
    }
}

void HL_REF(class_loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_class_sums *sums, void *workspace) {
    class_call call = {.x = logits, .target = target, .rows = workspace};
    hl_parallel_for(hl, rows_of(logits), sums_row, &call);
    sums->cross_entropy = 0;
    for (int c = 0; c < logits->c; c++) sums->product[c] = sums->probability[c] = sums->target[c] = 0;
    for (int64_t row = 0; row < rows_of(logits); row++) {
        const double *of = call.rows + row * row_sums(logits);
        sums->cross_entropy += of[0];
        for (int c = 0; c < logits->c; c++) {
            sums->product[c] += of[1 + 3 * c];
            sums->probability[c] += of[2 + 3 * c];
            sums->target[c] += of[3 + 3 * c];
        }
    }
}

static void backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const class_call *call = arg;
    for (int i = 0; i < call->x->w; i++) {
        const real *x = row_at(call->x, row) + i * call->x->stride;
        real *dx = row_at(call->y, row) + i * call->y->stride;
        double t = (double)row_at(call->target, row)[i * call->target->stride], mean = 0;
        scale s = scale_of(x, call->x->c);
        for (int c = 0; c < call->x->c; c++)
            mean += probability(&s, x[c]) * (call->product_factor[c] * (t == c) + call->probability_factor[c]);
        for (int c = 0; c < call->x->c; c++) {
            double p = probability(&s, x[c]), here = t == c, slope = call->product_factor[c] * here + call->probability_factor[c];
            dx[c] = (real)((p - here) * call->cross_entropy_factor + p * (slope - mean));
        }
    }
}

void HL_REF(class_loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor,
                                 const double *product_factor, const double *probability_factor, const hl_view *dlogits) {
    class_call call = {.x = logits,
                       .target = target,
                       .y = dlogits,
                       .cross_entropy_factor = cross_entropy_factor,
                       .product_factor = product_factor,
                       .probability_factor = probability_factor};
    hl_parallel_for(hl, rows_of(logits), backward_row, &call);
}
