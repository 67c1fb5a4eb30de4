/* VGG encoders (Simonyan, Zisserman 2015): five blocks of 3x3 convolutions, each ended by a max-pool. */
#include "nets/net.h"

enum { BLOCKS = 5 };

/* Channels of each block. */
static const int channels[BLOCKS] = {64, 128, 256, 512, 512};

/* `convs` 3x3 convolutions in each block. Skips: the last map of blocks 5, 4, 3, 2, before their pools. */
static hl_features build(const hl_builder *b, hl_value *x, const int convs[BLOCKS]) {
    hl_features features = {0};
    for (int block = 0; block < BLOCKS; block++) {
        for (int j = 1; j <= convs[block]; j++) {
            char name[64];
            hl_conv_options conv = {.channels = hl_scaled(b, channels[block]), .kernel_h = 3, .kernel_w = 3, .bias = true, .init = HL_KERNEL_GLOROT_UNIFORM};
            x = hl_convolution(b->graph, x, hl_layer_name(name, "block%d_conv%d", block + 1, j), &conv);
            x = hl_relu(b->graph, x);
        }
        if (block > 0) features.skip[BLOCKS - 1 - block] = x;
        x = hl_max_pool2d(b->graph, x, 2);
    }
    features.last = x;
    return features;
}

static hl_features vgg16(const hl_builder *b, hl_value *image) { return build(b, image, (const int[BLOCKS]){2, 2, 3, 3, 3}); }

const hl_encoder hl_encoder_vgg16 = {.name = "vgg16", .centre = true, .build = vgg16};
