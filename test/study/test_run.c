/* A whole run on a tiny phantom: its folder, its figures, resuming, and what it refuses. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cJSON.h>

#include "files.h"
#include "hilum/study.h"

static char scratch[64];
static char manifest[128], run_folder[128];
enum { CASES = 9 }; /* of a centre: 8 patients, one of whom comes back */
static const char *const own_centre[] = {"centre1"}, *const other_centre[] = {"centre2"};

static const char *in(const char *folder, const char *name) {
    static char paths[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static hl_run_options tiny(void) {
    hl_run_options options = hl_run_defaults();
    options.manifest = manifest;
    options.net_options.width = 0.125;
    options.height = options.width_pixels = 32;
    options.epochs = 2, options.batch = 4, options.folds = 2;
    options.centres = own_centre, options.centre_count = 1;
    return options;
}

static void start(const char *folder, int threads) {
    hl_context *hl = hl_open(&(hl_options){.threads = threads});
    hl_run_options options = tiny();
    ck_ok(hl, hl_run_start(hl, &options, folder, NULL));
    hl_close(hl);
}

static int make_run(void) {
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    hl_phantom_options phantom = {.patients = 16, .centres = 2, .healthy = 2, .slices = 2, .size = 64, .seed = 3};
    hl_run_options options = tiny();
    hl_status status = hl_phantom_write(hl, scratch, &phantom);
    if (!status) status = hl_run_start(hl, &options, run_folder, NULL);
    if (status) fprintf(stderr, "%s\n", hl_error(hl));
    hl_close(hl);
    return status;
}

/* In a process of its own: the worker threads of OpenMP do not survive the fork into the tests. */
static void set_up(void) {
    scratch_folder(scratch);
    snprintf(manifest, sizeof manifest, "%s/manifest.csv", scratch);
    snprintf(run_folder, sizeof run_folder, "%s/run", scratch);
    pid_t child = fork();
    if (child == 0) _exit(make_run());
    int result = -1;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_msg(WIFEXITED(result) && WEXITSTATUS(result) == 0, "the run failed");
}

static void tear_down(void) { remove_folder(scratch); }

static hl_run *open_run(hl_context *hl) {
    hl_run *run = hl_run_open(hl, run_folder);
    ck_assert_msg(run != NULL, "%s", hl_error(hl));
    return run;
}

static hl_evaluate_options on(const char *const *centre) {
    return (hl_evaluate_options){.manifest = manifest, .centres = centre, .centre_count = 1, .threshold = 0.5};
}

/* Everything a run folder holds but its times. */
static const char *const outcome[] = {"config.json",    "folds.csv",
                                      "metrics.json",   "report.html",
                                      "fold-0/log.csv", "fold-0/best.safetensors",
                                      "fold-1/log.csv", "fold-1/best.safetensors"};
enum { OUTCOMES = sizeof outcome / sizeof *outcome };

static void assert_same_file(const char *left, const char *right) {
    hl_context *hl = hl_open(NULL);
    char *a, *b;
    size_t a_bytes, b_bytes;
    ck_ok(hl, hl_file_read(hl, left, &a, &a_bytes));
    ck_ok(hl, hl_file_read(hl, right, &b, &b_bytes));
    ck_assert_msg(a_bytes == b_bytes && !memcmp(a, b, a_bytes), "%s and %s differ", left, right);
    free(a), free(b);
    hl_close(hl);
}

static void assert_same_runs(const char *left, const char *right) {
    for (int i = 0; i < OUTCOMES; i++) assert_same_file(in(left, outcome[i]), in(right, outcome[i]));
}

START_TEST(folder_holds_the_run) {
    for (int i = 0; i < OUTCOMES; i++) ck_assert_msg(hl_file_exists(in(run_folder, outcome[i])), "%s is missing", outcome[i]);
    cJSON *config = parse(in(run_folder, "config.json")), *timing = parse(in(run_folder, "timing.json"));
    ck_assert_int_eq(cJSON_GetObjectItem(config, "epochs")->valueint, 2);
    ck_assert_double_eq(cJSON_GetObjectItem(config, "lr")->valuedouble, 3e-4);
    ck_assert_str_eq(cJSON_GetObjectItem(config, "train_slices")->valuestring, "lesion+healthy");
    ck_assert_int_gt(cJSON_GetArraySize(cJSON_GetObjectItem(config, "kernels")), 0);
    char *text = slurp(in(run_folder, "config.json"));
    ck_assert_msg(!strstr(text, scratch), "config.json holds a path");
    ck_assert_str_eq(cJSON_GetObjectItem(timing, "manifest")->valuestring, manifest);
    free(text);
    text = slurp(in(run_folder, "report.html"));
    ck_assert_msg(strstr(text, "not a medical device") && strstr(text, "<svg"), "the report lacks its parts");
    free(text);
    cJSON_Delete(config), cJSON_Delete(timing);
}
END_TEST

START_TEST(second_start_in_a_folder_is_refused) {
    hl_context *hl = hl_open(NULL);
    hl_run_options options = tiny();
    ck_assert_int_eq(hl_run_start(hl, &options, run_folder, NULL), HL_USAGE);
    ck_assert_msg(strstr(hl_error(hl), "--resume") != NULL, "%s", hl_error(hl));
    hl_close(hl);
}
END_TEST

START_TEST(options_come_back) {
    hl_context *hl = hl_open(NULL);
    hl_run *run = open_run(hl);
    const hl_run_options *back = hl_run_get_options(run);
    ck_assert_str_eq(back->net, "unet-vgg16");
    ck_assert_double_eq(back->net_options.width, 0.125);
    ck_assert_int_eq(back->folds, 2);
    ck_assert_int_eq(back->centre_count, 1);
    ck_assert_str_eq(back->centres[0], own_centre[0]);
    ck_assert(back->augmentation.strength[0] == 0.5 && back->augmentation.strength[1] == 0 && back->by_centre && back->by_burden && hl_run_finished(run));
    ck_assert_int_eq(hl_run_models(run), 2);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

START_TEST(evaluate_gives_the_runs_figures_again) {
    hl_context *hl = hl_open(NULL);
    hl_run *run = open_run(hl);
    hl_evaluate_options options = on(own_centre);
    hl_evaluation result;
    ck_ok(hl, hl_evaluate(run, &options, &result));
    ck_assert_int_eq(result.left_out, 0);
    ck_assert_int_eq(result.training.case_count, CASES);
    cJSON *metrics = parse(in(run_folder, "metrics.json"));
    char *text = hl_figures_json(hl, &result.training, &result.native, result.left_out);
    cJSON *again = cJSON_Parse(text), *item;
    cJSON_ArrayForEach(item, again) {
        ck_assert_msg(cJSON_Compare(item, cJSON_GetObjectItem(metrics, item->string), true), "%s differs", item->string);
    }
    ck_assert_ptr_nonnull(cJSON_GetObjectItem(cJSON_GetObjectItem(again, "native"), "dsc_lesion_mean"));
    ck_assert(hl_threshold_index(hl_run_threshold_val(run)) >= 0);
    free(text);
    cJSON_Delete(again), cJSON_Delete(metrics);
    hl_evaluation_free(&result);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

START_TEST(nobody_is_scored_by_a_model_that_saw_him) {
    hl_context *hl = hl_open(NULL);
    hl_run *run = open_run(hl);
    hl_evaluation result;
    hl_evaluate_options options = on(own_centre);
    ck_ok(hl, hl_evaluate(run, &options, &result));
    for (int i = 0; i < result.score_count; i++)
        ck_assert_int_eq(hl_folds_role(hl_run_folds(run), result.scores[i].patient, result.scores[i].model), HL_ROLE_TEST);
    ck_assert_int_eq(result.score_count, CASES);
    hl_evaluation_free(&result);
    options = on(other_centre);
    ck_ok(hl, hl_evaluate(run, &options, &result));
    ck_assert_int_eq(result.score_count, 2 * CASES); /* strangers: every case by both models */
    ck_assert_int_eq(result.training.case_count, CASES);
    ck_assert_int_eq(result.training.cases[0].models, 2);
    hl_evaluation_free(&result);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

START_TEST(calibration_wants_strangers) {
    hl_context *hl = hl_open(NULL);
    hl_run *run = open_run(hl);
    hl_evaluation result;
    hl_calibration calibration;
    hl_evaluate_options options = on(own_centre);
    ck_assert_int_eq(hl_run_calibrate(run, &options, 0, &calibration, &result), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "8 of the patients") != NULL, "%s", hl_error(hl));
    options = on(other_centre);
    ck_ok(hl, hl_run_calibrate(run, &options, 0, &calibration, &result));
    ck_assert_int_eq(calibration.patients, 8);
    ck_assert_double_eq(calibration.shares[0].dsc_median, calibration.dsc_before);
    char *text = hl_calibration_json(hl, &calibration);
    ck_assert(strstr(text, "\"share_lost\":") && !strchr(text, '\n'));
    ck_ok(hl, hl_run_report(run, NULL, &result, &calibration, in(scratch, "second.html")));
    char *page = slurp(in(scratch, "second.html"));
    ck_assert(strstr(page, "Calibration") && strstr(page, "Second centre"));
    free(text), free(page);
    hl_evaluation_free(&result);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

START_TEST(threads_do_not_change_a_byte) {
    char folder[128];
    snprintf(folder, sizeof folder, "%s/one-thread", scratch);
    start(folder, 1);
    assert_same_runs(run_folder, folder);
}
END_TEST

/* Stops the run in the second fold's first epoch. */
static volatile int stop;
static void stop_in_second_fold(void *user, const hl_run_progress *progress) {
    (void)user;
    if (progress->fold == 1 && progress->training) stop = 1;
}

START_TEST(stopped_and_resumed_is_the_same_run) {
    char folder[128];
    snprintf(folder, sizeof folder, "%s/stopped", scratch);
    hl_context *hl = hl_open(NULL);
    hl_run_options options = tiny();
    hl_run_hooks hooks = {.stop = &stop, .report = stop_in_second_fold};
    ck_assert_int_eq(hl_run_start(hl, &options, folder, &hooks), HL_INTERRUPTED);
    ck_assert(!hl_file_exists(in(folder, "metrics.json")));
    hl_run *run = hl_run_open(hl, folder);
    hl_evaluation result;
    hl_evaluate_options test = on(own_centre);
    ck_assert_int_eq(hl_evaluate(run, &test, &result), HL_BAD_INPUT); /* not finished */
    hl_run_close(run);
    ck_ok(hl, hl_run_resume(hl, folder, NULL));
    assert_same_runs(run_folder, folder);
    hl_close(hl);
}
END_TEST

static int reports;
static void count_report(void *user, const hl_run_progress *progress) {
    (void)user, (void)progress;
    reports++;
}

START_TEST(complete_run_is_left_alone) {
    struct stat before, after;
    ck_assert_int_eq(stat(in(run_folder, "metrics.json"), &before), 0);
    hl_context *hl = hl_open(NULL);
    ck_ok(hl, hl_run_resume(hl, run_folder, &(hl_run_hooks){.report = count_report}));
    ck_assert_int_eq(stat(in(run_folder, "metrics.json"), &after), 0);
    ck_assert_int_eq(reports, 0);
    ck_assert_uint_eq((unsigned)before.st_ino, (unsigned)after.st_ino); /* a rewritten file is another file */
    hl_close(hl);
}
END_TEST

START_TEST(changed_manifest_is_refused) {
    hl_context *hl = hl_open(NULL);
    char *text = slurp(manifest), *longer = malloc(strlen(text) + 2);
    sprintf(longer, "%s\n", text);
    ck_ok(hl, hl_file_write(hl, manifest, longer, strlen(longer)));
    ck_assert_int_eq(hl_run_resume(hl, run_folder, NULL), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "has changed") != NULL, "%s", hl_error(hl));
    ck_ok(hl, hl_file_write(hl, manifest, text, strlen(text)));
    free(text), free(longer);
    hl_close(hl);
}
END_TEST

START_TEST(train_run_has_validation_figures_and_tests_nobody) {
    char folder[128];
    snprintf(folder, sizeof folder, "%s/train", scratch);
    hl_context *hl = hl_open(NULL);
    hl_run_options options = tiny();
    options.folds = 1, options.epochs = 1;
    ck_ok(hl, hl_run_start(hl, &options, folder, NULL));
    cJSON *metrics = parse(in(folder, "metrics.json"));
    ck_assert_str_eq(cJSON_GetObjectItem(metrics, "part")->valuestring, "validation");
    hl_run *run = hl_run_open(hl, folder);
    ck_assert_msg(run != NULL, "%s", hl_error(hl));
    const cJSON *cases = cJSON_GetObjectItem(metrics, "cases"), *one;
    ck_assert_int_gt(cJSON_GetArraySize(cases), 0);
    cJSON_ArrayForEach(one, cases) {
        const char *patient = cJSON_GetObjectItem(one, "patient")->valuestring;
        ck_assert_int_eq(hl_folds_role(hl_run_folds(run), patient, 0), HL_ROLE_VAL);
    }
    cJSON_Delete(metrics);
    hl_evaluation result;
    hl_evaluate_options test = on(own_centre);
    ck_assert_int_eq(hl_evaluate(run, &test, &result), HL_BAD_INPUT);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

/* One fold of a file that names test patients is a run with a test part. */
START_TEST(one_given_fold_is_tested) {
    char folder[128], file[128], text[1024] = "patient,fold,role\n";
    snprintf(folder, sizeof folder, "%s/one", scratch);
    snprintf(file, sizeof file, "%s/one.csv", scratch);
    hl_context *hl = hl_open(NULL);
    hl_run *run = open_run(hl);
    hl_manifest *rows = hl_manifest_read(hl, manifest, &(hl_manifest_options){.centres = own_centre, .centre_count = 1});
    for (int i = 0; i < hl_manifest_count(rows); i++) {
        static const char *const roles[] = {"train", "val", "test"};
        const char *patient = hl_manifest_row(rows, i)->patient;
        if (i && !strcmp(patient, hl_manifest_row(rows, i - 1)->patient)) continue;
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s,0,%s\n", patient, roles[hl_folds_role(hl_run_folds(run), patient, 0)]);
    }
    ck_ok(hl, hl_file_write(hl, file, text, strlen(text)));
    hl_run_options options = tiny();
    options.folds_file = file, options.epochs = 1;
    ck_ok(hl, hl_run_start(hl, &options, folder, NULL));
    cJSON *metrics = parse(in(folder, "metrics.json"));
    ck_assert_str_eq(cJSON_GetObjectItem(metrics, "part")->valuestring, "test");
    const cJSON *cases = cJSON_GetObjectItem(metrics, "cases"), *one;
    ck_assert_int_gt(cJSON_GetArraySize(cases), 0);
    cJSON_ArrayForEach(one, cases)
        ck_assert_int_eq(hl_folds_role(hl_run_folds(run), cJSON_GetObjectItem(one, "patient")->valuestring, 0), HL_ROLE_TEST);
    cJSON_Delete(metrics);
    hl_manifest_free(rows);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

START_TEST(no_validation_leaves_figures_out) {
    char folder[128];
    snprintf(folder, sizeof folder, "%s/all", scratch);
    hl_context *hl = hl_open(NULL);
    hl_run_options options = tiny();
    options.folds = 1, options.epochs = 1, options.validation = 0;
    ck_ok(hl, hl_run_start(hl, &options, folder, NULL));
    cJSON *metrics = parse(in(folder, "metrics.json"));
    ck_assert_str_eq(cJSON_GetObjectItem(metrics, "part")->valuestring, "none");
    ck_assert(cJSON_IsNull(cJSON_GetObjectItem(metrics, "threshold_val")));
    cJSON_Delete(metrics);
    hl_run *run = hl_run_open(hl, folder);
    ck_assert_msg(run && isnan(hl_run_threshold_val(run)), "%s", hl_error(hl));
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

START_TEST(prediction_has_the_pictures_size) {
    hl_context *hl = hl_open(NULL);
    hl_run *run = open_run(hl);
    hl_model *models[2] = {hl_run_model(run, 0, 1), hl_run_model(run, 1, 1)};
    ck_assert(models[0] && models[1]);
    uint8_t grey[40 * 50];
    for (int i = 0; i < 40 * 50; i++) grey[i] = (uint8_t)(i % 251);
    ck_ok(hl, hl_png_write(hl, in(scratch, "in.png"), 50, 40, 1, 8, grey));
    const char *map_path = in(scratch, "map.png");
    hl_prediction what = {.image = in(scratch, "in.png"), .mask = in(scratch, "mask.png"), .probabilities = &map_path, .threshold = 0.5};
    ck_ok(hl, hl_run_predict(run, models, 2, &what));
    hl_picture mask, map;
    ck_ok(hl, hl_png_read(hl, in(scratch, "mask.png"), &mask));
    ck_ok(hl, hl_png_read(hl, in(scratch, "map.png"), &map));
    ck_assert(mask.width == 50 && mask.height == 40 && mask.maximum == 255);
    ck_assert(map.width == 50 && map.height == 40 && map.maximum == 65535);
    for (int i = 0; i < 40 * 50; i++) {
        ck_assert_int_eq(mask.pixels[i], map.pixels[i] > 65535 / 2 ? 255 : 0);
        ck_assert_int_gt(map.pixels[i], 0);
    }
    free(mask.pixels), free(map.pixels);
    hl_model_free(models[0]), hl_model_free(models[1]);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

/* A packed run: all that testing needs, in few bytes, with the same figures up to half precision. */
START_TEST(packed_run_is_tested_like_the_whole_one) {
    hl_context *hl = hl_open(NULL);
    hl_run *run = open_run(hl);
    char packed[128], half[192], whole[192];
    snprintf(packed, sizeof packed, "%s/packed", scratch);
    ck_ok(hl, hl_run_pack(run, packed));
    ck_assert_int_eq(hl_run_pack(run, packed), HL_USAGE);
    snprintf(half, sizeof half, "%s/fold-1/best.safetensors", packed);
    snprintf(whole, sizeof whole, "%s/fold-1/best.safetensors", run_folder);
    struct stat small, large;
    ck_assert(!stat(half, &small) && !stat(whole, &large) && small.st_size < large.st_size * 3 / 4);
    ck_assert(access(in(packed, "fold-1/last.safetensors"), F_OK));
    char command[256];
    snprintf(command, sizeof command, "grep -rqF '%s' '%s'", scratch, packed);
    ck_assert_int_ne(system(command), 0); /* no path of this machine */
    hl_run *again = hl_run_open(hl, packed);
    ck_assert_msg(again != NULL, "%s", hl_error(hl));
    ck_assert_int_eq(hl_run_models(again), 2);
    hl_evaluate_options options = on(own_centre);
    hl_evaluation a, b;
    ck_ok(hl, hl_evaluate(run, &options, &a));
    ck_ok(hl, hl_evaluate(again, &options, &b));
    ck_assert_int_eq(a.training.case_count, b.training.case_count);
    ck_assert_double_eq_tol(a.training.auc, b.training.auc, 0.01);
    hl_evaluation_free(&a), hl_evaluation_free(&b);
    hl_run_close(again);
    hl_run_close(run);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("study/run");
    TCase *run = slow_case(suite, "run");
    tcase_add_unchecked_fixture(run, set_up, tear_down);
    tcase_add_test(run, folder_holds_the_run);
    tcase_add_test(run, second_start_in_a_folder_is_refused);
    tcase_add_test(run, options_come_back);
    tcase_add_test(run, evaluate_gives_the_runs_figures_again);
    tcase_add_test(run, nobody_is_scored_by_a_model_that_saw_him);
    tcase_add_test(run, calibration_wants_strangers);
    tcase_add_test(run, threads_do_not_change_a_byte);
    tcase_add_test(run, stopped_and_resumed_is_the_same_run);
    tcase_add_test(run, complete_run_is_left_alone);
    tcase_add_test(run, changed_manifest_is_refused);
    tcase_add_test(run, train_run_has_validation_figures_and_tests_nobody);
    tcase_add_test(run, one_given_fold_is_tested);
    tcase_add_test(run, no_validation_leaves_figures_out);
    tcase_add_test(run, packed_run_is_tested_like_the_whole_one);
    tcase_add_test(run, prediction_has_the_pictures_size);
    return run_suite(suite);
}
