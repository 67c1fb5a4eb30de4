/* VGG encoders (Simonyan, Zisserman 2015): five blocks of 3x3 convolutions, each ended by a max-pool. */
#include "nets/net.h"

static const int channels[HL_STAGES] = {64, 128, 256, 512, 512}; /* of each block */

/* A row: how many convolutions each block has. Skips: the last map of blocks 5, 4, 3, 2, before their pools. */
static hl_features build(const hl_builder *b, hl_value *x, const void *row) {
    const int *convs = row;
    hl_features features = {0};
    for (int block = 0; block < HL_STAGES; block++) {
        hl_conv_options conv = {.channels = hl_scaled(b, channels[block]), .kernel_h = 3, .kernel_w = 3, .bias = true, .init = HL_KERNEL_GLOROT_UNIFORM};
        for (int j = 1; j <= convs[block]; j++) {
            char name[64];
            x = hl_relu(b->graph, hl_convolution(b->graph, x, hl_layer_name(name, "block%d_conv%d", block + 1, j), &conv));
        }
        if (block > 0) features.skip[HL_STAGES - 1 - block] = x;
        x = hl_max_pool2d(b->graph, x, 2);
    }
    features.last = x;
    return features;
}

const hl_encoder hl_vgg[] = {
    {"vgg11", build, (const int[]){1, 1, 2, 2, 2}, .centre = true},
    {"vgg13", build, (const int[]){2, 2, 2, 2, 2}, .centre = true},
    {"vgg16", build, (const int[]){2, 2, 3, 3, 3}, .centre = true},
    {"vgg19", build, (const int[]){2, 2, 4, 4, 4}, .centre = true},
    {0},
};
