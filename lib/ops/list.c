/* The lists of operators and of losses: a new one is a line here and a file beside this one. */
#include <string.h>

#include "ops/op.h"

const hl_op *const hl_ops[] = {
    &hl_op_input,        &hl_op_conv,           &hl_op_conv_transpose, &hl_op_norm,     &hl_op_relu,   &hl_op_sigmoid,
    &hl_op_swish,        &hl_op_max_pool,       &hl_op_average_pool,   &hl_op_global_average,
    &hl_op_channel_scale, &hl_op_drop_connect,  &hl_op_upsample,       &hl_op_concat,   &hl_op_add,    NULL,
};

const hl_loss *const hl_losses[] = {&hl_loss_bce_dice, &hl_loss_ce_dice, NULL};

const hl_loss *hl_loss_find(const char *name, int channels) {
    if (!name) return channels > 1 ? &hl_loss_ce_dice : &hl_loss_bce_dice;
    for (int i = 0; hl_losses[i]; i++)
        if (!strcmp(hl_losses[i]->name, name)) return hl_losses[i];
    return NULL;
}
