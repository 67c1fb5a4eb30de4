/* Nets of several classes: their loss by hand, the loss that fits them, training and probabilities. */
#include <math.h>
#include <string.h>

#include "graph/plan.h"
#include "harness.h"
#include "hilum/nets.h"

/* A net whose logits are its input: a 1 x 1 convolution by the unit matrix. */
static hl_plan *unit_net(hl_context *hl, hl_graph **graph, hl_params **params, int classes, int width, hl_mode mode, hl_dtype dtype) {
    *graph = hl_graph_new(hl);
    hl_output(*graph, hl_conv2d(*graph, hl_input(*graph, classes), "unit", classes, 1));
    *params = hl_params_init_as(*graph, dtype, HL_INIT_HE, 0);
    double kernel[25] = {0};
    for (int c = 0; c < classes; c++) kernel[c * classes + c] = 1;
    hl_param_write(*params, hl_param_find(*params, "unit/kernel"), kernel);
    hl_plan *plan = hl_compile(*graph, *params, &(hl_plan_options){.mode = mode, .batch = 1, .height = 1, .width = width});
    ck_assert_msg(plan != NULL, "%s", hl_error(hl));
    return plan;
}

static void close_net(hl_plan *plan, hl_graph *graph, hl_params *params) {
    hl_plan_free(plan);
    hl_params_free(params);
    hl_graph_free(graph);
}

/* Three classes on two pixels with probabilities 1/2, 1/4, 1/4 and 1/8, 3/4, 1/8; the truth is 0 and 1, nothing is 2. */
START_TEST(the_loss_by_hand) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph;
    hl_params *params;
    hl_plan *plan = unit_net(hl, &graph, &params, 3, 2, HL_TRAIN, HL_F64);
    const double logits[] = {log(4), log(2), log(2), log(1), log(6), log(1)}, truth[] = {0, 1};
    hl_plan_forward(plan, logits, 1);
    double cross_entropy = (log(2) + log(4.0 / 3)) / 2;
    double dice0 = (2 * 0.5 + 1) / (0.625 + 1 + 1), dice1 = (2 * 0.75 + 1) / (1 + 1 + 1), dice2 = 1 / (0.375 + 1);
    ck_assert_double_eq_tol(hl_plan_loss(plan, truth), cross_entropy + 1 - (dice0 + dice1 + dice2) / 3, 1e-14);
    close_net(plan, graph, params);
    hl_close(hl);
}
END_TEST

static hl_plan *compile_with(hl_graph *graph, hl_params *params, const char *loss) {
    return hl_compile(graph, params, &(hl_plan_options){.mode = HL_TRAIN, .batch = 1, .height = 32, .width = 32, .loss = loss});
}

static void check_refused(hl_context *hl, hl_graph *graph, hl_params *params, const char *loss, const char *expected) {
    ck_assert_ptr_null(compile_with(graph, params, loss));
    ck_assert_int_eq(hl_error_status(hl), HL_USAGE);
    ck_assert_msg(strstr(hl_error(hl), expected) != NULL, "\"%s\" does not say \"%s\"", hl_error(hl), expected);
}

START_TEST(the_loss_fits_the_logits) {
    hl_context *hl = hl_open(NULL);
    static const char *const fitting[] = {NULL, "bce+dice", "ce+dice", "ce+dice"};
    for (int classes = 1; classes <= 3; classes++) {
        hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.classes = classes, .width = 0.125});
        hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
        hl_plan *plan = compile_with(graph, params, NULL), *named = compile_with(graph, params, fitting[classes]);
        ck_assert_msg(plan && named, "%s", hl_error(hl));
        ck_assert_str_eq(plan->loss->name, fitting[classes]);
        ck_assert_str_eq(named->loss->name, fitting[classes]);
        if (classes == 1) check_refused(hl, graph, params, "ce+dice", "two channels of logits or more, the net gives 1");
        else check_refused(hl, graph, params, "bce+dice", classes == 2 ? "the net gives 2" : "the net gives 3");
        check_refused(hl, graph, params, "hinge", "\"hinge\" is unknown");
        hl_plan_free(named);
        close_net(plan, graph, params);
    }
    hl_close(hl);
}
END_TEST

START_TEST(the_net_ends_in_its_classes) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.classes = 3, .width = 0.125});
    ck_assert_msg(graph != NULL, "%s", hl_error(hl));
    hl_params *params = hl_params_init(graph, HL_INIT_KERAS, 0);
    int kernel = hl_param_find(params, "final_conv/kernel");
    ck_assert_int_eq(hl_param_elements(params, kernel), 3 * 8 * 9);
    ck_assert_int_eq(hl_param_elements(params, hl_param_find(params, "final_conv/bias")), 3);
    double values[3 * 8 * 9], largest = 0, limit = sqrt(6.0 / (9 * (8 + 3))); /* Glorot's, of 8 channels in and 3 out */
    hl_param_read(params, kernel, values);
    for (int i = 0; i < 3 * 8 * 9; i++) largest = fmax(largest, fabs(values[i]));
    ck_assert_msg(largest <= limit && largest > 0.9 * limit, "%g, the limit is %g", largest, limit);
    hl_params_free(params);
    hl_graph_free(graph);
    ck_assert_ptr_null(hl_net(hl, "unet-vgg16", &(hl_net_options){.classes = -1}));
    ck_assert_int_eq(hl_error_status(hl), HL_USAGE);
    hl_close(hl);
}
END_TEST

START_TEST(probabilities_add_up_to_one) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph;
    hl_params *params;
    hl_plan *plan = unit_net(hl, &graph, &params, 3, 2, HL_INFER, HL_F32);
    const float logits[2][6] = {{logf(4), logf(2), logf(2), 0, logf(6), 0}, {1, 1, 1, 500, 0, -500}};
    const float expected[12] = {0.5f, 0.25f, 0.25f, 0.125f, 0.75f, 0.125f, 1 / 3.0f, 1 / 3.0f, 1 / 3.0f, 1, 0, 0};
    float found[12];
    ck_ok(hl, hl_predict(plan, logits[0], 2, found)); /* one at a time: the plan's batch is 1 */
    for (int i = 0; i < 12; i++) ck_assert_float_eq_tol(found[i], expected[i], 1e-6f);
    close_net(plan, graph, params);
    hl_close(hl);
}
END_TEST

enum { SIZE = 32, PIXELS = SIZE * SIZE };

/* A bright square on the left is class 1, on the right class 2: what a pixel's own value cannot tell. */
static void draw(float *images, float *truth) {
    for (int i = 0; i < 2 * PIXELS; i++) {
        int n = i / PIXELS, y = i % PIXELS / SIZE, x = i % SIZE;
        bool inside = y >= 4 + 8 * n && y < 16 + 8 * n && x % 16 >= 3 && x % 16 < 13;
        truth[i] = inside ? (float)(1 + x / 16) : 0;
        for (int c = 0; c < 3; c++) images[3 * i + c] = inside ? 0.8f : 0.1f + 0.01f * (float)(x % 7);
    }
}

/* Trains `steps` steps: the losses of the first and the last of them, and the probabilities after it. */
static void train(int threads, int steps, double losses[2], float *probabilities, float *truth) {
    static float images[2 * PIXELS * 3];
    hl_context *hl = hl_open(&(hl_options){.threads = threads});
    draw(images, truth);
    hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.classes = 3, .width = 0.125});
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 1);
    hl_plan_options o = {.mode = HL_TRAIN, .batch = 2, .height = SIZE, .width = SIZE}, infer = o;
    infer.mode = HL_INFER;
    hl_plan *plan = hl_compile(graph, params, &o), *reader = hl_compile(graph, params, &infer);
    hl_adam *adam = hl_adam_new(params, NULL);
    ck_assert_msg(plan && reader && adam, "%s", hl_error(hl));
    for (int k = 0; k < steps; k++) ck_ok(hl, hl_train_step(plan, adam, 3e-3, images, truth, 2, &losses[k > 0]));
    ck_ok(hl, hl_predict(reader, images, 2, probabilities));
    hl_adam_free(adam);
    hl_plan_free(reader);
    close_net(plan, graph, params);
    hl_close(hl);
}

START_TEST(three_classes_are_learnt) {
    static float probabilities[2 * PIXELS * 3], truth[2 * PIXELS];
    double losses[2];
    train(2, 60, losses, probabilities, truth);
    ck_assert_double_lt(losses[1], losses[0] / 4);
    int right = 0;
    for (int i = 0; i < 2 * PIXELS; i++) {
        const float *p = &probabilities[3 * i];
        int best = p[1] > p[0] ? 1 : 0;
        if (p[2] > p[best]) best = 2;
        right += best == (int)truth[i];
        ck_assert_float_eq_tol(p[0] + p[1] + p[2], 1, 1e-5f);
    }
    ck_assert_msg(right > 2 * PIXELS * 9 / 10, "%d of %d pixels", right, 2 * PIXELS);
}
END_TEST

START_TEST(same_bits_on_any_threads) {
    static float probabilities[3][2 * PIXELS * 3], truth[2 * PIXELS];
    double losses[3][2];
    for (int t = 0; t < 3; t++) train(t + 1, 3, losses[t], probabilities[t], truth);
    for (int t = 1; t < 3; t++) {
        ck_assert_mem_eq(losses[t], losses[0], sizeof losses[0]);
        ck_assert_mem_eq(probabilities[t], probabilities[0], sizeof probabilities[0]);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("classes");
    TCase *tcase = slow_case(suite, "classes");
    tcase_add_test(tcase, the_loss_by_hand);
    tcase_add_test(tcase, the_loss_fits_the_logits);
    tcase_add_test(tcase, the_net_ends_in_its_classes);
    tcase_add_test(tcase, probabilities_add_up_to_one);
    tcase_add_test(tcase, three_classes_are_learnt);
    tcase_add_test(tcase, same_bits_on_any_threads);
    return run_suite(suite);
}
