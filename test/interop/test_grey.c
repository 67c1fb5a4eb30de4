/* Weights of a net for images of three channels in one for images of one. */
#include <math.h>
#include <string.h>

#include "graph/plan.h"
#include "harness.h"
#include "interop/weights.h"

/* A normalised image through one convolution, and the image itself through another: both kernels read the image, "last" does not. */
static hl_graph *small_graph(hl_context *hl, int channels) {
    hl_graph *graph = hl_graph_new(hl);
    hl_value *image = hl_input(graph, channels);
    hl_value *a = hl_conv2d(graph, hl_norm(graph, image, "bn_data", &(hl_norm_options){.epsilon = 2e-5, .no_gamma = true}), "first", 3, 3);
    hl_value *b = hl_conv2d(graph, image, "beside", 3, 3);
    hl_output(graph, hl_conv2d(graph, hl_relu(graph, hl_batch_norm(graph, hl_add(graph, a, b), "bn", 1e-3)), "last", 1, 1));
    return graph;
}

typedef struct rig {
    hl_context *hl;
    char folder[64], path[128];
    hl_graph *three, *one;
    hl_params *from, *to;
} rig;

/* Nothing of `from` stays at a special value; the statistics of an image are as they are where a grey slice is repeated. */
static rig open_rig(void) {
    rig r = {.hl = hl_open(NULL)};
    scratch_folder(r.folder);
    snprintf(r.path, sizeof r.path, "%s/w.safetensors", r.folder);
    r.three = small_graph(r.hl, 3), r.one = small_graph(r.hl, 1);
    r.from = hl_params_init(r.three, HL_INIT_HE, 1), r.to = hl_params_init(r.one, HL_INIT_HE, 2);
    ck_assert(r.from && r.to);
    for (int i = 0; i < r.from->count; i++)
        for (int64_t k = 0; k < r.from->list[i].count; k++) {
            bool equal = !strncmp(r.from->list[i].spec.name, "bn_data/", 8);
            ((float *)r.from->list[i].data)[k] += 0.25f * (float)(i % 3 + 1) + (equal ? 0 : 0.01f * (float)(k % 7));
        }
    return r;
}

static void close_rig(rig *r) {
    hl_params_free(r->from), hl_params_free(r->to);
    hl_graph_free(r->three), hl_graph_free(r->one);
    remove_folder(r->folder);
    hl_close(r->hl);
}

static void predict(rig *r, hl_graph *graph, hl_params *params, int channels, float out[35]) {
    float image[35 * 3];
    for (int i = 0; i < 35 * channels; i++) image[i] = (float)(i / channels * 13 % 35) / 35;
    hl_plan *plan = hl_compile(graph, params, &(hl_plan_options){.mode = HL_INFER, .batch = 1, .height = 5, .width = 7});
    ck_assert_msg(plan != NULL, "%s", hl_error(r->hl));
    ck_ok(r->hl, hl_predict(plan, image, 1, out));
    hl_plan_free(plan);
}

START_TEST(a_grey_image_gives_the_same) {
    rig r = open_rig();
    float three[35], one[35];
    r.from->bn_steps = 30;
    ck_ok(r.hl, hl_params_save(r.from, r.path));
    ck_ok(r.hl, hl_params_load(r.to, r.path));
    ck_assert_int_eq(hl_params_bn_steps(r.to), 30);
    predict(&r, r.three, r.from, 3, three);
    predict(&r, r.one, r.to, 1, one);
    for (int i = 0; i < 35; i++) ck_assert_float_eq_tol(one[i], three[i], 1e-5f);
    ck_assert_float_ne(three[0], three[17]);
    close_rig(&r);
}
END_TEST

static void read_param(const hl_params *params, const char *name, double *values) {
    int index = hl_param_find(params, name);
    ck_assert_int_ge(index, 0);
    hl_param_read(params, index, values);
}

/* Sums of kernels, means of vectors, everything else as it was. */
START_TEST(what_is_folded) {
    rig r = open_rig();
    int mean = hl_param_find(r.from, "bn_data/moving_mean");
    hl_param_write(r.from, mean, (const double[]){1, 2, 6});
    ck_ok(r.hl, hl_params_save(r.from, r.path));
    ck_ok(r.hl, hl_params_load(r.to, r.path));
    ck_assert_int_eq(hl_params_bn_steps(r.to), 0);
    ck_assert(r.to->foreign_moving);
    static const char *const kernels[] = {"first/kernel", "beside/kernel"};
    for (int i = 0; i < 2; i++) {
        double from[81], to[27];
        read_param(r.from, kernels[i], from), read_param(r.to, kernels[i], to);
        for (int k = 0; k < 27; k++) {
            const double *of = from + k / 9 * 27 + k % 9;
            ck_assert_double_eq_tol(to[k], of[0] + of[9] + of[18], 1e-6);
        }
    }
    double value, from[9], to[9];
    read_param(r.to, "bn_data/moving_mean", &value);
    ck_assert_double_eq(value, 3);
    static const char *const kept[] = {"last/kernel", "first/bias", "bn/gamma", "bn/moving_variance"};
    for (int i = 0; i < 4; i++) {
        read_param(r.from, kept[i], from), read_param(r.to, kept[i], to);
        ck_assert_mem_eq(from, to, 3 * sizeof(double));
    }
    close_rig(&r);
}
END_TEST

static void check_refused(rig *r, hl_graph *graph, const char *words) {
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 3), *same = hl_params_init(graph, HL_INIT_HE, 3);
    ck_assert_int_eq(hl_params_load(params, r->path), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(r->hl), words) != NULL, "%s", hl_error(r->hl));
    for (int i = 0; i < params->count; i++) ck_assert_mem_eq(params->list[i].data, same->list[i].data, (size_t)params->list[i].count * sizeof(float));
    hl_params_free(params), hl_params_free(same);
}

/* Only three channels fold, only to one, and only where the image is read; what Adam knows of one net says nothing of the other. */
START_TEST(what_does_not_fold) {
    rig r = open_rig();
    hl_graph *two = small_graph(r.hl, 2), *deep = hl_graph_new(r.hl), *shallow = hl_graph_new(r.hl);
    ck_ok(r.hl, hl_params_save(r.from, r.path));
    check_refused(&r, two, "bn_data/beta has another shape: 3 elements, expected 2");
    ck_ok(r.hl, hl_params_save(r.to, r.path));
    check_refused(&r, r.three, "bn_data/beta has another shape: 1 elements, expected 3");
    hl_output(deep, hl_conv2d(deep, hl_conv2d(deep, hl_input(deep, 1), "a", 3, 3), "b", 1, 3));
    hl_output(shallow, hl_conv2d(shallow, hl_conv2d(shallow, hl_input(shallow, 1), "a", 1, 3), "b", 1, 3));
    hl_params *wide = hl_params_init(deep, HL_INIT_HE, 1);
    ck_ok(r.hl, hl_params_save(wide, r.path));
    check_refused(&r, shallow, "has another shape");
    hl_adam *adam = hl_adam_new(r.from, NULL), *other = hl_adam_new(r.to, NULL);
    ck_ok(r.hl, hl_weights_save(r.from, adam, r.path, NULL, 0));
    hl_safetensors *file = hl_safetensors_read(r.hl, r.path);
    ck_assert_int_eq(hl_weights_load(r.to, other, file, r.path), HL_BAD_INPUT);
    ck_ok(r.hl, hl_weights_load(r.to, NULL, file, r.path));
    hl_safetensors_free(file);
    hl_adam_free(adam), hl_adam_free(other);
    hl_params_free(wide);
    hl_graph_free(two), hl_graph_free(deep), hl_graph_free(shallow);
    close_rig(&r);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("grey");
    TCase *tcase = slow_case(suite, "grey");
    tcase_add_test(tcase, a_grey_image_gives_the_same);
    tcase_add_test(tcase, what_is_folded);
    tcase_add_test(tcase, what_does_not_fold);
    return run_suite(suite);
}
