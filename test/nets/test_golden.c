/* The nets against their golden vectors: float within what float can give, double to 1e-6 and better. */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "harness.h"
#include "hilum/nets.h"
#include "hilum/params.h"

typedef struct tolerance {
    double eval_logits, train_logits, loss, gradient_worst, gradient_most, moving;
} tolerance;

/* Float: ReLU and max-pool ties and statistics over few values make the worst gradient what it is. */
static const tolerance in_float = {1e-4, 2e-3, 1e-4, 0.15, 1e-2, 1e-4};
static const tolerance in_double = {1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6};

static double number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s is not there", key);
    return item->valuedouble;
}

/* Largest difference of the shown logits over the root mean square of the golden ones. */
static double logits_error(const cJSON *found, const cJSON *golden, const char *key) {
    found = cJSON_GetObjectItemCaseSensitive(found, key), golden = cJSON_GetObjectItemCaseSensitive(golden, key);
    ck_assert_double_eq(number(found, "n"), number(golden, "n"));
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(found, "at"), *b = cJSON_GetObjectItemCaseSensitive(golden, "at");
    ck_assert_int_eq(cJSON_GetArraySize(a), 32);
    double worst = 0;
    for (int i = 0; i < 32; i++) worst = fmax(worst, fabs(cJSON_GetArrayItem(a, i)->valuedouble - cJSON_GetArrayItem(b, i)->valuedouble));
    return worst / (number(golden, "l2") / sqrt(number(golden, "n")));
}

static void check_gradients(const cJSON *found, const cJSON *golden, const tolerance *t) {
    found = cJSON_GetObjectItemCaseSensitive(found, "parameters"), golden = cJSON_GetObjectItemCaseSensitive(golden, "parameters");
    double largest = 0;
    int beyond = 0, count = cJSON_GetArraySize(golden);
    ck_assert_int_eq(cJSON_GetArraySize(found), count);
    const cJSON *item;
    cJSON_ArrayForEach(item, golden) largest = fmax(largest, number(item, "grad_l2"));
    cJSON_ArrayForEach(item, golden) {
        const cJSON *mine = cJSON_GetObjectItemCaseSensitive(found, item->string);
        ck_assert_msg(mine != NULL, "%s is missing", item->string);
        ck_assert_double_eq(number(mine, "n"), number(item, "n"));
        double error = fabs(number(mine, "grad_l2") - number(item, "grad_l2")) / fmax(number(item, "grad_l2"), 1e-3 * largest);
        ck_assert_msg(error <= t->gradient_worst, "%s: gradient off by %g", item->string, error);
        beyond += error > t->gradient_most;
    }
    ck_assert_msg(beyond * 10 <= count, "%d of %d gradients off by more than %g", beyond, count, t->gradient_most);
}

static void check_moving(const cJSON *found, const cJSON *golden, const tolerance *t) {
    found = cJSON_GetObjectItemCaseSensitive(found, "moving"), golden = cJSON_GetObjectItemCaseSensitive(golden, "moving");
    ck_assert_int_eq(cJSON_GetArraySize(found), cJSON_GetArraySize(golden));
    const cJSON *item;
    cJSON_ArrayForEach(item, golden) {
        const cJSON *mine = cJSON_GetObjectItemCaseSensitive(found, item->string);
        ck_assert_msg(mine && fabs(number(mine, "l2") - number(item, "l2")) <= t->moving * number(item, "l2"), "%s has moved elsewhere", item->string);
    }
}

static void check_net(const char *net, const char *isa, hl_dtype dtype, const tolerance *t) {
    hl_context *hl = hl_open(&(hl_options){.isa = isa});
    char path[128], *text;
    snprintf(path, sizeof path, "test/golden/%s.json", net);
    ck_ok(hl, hl_file_read(hl, path, &text, NULL));
    cJSON *golden = cJSON_Parse(text);
    ck_assert_ptr_nonnull(golden);
    free(text);
    ck_ok(hl, hl_golden(hl, net, NULL, dtype, (int)number(golden, "batch"), (int)number(golden, "height"), (int)number(golden, "width"), (uint64_t)number(golden, "seed"), &text));
    cJSON *found = cJSON_Parse(text);
    ck_assert_double_le(logits_error(found, golden, "eval_logits"), t->eval_logits);
    ck_assert_double_le(logits_error(found, golden, "train_logits"), t->train_logits);
    ck_assert_double_le(fabs(number(found, "loss") - number(golden, "loss")) / number(golden, "loss"), t->loss);
    check_gradients(found, golden, t);
    check_moving(found, golden, t);
    free(text);
    cJSON_Delete(golden);
    cJSON_Delete(found);
    hl_close(hl);
}

START_TEST(plain_loops) { check_net("unet-vgg16", "ref", HL_F32, &in_float); }
END_TEST
START_TEST(default_kernels) { check_net("unet-vgg16", NULL, HL_F32, &in_float); }
END_TEST
START_TEST(kernels_for_any_processor) { check_net("unet-vgg16", "blas", HL_F32, &in_float); }
END_TEST
START_TEST(plain_loops_in_double) { check_net("unet-vgg16", NULL, HL_F64, &in_double); }
END_TEST

/* The paper's Table 1, to the digit. */
START_TEST(parameter_counts) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_net(hl, "unet-vgg16", NULL);
    hl_params *params = hl_params_init(graph, HL_INIT_KERAS, 0);
    ck_assert_int_eq(hl_params_elements(params, false), 23752273);
    ck_assert_int_eq(hl_params_elements(params, true), 23748241);
    hl_params_free(params);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

/* Widths round every channel count to multiples of 8, at least 8, but the image's and the classes'. */
START_TEST(widths) {
    hl_context *hl = hl_open(NULL);
    static const struct {
        double width;
        int first, decoder;
    } rows[] = {{1, 64, 16}, {0.25, 16, 8}, {0.125, 8, 8}, {0.3, 16, 8}, {0.44, 32, 8}, {2, 128, 32}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = rows[i].width});
        hl_params *params = hl_params_init(graph, HL_INIT_HE, 0);
        ck_assert_int_eq(hl_param_elements(params, hl_param_find(params, "block1_conv1/kernel")), rows[i].first * 3 * 9);
        ck_assert_int_eq(hl_param_elements(params, hl_param_find(params, "decoder_stage4b_bn/gamma")), rows[i].decoder);
        ck_assert_int_eq(hl_param_elements(params, hl_param_find(params, "final_conv/kernel")), rows[i].decoder * 9);
        hl_params_free(params);
        hl_graph_free(graph);
    }
    hl_close(hl);
}
END_TEST

/* Initialisers: bounds and spread of the uniform draws, per layer kind. */
START_TEST(initialisers) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_net(hl, "unet-vgg16", &(hl_net_options){.width = 0.25});
    for (int keras = 0; keras < 2; keras++) {
        hl_params *params = hl_params_init(graph, keras ? HL_INIT_KERAS : HL_INIT_HE, 4);
        static const struct {
            const char *name;
            double fan_in, fan_out;
            int glorot;
        } rows[] = {{"block3_conv2/kernel", 64 * 9, 64 * 9, 1}, {"decoder_stage1b_conv/kernel", 32 * 9, 32 * 9, 0}, {"final_conv/kernel", 8 * 9, 9, 1}};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            int index = hl_param_find(params, rows[i].name);
            int64_t count = hl_param_elements(params, index);
            double *values = malloc(sizeof(double) * (size_t)count), largest = 0;
            hl_param_read(params, index, values);
            for (int64_t k = 0; k < count; k++) largest = fmax(largest, fabs(values[k]));
            double limit = sqrt(6 / (keras && rows[i].glorot ? rows[i].fan_in + rows[i].fan_out : rows[i].fan_in));
            ck_assert_double_le(largest, limit * 1.0001);
            ck_assert_double_ge(largest, limit * 0.9);
            free(values);
        }
        hl_params_free(params);
    }
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("nets");
    TCase *tcase = slow_case(suite, "golden");
    tcase_add_test(tcase, plain_loops);
    tcase_add_test(tcase, default_kernels);
    tcase_add_test(tcase, kernels_for_any_processor);
    tcase_add_test(tcase, plain_loops_in_double);
    tcase_add_test(tcase, parameter_counts);
    tcase_add_test(tcase, widths);
    tcase_add_test(tcase, initialisers);
    return run_suite(suite);
}
