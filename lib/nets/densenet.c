/* DenseNet encoders (Huang et al. 2017): in a block every layer reads all maps before it. */
#include "nets/net.h"

enum { BLOCKS = 4, GROWTH = 32 };

static const double epsilon = 1.001e-5;

static hl_value *norm_relu(const hl_builder *b, hl_value *x, const char *name) { return hl_relu(b->graph, hl_batch_norm(b->graph, x, name, epsilon)); }

static hl_value *conv(const hl_builder *b, hl_value *x, const char *name, int kernel, int channels) {
    hl_conv_options options = {.channels = channels, .kernel_h = kernel, .kernel_w = kernel, .init = HL_KERNEL_GLOROT_UNIFORM};
    return hl_convolution(b->graph, x, name, &options);
}

/* BN, ReLU, 1x1 to four times the growth, BN, ReLU, 3x3 to the growth; joined to what came in. */
static hl_value *layer(const hl_builder *b, hl_value *x, const char *prefix) {
    char name[64];
    hl_value *a = norm_relu(b, x, hl_layer_name(name, "%s0_bn", prefix));
    a = conv(b, a, hl_layer_name(name, "%s1_conv", prefix), 1, hl_scaled(b, 4 * GROWTH));
    a = norm_relu(b, a, hl_layer_name(name, "%s1_bn", prefix));
    a = conv(b, a, hl_layer_name(name, "%s2_conv", prefix), 3, hl_scaled(b, GROWTH));
    return hl_concat(b->graph, (hl_value *const[]){x, a}, 2);
}

/* A row: how many layers each dense block has. Skips: the transitions' convolutions before their pools, and the stem before
 * its own. */
static hl_features build(const hl_builder *b, hl_value *x, const void *row) {
    const int *layers = row;
    hl_features features = {0};
    char name[64];
    hl_conv_options stem = {.channels = hl_scaled(b, 64), .kernel_h = 7, .kernel_w = 7, .stride_h = 2, .stride_w = 2, .padding = HL_EXPLICIT,
                            .pad_top = 3, .pad_bottom = 3, .pad_left = 3, .pad_right = 3, .init = HL_KERNEL_GLOROT_UNIFORM};
    x = norm_relu(b, hl_convolution(b->graph, x, "conv1/conv", &stem), "conv1/bn");
    features.skip[HL_SKIPS - 1] = x;
    x = hl_stem_pool(b, x);
    for (int block = 0; block < BLOCKS; block++) {
        for (int j = 1; j <= layers[block]; j++) x = layer(b, x, hl_layer_name(name, "conv%d_block%d_", block + 2, j));
        if (block == BLOCKS - 1) break;
        x = norm_relu(b, x, hl_layer_name(name, "pool%d_bn", block + 2));
        x = conv(b, x, hl_layer_name(name, "pool%d_conv", block + 2), 1, hl_rounded(b, hl_channels(x) / 2));
        features.skip[HL_SKIPS - 2 - block] = x;
        x = hl_average_pool(b->graph, x, &(hl_pool_options){.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2});
    }
    features.last = norm_relu(b, x, "bn");
    return features;
}

const hl_encoder hl_densenet[] = {
    {"densenet121", build, (const int[]){6, 12, 24, 16}, false},
    {"densenet169", build, (const int[]){6, 12, 32, 32}, false},
    {"densenet201", build, (const int[]){6, 12, 48, 32}, false},
    {0},
};
