/* What goldens cannot tell of the nets, layer by layer: epsilons, paddings, initialisers, drop rates. */
#include <math.h>
#include <string.h>

#include "harness.h"
#include "hilum/nets.h"
#include "hilum/params.h"
#include "ops/op.h"

static hl_context *hl;

static void setup(void) { hl = hl_open(NULL); }
static void teardown(void) { hl_close(hl); }

static int net_count(void) {
    char name[64];
    int count = 0;
    while (hl_net_name(count, name)) count++;
    return count;
}

/* The index-th net; `encoder` gets its encoder's name. Owner: the caller. */
static hl_graph *net_at(int index, const hl_net_options *options, char encoder[64]) {
    char name[64];
    ck_assert(hl_net_name(index, name));
    hl_graph *graph = hl_net(hl, name, options);
    ck_assert_msg(graph != NULL, "%s", hl_error(hl));
    snprintf(encoder, 64, "%s", strchr(name, '-') + 1);
    return graph;
}

static bool starts(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }
static bool ends(const char *text, const char *with) { return strlen(text) >= strlen(with) && !strcmp(text + strlen(text) - strlen(with), with); }
static bool of_decoder(const char *layer) { return starts(layer, "decoder_stage") || starts(layer, "center_block"); }

/* --- batch norms ------------------------------------------------------------------------------------------------------- */

static double epsilon_of(const char *encoder, const char *layer) {
    if (of_decoder(layer) || starts(encoder, "efficientnet")) return 1e-3;
    return starts(encoder, "resnet") ? 2e-5 : 1.001e-5;
}

START_TEST(epsilons) {
    char encoder[64];
    hl_graph *graph = net_at(_i, NULL, encoder);
    int encoders = 0, decoders = 0;
    for (size_t i = 0; i < graph->count; i++) {
        const hl_node *node = graph->nodes[i];
        if (node->op != &hl_op_norm) continue;
        const hl_norm_options *a = node->attributes;
        ck_assert_msg(a->epsilon == epsilon_of(encoder, node->name), "%s: %s has epsilon %g", graph->name, node->name, a->epsilon);
        ck_assert_msg(a->no_gamma == !strcmp(node->name, "bn_data"), "%s: %s has %s gamma", graph->name, node->name, a->no_gamma ? "no" : "a");
        *(of_decoder(node->name) ? &decoders : &encoders) += 1;
    }
    ck_assert_int_eq(decoders, (starts(graph->name, "unet") ? 10 : 15) + (starts(encoder, "vgg") ? 2 : 0));
    ck_assert_int_eq(encoders == 0, starts(encoder, "vgg"));
    hl_graph_free(graph);
}
END_TEST

/* --- paddings ---------------------------------------------------------------------------------------------------------- */

/* Every convolution of stride 2: what it pads before and after a map of 64 x 64. TensorFlow's `same` pads less before than after. */
typedef struct strided {
    const char *family, *layer;
    int kernel, before, after;
} strided;
static const strided strides[] = {
    {"resnet", "conv0", 7, 3, 3},
    {"resnet", "stage2_unit1_sc", 1, 0, 0},
    {"resnet", "stage3_unit1_sc", 1, 0, 0},
    {"resnet", "stage4_unit1_sc", 1, 0, 0},
    {"resnet", "stage2_unit1_conv", 3, 1, 1}, /* conv1, of bottlenecks conv2 */
    {"resnet", "stage3_unit1_conv", 3, 1, 1},
    {"resnet", "stage4_unit1_conv", 3, 1, 1},
    {"densenet", "conv1/conv", 7, 3, 3},
    {"efficientnet", "stem_conv", 3, 0, 1},
    {"efficientnet", "block2a_dwconv", 3, 0, 1},
    {"efficientnet", "block3a_dwconv", 5, 1, 2},
    {"efficientnet", "block4a_dwconv", 3, 0, 1},
    {"efficientnet", "block6a_dwconv", 5, 1, 2},
};
enum { STRIDES = sizeof strides / sizeof *strides };

static const strided *strided_row(const char *encoder, const char *layer) {
    for (int i = 0; i < STRIDES; i++)
        if (starts(encoder, strides[i].family) && starts(layer, strides[i].layer)) return &strides[i];
    return NULL;
}

static int padding_after(int in, int out, int kernel, int stride, int before) {
    int after = (out - 1) * stride + kernel - in - before;
    return after > 0 ? after : 0;
}

static void check_strided(const hl_graph *graph, const hl_node *node, const hl_conv *conv, const char *encoder) {
    const strided *row = strided_row(encoder, node->name);
    ck_assert_msg(row != NULL, "%s: %s has stride 2", graph->name, node->name);
    if (ends(row->layer, "_conv") && starts(row->family, "resnet")) { /* the 3x3 that carries the stride */
        bool basic = !strcmp(encoder, "resnet18") || !strcmp(encoder, "resnet34");
        ck_assert_msg(ends(node->name, basic ? "_conv1" : "_conv2"), "%s: %s has stride 2", graph->name, node->name);
    }
    ck_assert_msg(conv->kh == row->kernel && conv->kw == row->kernel && conv->stride_h == 2 && conv->stride_w == 2, "%s: %s is %dx%d, stride %dx%d", graph->name,
                  node->name, conv->kh, conv->kw, conv->stride_h, conv->stride_w);
    /* The bottom's and right's padding is what the output needs beyond the map; the last row of an even map may need less than `after`. */
    int needed = padding_after(64, conv->out_h, conv->kh, 2, conv->pad_top);
    ck_assert_msg(conv->out_h == 32 && conv->out_w == 32 && conv->pad_top == row->before && conv->pad_left == row->before && needed <= row->after,
                  "%s: %s pads %d above and %d left", graph->name, node->name, conv->pad_top, conv->pad_left);
}

/* All others keep the size: an odd kernel pads half of it on each side. */
static void check_same(const hl_graph *graph, const hl_node *node, const hl_conv *conv) {
    ck_assert_msg(conv->kh % 2 == 1 && conv->kh == conv->kw && conv->out_h == 64 && conv->out_w == 64 && conv->pad_top == conv->kh / 2 && conv->pad_left == conv->kh / 2,
                  "%s: %s makes %dx%d of 64x64", graph->name, node->name, conv->out_h, conv->out_w);
}

START_TEST(paddings) {
    char encoder[64];
    hl_graph *graph = net_at(_i, NULL, encoder);
    int found = 0, expected = 0;
    for (int i = 0; i < STRIDES; i++) expected += starts(encoder, strides[i].family);
    for (size_t i = 0; i < graph->count; i++) {
        const hl_node *node = graph->nodes[i];
        if (node->op != &hl_op_conv) continue;
        hl_conv conv = hl_conv_geometry(node->attributes, 1, (hl_shape){graph->nodes[node->inputs[0]]->channels, 64, 64});
        if (conv.stride_h == 1 && conv.stride_w == 1) check_same(graph, node, &conv);
        else check_strided(graph, node, &conv, encoder), found++;
    }
    ck_assert_msg(found == expected, "%s has %d convolutions of stride 2, expected %d", graph->name, found, expected);
    hl_graph_free(graph);
}
END_TEST

/* Pools: VGG's five of 2x2; of ResNet and DenseNet one max-pool of 3x3 stride 2 whose padding's zeros take part; DenseNet's transitions. */
START_TEST(pools) {
    char encoder[64];
    hl_graph *graph = net_at(_i, NULL, encoder);
    bool vgg = starts(encoder, "vgg"), dense = starts(encoder, "densenet");
    int largest = 0, averages = 0;
    for (size_t i = 0; i < graph->count; i++) {
        const hl_node *node = graph->nodes[i];
        const hl_pool_options *a = node->attributes;
        bool max = node->op == &hl_op_max_pool, two = max ? vgg : true;
        if (!max && node->op != &hl_op_average_pool) continue;
        *(max ? &largest : &averages) += 1;
        int pad = two ? 0 : 1, kernel = two ? 2 : 3;
        ck_assert_msg(a->kernel_h == kernel && a->kernel_w == kernel && a->stride_h == 2 && a->stride_w == 2, "%s: a pool of %dx%d", graph->name, a->kernel_h, a->kernel_w);
        ck_assert(a->pad_top == pad && a->pad_left == pad && a->pad_bottom == pad && a->pad_right == pad);
        ck_assert(two || a->zero_pad);
    }
    ck_assert_int_eq(largest, vgg ? 5 : starts(encoder, "efficientnet") ? 0 : 1);
    ck_assert_int_eq(averages, dense ? 3 : 0);
    hl_graph_free(graph);
}
END_TEST

/* --- initialisers ------------------------------------------------------------------------------------------------------ */

static hl_kernel_init init_of(const char *encoder, const char *kernel) {
    if (!strcmp(kernel, "final_conv/kernel") || ends(kernel, "_transpose/kernel")) return HL_KERNEL_GLOROT_UNIFORM;
    if (of_decoder(kernel) || starts(encoder, "resnet")) return HL_KERNEL_HE_UNIFORM;
    if (!starts(encoder, "efficientnet")) return HL_KERNEL_GLOROT_UNIFORM;
    return ends(kernel, "_dwconv/kernel") ? HL_KERNEL_DEPTHWISE_NORMAL : HL_KERNEL_FAN_OUT_NORMAL;
}

static void check_inits(int index, const hl_net_options *options) {
    char encoder[64];
    hl_graph *graph = net_at(index, options, encoder);
    for (size_t i = 0; i < graph->param_count; i++) {
        const hl_param_spec *spec = &graph->params[i];
        if (spec->kind == HL_KERNEL) ck_assert_msg(spec->init == init_of(encoder, spec->name), "%s: %s is drawn by rule %d", graph->name, spec->name, (int)spec->init);
    }
    hl_graph_free(graph);
}

START_TEST(initialisers) {
    check_inits(_i, NULL);
    check_inits(_i, &(hl_net_options){.transpose = true});
    check_inits(_i, &(hl_net_options){.no_batch_norm = true});
}
END_TEST

/* Truncated normals: deviation sqrt(2 / fan_out) after the cut, nothing beyond two deviations of the uncut one, and not uniform. */
START_TEST(normal_draws) {
    hl_graph *graph = hl_net(hl, "unet-efficientnetb1", NULL);
    hl_params *params = hl_params_init(graph, HL_INIT_KERAS, 5);
    static const struct {
        const char *name;
        double fan_out;
    } rows[] = {{"stem_conv/kernel", 32 * 9}, {"block6b_expand_conv/kernel", 1152}, {"block6b_dwconv/kernel", 25}, {"block6b_se_reduce/kernel", 48},
                {"block6b_se_expand/kernel", 1152}, {"top_conv/kernel", 1280}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int index = hl_param_find(params, rows[i].name), inner = 0;
        int64_t count = hl_param_elements(params, index);
        double *values = malloc(sizeof(double) * (size_t)count), sum = 0, squares = 0, largest = 0, cut = sqrt(2 / rows[i].fan_out), uncut = cut / 0.87962566;
        hl_param_read(params, index, values);
        for (int64_t k = 0; k < count; k++) {
            sum += values[k], squares += values[k] * values[k];
            largest = fmax(largest, fabs(values[k]));
            inner += fabs(values[k]) < uncut;
        }
        double n = (double)count, deviation = sqrt(squares / n), share = inner / n, within = 0.682689 / 0.954500; /* of a normal cut at two */
        ck_assert_msg(fabs(deviation / cut - 1) < 4 / sqrt(n), "%s: deviation %g, expected %g", rows[i].name, deviation, cut);
        ck_assert_msg(fabs(sum / n) < 5 * cut / sqrt(n), "%s: mean %g", rows[i].name, sum / n);
        ck_assert_msg(largest <= 2 * uncut * 1.00001 && largest > 1.8 * uncut, "%s: largest %g, the cut is at %g", rows[i].name, largest, 2 * uncut);
        ck_assert_msg(fabs(share - within) < 5 * sqrt(within * (1 - within) / n), "%s: %g within one deviation, expected %g", rows[i].name, share, within);
        free(values);
    }
    hl_params_free(params);
    hl_graph_free(graph);
}
END_TEST

/* A transposed kernel (in, out, 4, 4) under Glorot: the two fans are those of the convolution it is the adjoint of. */
START_TEST(transposed_draws) {
    hl_graph *graph = hl_net(hl, "unet-resnet18", &(hl_net_options){.transpose = true});
    hl_params *params = hl_params_init(graph, HL_INIT_KERAS, 5);
    int index = hl_param_find(params, "decoder_stage0a_transpose/kernel"); /* 512 to 256 */
    int64_t count = hl_param_elements(params, index);
    ck_assert_int_eq(count, 512 * 256 * 16);
    double *values = malloc(sizeof(double) * (size_t)count), largest = 0, limit = sqrt(6.0 / (16 * (512 + 256)));
    hl_param_read(params, index, values);
    for (int64_t k = 0; k < count; k++) largest = fmax(largest, fabs(values[k]));
    ck_assert_msg(largest <= limit * 1.0001 && largest > 0.999 * limit, "largest %g, expected %g", largest, limit);
    free(values);
    hl_params_free(params);
    hl_graph_free(graph);
}
END_TEST

/* --- drop-connect ------------------------------------------------------------------------------------------------------ */

/* Units a stage of EfficientNet-B0 to B7. */
static const int repeats[8][7] = {{1, 2, 2, 3, 3, 4, 1}, {2, 3, 3, 4, 4, 5, 2}, {2, 3, 3, 4, 4, 5, 2},  {2, 3, 3, 5, 5, 6, 2},
                                  {2, 4, 4, 6, 6, 8, 2}, {3, 5, 5, 7, 7, 9, 3}, {3, 6, 6, 8, 8, 11, 3}, {4, 7, 7, 10, 10, 13, 4}};

static const hl_node *find(const hl_graph *graph, const char *name) {
    for (size_t i = 0; i < graph->count; i++)
        if (!strcmp(graph->nodes[i]->name, name)) return graph->nodes[i];
    ck_abort_msg("%s has no layer %s", graph->name, name);
}

/* The rate, from the factor of an image that is kept. */
static double rate_of(const hl_node *node) {
    hl_step step = {.hl = hl, .node = node, .mode = HL_TRAIN, .seed = 1};
    for (; step.draw < 10000; step.draw++) {
        double factor = hl_drop_factor(&step, 0);
        if (factor > 0) return 1 - 1 / factor;
    }
    return 1;
}

static int readers_that_add(const hl_graph *graph, const hl_node *node) {
    int count = 0;
    for (size_t i = 0; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i]->input_count; k++) count += graph->nodes[i]->inputs[k] == node->index && graph->nodes[i]->op == &hl_op_add;
    return count;
}

/* Unit b of all units, from 0, drops at 0.2 b / 16, in every size of the family, where it has a residual: all but a stage's first. */
START_TEST(drop_rates) {
    for (int size = 0; size < 8; size++) {
        char name[64];
        snprintf(name, sizeof name, "%s-efficientnetb%d", _i ? "linknet" : "unet", size);
        hl_graph *graph = hl_net(hl, name, NULL);
        int expected = 0, found = 0, unit = 0;
        for (int stage = 0; stage < 7; stage++)
            for (int u = 0; u < repeats[size][stage]; u++, unit++) {
                if (!u) continue;
                snprintf(name, sizeof name, "block%d%c_drop", stage + 1, 'a' + u);
                const hl_node *node = find(graph, name);
                ck_assert(node->op == &hl_op_drop_connect);
                ck_assert_msg(fabs(rate_of(node) - 0.2 * unit / 16) < 1e-12, "b%d: %s drops %g, expected %g", size, name, rate_of(node), 0.2 * unit / 16);
                ck_assert_int_eq(readers_that_add(graph, node), 1);
                expected++;
            }
        for (size_t i = 0; i < graph->count; i++) found += graph->nodes[i]->op == &hl_op_drop_connect;
        ck_assert_msg(found == expected, "b%d drops in %d units, expected %d", size, found, expected);
        hl_graph_free(graph);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("layers");
    TCase *tcase = slow_case(suite, "layers");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, epsilons, 0, net_count());
    tcase_add_loop_test(tcase, paddings, 0, net_count());
    tcase_add_loop_test(tcase, pools, 0, net_count());
    tcase_add_loop_test(tcase, initialisers, 0, net_count());
    tcase_add_test(tcase, normal_draws);
    tcase_add_test(tcase, transposed_draws);
    tcase_add_loop_test(tcase, drop_rates, 0, 2);
    return run_suite(suite);
}
