/* The U-Net decoder (Ronneberger et al. 2015) as segmentation_models has it: five stages of enlarging, joining, a block. */
#include "nets/net.h"

/* Upsample, join, blocks a and b; or a transposed block a, join, block b. */
static hl_value *build(const hl_builder *b, const hl_features *features) {
    hl_value *x = features->last;
    for (int stage = 0; stage < HL_STAGES; stage++) {
        char first[64], second[64];
        int channels = hl_scaled(b, b->options.filters[stage]);
        hl_layer_name(first, "decoder_stage%da", stage);
        hl_layer_name(second, "decoder_stage%db", stage);
        x = b->options.transpose ? hl_transpose_block(b, x, first, channels) : hl_upsample(b->graph, x, 2);
        if (stage < HL_SKIPS) x = hl_concat(b->graph, (hl_value *const[]){x, features->skip[stage]}, 2);
        if (!b->options.transpose) x = hl_decoder_block(b, x, first, 3, channels);
        x = hl_decoder_block(b, x, second, 3, channels);
    }
    return x;
}

const hl_decoder hl_decoder_unet = {.name = "unet", .build = build};
