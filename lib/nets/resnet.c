/* ResNet encoders in their pre-activation form (He et al. 2016): batch norm and ReLU before each convolution. */
#include "nets/net.h"

enum { GROUPS = 4 };

static const double epsilon = 2e-5;

/* A row of the table. */
typedef struct resnet {
    int units[GROUPS];
    bool bottleneck; /* 1x1, 3x3, 1x1 to four times the channels; else two 3x3 */
} resnet;

static hl_value *norm_relu(const hl_builder *b, hl_value *x, const char *name) { return hl_relu(b->graph, hl_batch_norm(b->graph, x, name, epsilon)); }

/* k x k, padded so that stride 1 keeps the size. */
static hl_value *conv(const hl_builder *b, hl_value *x, const char *name, int kernel, int channels, int stride) {
    int pad = kernel / 2;
    hl_conv_options options = {.channels = channels, .kernel_h = kernel, .kernel_w = kernel, .stride_h = stride, .stride_w = stride, .padding = HL_EXPLICIT,
                               .pad_top = pad, .pad_bottom = pad, .pad_left = pad, .pad_right = pad};
    return hl_convolution(b->graph, x, name, &options);
}

/* One unit: a = ReLU(bn1(x)); the shortcut is x, or in a stage's first unit a 1x1 convolution of a. *head gets a. */
static hl_value *unit(const hl_builder *b, hl_value *x, const char *prefix, const resnet *row, int channels, int stride, bool first, hl_value **head) {
    char name[64];
    int out = row->bottleneck ? 4 * channels : channels;
    hl_value *a = *head = norm_relu(b, x, hl_layer_name(name, "%sbn1", prefix));
    hl_value *shortcut = first ? conv(b, a, hl_layer_name(name, "%ssc", prefix), 1, out, stride) : x;
    if (row->bottleneck) {
        a = conv(b, a, hl_layer_name(name, "%sconv1", prefix), 1, channels, 1);
        a = norm_relu(b, a, hl_layer_name(name, "%sbn2", prefix));
        a = conv(b, a, hl_layer_name(name, "%sconv2", prefix), 3, channels, stride);
        a = norm_relu(b, a, hl_layer_name(name, "%sbn3", prefix));
        a = conv(b, a, hl_layer_name(name, "%sconv3", prefix), 1, out, 1);
    } else {
        a = conv(b, a, hl_layer_name(name, "%sconv1", prefix), 3, channels, stride);
        a = norm_relu(b, a, hl_layer_name(name, "%sbn2", prefix));
        a = conv(b, a, hl_layer_name(name, "%sconv2", prefix), 3, channels, 1);
    }
    return hl_add(b->graph, a, shortcut);
}

/* Skips: the heads of the first units of stages 4, 3, 2, and the stem before its pool. */
static hl_features build(const hl_builder *b, hl_value *x, const void *row) {
    const resnet *net = row;
    hl_features features = {0};
    x = hl_norm(b->graph, x, "bn_data", &(hl_norm_options){.epsilon = epsilon, .no_gamma = true});
    x = norm_relu(b, conv(b, x, "conv0", 7, hl_scaled(b, 64), 2), "bn0");
    features.skip[HL_SKIPS - 1] = x;
    x = hl_stem_pool(b, x);
    for (int stage = 0; stage < GROUPS; stage++)
        for (int u = 0; u < net->units[stage]; u++) {
            char prefix[64];
            hl_value *head;
            x = unit(b, x, hl_layer_name(prefix, "stage%d_unit%d_", stage + 1, u + 1), net, hl_scaled(b, 64 << stage), stage && !u ? 2 : 1, !u, &head);
            if (stage && !u) features.skip[GROUPS - 1 - stage] = head;
        }
    features.last = norm_relu(b, x, "bn1");
    return features;
}

const hl_encoder hl_resnet[] = {
    {"resnet18", build, &(const resnet){{2, 2, 2, 2}, false}, false},
    {"resnet34", build, &(const resnet){{3, 4, 6, 3}, false}, false},
    {"resnet50", build, &(const resnet){{3, 4, 6, 3}, true}, false},
    {"resnet101", build, &(const resnet){{3, 4, 23, 3}, true}, false},
    {"resnet152", build, &(const resnet){{3, 8, 36, 3}, true}, false},
    {0},
};
