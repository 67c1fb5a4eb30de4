/* The loss on logits: mean binary cross-entropy + 1 - soft Dice over the batch (Milletari et al. 2016), smooth 1. */
#include "ops/op.h"

static size_t workspace(const hl_kernels *kernels, const hl_view *logits) { return kernels->loss_workspace(logits); }

/* With I = sum p t, S = sum p + sum t: dice = (2 I + 1) / (S + 1), d dice / dp = 2 t / (S + 1) - (2 I + 1) / (S + 1)^2. */
static double run(hl_context *hl, const hl_kernels *kernels, const hl_view *logits, const hl_view *target, const hl_view *dlogits, void *workspace) {
    const double smooth = 1;
    hl_loss_sums sums;
    kernels->loss_sums(hl, logits, target, &sums, workspace);
    double pixels = (double)hl_view_pixels(logits) * logits->c;
    double above = 2 * sums.product + smooth, below = sums.probability + sums.target + smooth;
    if (dlogits) kernels->loss_backward(hl, logits, target, 1 / pixels, -2 / below, above / (below * below), dlogits);
    return sums.cross_entropy / pixels + 1 - above / below;
}

const hl_loss hl_loss_bce_dice = {.name = "bce+dice", .workspace = workspace, .run = run};
