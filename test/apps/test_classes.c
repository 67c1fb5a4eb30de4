/* Several classes through the whole program: the phantom's lungs, left and right. */
#include <cJSON.h>

#include "program.h"

static cJSON *printed(void) {
    cJSON *object = cJSON_Parse(said.out);
    ck_assert_msg(cJSON_IsObject(object), "%s", said.out);
    return object;
}

static double number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s is no number", key);
    return item->valuedouble;
}

static void expect_null(const cJSON *object, const char *key) {
    ck_assert_msg(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(object, key)), "%s is not null", key);
}

/* The classes' figures and those over them. */
static void expect_classes(const cJSON *figures) {
    static const char *const none[] = {"threshold", "auc", "auc_fold_mean", "auc_fold_sd", "dsc_oracle", "threshold_oracle", "dsc_val_threshold", "threshold_val"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) expect_null(figures, none[i]);
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(figures, "classes");
    ck_assert_int_eq(cJSON_GetArraySize(classes), 2);
    const cJSON *left = cJSON_GetArrayItem(classes, 0), *right = cJSON_GetArrayItem(classes, 1);
    ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(left, "name")->valuestring, "left lung");
    ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(right, "name")->valuestring, "right lung");
    ck_assert_int_eq((int)number(left, "class"), 1);
    ck_assert_int_eq((int)number(right, "class"), 2);
    static const char *const means[] = {"dsc_case_mean", "dsc_lesion_mean", "sensitivity", "precision"};
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        ck_assert_double_eq_tol(number(figures, means[i]), (number(left, means[i]) + number(right, means[i])) / 2, 1e-12);
    ck_assert_double_ge(number(left, "dsc_case_sd"), 0);
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(figures, "cases")) {
        const cJSON *of = cJSON_GetObjectItemCaseSensitive(one, "dsc_classes");
        ck_assert_int_eq(cJSON_GetArraySize(of), 2);
        ck_assert_double_eq_tol(number(one, "dsc"), (cJSON_GetArrayItem(of, 0)->valuedouble + cJSON_GetArrayItem(of, 1)->valuedouble) / 2, 1e-12);
    }
}

static const char *const lungs[] = {"--target", "lung", "--classes", "3", "--epochs", "40", "--lr", "4e-3", "--val", "0.5", "--centre", "centre1", "--json", NULL};

/* Masks predicted slice by slice are what `evaluate` counts on the masks' own pixels, and their values are the most probable classes. */
static void expect_predictions_as_evaluated(const char *trained, const char *manifest) {
    ck_assert_int_eq(RUN("evaluate", trained, manifest, "--centre", "centre2", "--grid", "native", "--json"), 0);
    cJSON *evaluated = printed();
    expect_classes(evaluated);
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--centre", "centre2", "--out", in("masks")), 0);
    ck_assert_int_eq(shell("mkdir '%s' && awk -F, -v to='%s' -v from='%s' 'NR > 1 && $1 == \"centre2\" {system(\"cp \" from \"/\" $7 \" \" to \"/\" $3 \"_\" $4 \".png\")}' '%s'",
                           in("truth"), in("truth"), in("cohort"), manifest),
                     0);
    ck_assert_int_eq(RUN("evaluate", "--pred", in("masks"), "--truth", in("truth"), "--classes", "3", "--json"), 0);
    cJSON *scored = printed();
    static const char *const same[] = {"dsc_case_mean", "dsc_case_sd", "dsc_slice_mean", "sensitivity", "specificity"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) ck_assert_double_eq_tol(number(scored, same[i]), number(evaluated, same[i]), 1e-12);
    ck_assert_double_gt(number(scored, "sensitivity"), 0.4); /* something was learnt: a net that says nothing has 0 */
    cJSON_Delete(evaluated), cJSON_Delete(scored);
    RUN("evaluate", "--pred", in("masks"), "--truth", in("truth"), "--classes", "2");
    expect_sentence(3, "holds the value 2, expected a class from 0 to 1");
}

static void expect_probabilities(const char *trained) {
    const char *picture = in("cohort/centre2/p005/p005_a/image_01.png");
    ck_assert_int_eq(RUN("predict", trained, picture, "--out", in("one"), "--probabilities"), 0);
    hl_context *hl = hl_open(NULL);
    hl_picture mask, left, right;
    ck_ok(hl, hl_png_read(hl, in("one/image_01.png"), &mask));
    ck_ok(hl, hl_png_read(hl, in("one/image_01_prob_1.png"), &left));
    ck_ok(hl, hl_png_read(hl, in("one/image_01_prob_2.png"), &right));
    ck_assert_int_ne(access(in("one/image_01_prob_3.png"), F_OK), 0);
    ck_assert_int_ne(access(in("one/image_01_prob.png"), F_OK), 0);
    bool seen[3] = {false};
    for (int i = 0; i < mask.width * mask.height; i++) {
        int p[3] = {65535 - left.pixels[i] - right.pixels[i], left.pixels[i], right.pixels[i]}, value = mask.pixels[i];
        ck_assert_int_le(value, 2);
        seen[value] = true;
        for (int c = 0; c < 3; c++) ck_assert_int_ge(p[value], p[c] - 4); /* rounding to 16 bits */
    }
    ck_assert(seen[0] && seen[1] && seen[2]);
    free(mask.pixels), free(left.pixels), free(right.pixels);
    hl_close(hl);
}

static void expect_report(const char *trained) {
    static char page[1 << 21];
    char path[600];
    snprintf(path, sizeof path, "%s/report.html", trained);
    slurp(path, page, sizeof page);
    ck_assert_ptr_nonnull(strstr(page, "Each class, all models together"));
    ck_assert_ptr_nonnull(strstr(page, "left lung green, right lung magenta"));
    ck_assert_ptr_null(strstr(page, "ROC of pixels"));
    ck_assert_ptr_null(strstr(page, "against threshold"));
    ck_assert_ptr_nonnull(strstr(page, "Learning curves"));
}

START_TEST(test_lungs) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *trained = in("trained");
    ck_assert_int_eq(run_tiny("train", manifest, trained, lungs), 0);
    cJSON *figures = printed();
    expect_classes(figures);
    expect_classes(cJSON_GetObjectItemCaseSensitive(figures, "native"));
    cJSON_Delete(figures);
    expect_report(trained);
    expect_predictions_as_evaluated(trained, manifest);
    expect_probabilities(trained);
    ck_assert_int_eq(RUN("evaluate", trained, manifest, "--centre", "centre2"), 0);
    ck_assert(strstr(said.out, "the most probable class") && strstr(said.out, "class 2: right lung") && !strstr(said.out, "AUC"));
    RUN("calibrate", trained, manifest, "--centre", "centre2");
    expect_sentence(2, "no threshold to calibrate");
    RUN("evaluate", trained, manifest, "--centre", "centre2", "--threshold", "0.5");
    expect_sentence(2, "--threshold says nothing of a run of 3 classes");
    RUN("evaluate", trained, manifest, "--classes", "3");
    expect_sentence(2, "--classes goes with --pred and --truth");
    RUN("predict", trained, in("cohort/centre2/p005/p005_a/image_01.png"), "--out", in("none"), "--threshold", "0.3");
    expect_sentence(2, "--threshold says nothing");
    ck_assert_int_ne(access(in("none"), F_OK), 0);
}
END_TEST

/* The same bytes after a kill, and folds that test each patient once. */
START_TEST(test_cross_validation_goes_on) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *more[] = {"--target", "lung", "--classes", "3", "--epochs", "3", "--folds", "2", NULL};
    ck_assert_int_eq(run_tiny("crossval", manifest, in("whole"), more), 0);
    ck_assert_int_eq(shell("cp -r '%s' '%s' && cd '%s' && rm -r fold-1 report.html metrics.json", in("whole"), in("cut"), in("cut")), 0);
    ck_assert_int_eq(RUN("crossval", "--resume", in("cut"), "--threads", "2", "--json"), 0);
    cJSON *figures = printed();
    expect_classes(figures);
    cJSON_Delete(figures);
    expect_same_run(in("whole"), in("cut"));
    char config[65536];
    slurp(in("cut/config.json"), config, sizeof config);
    ck_assert(strstr(config, "\"classes\":\t3") && strstr(config, "\"target\":\t\"lung\""));
}
END_TEST

/* Any lung, of a manifest without a mask; values that are no class; numbers of classes that make no sense. */
START_TEST(test_targets) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv");
    ck_assert_int_eq(shell("awk -F, -v OFS=, '{if (NR > 1) $6 = \"\"; print}' '%s' > '%s'", manifest, in("cohort/lungs.csv")), 0);
    ck_assert_int_eq(run_tiny("train", in("cohort/lungs.csv"), in("any"), MORE("--target", "lung", "--epochs", "1", "--json")), 0);
    cJSON *figures = printed();
    ck_assert_double_gt(number(figures, "auc"), 0);
    ck_assert_ptr_null(cJSON_GetObjectItemCaseSensitive(figures, "classes"));
    cJSON_Delete(figures);
    run_tiny("train", in("cohort/lungs.csv"), in("refused"), NULL);
    ck_assert_int_eq(said.code, 3); /* nothing is labelled with lesions */
    run_tiny("train", manifest, in("refused"), MORE("--classes", "3"));
    expect_sentence(3, "holds the value 255, expected a class from 0 to 2");
    run_tiny("train", manifest, in("refused"), MORE("--classes", "2", "--target", "lung"));
    expect_sentence(2, "target lung with 2 classes");
    run_tiny("train", manifest, in("refused"), MORE("--classes", "33"));
    expect_sentence(2, "--classes");
    ck_assert_int_ne(access(in("refused/config.json"), F_OK), 0);
}
END_TEST

START_TEST(test_networks) {
    ck_assert_int_eq(RUN("golden", "unet-vgg16", "--size", "32", "--batch", "1", "--width", "0.125", "--classes", "3"), 0);
    cJSON *golden = printed();
    ck_assert_int_eq((int)number(cJSON_GetObjectItemCaseSensitive(golden, "eval_logits"), "n"), 3 * 32 * 32);
    cJSON_Delete(golden);
    ck_assert_int_eq(RUN("summary", "unet-vgg16", "--size", "32", "--classes", "3", "--channels", "1"), 0);
    ck_assert(strstr(said.out, "3 x 32 x 32") && strstr(said.out, "1 x 32 x 32"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("classes");
    TCase *tcase = slow_case(suite, "classes");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_lungs);
    tcase_add_test(tcase, test_cross_validation_goes_on);
    tcase_add_test(tcase, test_targets);
    tcase_add_test(tcase, test_networks);
    return run_suite(suite);
}
