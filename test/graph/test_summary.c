/* Summaries: counts that are published, sums done by hand, memory that a real plan takes to the byte, and the drawing. */
#include <ctype.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "graph/plan.h"
#include "harness.h"
#include "hilum/nets.h"
#include "hilum/summary.h"

static hl_summary *make(hl_graph *graph, hl_plan_options options) {
    hl_summary *s = hl_summary_make(graph, &options);
    ck_assert_msg(s != NULL, "%s", hl_error(hl_graph_context(graph)));
    return s;
}

/* --- counts ------------------------------------------------------------------------------------------------------------ */

START_TEST(parameters_of_the_eight) {
    static const struct {
        const char *name;
        int64_t parameters, trainable;
    } nets[] = {
        {"unet-vgg16", 23752273, 23748241},       {"unet-resnet34", 24456154, 24438804},
        {"unet-densenet169", 19519825, 19359441}, {"unet-efficientnetb1", 12641169, 12577137},
        {"linknet-vgg16", 20325137, 20318321},    {"linknet-resnet34", 21637274, 21619828},
        {"linknet-densenet169", 15623057, 15459697}, {"linknet-efficientnetb1", 8622001, 8555185},
    };
    hl_context *hl = hl_open(NULL);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        hl_graph *graph = hl_net(hl, nets[i].name, NULL);
        hl_summary *s = make(graph, (hl_plan_options){.batch = 1, .height = 64, .width = 32});
        ck_assert_str_eq(s->network, nets[i].name);
        ck_assert_int_eq(s->parameters, nets[i].parameters);
        ck_assert_int_eq(s->trainable, nets[i].trainable);
        ck_assert_uint_eq(s->bytes_weights, 4 * (size_t)nets[i].parameters);
        ck_assert_uint_eq(s->bytes_moments, 8 * (size_t)nets[i].trainable);
        const hl_layer *last = &s->layers[s->count - 1];
        ck_assert_str_eq(last->name, "final_conv");
        ck_assert(last->channels == 1 && last->height == 64 && last->width == 32);
        hl_summary_free(s);
        hl_graph_free(graph);
    }
    hl_close(hl);
}
END_TEST

/* Two images of 2 x 8 x 6, 96 pixels in all:
 * input - first (3x3, to 4, bias) - norm - relu - pool 2x2 - upsample - concat with relu - last (1x1, to 1, no bias),
 * and a layer that nobody reads. */
static hl_graph *small_graph(hl_context *hl) {
    hl_graph *graph = hl_graph_new(hl);
    hl_value *x = hl_relu(graph, hl_batch_norm(graph, hl_conv2d(graph, hl_input(graph, 2), "first", 4, 3), "norm", 1e-3));
    hl_conv2d(graph, x, "unread", 3, 3);
    hl_value *coarse = hl_upsample(graph, hl_max_pool2d(graph, x, 2), 2);
    hl_value *joined = hl_concat(graph, (hl_value *[]){coarse, x}, 2);
    hl_output(graph, hl_convolution(graph, joined, "last", &(hl_conv_options){.channels = 1, .kernel_h = 1, .kernel_w = 1}));
    return graph;
}

START_TEST(layers_by_hand) {
    static const struct {
        const char *name, *op;
        int shape[3], parameters, trainable;
        double flops;
        size_t bytes;
        hl_layer_memory memory;
    } wanted[] = {
        {"input", "input", {2, 8, 6}, 0, 0, 0, 0, HL_MEMORY_CALLER},
        {"first", "conv", {4, 8, 6}, 76, 76, 96 * 4 * (2 * 18 + 1), 96 * 4 * 4, HL_MEMORY_OWN},
        {"norm", "norm", {4, 8, 6}, 16, 8, 96 * 4 * 2, 0, HL_MEMORY_IN_PLACE}, /* the ReLU is computed with it */
        {"relu", "relu", {4, 8, 6}, 0, 0, 96 * 4, 96 * 4 * 4, HL_MEMORY_OWN},
        {"unread", "conv", {3, 8, 6}, 111, 111, 0, 0, HL_MEMORY_UNUSED},
        {"max_pool", "max_pool", {4, 4, 3}, 0, 0, 24 * 4 * 4, 24 * 4 * 4, HL_MEMORY_OWN},
        {"upsample", "upsample", {4, 8, 6}, 0, 0, 0, 0, HL_MEMORY_JOINED},
        {"concat", "concat", {8, 8, 6}, 0, 0, 0, 0, HL_MEMORY_JOINED},
        {"last", "conv", {1, 8, 6}, 8, 8, 96 * 2 * 8, 96 * 4, HL_MEMORY_OWN},
    };
    enum { LAYERS = sizeof wanted / sizeof *wanted };
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = small_graph(hl);
    hl_summary *s = make(graph, (hl_plan_options){.batch = 2, .height = 8, .width = 6});
    ck_assert_int_eq(s->count, LAYERS);
    double flops = 0;
    for (int i = 0; i < LAYERS; i++) {
        const hl_layer *l = &s->layers[i];
        ck_assert_str_eq(l->name, wanted[i].name);
        ck_assert_str_eq(l->op, wanted[i].op);
        ck_assert_int_eq(l->channels, wanted[i].shape[0]);
        ck_assert_int_eq(l->height, wanted[i].shape[1]);
        ck_assert_int_eq(l->width, wanted[i].shape[2]);
        ck_assert_int_eq(l->parameters, wanted[i].parameters);
        ck_assert_int_eq(l->trainable, wanted[i].trainable);
        ck_assert_double_eq(l->flops, wanted[i].flops);
        ck_assert_uint_eq(l->bytes, wanted[i].bytes);
        ck_assert_int_eq(l->memory, wanted[i].memory);
        flops += wanted[i].flops;
    }
    ck_assert_double_eq(s->flops, flops);
    ck_assert_int_eq(s->parameters, 76 + 16 + 111 + 8);
    ck_assert_int_eq(s->trainable, 76 + 8 + 111 + 8);
    /* Training: the norm takes 5 an element; backward twice a convolution but for the first, which has no gradient to pass on. */
    double first = wanted[1].flops, last = wanted[8].flops, rest = 96 * 4 * 5 + wanted[3].flops + wanted[5].flops;
    ck_assert_double_eq(s->flops_train, 2 * first + 3 * last + 2 * rest);
    ck_assert_str_eq(s->network, "");
    hl_summary_free(s);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

/* A join that something else than a convolution reads is computed after all, in memory that its inputs write to. */
START_TEST(joins_that_are_read_plainly) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_graph_new(hl);
    hl_value *x = hl_input(graph, 3);
    hl_value *joined = hl_concat(graph, (hl_value *[]){hl_conv2d(graph, x, "a", 2, 3), hl_conv2d(graph, x, "b", 5, 3)}, 2);
    hl_output(graph, hl_sigmoid(graph, joined));
    hl_summary *s = make(graph, (hl_plan_options){.batch = 3, .height = 4, .width = 4});
    const hl_layer *concat = &s->layers[3];
    ck_assert_str_eq(concat->op, "concat");
    ck_assert_int_eq(concat->memory, HL_MEMORY_IN_PLACE);
    ck_assert_uint_eq(s->layers[1].bytes + s->layers[2].bytes, 3 * 4 * 4 * 7 * 4);
    ck_assert_int_eq(concat->input_count, 2);
    ck_assert(concat->inputs[0] == 1 && concat->inputs[1] == 2);
    hl_summary_free(s);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

/* --- foretold and real ------------------------------------------------------------------------------------------------- */

/* What a summary foretells is what plans ask for. */
static void expect_real(hl_context *hl, const char *net, const hl_net_options *shape, hl_plan_options o) {
    hl_graph *graph = hl_net(hl, net, shape);
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 1);
    hl_summary *s = make(graph, o);
    o.mode = HL_TRAIN;
    hl_plan *train = hl_compile(graph, params, &o);
    o.mode = HL_INFER, o.keep_kernels = true;
    hl_plan *infer = hl_compile(graph, params, &o);
    ck_assert_msg(train && infer, "%s: %s", net, hl_error(hl));
    size_t weights = 0, moments = 0;
    for (int i = 0; i < hl_params_count(params); i++) {
        weights += sizeof(float) * (size_t)hl_param_elements(params, i);
        if (hl_param_trainable(params, i)) moments += 2 * sizeof(float) * (size_t)hl_param_elements(params, i);
    }
    ck_assert_msg(s->bytes_train == hl_plan_bytes(train) + weights + moments, "%s: %zu bytes, not %zu", net, s->bytes_train,
                  hl_plan_bytes(train) + weights + moments);
    ck_assert_msg(s->bytes_infer == hl_plan_bytes(infer) + weights, "%s: %zu bytes, not %zu", net, s->bytes_infer,
                  hl_plan_bytes(infer) + weights);
    ck_assert_double_eq(s->flops_train, hl_plan_flops(train));
    ck_assert_double_eq(s->flops, hl_plan_flops(infer));
    hl_plan_free(infer);
    hl_plan_free(train);
    hl_summary_free(s);
    hl_params_free(params);
    hl_graph_free(graph);
}

START_TEST(real_plans_of_every_net) {
    char name[64];
    for (int threads = 1; threads <= 3; threads += 2) {
        hl_context *hl = hl_open(&(hl_options){.threads = threads});
        for (int i = 0; hl_net_name(i, name); i++)
            expect_real(hl, name, &(hl_net_options){.width = 0.125}, (hl_plan_options){.batch = 2, .height = 32, .width = 64});
        hl_close(hl);
    }
}
END_TEST

START_TEST(real_plans_under_options) {
    hl_context *hl = hl_open(NULL);
    hl_plan_options plain = {.batch = 2, .height = 64, .width = 64}, keeping = plain, whole = plain;
    keeping.keep_gradients = true, whole.input_gradient = true;
    expect_real(hl, "unet-vgg16", NULL, plain);
    expect_real(hl, "unet-vgg16", NULL, keeping);
    expect_real(hl, "unet-vgg16", &(hl_net_options){.width = 0.25}, whole);
    expect_real(hl, "unet-resnet18", &(hl_net_options){.width = 0.25, .channels = 1, .transpose = true, .no_batch_norm = true}, plain);
    hl_graph *graph = hl_net(hl, "unet-vgg16", NULL);
    hl_summary *without = make(graph, plain), *with = make(graph, keeping);
    ck_assert_uint_gt(with->bytes_train, without->bytes_train + with->bytes_weights / 2); /* the option counts */
    hl_summary_free(with);
    hl_summary_free(without);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

/* The largest net at 512x512 is summed up in a few million bytes of memory, where its weights alone do not fit. */
START_TEST(takes_no_memory) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    size_t pages = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    ck_assert(stream && fscanf(stream, "%zu", &pages) == 1);
    fclose(stream);
    rlim_t most = (rlim_t)(pages * (size_t)sysconf(_SC_PAGESIZE)) + (32 << 20);
    struct rlimit before;
    getrlimit(RLIMIT_AS, &before);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &(struct rlimit){most, before.rlim_max}), 0);
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    hl_graph *graph = hl_net(hl, "unet-efficientnetb7", NULL);
    hl_summary *s = hl_summary_make(graph, &(hl_plan_options){.batch = 8, .height = 512, .width = 512});
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
    setrlimit(RLIMIT_AS, &before);
    ck_assert_msg(s != NULL, "%s", hl_error(hl));
    ck_assert_ptr_null(params);
    ck_assert_int_eq(hl_error_status(hl), HL_NO_MEMORY);
    ck_assert_uint_gt(s->bytes_train, 5e9);
    hl_summary_free(s);
    hl_graph_free(graph);
    hl_close(hl);
#endif
}
END_TEST

START_TEST(refusals) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = 0.125});
    ck_assert_ptr_null(hl_summary_make(graph, &(hl_plan_options){.batch = 1, .height = 48, .width = 64}));
    ck_assert_msg(strstr(hl_error(hl), "48x64") != NULL, "%s", hl_error(hl));
    ck_assert_ptr_null(hl_summary_make(graph, &(hl_plan_options){.batch = 0, .height = 64, .width = 64}));
    ck_assert_msg(strstr(hl_error(hl), "batch of 0") != NULL, "%s", hl_error(hl));
    hl_graph_free(graph);
    graph = hl_graph_new(hl);
    hl_output(graph, hl_conv2d(graph, hl_input(graph, 3), "none", 0, 3));
    ck_assert_ptr_null(hl_summary_make(graph, &(hl_plan_options){.batch = 1, .height = 64, .width = 64}));
    ck_assert_msg(strstr(hl_error(hl), "layer none") != NULL, "%s", hl_error(hl));
    hl_graph_free(graph);
    ck_assert_ptr_null(hl_summary_make(NULL, &(hl_plan_options){.batch = 1, .height = 64, .width = 64}));
    hl_summary_free(NULL);
    hl_close(hl);
}
END_TEST

/* --- the drawing ------------------------------------------------------------------------------------------------------- */

/* What a drawing says, read as Graphviz reads it. */
typedef struct drawing {
    int nodes[4096], edges, standing_out;
} drawing;

/* Goes past a quoted string. */
static const char *past_string(const char *at) {
    ck_assert_int_eq(*at, '"');
    for (at++; *at != '"'; at++) {
        ck_assert_msg(*at && *at != '\n', "a string does not end");
        if (*at == '\\') at++;
    }
    return at + 1;
}

static const char *past_attributes(const char *at, bool *coloured) {
    *coloured = false;
    while (*at == ' ') at++;
    if (*at != '[') return at;
    for (at++; *at != ']';) {
        if (!strncmp(at, "color=", 6)) *coloured = true;
        ck_assert_msg(*at && *at != '\n' && *at != '[', "attributes do not end");
        at = *at == '"' ? past_string(at) : at + 1;
    }
    return at + 1;
}

/* `n1 [...];` or `n1 -> n2 [...];` or a setting of the whole. */
static void read_statement(drawing *d, const char *at) {
    bool coloured;
    char *end;
    if (!strncmp(at, "graph ", 6) || !strncmp(at, "node ", 5)) {
        at = past_attributes(strchr(at, ' '), &coloured);
    } else {
        ck_assert_msg(at[0] == 'n' && isdigit((unsigned char)at[1]), "\"%.20s\" is no node", at);
        long node = strtol(at + 1, &end, 10), reader = -1;
        ck_assert_int_lt(node, 4096);
        if (!strncmp(end, " -> n", 5)) reader = strtol(end + 5, &end, 10);
        ck_assert_msg(reader < 0 || d->nodes[node] + d->nodes[reader] == 2, "an edge to or from nothing: %ld, %ld", node, reader);
        at = past_attributes(end, &coloured);
        if (reader < 0) d->nodes[node]++;
        else d->edges++, d->standing_out += coloured;
    }
    ck_assert_msg(!strncmp(at, ";\n", 2), "a statement ends in \"%.20s\"", at);
}

static void read_drawing(const char *text, const char *name, drawing *d) {
    memset(d, 0, sizeof *d);
    char head[128];
    int length = snprintf(head, sizeof head, "digraph \"%s\" {\n", name);
    ck_assert_msg(!strncmp(text, head, (size_t)length), "it begins \"%.40s\"", text);
    for (text += length; *text == ' '; text = strchr(text, '\n') + 1) read_statement(d, text + 2);
    ck_assert_str_eq(text, "}\n");
}

START_TEST(drawings) {
    static const struct {
        const char *name;
        int skips;
    } nets[] = {{"unet-vgg16", 4}, {"linknet-vgg16", 4}, {"unet-resnet18", 4 + 8}, {"unet-densenet121", 4 + 58}, {"unet-efficientnetb0", 4 + 16 + 9}};
    hl_context *hl = hl_open(NULL);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        static drawing d;
        hl_graph *graph = hl_net(hl, nets[i].name, NULL);
        hl_summary *s = make(graph, (hl_plan_options){.batch = 1, .height = 32, .width = 32});
        char *text = hl_summary_dot(hl, s);
        read_drawing(text, nets[i].name, &d);
        int inputs = 0;
        for (int k = 0; k < 4096; k++) ck_assert_int_eq(d.nodes[k], k < s->count);
        for (int k = 0; k < s->count; k++) inputs += s->layers[k].input_count;
        ck_assert_int_eq(d.edges, inputs);
        ck_assert_msg(d.standing_out == nets[i].skips, "%s: %d edges stand out", nets[i].name, d.standing_out);
        free(text);
        hl_summary_free(s);
        hl_graph_free(graph);
    }
    hl_close(hl);
}
END_TEST

/* Names may hold what a string of Graphviz' may not. */
START_TEST(drawing_of_odd_names) {
    static drawing d;
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_graph_new(hl);
    hl_output(graph, hl_conv2d(graph, hl_conv2d(graph, hl_input(graph, 1), "a \"b\" {", 2, 3), "\\", 1, 3));
    hl_summary *s = make(graph, (hl_plan_options){.batch = 1, .height = 8, .width = 8});
    char *text = hl_summary_dot(hl, s);
    read_drawing(text, "", &d);
    ck_assert_int_eq(d.edges, 2);
    ck_assert_ptr_nonnull(strstr(text, "label=\"a \\\"b\\\" {\\nconv\\n2 x 8 x 8\""));
    ck_assert_ptr_nonnull(strstr(text, "label=\"\\\\\\nconv\\n1 x 8 x 8\""));
    free(text);
    hl_summary_free(s);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("summary");
    TCase *tcase = slow_case(suite, "summary");
    tcase_add_test(tcase, parameters_of_the_eight);
    tcase_add_test(tcase, layers_by_hand);
    tcase_add_test(tcase, joins_that_are_read_plainly);
    tcase_add_test(tcase, real_plans_of_every_net);
    tcase_add_test(tcase, real_plans_under_options);
    tcase_add_test(tcase, takes_no_memory);
    tcase_add_test(tcase, refusals);
    tcase_add_test(tcase, drawings);
    tcase_add_test(tcase, drawing_of_odd_names);
    return run_suite(suite);
}
