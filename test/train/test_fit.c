/* Training: it learns, keeps the best epoch, stops early, and its saved file does in inference what training promised. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "graph/plan.h"
#include "harness.h"
#include "hilum/nets.h"
#include "hilum/predict.h"
#include "hilum/train.h"
#include "interop/safetensors.h"

typedef struct rig {
    hl_context *hl;
    char folder[64], run[96];
    hl_manifest *manifest;
    hl_cohort *cohort;
    int rows[64], count; /* with a lesion */
} rig;

static rig open_rig(void) {
    rig r = {.hl = hl_open(&(hl_options){.threads = 2})};
    scratch_folder(r.folder);
    hl_phantom_options phantom = hl_phantom_defaults();
    phantom.patients = 6, phantom.centres = 1, phantom.healthy = 0, phantom.slices = 3, phantom.size = 64;
    ck_ok(r.hl, hl_phantom_write(r.hl, r.folder, &phantom));
    char path[96];
    snprintf(path, sizeof path, "%s/manifest.csv", r.folder);
    snprintf(r.run, sizeof r.run, "%s/run", r.folder);
    r.manifest = hl_manifest_read(r.hl, path, NULL);
    r.cohort = r.manifest ? hl_cohort_open(r.hl, r.manifest, &(hl_cohort_options){.height = 64, .width = 64}) : NULL;
    ck_assert_msg(r.cohort != NULL, "%s", hl_error(r.hl));
    for (int i = 0; i < hl_manifest_count(r.manifest); i++)
        if (hl_cohort_info(r.cohort, i)->lesion_pixels > 0 && r.count < 64) r.rows[r.count++] = i;
    ck_assert_int_ge(r.count, 8);
    return r;
}

static void close_rig(rig *r) {
    hl_cohort_free(r->cohort);
    hl_manifest_free(r->manifest);
    remove_folder(r->folder);
    hl_close(r->hl);
}

static hl_fit_options small_options(int epochs) {
    return (hl_fit_options){.net = "unet-vgg16", .net_options = {.width = 0.25}, .epochs = epochs, .batch = 4, .rate = 2e-3, .seed = 1};
}

/* Eight slices by heart: Dice over 0.95 in inference mode, from the saved file. */
START_TEST(overfits_eight_slices) {
    rig r = open_rig();
    hl_fit_options options = small_options(180);
    options.rate = 4e-3;
    hl_fit_rows rows = {.train = r.rows, .train_count = 8};
    ck_ok(r.hl, hl_fit(r.hl, r.cohort, &rows, &options, r.run));
    char weights[128];
    snprintf(weights, sizeof weights, "%s/best.safetensors", r.run);
    hl_model *model = hl_model_open(r.hl, "unet-vgg16", &options.net_options, weights, &(hl_model_options){.height = 64, .width = 64, .batch = 4});
    ck_assert_msg(model != NULL, "%s", hl_error(r.hl));
    hl_confusion all = {0};
    for (int i = 0; i < 8; i++) {
        static float image[64 * 64], p[64 * 64];
        static uint8_t mask[64 * 64];
        ck_ok(r.hl, hl_cohort_slice(r.cohort, r.rows[i], image, mask, NULL, NULL));
        ck_ok(r.hl, hl_model_predict(model, image, 1, p));
        for (int k = 0; k < 64 * 64; k++) {
            all.true_positive += p[k] > 0.5f && mask[k];
            all.false_positive += p[k] > 0.5f && !mask[k];
            all.false_negative += p[k] <= 0.5f && mask[k];
        }
    }
    ck_assert_double_gt(hl_dice(&all), 0.95);
    hl_model_free(model);
    close_rig(&r);
}
END_TEST

static int epochs_in_log(hl_context *hl, const char *run) {
    char path[128], *text;
    int lines = 0;
    snprintf(path, sizeof path, "%s/log.csv", run);
    ck_ok(hl, hl_file_read(hl, path, &text, NULL));
    for (char *at = text; *at; at++) lines += *at == '\n';
    free(text);
    return lines - 1;
}

/* At a learning rate of nothing no epoch is better than the first: training stops `patience` epochs after it. */
START_TEST(stops_early) {
    rig r = open_rig();
    hl_fit_options options = small_options(30);
    options.net_options.width = 0.125, options.rate = 1e-12, options.patience = 3;
    hl_fit_rows rows = {.train = r.rows, .train_count = 4, .val = r.rows + 4, .val_count = 2};
    ck_ok(r.hl, hl_fit(r.hl, r.cohort, &rows, &options, r.run));
    int epochs = epochs_in_log(r.hl, r.run);
    ck_assert_msg(epochs >= 4 && epochs < 30, "%d epochs", epochs);
    ck_assert(hl_fit_done(r.hl, r.run));
    char path[128];
    snprintf(path, sizeof path, "%s/last.safetensors", r.run);
    char *best = hl_safetensors_peek(r.hl, path, "best_epoch");
    ck_assert_int_eq(atoi(best) + 3, epochs);
    free(best);
    /* Done is done: another call changes nothing. */
    ck_ok(r.hl, hl_fit(r.hl, r.cohort, &rows, &options, r.run));
    ck_assert_int_eq(epochs_in_log(r.hl, r.run), epochs);
    close_rig(&r);
}
END_TEST

START_TEST(refuses_no_slices) {
    rig r = open_rig();
    hl_fit_options options = small_options(1);
    hl_fit_rows rows = {.train = r.rows, .train_count = 0};
    ck_assert_int_eq(hl_fit(r.hl, r.cohort, &rows, &options, r.run), HL_BAD_INPUT);
    close_rig(&r);
}
END_TEST

/* A rate that blows up ends in words, not in a file of NaN. */
START_TEST(refuses_to_diverge) {
    rig r = open_rig();
    hl_fit_options options = small_options(20);
    options.net_options.width = 0.125, options.rate = 1e30;
    hl_fit_rows rows = {.train = r.rows, .train_count = 8};
    ck_assert_int_eq(hl_fit(r.hl, r.cohort, &rows, &options, r.run), HL_FAILED);
    ck_assert_msg(strstr(hl_error(r.hl), "the loss is") != NULL, "%s", hl_error(r.hl));
    close_rig(&r);
}
END_TEST

/* Inference after t steps uses (m - 0.99^t m0) / (1 - 0.99^t): after one step exactly that batch's statistics, so that both
 * modes agree but for the unbiased variance. With statistics from elsewhere t stays 0 and they are used as they are. */
START_TEST(bias_corrected_statistics) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_graph_new(hl);
    hl_output(graph, hl_batch_norm(graph, hl_input(graph, 1), "bn", 1e-3));
    hl_params *params = hl_params_init_as(graph, HL_F64, HL_INIT_HE, 0);
    hl_plan *train = hl_compile(graph, params, &(hl_plan_options){.mode = HL_TRAIN, .batch = 1, .height = 2, .width = 2});
    hl_plan *infer = hl_compile(graph, params, &(hl_plan_options){.mode = HL_INFER, .batch = 1, .height = 2, .width = 2});
    const double first[4] = {1, 2, 3, 6}, second[4] = {0, 0, 0, 4}; /* means 3, 1; unbiased variances 14/3, 4 */
    hl_plan_forward(train, first, 1);
    hl_plan_forward(infer, first, 1);
    ck_assert_double_eq_tol(((double *)hl_plan_logits(infer).data)[3], (6 - 3) / sqrt(14.0 / 3 + 1e-3), 1e-9);
    hl_plan_forward(train, second, 1);
    ck_assert_int_eq(hl_params_bn_steps(params), 2);
    hl_plan_forward(infer, first, 1);
    double left = 0.99 * 0.99, mean = (0.99 * 0.01 * 3 + 0.01 * 1) / (1 - left), variance = (0.99 * 0.01 * 14 / 3 + 0.01 * 4) / (1 - left);
    ck_assert_double_eq_tol(((double *)hl_plan_logits(infer).data)[3], (6 - mean) / sqrt(variance + 1e-3), 1e-9);
    /* The store itself holds the plain averages. */
    double plain;
    hl_param_read(params, hl_param_find(params, "bn/moving_variance"), &plain);
    ck_assert_double_eq_tol(plain, 0.99 * (0.99 + 0.01 * 14 / 3) + 0.04, 1e-12);
    hl_param_write(params, hl_param_find(params, "bn/moving_variance"), &(double){0.25});
    hl_plan_forward(train, first, 1);
    ck_assert_int_eq(hl_params_bn_steps(params), 0);
    hl_param_read(params, hl_param_find(params, "bn/moving_variance"), &plain);
    hl_param_read(params, hl_param_find(params, "bn/moving_mean"), &mean);
    hl_plan_forward(infer, first, 1);
    ck_assert_double_eq_tol(((double *)hl_plan_logits(infer).data)[3], (6 - mean) / sqrt(plain + 1e-3), 1e-9);
    hl_plan_free(train);
    hl_plan_free(infer);
    hl_params_free(params);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

/* A short run ends with the statistics of its last weights: one more pass over its only batch leaves the corrected means where they are. */
START_TEST(statistics_are_of_the_weights) {
    rig r = open_rig();
    hl_fit_options options = small_options(5);
    hl_fit_rows rows = {.train = r.rows, .train_count = 4};
    ck_ok(r.hl, hl_fit(r.hl, r.cohort, &rows, &options, r.run));
    char weights[128];
    snprintf(weights, sizeof weights, "%s/last.safetensors", r.run);
    hl_graph *graph = hl_net(r.hl, options.net, &options.net_options);
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 2);
    ck_ok(r.hl, hl_params_load(params, weights));
    hl_plan *plan = hl_compile(graph, params, &(hl_plan_options){.mode = HL_TRAIN, .batch = 4, .height = 64, .width = 64});
    ck_assert_msg(plan != NULL, "%s", hl_error(r.hl));
    static float grey[64 * 64], images[4 * 64 * 64 * 3];
    for (int s = 0; s < 4; s++) {
        ck_ok(r.hl, hl_cohort_slice(r.cohort, r.rows[s], grey, (uint8_t[64 * 64]){0}, NULL, NULL));
        for (int i = 0; i < 3 * 64 * 64; i++) images[s * 3 * 64 * 64 + i] = grey[i / 3];
    }
    double before[512], after[512];
    int mean = hl_param_find(params, "decoder_stage4a_bn/moving_mean");
    ck_assert_int_ge(mean, 0);
    ck_assert_int_eq(hl_params_bn_steps(params), 1);
    hl_param_read(params, mean, before);
    hl_plan_forward(plan, images, 4);
    hl_param_read(params, mean, after);
    for (int64_t i = 0; i < hl_param_elements(params, mean); i++)
        ck_assert_double_eq_tol(before[i] / 0.01, after[i] / (1 - 0.99 * 0.99), 1e-4 * (1 + fabs(before[i] / 0.01)));
    hl_plan_free(plan), hl_params_free(params), hl_graph_free(graph);
    close_rig(&r);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train");
    TCase *tcase = slow_case(suite, "fit");
    tcase_add_test(tcase, overfits_eight_slices);
    tcase_add_test(tcase, stops_early);
    tcase_add_test(tcase, refuses_no_slices);
    tcase_add_test(tcase, refuses_to_diverge);
    tcase_add_test(tcase, bias_corrected_statistics);
    tcase_add_test(tcase, statistics_are_of_the_weights);
    return run_suite(suite);
}
