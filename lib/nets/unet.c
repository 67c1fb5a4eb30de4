/* The U-Net decoder (Ronneberger et al. 2015) as segmentation_models has it: five stages of upsample, join, two blocks. */
#include "nets/net.h"

static const int filters[] = {256, 128, 64, 32, 16};

static hl_value *build(const hl_builder *b, const hl_features *features) {
    hl_value *x = features->last;
    for (int stage = 0; stage < 5; stage++) {
        char name[64];
        int channels = hl_scaled(b, filters[stage]);
        x = hl_upsample(b->graph, x, 2);
        if (stage < HL_SKIPS) x = hl_concat(b->graph, (hl_value *const[]){x, features->skip[stage]}, 2);
        x = hl_conv_norm_relu(b->graph, x, hl_layer_name(name, "decoder_stage%da", stage), 3, channels);
        x = hl_conv_norm_relu(b->graph, x, hl_layer_name(name, "decoder_stage%db", stage), 3, channels);
    }
    return x;
}

const hl_decoder hl_decoder_unet = {.name = "unet", .build = build};
