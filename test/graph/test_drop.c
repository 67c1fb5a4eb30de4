/* Drop-connect: its rate over many draws, nothing in inference, the same draws on any number of threads. */
#include <math.h>
#include <string.h>

#include "graph/plan.h"
#include "harness.h"
#include "hilum/nets.h"

/* The nodes that drop of EfficientNet-B1: block1b, block2b, ...; the rate the spec gives each is 0.2 b / 16, b its unit's index. */
static const struct {
    const char *name;
    int index;
} units[] = {{"block1b_drop", 1},  {"block2b_drop", 3},  {"block2c_drop", 4},  {"block3b_drop", 6},  {"block3c_drop", 7},  {"block4b_drop", 9},
             {"block4c_drop", 10}, {"block4d_drop", 11}, {"block5b_drop", 13}, {"block5c_drop", 14}, {"block5d_drop", 15}, {"block6b_drop", 17},
             {"block6c_drop", 18}, {"block6d_drop", 19}, {"block6e_drop", 20}, {"block7b_drop", 22}};
enum { UNITS = sizeof units / sizeof *units, DRAWS = 10000, BATCH = 4 };

static hl_context *hl;
static hl_graph *graph;
static hl_params *params;

static void setup(void) {
    hl = hl_open(&(hl_options){.threads = 2});
    graph = hl_net(hl, "unet-efficientnetb1", &(hl_net_options){.width = 0.5}); /* narrower ones have one residual unit more */
    params = hl_params_init(graph, HL_INIT_HE, 1);
    ck_assert_msg(params != NULL, "%s", hl_error(hl));
}
static void teardown(void) {
    hl_params_free(params);
    hl_graph_free(graph);
    hl_close(hl);
}

static hl_plan *compile(hl_mode mode, uint64_t seed) {
    hl_plan *plan = hl_compile(graph, params, &(hl_plan_options){.mode = mode, .batch = BATCH, .height = 32, .width = 32, .seed = seed});
    ck_assert_msg(plan != NULL, "%s", hl_error(hl));
    return plan;
}

static hl_step *find(hl_plan *plan, const char *name) {
    for (int i = 0; i < plan->count; i++)
        if (!strcmp(graph->nodes[i]->name, name)) return &plan->nodes[i].step;
    ck_abort_msg("no layer %s", name);
}

/* 10,000 images in steps of BATCH: the dropped share is within four deviations of the rate, the rest are scaled up. */
START_TEST(the_rate_is_the_schedule) {
    hl_plan *plan = compile(HL_TRAIN, 7);
    int found = 0;
    for (int i = 0; i < plan->count; i++) found += graph->nodes[i]->op == &hl_op_drop_connect;
    ck_assert_int_eq(found, UNITS);
    for (int u = 0; u < UNITS; u++) {
        hl_step *step = find(plan, units[u].name);
        double rate = 0.2 * units[u].index / 16, dropped = 0;
        for (int i = 0; i < DRAWS; i++) {
            step->draw = i / BATCH;
            double factor = hl_drop_factor(step, i % BATCH);
            ck_assert(factor == 0 || fabs(factor - 1 / (1 - rate)) < 1e-12);
            dropped += factor == 0;
        }
        double deviation = sqrt(rate * (1 - rate) / DRAWS);
        ck_assert_msg(fabs(dropped / DRAWS - rate) < 4 * deviation, "%s drops %g, expected %g", units[u].name, dropped / DRAWS, rate);
    }
    hl_plan_free(plan);
}
END_TEST

/* Units, steps, images and seeds draw apart. */
START_TEST(draws_are_independent) {
    hl_plan *plan = compile(HL_TRAIN, 7), *other = compile(HL_TRAIN, 8);
    hl_step *a = find(plan, "block6e_drop"), *b = find(plan, "block7b_drop"), *c = find(other, "block6e_drop");
    int same[3] = {0};
    double before = -1;
    for (int i = 0; i < DRAWS; i++) {
        a->draw = b->draw = c->draw = i;
        bool dropped = hl_drop_factor(a, 0) == 0;
        same[0] += dropped == (hl_drop_factor(b, 0) == 0);
        same[1] += dropped == (hl_drop_factor(c, 0) == 0);
        same[2] += dropped == (before == 0);
        before = hl_drop_factor(a, 1);
    }
    /* At rates about a quarter two independent draws agree in about 0.62 of the cases. */
    for (int k = 0; k < 3; k++) ck_assert_msg(same[k] > 0.57 * DRAWS && same[k] < 0.67 * DRAWS, "pair %d agrees in %d of %d", k, same[k], DRAWS);
    hl_plan_free(plan);
    hl_plan_free(other);
}
END_TEST

START_TEST(nothing_is_dropped_in_inference) {
    hl_plan *plan = compile(HL_INFER, 7);
    for (int u = 0; u < UNITS; u++)
        for (int i = 0; i < 100; i++) {
            hl_step *step = find(plan, units[u].name);
            step->draw = i;
            ck_assert_double_eq(hl_drop_factor(step, 0), 1);
        }
    static float images[BATCH * 32 * 32 * 3], first[BATCH * 32 * 32], again[BATCH * 32 * 32];
    for (int i = 0; i < BATCH * 32 * 32 * 3; i++) images[i] = (float)(i % 97) / 97;
    ck_ok(hl, hl_predict(plan, images, BATCH, first));
    plan->draw = 12345;
    ck_ok(hl, hl_predict(plan, images, BATCH, again));
    ck_assert_int_eq(memcmp(first, again, sizeof first), 0);
    hl_plan_free(plan);
}
END_TEST

/* Weights after five steps on `threads` threads. Owner: the caller. */
static float *trained(int threads, int64_t *count) {
    hl_context *own = hl_open(&(hl_options){.threads = threads});
    hl_graph *g = hl_net(own, "unet-efficientnetb1", &(hl_net_options){.width = 0.125});
    hl_params *p = hl_params_init(g, HL_INIT_KERAS, 3);
    hl_plan *plan = hl_compile(g, p, &(hl_plan_options){.mode = HL_TRAIN, .batch = BATCH, .height = 64, .width = 32, .seed = 9});
    hl_adam *adam = hl_adam_new(p, NULL);
    ck_assert_msg(plan && adam, "%s", hl_error(own));
    static float images[BATCH * 64 * 32 * 3], masks[BATCH * 64 * 32];
    for (int i = 0; i < BATCH * 64 * 32; i++) masks[i] = i % 7 < 2;
    for (int i = 0; i < BATCH * 64 * 32 * 3; i++) images[i] = (float)(i * 31 % 101) / 101;
    for (int k = 0; k < 5; k++) ck_ok(own, hl_train_step(plan, adam, 1e-3, images, masks, BATCH - k % 2, NULL));
    *count = hl_params_elements(p, false);
    float *all = malloc((size_t)*count * sizeof *all), *to = all;
    for (int i = 0; i < hl_params_count(p); to += p->list[i++].count) memcpy(to, p->list[i].data, (size_t)p->list[i].count * sizeof *to);
    hl_adam_free(adam), hl_plan_free(plan), hl_params_free(p), hl_graph_free(g), hl_close(own);
    return all;
}

START_TEST(the_same_bits_on_any_number_of_threads) {
    int64_t count;
    float *one = trained(1, &count);
    for (int threads = 2; threads <= 3; threads++) {
        float *more = trained(threads, &count);
        ck_assert_int_eq(memcmp(one, more, (size_t)count * sizeof *one), 0);
        free(more);
    }
    free(one);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("drop-connect");
    TCase *tcase = slow_case(suite, "drop-connect");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_rate_is_the_schedule);
    tcase_add_test(tcase, draws_are_independent);
    tcase_add_test(tcase, nothing_is_dropped_in_inference);
    tcase_add_test(tcase, the_same_bits_on_any_number_of_threads);
    return run_suite(suite);
}
