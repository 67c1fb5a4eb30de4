/* Plans in bf16: what they keep so, how near their gradients come to those in float, the same bits on any number of threads and under a limit on memory. */
#include <math.h>
#include <string.h>

#include "graph/plan.h"
#include "harness.h"
#include "hilum/nets.h"

static const char *const nets[] = {"unet-vgg16", "unet-resnet34", "linknet-resnet50", "unet-densenet121", "linknet-efficientnetb0"};
enum { NETS = sizeof nets / sizeof *nets, BATCH = 3, SIZE = 96 };

typedef struct rig {
    hl_context *hl;
    hl_graph *graph;
    hl_params *params;
    hl_plan *plan;
    hl_adam *adam;
    float *images, *masks;
} rig;

static bool bf16_here(void) {
    hl_context *hl = hl_open(NULL);
    bool here = !hl_bf16_lacks(hl);
    hl_close(hl);
    return here;
}

static rig open_rig(const char *net, int threads, hl_precision precision, size_t limit) {
    rig r = {.hl = hl_open(&(hl_options){.threads = threads})};
    r.graph = hl_net(r.hl, net, &(hl_net_options){.width = 0.25});
    r.params = hl_params_init(r.graph, HL_INIT_HE, 7);
    hl_plan_options options = {.mode = HL_TRAIN, .batch = BATCH, .height = SIZE, .width = SIZE, .keep_gradients = true, .precision = precision, .memory_limit = limit};
    r.plan = hl_compile(r.graph, r.params, &options);
    ck_assert_msg(r.plan != NULL, "%s", hl_error(r.hl));
    r.adam = hl_adam_new(r.params, NULL);
    size_t pixels = (size_t)BATCH * SIZE * SIZE;
    r.images = malloc(pixels * 3 * sizeof(float)), r.masks = malloc(pixels * sizeof(float));
    ck_assert(r.images && r.masks);
    for (size_t i = 0; i < pixels * 3; i++) r.images[i] = (float)(i * 7919 % 1009) / 1009 * (float)(1 + i / 3 / SIZE % SIZE) / SIZE;
    for (size_t i = 0; i < pixels; i++) r.masks[i] = i / SIZE % SIZE > SIZE / 2 && i % 100 < 70;
    return r;
}

static void close_rig(rig *r) {
    free(r->images), free(r->masks);
    hl_adam_free(r->adam), hl_plan_free(r->plan), hl_params_free(r->params), hl_graph_free(r->graph), hl_close(r->hl);
}

/* How far the gradient of the last `count` parameters is from another, over the other's length. */
static double apart(const rig *a, const rig *b, int count) {
    double away = 0, size = 0;
    for (int i = hl_params_count(a->params) - count; i < hl_params_count(a->params); i++) {
        const float *x = hl_plan_param_gradient(a->plan, i), *y = hl_plan_param_gradient(b->plan, i);
        ck_assert(!x == !y);
        for (int64_t k = 0; x && k < hl_param_elements(a->params, i); k++) {
            double d = (double)x[k] - (double)y[k];
            away += d * d, size += (double)y[k] * (double)y[k];
        }
    }
    return sqrt(away / size);
}

static size_t value_bytes(const rig *r) {
    hl_profile profile;
    ck_ok(r->hl, hl_plan_profile(r->plan, &profile));
    return profile.bytes_values;
}

/* Of the gradient of all parameters. */
static double length(const rig *r) {
    double size = 0;
    for (int i = 0; i < hl_params_count(r->params); i++) {
        const float *x = hl_plan_param_gradient(r->plan, i);
        for (int64_t k = 0; x && k < hl_param_elements(r->params, i); k++) size += (double)x[k] * (double)x[k];
    }
    return sqrt(size);
}

/* Of the last layers: further up ReLUs, and norms of few pixels, make much of little, of a hundredth of noise in the images too. Of all together
 * the length is. */
START_TEST(gradients_are_near) {
    if (!bf16_here()) return;
    rig half = open_rig(nets[_i], 2, HL_BF16, 0), whole = open_rig(nets[_i], 2, HL_FP32, 0);
    double losses[2];
    ck_ok(half.hl, hl_train_step(half.plan, NULL, 0, half.images, half.masks, BATCH, &losses[0]));
    ck_ok(whole.hl, hl_train_step(whole.plan, NULL, 0, whole.images, whole.masks, BATCH, &losses[1]));
    double away = apart(&half, &whole, 3), ratio = length(&half) / length(&whole);
    ck_assert_double_eq_tol(losses[0], losses[1], 1e-2 * losses[1]);
    ck_assert_double_lt(away, 0.1);
    ck_assert_double_gt(away, 1e-5); /* bf16 it is */
    ck_assert_double_eq_tol(log2(ratio), 0, 1);
    ck_assert_uint_lt(value_bytes(&half), value_bytes(&whole) * 7 / 10);
    close_rig(&half), close_rig(&whole);
}
END_TEST

static double *all_parameters(const rig *r, size_t *count) {
    *count = 0;
    for (int i = 0; i < hl_params_count(r->params); i++) *count += (size_t)hl_param_elements(r->params, i);
    double *values = malloc(*count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0, at = 0; i < hl_params_count(r->params); at += hl_param_elements(r->params, (int)i), i++) hl_param_read(r->params, (int)i, values + at);
    return values;
}

/* The parameters after some steps. Owner: the caller, free. */
static double *trained(const char *net, int threads, size_t limit, size_t *count, double *loss) {
    rig r = open_rig(net, threads, HL_BF16, limit);
    double first;
    for (int k = 0; k < 6; k++) ck_ok(r.hl, hl_train_step(r.plan, r.adam, 1e-3, r.images, r.masks, BATCH - k % 2, k ? loss : &first));
    ck_assert_double_lt(*loss, first);
    double *values = all_parameters(&r, count);
    close_rig(&r);
    return values;
}

START_TEST(same_bits_on_any_threads_and_in_less_memory) {
    if (!bf16_here()) return;
    rig r = open_rig(nets[_i], 1, HL_BF16, 0);
    size_t count, least = hl_plan_bytes(r.plan);
    double loss, *first = trained(nets[_i], 1, 0, &count, &loss);
    for (int i = 0; i < hl_params_count(r.params); i++) least += 3 * sizeof(float) * (size_t)hl_param_elements(r.params, i);
    for (int threads = 1; threads <= 3; threads++) {
        bool less = threads == 1 && _i != 1; /* there unet-resnet34 has nothing to give */
        double other_loss, *other = trained(nets[_i], threads, less ? least - least / 100 : 0, &count, &other_loss);
        ck_assert_msg(other_loss == loss, "threads %d: %.9g %.9g", threads, other_loss, loss);
        ck_assert_mem_eq(other, first, count * sizeof *first);
        free(other);
    }
    free(first);
    close_rig(&r);
}
END_TEST

/* Of VGG's decoder and encoder all that convolutions write, where their kernels can, but the logits; not the image, nor any gradient. */
START_TEST(what_is_kept_so) {
    if (!bf16_here()) return;
    rig r = open_rig("unet-vgg16", 1, HL_BF16, 0);
    int halves = 0;
    for (int i = 0; i < r.plan->count; i++) {
        const hl_plan_node *n = &r.plan->nodes[i];
        bool conv = n->step.node->op == &hl_op_conv;
        if (conv) ck_assert_msg(n->half == (i != r.graph->output && n->step.conv[HL_FORWARD]->writes_half), "%s", r.graph->nodes[i]->name);
        ck_assert(!n->step.out_gradient.half && !n->step.in_gradient[0].half);
        halves += n->half;
    }
    ck_assert_int_ge(halves, 22);
    ck_assert(!r.plan->nodes[r.graph->input].half && !hl_plan_logits(r.plan).half);
    close_rig(&r);
    rig whole = open_rig("unet-vgg16", 1, HL_FP32, 0);
    for (int i = 0; i < whole.plan->count; i++) ck_assert(!whole.plan->nodes[i].half);
    close_rig(&whole);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bf16");
    TCase *tcase = slow_case(suite, "bf16");
    tcase_add_loop_test(tcase, gradients_are_near, 0, NETS);
    tcase_add_loop_test(tcase, same_bits_on_any_threads_and_in_less_memory, 0, NETS);
    tcase_add_test(tcase, what_is_kept_so);
    return run_suite(suite);
}
