/* Plans: the arena, sticking errors, smaller batches, no allocation in a step, one result on any number of threads. */
#include <stdatomic.h>
#include <string.h>

#include "graph/plan.h"
#include "harness.h"
#include "hilum/nets.h"

/* --- counting allocations: the program's own malloc family stands before the C library's ------------------------------ */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_long allocations;

#ifndef __SANITIZE_ADDRESS__
void *malloc(size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
    atomic_fetch_add(&allocations, 1);
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}
#endif

typedef struct rig {
    hl_context *hl;
    hl_graph *graph;
    hl_params *params;
    hl_plan *plan;
    hl_adam *adam;
    float *images, *masks;
    int batch, size;
} rig;

/* Nets with all that a plan can do: joins, dense blocks, depthwise convolutions behind norms. */
static const char *const nets[] = {"unet-vgg16", "unet-densenet121", "linknet-efficientnetb0"};
enum { NETS = sizeof nets / sizeof *nets };

static rig open_rig(const char *net, int threads, double width, int batch, int size) {
    rig r = {.hl = hl_open(&(hl_options){.threads = threads}), .batch = batch, .size = size};
    r.graph = hl_net(r.hl, net, &(hl_net_options){.width = width});
    r.params = hl_params_init(r.graph, HL_INIT_HE, 7);
    r.plan = hl_compile(r.graph, r.params, &(hl_plan_options){.mode = HL_TRAIN, .batch = batch, .height = size, .width = size});
    ck_assert_msg(r.plan != NULL, "%s", hl_error(r.hl));
    r.adam = hl_adam_new(r.params, NULL);
    size_t pixels = (size_t)batch * (size_t)size * (size_t)size;
    r.images = malloc(pixels * 3 * sizeof(float));
    r.masks = malloc(pixels * sizeof(float));
    for (size_t i = 0; i < pixels * 3; i++) r.images[i] = (float)(i * 7919 % 1009) / 1009;
    for (size_t i = 0; i < pixels; i++) r.masks[i] = i % 100 < 30;
    return r;
}

static void close_rig(rig *r) {
    free(r->images);
    free(r->masks);
    hl_adam_free(r->adam);
    hl_plan_free(r->plan);
    hl_params_free(r->params);
    hl_graph_free(r->graph);
    hl_close(r->hl);
}

START_TEST(steps_allocate_nothing) {
    rig r = open_rig(nets[_i], 2, 0.25, 2, 64);
    double first, loss = 0;
    ck_ok(r.hl, hl_train_step(r.plan, r.adam, 1e-3, r.images, r.masks, r.batch, &first));
#ifndef __SANITIZE_ADDRESS__
    ck_assert_int_gt(atomic_load(&allocations), 0); /* the count counts */
#endif
    long before = atomic_load(&allocations);
    hl_status status = HL_OK; /* looked at afterwards: Check's own assertions allocate */
    for (int k = 2; k <= 10 && !status; k++) status = hl_train_step(r.plan, r.adam, 1e-3, r.images, r.masks, r.batch - (k & 1), &loss);
    long after = atomic_load(&allocations);
    ck_ok(r.hl, status);
    ck_assert_int_eq(after, before);
    ck_assert_double_lt(loss, first);
    close_rig(&r);
}
END_TEST

START_TEST(same_bits_on_any_threads) {
    double losses[3][4];
    double *weights[3];
    for (int t = 0; t < 3; t++) {
        rig r = open_rig(nets[_i], t + 1, 0.25, 3, 64);
        for (int k = 0; k < 4; k++) ck_ok(r.hl, hl_train_step(r.plan, r.adam, 1e-3, r.images, r.masks, 3 - k % 2, &losses[t][k]));
        int last = hl_params_count(r.params) - 1, total = 0;
        for (int i = 0; i <= last; i++) total += (int)hl_param_elements(r.params, i);
        weights[t] = malloc(sizeof(double) * (size_t)total);
        for (int i = 0, at = 0; i <= last; at += (int)hl_param_elements(r.params, i), i++) hl_param_read(r.params, i, weights[t] + at);
        if (t > 0) ck_assert_mem_eq(weights[t], weights[0], sizeof(double) * (size_t)total);
        if (t > 0) ck_assert_mem_eq(losses[t], losses[0], sizeof losses[0]);
        close_rig(&r);
    }
    for (int t = 0; t < 3; t++) free(weights[t]);
}
END_TEST

/* A smaller batch in a large plan gives what a plan of its own gives. */
START_TEST(smaller_batches) {
    rig large = open_rig(nets[_i], 2, 0.125, 5, 32), small = open_rig(nets[_i], 2, 0.125, 2, 32);
    double a, b;
    ck_ok(large.hl, hl_train_step(large.plan, large.adam, 1e-3, large.images, large.masks, 5, &a));
    close_rig(&large);
    large = open_rig(nets[_i], 2, 0.125, 5, 32);
    ck_ok(large.hl, hl_train_step(large.plan, large.adam, 1e-3, large.images, large.masks, 2, &a));
    ck_ok(small.hl, hl_train_step(small.plan, small.adam, 1e-3, small.images, small.masks, 2, &b));
    ck_assert_double_eq_tol(a, b, _i ? 1e-4 : 1e-6); /* norms of a few pixels enlarge what kernels for other batches round otherwise */
    ck_assert_int_eq(hl_train_step(small.plan, small.adam, 1e-3, small.images, small.masks, 3, &b), HL_USAGE);
    close_rig(&large);
    close_rig(&small);
}
END_TEST

typedef struct counts {
    int through, leaving, depthwise, measured;
} counts;
static counts count_of(const hl_plan *plan) {
    counts c = {0};
    for (int i = 0; i < plan->count; i++) {
        const hl_plan_node *n = &plan->nodes[i];
        c.through += n->through >= 0, c.leaving += n->leaves >= 0, c.measured += n->measured >= 0;
        if (n->through < 0) continue;
        hl_conv conv = plan->graph->nodes[i]->op->geometry(&n->step);
        c.depthwise += conv.groups > 1;
    }
    return c;
}

/* What makes gradients and statistics cheap is found: in DenseNet121's 58 layers, of which the first of each of 4 blocks leaves nothing to another,
 * and before those of EfficientNetB0's 16 depthwise convolutions whose input is no skip. In inference nothing is. */
START_TEST(norms_share_their_work) {
    hl_context *hl = hl_open(NULL);
    for (int i = 0; i < NETS; i++) {
        hl_graph *graph = hl_net(hl, nets[i], &(hl_net_options){0});
        hl_plan *train = hl_plan_dry(graph, HL_F32, &(hl_plan_options){.mode = HL_TRAIN, .batch = 2, .height = 64, .width = 64});
        hl_plan *infer = hl_plan_dry(graph, HL_F32, &(hl_plan_options){.mode = HL_INFER, .batch = 2, .height = 64, .width = 64});
        ck_assert_msg(train && infer, "%s", hl_error(hl));
        counts c = count_of(train), none = count_of(infer);
        if (i == 1) ck_assert(c.through >= 58 && c.leaving >= 54 && c.measured >= 58);
        if (i == 2) ck_assert(c.depthwise == 12 && c.measured >= 32);
        ck_assert(!none.through && !none.leaving && !none.measured);
        hl_plan_free(train), hl_plan_free(infer), hl_graph_free(graph);
    }
    hl_close(hl);
}
END_TEST

static void predict_both(hl_plan *plan, hl_plan *keeping, const float *images, int count) {
    float probabilities[2][2 * 64 * 64];
    ck_assert_int_eq(hl_predict(plan, images, count, probabilities[0]), HL_OK);
    ck_assert_int_eq(hl_predict(keeping, images, count, probabilities[1]), HL_OK);
    ck_assert_mem_eq(probabilities[0], probabilities[1], sizeof(float) * (size_t)count * 64 * 64);
}

/* Kernels that are kept are those of the parameters as they are, after every step. */
START_TEST(kept_kernels_follow_the_parameters) {
    rig r = open_rig("unet-vgg16", 2, 0.25, 2, 64);
    hl_plan_options o = {.mode = HL_INFER, .batch = 2, .height = 64, .width = 64};
    hl_plan *plan = hl_compile(r.graph, r.params, &o);
    o.keep_kernels = true;
    hl_plan *keeping = hl_compile(r.graph, r.params, &o);
    ck_assert(plan && keeping);
    ck_assert_uint_gt(hl_plan_bytes(keeping), hl_plan_bytes(plan));
    for (int k = 0; k < 3; k++) {
        predict_both(plan, keeping, r.images, 2 - k % 2);
        ck_ok(r.hl, hl_train_step(r.plan, r.adam, 1e-3, r.images, r.masks, 2, NULL));
    }
    predict_both(plan, keeping, r.images, 2);
    hl_plan_free(plan);
    hl_plan_free(keeping);
    close_rig(&r);
}
END_TEST

/* Squeeze-excite's factors, and the averages they come from, are an image's own, though none of its maps is stored as the graph has it. */
START_TEST(images_apart) {
    enum { SIZE = 64, COUNT = 3 };
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    hl_graph *graph = hl_net(hl, "linknet-efficientnetb1", &(hl_net_options){.width = 0.25});
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 7);
    hl_plan *together = hl_compile(graph, params, &(hl_plan_options){.mode = HL_INFER, .batch = COUNT + 1, .height = SIZE, .width = SIZE});
    hl_plan *alone = hl_compile(graph, params, &(hl_plan_options){.mode = HL_INFER, .batch = 1, .height = SIZE, .width = SIZE});
    ck_assert_msg(together && alone, "%s", hl_error(hl));
    int scales = 0, averages = 0;
    for (int i = 0; i < together->count; i++) {
        const hl_op *op = graph->nodes[i]->op;
        scales += (op->needs & HL_SCALES) && together->nodes[i].unstored;
        averages += (op->needs & HL_AVERAGES) && together->nodes[i].averages >= 0;
    }
    ck_assert_int_eq(scales, 23);
    ck_assert_int_eq(averages, 23);
    static float images[COUNT][SIZE * SIZE * 3], all[COUNT][SIZE * SIZE], one[SIZE * SIZE];
    for (int i = 0; i < COUNT; i++) /* each darker than the one before */
        for (int k = 0; k < SIZE * SIZE * 3; k++) images[i][k] = (float)((k * 7919 + i * 31) % 1009) / 1009 / (float)(1 << 2 * i);
    ck_ok(hl, hl_predict(together, images[0], COUNT, all[0]));
    for (int i = 0; i < COUNT; i++) {
        ck_ok(hl, hl_predict(alone, images[i], 1, one));
        for (int k = 0; k < SIZE * SIZE; k++) ck_assert_double_eq_tol((double)all[i][k], (double)one[k], 1e-4);
    }
    hl_plan_free(together), hl_plan_free(alone);
    hl_params_free(params), hl_graph_free(graph), hl_close(hl);
}
END_TEST

/* Forty layers in inference need two or three maps, not forty. */
START_TEST(deep_chain) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_graph_new(hl);
    hl_value *x = hl_input(graph, 8);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        x = hl_relu(graph, hl_conv2d(graph, x, name, 8, 3));
    }
    hl_output(graph, x);
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
    hl_plan *infer = hl_compile(graph, params, &(hl_plan_options){.mode = HL_INFER, .batch = 4, .height = 64, .width = 64});
    hl_plan *train = hl_compile(graph, params, &(hl_plan_options){.mode = HL_TRAIN, .batch = 4, .height = 64, .width = 64});
    ck_assert_msg(infer && train, "%s", hl_error(hl));
    size_t map = 4 * 64 * 64 * 8 * sizeof(float);
    ck_assert_uint_lt(hl_plan_bytes(infer), hl_plan_bytes_unshared(infer) / 8);
    ck_assert_uint_ge(hl_plan_bytes(infer), 2 * map);
    ck_assert_uint_lt(hl_plan_bytes(train), hl_plan_bytes_unshared(train) * 2 / 3);
    ck_assert_uint_ge(hl_plan_bytes(train), 40 * map); /* backward needs them all */
    hl_plan_free(infer);
    hl_plan_free(train);
    hl_params_free(params);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

/* No two items that live at the same time overlap, whatever their sizes and lives. */
START_TEST(arena_never_overlaps) {
    hl_context *hl = hl_open(NULL);
    for (unsigned round = 0; round < 50; round++) {
        hl_arena arena = {0};
        unsigned state = round * 2654435761u + 1;
        for (int i = 0; i < 60; i++) {
            state = state * 1664525u + 1013904223u;
            int first = (int)(state >> 8) % 50, length = (int)(state >> 16) % 20;
            ck_assert_int_eq(hl_arena_add(hl, &arena, (state >> 4) % 5000, first, first + length), i);
        }
        ck_ok(hl, hl_arena_place(hl, &arena));
        for (size_t i = 0; i < arena.count; i++)
            for (size_t k = 0; k < i; k++) {
                const hl_item *a = &arena.items[i], *b = &arena.items[k];
                bool together = a->first <= b->last && b->first <= a->last;
                bool overlap = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
                ck_assert(!(together && overlap));
            }
        ck_assert_uint_le(arena.bytes, arena.unshared);
        free(arena.items);
    }
    hl_close(hl);
}
END_TEST

static void check_refused(hl_context *hl, hl_graph *graph, const char *expected) {
    ck_assert_ptr_null(hl_params_init(graph, HL_INIT_HE, 0));
    ck_assert_msg(strstr(hl_error(hl), expected) != NULL, "\"%s\" does not say \"%s\"", hl_error(hl), expected);
    hl_graph_free(graph);
}

START_TEST(errors_stick) {
    hl_context *hl = hl_open(NULL);
    hl_graph *g = hl_graph_new(hl);
    hl_value *x = hl_input(g, 3);
    hl_output(g, hl_relu(g, hl_conv2d(g, hl_add(g, x, hl_conv2d(g, x, "first", 4, 3)), "second", 4, 3)));
    check_refused(hl, g, "layer add: 3 channels");
    g = hl_graph_new(hl);
    x = hl_input(g, 3);
    hl_output(g, hl_conv2d(g, hl_conv2d(g, x, "same", 3, 3), "same", 3, 3));
    check_refused(hl, g, "layer same: the name is used twice");
    g = hl_graph_new(hl);
    x = hl_convolution(g, hl_input(g, 3), "grouped", &(hl_conv_options){.channels = 4, .kernel_h = 3, .kernel_w = 3, .groups = 2});
    ck_assert_ptr_null(x);
    hl_output(g, hl_relu(g, x));
    check_refused(hl, g, "layer grouped: 3 and 4 channels do not divide into 2 groups");
    g = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = 0.125});
    hl_params *params = hl_params_init(g, HL_INIT_HE, 0);
    ck_assert_ptr_null(hl_compile(g, params, &(hl_plan_options){.mode = HL_INFER, .batch = 1, .height = 48, .width = 64}));
    ck_assert_msg(strstr(hl_error(hl), "48x64") != NULL, "%s", hl_error(hl));
    hl_params_free(params);
    hl_graph_free(g);
    ck_assert_ptr_null(hl_net(hl, "unet-vgg17", NULL));
    ck_assert_msg(strstr(hl_error(hl), "vgg16") != NULL, "%s", hl_error(hl));
    hl_close(hl);
}
END_TEST

START_TEST(unknown_isa) {
    hl_context *hl = hl_open(&(hl_options){.isa = "mmx"});
    hl_graph *g = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = 0.125});
    hl_params *params = hl_params_init(g, HL_INIT_HE, 0);
    ck_assert_ptr_null(hl_compile(g, params, &(hl_plan_options){.mode = HL_INFER, .batch = 1, .height = 32, .width = 32}));
    ck_assert_msg(strstr(hl_error(hl), "mmx") != NULL, "%s", hl_error(hl));
    hl_params_free(params);
    hl_graph_free(g);
    hl_close(hl);
}
END_TEST

static void check_uncompiled(hl_graph *graph, hl_dtype dtype, hl_mode mode, const char *expected) {
    ck_assert_ptr_null(hl_plan_dry(graph, dtype, &(hl_plan_options){.mode = mode, .batch = 1, .height = 32, .width = 32, .precision = HL_BF16}));
    ck_assert_int_eq(hl_error_status(graph->hl), HL_USAGE);
    ck_assert_msg(strstr(hl_error(graph->hl), expected) != NULL, "\"%s\" does not say \"%s\"", hl_error(graph->hl), expected);
}

/* bf16 is of training, of parameters in float, and of machines that have what it takes. */
START_TEST(bf16_where_it_can_be) {
    static const char *const isas[] = {"avx2", NULL};
    for (int i = 0; i < 2; i++) {
        hl_context *hl = hl_open(&(hl_options){.isa = isas[i]});
        hl_graph *g = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = 0.125});
        check_uncompiled(g, HL_F32, HL_INFER, "prediction is in fp32");
        check_uncompiled(g, HL_F64, HL_TRAIN, "in double");
        const char *lacks = hl_bf16_lacks(hl);
        hl_plan_options o = {.mode = HL_TRAIN, .batch = 1, .height = 32, .width = 32, .precision = HL_BF16};
        if (lacks) check_uncompiled(g, HL_F32, HL_TRAIN, lacks);
        hl_plan *plan = lacks ? NULL : hl_plan_dry(g, HL_F32, &o);
        ck_assert_msg(lacks || plan, "%s", hl_error(hl));
        hl_plan_free(plan);
        hl_graph_free(g);
        hl_close(hl);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan");
    TCase *tcase = slow_case(suite, "plan");
    tcase_add_loop_test(tcase, steps_allocate_nothing, 0, NETS);
    tcase_add_loop_test(tcase, same_bits_on_any_threads, 0, NETS);
    tcase_add_loop_test(tcase, smaller_batches, 0, NETS);
    tcase_add_test(tcase, norms_share_their_work);
    tcase_add_test(tcase, kept_kernels_follow_the_parameters);
    tcase_add_test(tcase, images_apart);
    tcase_add_test(tcase, deep_chain);
    tcase_add_test(tcase, arena_never_overlaps);
    tcase_add_test(tcase, errors_stick);
    tcase_add_test(tcase, unknown_isa);
    tcase_add_test(tcase, bf16_where_it_can_be);
    return run_suite(suite);
}
