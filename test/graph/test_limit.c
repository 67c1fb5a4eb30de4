/* The limit on memory: steps under it have the same bits, in less, and what cannot be met is refused with a figure that can. */
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"
#include "harness.h"
#include "hilum/nets.h"
#include "hilum/summary.h"

enum { BATCH = 2, SIZE = 96, STEPS = 2 };

/* Nets with all that a plan does with memory: joins, norms read through, dense blocks, drop-connect, squeeze-excite, ReLU in place. */
static const struct {
    const char *net;
    hl_net_options options;
} nets[] = {{"unet-vgg16", {.width = 0.25}},
            {"unet-vgg16", {.width = 0.25, .no_batch_norm = true}},
            {"linknet-vgg16", {.width = 0.25, .transpose = true, .classes = 3}},
            {"linknet-resnet34", {.width = 0.25}},
            {"unet-densenet169", {.width = 0.25}},
            {"linknet-efficientnetb1", {.width = 0.25}}};
enum { NETS = sizeof nets / sizeof *nets };

/* What plan, weights and moments take. */
static size_t bytes_of(hl_context *hl, hl_graph *graph, size_t limit) {
    hl_plan_options o = {.batch = BATCH, .height = SIZE, .width = SIZE, .memory_limit = limit};
    hl_summary *summary = hl_summary_make(graph, &o);
    ck_assert_msg(summary != NULL, "%s", hl_error(hl));
    size_t bytes = summary->bytes_train;
    hl_summary_free(summary);
    return bytes;
}

/* Weights after some steps, and how many values were computed again for the limit's sake. */
static hl_params *train(hl_context *hl, hl_graph *graph, size_t limit, double *loss, int *again) {
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 3);
    hl_adam *adam = hl_adam_new(params, NULL);
    hl_plan_options o = {.mode = HL_TRAIN, .batch = BATCH, .height = SIZE, .width = SIZE, .memory_limit = limit, .seed = 5};
    hl_plan *plan = hl_compile(graph, params, &o);
    ck_assert_msg(plan != NULL, "%s", hl_error(hl));
    static float images[BATCH * SIZE * SIZE * 3], masks[BATCH * SIZE * SIZE];
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) images[i] = (float)(i * 7919 % 1009) / 1009;
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) masks[i] = i * 104729 % 10 > 6;
    for (int i = 0; i < STEPS; i++) ck_ok(hl, hl_train_step(plan, adam, 1e-3, images, masks, BATCH, loss));
    *again = 0;
    for (int i = 0; i < plan->count; i++) *again += plan->nodes[i].dear && plan->nodes[i].again_by >= 0;
    hl_plan_free(plan), hl_adam_free(adam);
    return params;
}

/* The least limit that is not refused, as the refusal says it. */
static size_t least_of(hl_context *hl, hl_graph *graph) {
    hl_plan *plan = hl_plan_dry(graph, HL_F32, &(hl_plan_options){.mode = HL_TRAIN, .batch = BATCH, .height = SIZE, .width = SIZE, .memory_limit = 1});
    ck_assert_ptr_null(plan);
    ck_assert_int_eq(hl_error_status(hl), HL_USAGE);
    const char *figure = strstr(hl_error(hl), "at least ");
    ck_assert_msg(figure != NULL, "%s", hl_error(hl));
    return (size_t)((strtod(figure + 9, NULL) + 0.5) * 1e6);
}

START_TEST(less_memory_same_bits) {
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    hl_graph *graph = hl_net(hl, nets[_i].net, &nets[_i].options);
    size_t all = bytes_of(hl, graph, 0), least = least_of(hl, graph);
    ck_assert_msg(least < all, "%s: at least %zu of %zu", nets[_i].net, least, all);
    double loss, other;
    int again;
    hl_params *params = train(hl, graph, 0, &loss, &again);
    ck_assert_int_eq(again, 0);
    const size_t limits[] = {(all + least) / 2, least};
    for (int l = 0; l < 2; l++) {
        size_t bytes = bytes_of(hl, graph, limits[l]);
        ck_assert_msg(bytes <= limits[l], "%s: %zu under a limit of %zu", nets[_i].net, bytes, limits[l]);
        hl_params *limited = train(hl, graph, limits[l], &other, &again);
        ck_assert_int_gt(again, 0);
        ck_assert_msg(loss == other, "%s: a loss of %.17g, under a limit %.17g", nets[_i].net, loss, other);
        for (int i = 0; i < params->count; i++) {
            size_t size = (size_t)params->list[i].count * sizeof(float);
            ck_assert_msg(!memcmp(params->list[i].data, limited->list[i].data, size), "%s: %s differs under a limit", nets[_i].net, params->list[i].spec.name);
        }
        hl_params_free(limited);
    }
    hl_params_free(params), hl_graph_free(graph), hl_close(hl);
}
END_TEST

/* Inference does without kept kernels, and no further. */
START_TEST(inference_gives_up_kept_kernels) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_net(hl, "unet-resnet34", &(hl_net_options){.width = 0.25});
    hl_plan_options o = {.mode = HL_INFER, .batch = 1, .height = SIZE, .width = SIZE, .keep_kernels = true};
    hl_plan *kept = hl_plan_dry(graph, HL_F32, &o);
    o.keep_kernels = false;
    hl_plan *plain = hl_plan_dry(graph, HL_F32, &o);
    ck_assert_uint_lt(hl_plan_bytes(plain), hl_plan_bytes(kept));
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
    size_t weights = 0;
    for (int i = 0; i < params->count; i++) weights += (size_t)params->list[i].count * sizeof(float);
    o.keep_kernels = true, o.memory_limit = weights + hl_plan_bytes(plain);
    hl_plan *limited = hl_plan_dry(graph, HL_F32, &o);
    ck_assert_msg(limited != NULL, "%s", hl_error(hl));
    ck_assert_uint_eq(hl_plan_bytes(limited), hl_plan_bytes(plain));
    o.memory_limit--;
    ck_assert_ptr_null(hl_plan_dry(graph, HL_F32, &o));
    ck_assert_int_eq(hl_error_status(hl), HL_USAGE);
    hl_plan_free(limited), hl_plan_free(plain), hl_plan_free(kept), hl_params_free(params), hl_graph_free(graph), hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("limit");
    TCase *tcase = slow_case(suite, "limit");
    tcase_add_loop_test(tcase, less_memory_same_bits, 0, NETS);
    tcase_add_test(tcase, inference_gives_up_kept_kernels);
    return run_suite(suite);
}
