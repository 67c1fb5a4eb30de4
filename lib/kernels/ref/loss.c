/* Binary cross-entropy and soft Dice on logits: their sums over a batch, and the gradient. */
#include <math.h>

#include "kernels/ref/ref.h"

typedef struct loss_call {
    const hl_view *logits, *target, *dlogits;
    hl_loss_sums *rows;
    double cross_entropy_factor, product_factor, probability_factor;
} loss_call;

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

size_t HL_REF(loss_workspace)(const hl_view *logits) { return (size_t)rows_of(logits) * sizeof(hl_loss_sums); }

static void sums_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const loss_call *call = arg;
    hl_loss_sums sums = {0};
    for (int i = 0; i < call->logits->w; i++)
        for (int c = 0; c < call->logits->c; c++) {
            double z = (double)row_at(call->logits, row)[i * call->logits->stride + c];
            double t = (double)row_at(call->target, row)[i * call->target->stride + c], p = sigmoid(z);
            /* -t log p - (1 - t) log(1 - p), without a logarithm of 0 */
            sums.cross_entropy += (z > 0 ? z : 0) - z * t + log1p(exp(-fabs(z)));
            sums.product += p * t;
            sums.probability += p;
            sums.target += t;
        }
    call->rows[row] = sums;
}

void HL_REF(loss_sums)(hl_context *hl, const hl_view *logits, const hl_view *target, hl_loss_sums *sums, void *workspace) {
    loss_call call = {.logits = logits, .target = target, .rows = workspace};
    hl_parallel_for(hl, rows_of(logits), sums_row, &call);
    *sums = (hl_loss_sums){0};
    for (int64_t row = 0; row < rows_of(logits); row++) {
        sums->cross_entropy += call.rows[row].cross_entropy;
        sums->product += call.rows[row].product;
        sums->probability += call.rows[row].probability;
        sums->target += call.rows[row].target;
    }
}

static void backward_row(void *arg, int64_t row, int worker) {
    (void)worker;
    const loss_call *call = arg;
    for (int i = 0; i < call->logits->w; i++)
        for (int c = 0; c < call->logits->c; c++) {
            double t = (double)row_at(call->target, row)[i * call->target->stride + c];
            double z = (double)row_at(call->logits, row)[i * call->logits->stride + c], p = sigmoid(z), q = sigmoid(-z);
            double d = (p - t) * call->cross_entropy_factor + p * q * (call->product_factor * t + call->probability_factor);
            row_at(call->dlogits, row)[i * call->dlogits->stride + c] = (real)d;
        }
}

void HL_REF(loss_backward)(hl_context *hl, const hl_view *logits, const hl_view *target, double cross_entropy_factor, double product_factor,
                           double probability_factor, const hl_view *dlogits) {
    loss_call call = {.logits = logits,
                      .target = target,
                      .dlogits = dlogits,
                      .cross_entropy_factor = cross_entropy_factor,
                      .product_factor = product_factor,
                      .probability_factor = probability_factor};
    hl_parallel_for(hl, rows_of(logits), backward_row, &call);
}
