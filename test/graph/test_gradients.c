/* Every operator's backward against finite differences in double, on odd sizes. */
#include "gradient.h"

static hl_value *conv3(hl_graph *g, hl_value *x) { return hl_conv2d(g, x, "c", 4, 3); }
static hl_value *conv_even(hl_graph *g, hl_value *x) {
    return hl_convolution(g, x, "c", &(hl_conv_options){.channels = 3, .kernel_h = 2, .kernel_w = 4, .bias = true});
}
static hl_value *conv_strided(hl_graph *g, hl_value *x) {
    return hl_convolution(g, x, "c", &(hl_conv_options){.channels = 5, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2});
}
static hl_value *conv_padded(hl_graph *g, hl_value *x) {
    return hl_convolution(g, x, "c", &(hl_conv_options){.channels = 2, .kernel_h = 7, .kernel_w = 5, .stride_h = 2, .stride_w = 3, .padding = HL_EXPLICIT,
                                                        .pad_top = 3, .pad_bottom = 1, .pad_left = 0, .pad_right = 4, .bias = true});
}
static hl_value *conv_grouped(hl_graph *g, hl_value *x) {
    return hl_convolution(g, x, "c", &(hl_conv_options){.channels = 9, .kernel_h = 3, .kernel_w = 3, .groups = 3});
}
static hl_value *conv_depthwise(hl_graph *g, hl_value *x) {
    return hl_convolution(g, x, "c", &(hl_conv_options){.channels = 5, .kernel_h = 5, .kernel_w = 5, .stride_h = 2, .stride_w = 2, .groups = 5});
}
static hl_value *conv_pointwise(hl_graph *g, hl_value *x) { return hl_conv2d(g, x, "c", 7, 1); }
static hl_value *transpose(hl_graph *g, hl_value *x) {
    return hl_conv_transpose(g, x, "c", &(hl_conv_options){.channels = 3, .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .bias = true});
}
static hl_value *transpose_odd(hl_graph *g, hl_value *x) {
    return hl_conv_transpose(g, x, "c", &(hl_conv_options){.channels = 4, .kernel_h = 3, .kernel_w = 5, .stride_h = 2, .stride_w = 3});
}
/* The gradient to the transposed convolution's input adds to the other reader's. */
static hl_value *transpose_shared(hl_graph *g, hl_value *x) {
    hl_value *a = hl_sigmoid(g, x);
    hl_value *large = hl_conv_transpose(g, a, "c", &(hl_conv_options){.channels = 2, .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2, .bias = true});
    return hl_concat(g, (hl_value *const[]){large, hl_upsample(g, a, 2)}, 2);
}
static hl_value *norm(hl_graph *g, hl_value *x) { return hl_batch_norm(g, x, "n", 1e-3); }
static hl_value *norm_no_gamma(hl_graph *g, hl_value *x) { return hl_norm(g, x, "n", &(hl_norm_options){.epsilon = 2e-5, .no_gamma = true}); }
static hl_value *relu(hl_graph *g, hl_value *x) { return hl_relu(g, x); }
static hl_value *sigmoid(hl_graph *g, hl_value *x) { return hl_sigmoid(g, x); }
static hl_value *swish(hl_graph *g, hl_value *x) { return hl_swish(g, x); }
static hl_value *global_average(hl_graph *g, hl_value *x) { return hl_sigmoid(g, hl_global_average(g, x)); }
static hl_value *channel_scale(hl_graph *g, hl_value *x) { return hl_channel_scale(g, x, hl_sigmoid(g, hl_conv2d(g, hl_global_average(g, x), "s", 5, 1))); }
/* The scale without a gradient to the map, and the map's gradient written over the output's. */
static hl_value *channel_scale_alone(hl_graph *g, hl_value *x) {
    hl_value *a = hl_conv2d(g, x, "a", 3, 3);
    return hl_channel_scale(g, hl_channel_scale(g, a, hl_conv2d(g, hl_global_average(g, x), "s", 3, 1)), hl_global_average(g, a));
}
static hl_value *drop_connect(hl_graph *g, hl_value *x) { return hl_add(g, hl_drop_connect(g, hl_conv2d(g, x, "a", 3, 1), "drop", 0.4), x); }
/* An inverted bottleneck of EfficientNet. */
static hl_value *bottleneck(hl_graph *g, hl_value *x) {
    hl_value *a = hl_swish(g, hl_batch_norm(g, hl_conv2d(g, x, "e", 6, 1), "en", 1e-3));
    a = hl_convolution(g, a, "d", &(hl_conv_options){.channels = 6, .kernel_h = 5, .kernel_w = 5, .groups = 6});
    a = hl_swish(g, hl_batch_norm(g, a, "dn", 1e-3));
    hl_value *s = hl_swish(g, hl_conv2d(g, hl_global_average(g, a), "r", 2, 1));
    a = hl_channel_scale(g, a, hl_sigmoid(g, hl_conv2d(g, s, "x", 6, 1)));
    return hl_add(g, hl_drop_connect(g, hl_batch_norm(g, hl_conv2d(g, a, "p", 3, 1), "pn", 1e-3), "drop", 0.3), x);
}
/* A dense block: every layer reads all before it. */
static hl_value *dense(hl_graph *g, hl_value *x) {
    for (int i = 0; i < 3; i++) {
        char norm[8] = "n0", name[8] = "c0";
        norm[1] = name[1] = (char)('0' + i);
        hl_value *a = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, x, norm, 1e-5)), name, 2, 3);
        x = hl_concat(g, (hl_value *const[]){x, a}, 2);
    }
    return x;
}
/* Some of DenseNet's layers, and what follows a block: gradients go on through norms, each leaving something to the one before it. */
static hl_value *dense_bottlenecks(hl_graph *g, hl_value *x) {
    x = hl_conv2d(g, x, "stem", 3, 3);
    for (int i = 0; i < 3; i++) {
        char norm[8] = "n0", narrow[8] = "b0", second[8] = "m0", name[8] = "c0";
        norm[1] = narrow[1] = second[1] = name[1] = (char)('0' + i);
        hl_value *a = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, x, norm, 1e-5)), narrow, 4, 1);
        a = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, a, second, 1e-5)), name, 2, 3);
        x = hl_concat(g, (hl_value *const[]){x, a}, 2);
    }
    return hl_conv2d(g, hl_norm(g, x, "end", &(hl_norm_options){.epsilon = 1e-5, .no_gamma = true}), "transition", 3, 1);
}
/* Between a norm and its convolution stands a join that reads the norm's input. */
static hl_value *join_between(hl_graph *g, hl_value *x) {
    x = hl_conv2d(g, x, "a", 3, 3);
    hl_value *r = hl_relu(g, hl_batch_norm(g, x, "n", 1e-3)), *up = hl_upsample(g, x, 2);
    hl_value *b = hl_upsample(g, hl_conv2d(g, r, "b", 2, 1), 2);
    return hl_conv2d(g, hl_concat(g, (hl_value *const[]){b, up}, 2), "c", 2, 3);
}
/* One convolution that two norms read, and a concatenation in place that two do. */
static hl_value *norms_side_by_side(hl_graph *g, hl_value *x) {
    x = hl_conv2d(g, x, "a", 3, 1);
    hl_value *y = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, x, "n0", 1e-3)), "b", 2, 1);
    hl_value *z = hl_concat(g, (hl_value *const[]){x, y}, 2);
    hl_value *left = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, z, "n1", 1e-3)), "c", 2, 1);
    hl_value *right = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, z, "n2", 1e-3)), "d", 2, 1);
    return hl_add(g, hl_add(g, left, right), hl_conv2d(g, hl_swish(g, hl_batch_norm(g, x, "n3", 1e-3)), "e", 2, 1));
}
/* A bottleneck whose norms come first, with its shortcut, and a kernel from one channel to one behind a norm. */
static hl_value *norms_first(hl_graph *g, hl_value *x) {
    x = hl_conv2d(g, x, "a", 4, 1);
    hl_value *y = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, x, "n0", 1e-3)), "b", 2, 1);
    y = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, y, "n1", 1e-3)), "c", 4, 1);
    x = hl_conv2d(g, hl_add(g, y, x), "d", 1, 1);
    return hl_conv2d(g, hl_swish(g, hl_batch_norm(g, x, "n2", 1e-3)), "e", 1, 3);
}
/* A block one of whose norms is read by two, which leaves nothing to others and takes nothing. */
static hl_value *dense_shared(hl_graph *g, hl_value *x) {
    x = hl_conv2d(g, x, "stem", 3, 1);
    hl_value *y[2] = {x, hl_conv2d(g, hl_relu(g, hl_batch_norm(g, x, "n0", 1e-5)), "c0", 2, 1)};
    hl_value *shared = hl_relu(g, hl_batch_norm(g, y[0] = hl_concat(g, y, 2), "n1", 1e-5));
    y[1] = hl_add(g, hl_conv2d(g, shared, "c1", 2, 1), hl_conv2d(g, shared, "d1", 2, 3));
    hl_value *end = hl_concat(g, y, 2);
    return hl_conv2d(g, hl_relu(g, hl_batch_norm(g, end, "n2", 1e-5)), "c2", 2, 1);
}
static hl_value *max_pool(hl_graph *g, hl_value *x) { return hl_max_pool2d(g, x, 2); }
static hl_value *max_pool_padded(hl_graph *g, hl_value *x) {
    return hl_max_pool(g, x, &(hl_pool_options){.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1, .zero_pad = true});
}
static hl_value *max_pool_cut(hl_graph *g, hl_value *x) {
    return hl_max_pool(g, x, &(hl_pool_options){.kernel_h = 3, .kernel_w = 2, .stride_h = 1, .stride_w = 2, .pad_top = 1, .pad_left = 1});
}
static hl_value *average_pool(hl_graph *g, hl_value *x) {
    return hl_average_pool(g, x, &(hl_pool_options){.kernel_h = 2, .kernel_w = 3, .stride_h = 2, .stride_w = 1});
}
static hl_value *average_pool_padded(hl_graph *g, hl_value *x) {
    return hl_average_pool(g, x, &(hl_pool_options){.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1});
}
static hl_value *upsample(hl_graph *g, hl_value *x) { return hl_relu(g, hl_upsample(g, x, 2)); }
static hl_value *upsample4(hl_graph *g, hl_value *x) { return hl_sigmoid(g, hl_upsample(g, x, 4)); }
static hl_value *add(hl_graph *g, hl_value *x) { return hl_add(g, hl_sigmoid(g, x), x); }
static hl_value *add_twice(hl_graph *g, hl_value *x) { return hl_sigmoid(g, hl_add(g, x, x)); }
static hl_value *concat(hl_graph *g, hl_value *x) {
    return hl_sigmoid(g, hl_concat(g, (hl_value *const[]){hl_relu(g, x), x, hl_sigmoid(g, x)}, 3));
}
static hl_value *logits1(hl_graph *g, hl_value *x) { return hl_conv2d(g, x, "c", 1, 3); }
static hl_value *logits2(hl_graph *g, hl_value *x) { return hl_conv2d(g, x, "c", 2, 3); }
static hl_value *logits3(hl_graph *g, hl_value *x) { return hl_conv2d(g, hl_relu(g, hl_batch_norm(g, x, "n", 1e-3)), "c", 3, 1); }
static hl_value *logits5(hl_graph *g, hl_value *x) { return hl_conv2d(g, x, "c", 5, 3); }
/* The join of a U-Net: read as segments, the skip read twice. */
static hl_value *join(hl_graph *g, hl_value *x) {
    hl_value *skip = hl_relu(g, hl_batch_norm(g, hl_conv2d(g, x, "a", 3, 3), "an", 1e-3));
    hl_value *deep = hl_conv2d(g, hl_max_pool2d(g, skip, 2), "b", 5, 3);
    hl_value *up = hl_concat(g, (hl_value *const[]){hl_upsample(g, deep, 2), skip, x}, 3);
    return hl_conv2d(g, hl_relu(g, hl_batch_norm(g, hl_conv2d(g, up, "c", 4, 3), "cn", 1e-3)), "d", 1, 1);
}
/* Joins of joins, one of them also read as a plain map. */
static hl_value *nested(hl_graph *g, hl_value *x) {
    hl_value *a = hl_conv2d(g, hl_max_pool2d(g, x, 4), "a", 2, 1), *b = hl_conv2d(g, hl_max_pool2d(g, x, 2), "b", 3, 3);
    hl_value *inner = hl_concat(g, (hl_value *const[]){hl_upsample(g, a, 2), b}, 2);
    hl_value *outer = hl_concat(g, (hl_value *const[]){hl_upsample(g, inner, 2), x}, 2);
    hl_value *plain = hl_sigmoid(g, hl_upsample(g, inner, 2));
    return hl_concat(g, (hl_value *const[]){hl_conv2d(g, outer, "c", 2, 3), plain}, 2);
}
/* A residual unit: the shortcut's gradient comes from two sides. */
static hl_value *residual(hl_graph *g, hl_value *x) {
    hl_value *a = hl_relu(g, hl_batch_norm(g, x, "n1", 2e-5));
    hl_value *b = hl_conv2d(g, a, "c1", 4, 3);
    hl_value *c = hl_conv2d(g, hl_relu(g, hl_batch_norm(g, b, "n2", 2e-5)), "c2", 4, 3);
    return hl_add(g, c, hl_conv2d(g, a, "sc", 4, 1));
}

/* What is read again behind a concatenation does not lie in it; what is read before does, twice nested. */
static hl_value *concat_homes(hl_graph *g, hl_value *x) {
    hl_value *a = hl_conv2d(g, x, "a", 3, 1), *b = hl_conv2d(g, hl_sigmoid(g, a), "b", 2, 3);
    hl_value *inner = hl_concat(g, (hl_value *const[]){b, a}, 2);
    hl_value *c = hl_swish(g, hl_batch_norm(g, inner, "n", 1e-3));
    hl_value *outer = hl_sigmoid(g, hl_concat(g, (hl_value *const[]){inner, hl_average_pool(g, c, &(hl_pool_options){.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1})}, 2));
    return hl_concat(g, (hl_value *const[]){outer, b, c}, 3);
}
/* Norms with activations that are stored, that others read, and that are computed again in backward. */
static hl_value *norms_read_plainly(hl_graph *g, hl_value *x) {
    hl_value *a = hl_relu(g, hl_batch_norm(g, x, "n1", 1e-3));
    hl_value *b = hl_swish(g, hl_batch_norm(g, hl_conv2d(g, hl_sigmoid(g, a), "c", 4, 3), "n2", 1e-3));
    hl_value *gate = hl_sigmoid(g, hl_conv2d(g, hl_global_average(g, b), "s", 4, 1));
    hl_value *scaled = hl_channel_scale(g, b, gate), *n = hl_batch_norm(g, scaled, "n3", 1e-3);
    return hl_concat(g, (hl_value *const[]){hl_conv2d(g, scaled, "d", 2, 1), hl_relu(g, n), hl_sigmoid(g, n), a}, 4);
}

static const gradient_case cases[] = {
    {"conv 3x3", 3, 5, 7, 2, conv3, false},
    {"conv 2x4", 2, 5, 6, 1, conv_even, false},
    {"conv stride 2", 3, 7, 6, 3, conv_strided, false},
    {"conv explicit padding", 2, 8, 11, 2, conv_padded, false},
    {"conv groups", 6, 5, 5, 2, conv_grouped, false},
    {"conv depthwise 5x5 stride 2", 5, 7, 9, 2, conv_depthwise, false},
    {"conv 1x1", 5, 3, 1, 3, conv_pointwise, false},
    {"transposed conv 4x4", 3, 3, 5, 2, transpose, false},
    {"transposed conv 3x5", 2, 5, 1, 3, transpose_odd, false},
    {"transposed conv beside another reader", 3, 3, 2, 2, transpose_shared, false},
    {"norm", 3, 5, 3, 2, norm, false},
    {"norm without gamma", 3, 1, 7, 3, norm_no_gamma, false},
    {"relu", 3, 5, 7, 2, relu, false},
    {"sigmoid", 3, 5, 7, 2, sigmoid, false},
    {"swish", 3, 5, 7, 2, swish, false},
    {"global average", 5, 3, 7, 3, global_average, false},
    {"channel scale", 5, 3, 7, 3, channel_scale, false},
    {"channel scale twice", 2, 5, 1, 2, channel_scale_alone, false},
    {"drop-connect", 3, 1, 5, 7, drop_connect, false},
    {"inverted bottleneck", 3, 5, 7, 3, bottleneck, false},
    {"dense block", 3, 5, 7, 2, dense, false},
    {"dense block of bottlenecks", 3, 5, 7, 2, dense_bottlenecks, false},
    {"dense block, a norm of two readers", 3, 5, 7, 2, dense_shared, false},
    {"a join between a norm and its convolution", 3, 3, 5, 2, join_between, false},
    {"norms side by side", 3, 5, 3, 2, norms_side_by_side, false},
    {"norms first", 3, 5, 7, 2, norms_first, false},
    {"max-pool 2x2", 3, 7, 5, 2, max_pool, false},
    {"max-pool 3x3, zeros take part", 3, 7, 6, 2, max_pool_padded, false},
    {"max-pool, window cut", 2, 5, 7, 1, max_pool_cut, false},
    {"average-pool", 3, 7, 5, 2, average_pool, false},
    {"average-pool, window cut", 3, 7, 5, 2, average_pool_padded, false},
    {"upsample", 3, 3, 5, 2, upsample, false},
    {"upsample by 4", 1, 3, 2, 1, upsample4, false},
    {"add", 3, 3, 5, 2, add, false},
    {"add to itself", 3, 3, 5, 2, add_twice, false},
    {"concat", 3, 3, 5, 2, concat, false},
    {"concatenations in place", 3, 3, 5, 2, concat_homes, false},
    {"norms read plainly", 3, 5, 3, 2, norms_read_plainly, false},
    {"join of a U-Net", 2, 6, 10, 2, join, false},
    {"joins of joins", 3, 8, 12, 1, nested, false},
    {"residual unit", 3, 5, 5, 2, residual, false},
    {"loss bce+dice", 2, 5, 7, 2, logits1, true},
    {"loss ce+dice, 2 classes", 2, 5, 7, 2, logits2, true},
    {"loss ce+dice, 3 classes", 3, 7, 3, 3, logits3, true},
    {"loss ce+dice, 5 classes", 1, 1, 9, 1, logits5, true},
    {"loss on a U-Net's join", 2, 6, 10, 2, join, true},
};

START_TEST(gradients) { check_gradients(&cases[_i]); }
END_TEST

int main(void) {
    Suite *suite = suite_create("gradients");
    tcase_add_loop_test(slow_case(suite, "operators"), gradients, 0, sizeof cases / sizeof *cases);
    return run_suite(suite);
}
