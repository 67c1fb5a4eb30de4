/* EfficientNet encoders (Tan, Le 2019): inverted bottlenecks with depthwise convolutions, squeeze-excite and swish. */
#include <math.h>

#include "nets/net.h"

static const double epsilon = 1e-3;

/* A row of the table: B0's channels and repeats times these. */
typedef struct scaling {
    double width, depth;
} scaling;

/* A stage of B0. */
typedef struct stage {
    int kernel, repeats, channels, expand, stride; /* the stride is the first unit's */
} stage;

enum { STAGES_OF_UNITS = 7, STEM = 32, TOP = 1280 };

static const stage stages[STAGES_OF_UNITS] = {
    {3, 1, 16, 1, 1}, {3, 2, 24, 6, 2}, {5, 2, 40, 6, 2}, {3, 3, 80, 6, 2}, {5, 3, 112, 6, 1}, {5, 4, 192, 6, 2}, {3, 1, 320, 6, 1},
};

/* Drop-connect's rate rises by this with every unit: 0.2 over the 16 units of B0, and no less for the larger ones. */
static const double drop_slope = 0.2 / 16;

/* The published rounding: to the nearest multiple of 8, but never below nine tenths. */
static int scaled_channels(const hl_builder *b, const scaling *scale, int channels) {
    double wanted = channels * scale->width;
    int rounded = (int)(wanted + 4) / 8 * 8;
    if (rounded < 8) rounded = 8;
    if (rounded < 0.9 * wanted) rounded += 8;
    return hl_scaled(b, rounded);
}

static hl_value *conv(const hl_builder *b, hl_value *x, const char *name, int channels, bool bias) {
    hl_conv_options options = {.channels = channels, .kernel_h = 1, .kernel_w = 1, .bias = bias, .init = HL_KERNEL_FAN_OUT_NORMAL};
    return hl_convolution(b->graph, x, name, &options);
}

static hl_value *norm_swish(const hl_builder *b, hl_value *x, const char *name) { return hl_swish(b->graph, hl_batch_norm(b->graph, x, name, epsilon)); }

/* Squeeze-excite (Hu et al. 2018) through a quarter of the unit's own input channels. */
static hl_value *squeeze_excite(const hl_builder *b, hl_value *x, const char *prefix, int inputs) {
    char name[64];
    int squeezed = hl_rounded(b, inputs / 4);
    hl_value *s = hl_global_average(b->graph, x);
    s = hl_swish(b->graph, conv(b, s, hl_layer_name(name, "%sse_reduce", prefix), squeezed < 1 ? 1 : squeezed, true));
    s = hl_sigmoid(b->graph, conv(b, s, hl_layer_name(name, "%sse_expand", prefix), hl_channels(x), true));
    return hl_channel_scale(b->graph, x, s);
}

/* One unit; *expanded gets its activation after the expanding convolution. */
static hl_value *unit(const hl_builder *b, hl_value *x, const char *prefix, const stage *s, int channels, int stride, double drop, hl_value **expanded) {
    char name[64];
    hl_value *a = x;
    if (s->expand > 1) {
        a = conv(b, a, hl_layer_name(name, "%sexpand_conv", prefix), s->expand * hl_channels(x), false);
        a = norm_swish(b, a, hl_layer_name(name, "%sexpand_bn", prefix));
    }
    *expanded = a;
    hl_conv_options depthwise = {.channels = hl_channels(a), .kernel_h = s->kernel, .kernel_w = s->kernel, .stride_h = stride, .stride_w = stride,
                                 .groups = hl_channels(a), .init = HL_KERNEL_DEPTHWISE_NORMAL};
    a = hl_convolution(b->graph, a, hl_layer_name(name, "%sdwconv", prefix), &depthwise);
    a = norm_swish(b, a, hl_layer_name(name, "%sbn", prefix));
    a = squeeze_excite(b, a, prefix, hl_channels(x));
    a = conv(b, a, hl_layer_name(name, "%sproject_conv", prefix), channels, false);
    a = hl_batch_norm(b->graph, a, hl_layer_name(name, "%sproject_bn", prefix), epsilon);
    if (stride != 1 || hl_channels(x) != channels) return a;
    return hl_add(b->graph, hl_drop_connect(b->graph, a, hl_layer_name(name, "%sdrop", prefix), drop), x);
}

/* Skips: the expanded activations of the first units of stages 6, 4, 3, 2. */
static hl_features build(const hl_builder *b, hl_value *x, const void *row) {
    static const int skip_of_stage[STAGES_OF_UNITS] = {-1, 3, 2, 1, -1, 0, -1};
    const scaling *scale = row;
    hl_features features = {0};
    hl_conv_options stem = {.channels = scaled_channels(b, scale, STEM), .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .init = HL_KERNEL_FAN_OUT_NORMAL};
    x = norm_swish(b, hl_convolution(b->graph, x, "stem_conv", &stem), "stem_bn");
    for (int s = 0, index = 0; s < STAGES_OF_UNITS; s++) {
        int channels = scaled_channels(b, scale, stages[s].channels), repeats = (int)ceil(scale->depth * stages[s].repeats);
        for (int u = 0; u < repeats; u++, index++) {
            char prefix[64];
            hl_value *expanded;
            x = unit(b, x, hl_layer_name(prefix, "block%d%c_", s + 1, 'a' + u), &stages[s], channels, u ? 1 : stages[s].stride, drop_slope * index, &expanded);
            if (!u && skip_of_stage[s] >= 0) features.skip[skip_of_stage[s]] = expanded;
        }
    }
    features.last = norm_swish(b, conv(b, x, "top_conv", scaled_channels(b, scale, TOP), false), "top_bn");
    return features;
}

const hl_encoder hl_efficientnet[] = {
    {"efficientnetb0", build, &(const scaling){1.0, 1.0}, false}, {"efficientnetb1", build, &(const scaling){1.0, 1.1}, false},
    {"efficientnetb2", build, &(const scaling){1.1, 1.2}, false}, {"efficientnetb3", build, &(const scaling){1.2, 1.4}, false},
    {"efficientnetb4", build, &(const scaling){1.4, 1.8}, false}, {"efficientnetb5", build, &(const scaling){1.6, 2.2}, false},
    {"efficientnetb6", build, &(const scaling){1.8, 2.6}, false}, {"efficientnetb7", build, &(const scaling){2.0, 3.1}, false},
    {0},
};
