/* The loss on logits of classes that exclude one another: mean categorical cross-entropy + 1 - the mean over all classes, the
 * background counted as one, of the soft Dice over the batch (Milletari et al. 2016), smooth 1. */
#include "ops/op.h"

/* Three sums and two factors a class stand before the kernel's own workspace, which starts on a line of 64 bytes. */
static size_t own_bytes(const hl_view *logits) { return (5 * (size_t)logits->c * sizeof(double) + 63) / 64 * 64; }

static size_t workspace(const hl_kernels *kernels, const hl_view *logits) {
    return own_bytes(logits) + kernels->class_loss_workspace(logits);
}

/* With I_c = sum p_c t_c, S_c = sum p_c + sum t_c: dice_c = (2 I_c + 1) / (S_c + 1), and each counts 1 / classes. */
static double run(hl_context *hl, const hl_kernels *kernels, const hl_view *logits, const hl_view *target, const hl_view *dlogits, void *workspace) {
    const double smooth = 1;
    int classes = logits->c;
    double *own = workspace, *product_factor = own + 3 * classes, *probability_factor = own + 4 * classes, dice = 0;
    hl_class_sums sums = {.product = own, .probability = own + classes, .target = own + 2 * classes};
    kernels->class_loss_sums(hl, logits, target, &sums, (char *)workspace + own_bytes(logits));
    double pixels = (double)hl_view_pixels(logits);
    for (int c = 0; c < classes; c++) {
        double above = 2 * sums.product[c] + smooth, below = sums.probability[c] + sums.target[c] + smooth;
        dice += above / below;
        product_factor[c] = -2 / below / classes;
        probability_factor[c] = above / (below * below) / classes;
    }
    if (dlogits) kernels->class_loss_backward(hl, logits, target, 1 / pixels, product_factor, probability_factor, dlogits);
    return sums.cross_entropy / pixels + 1 - dice / classes;
}

const hl_loss hl_loss_ce_dice = {.name = "ce+dice", .class_indices = true, .workspace = workspace, .run = run};
