/* The image's channels through the whole program: a slice once, repeated, or between its neighbours. */
#include <cJSON.h>

#include "interop/safetensors.h"
#include "program.h"

/* A figure of the JSON object that was printed. */
static double printed(const char *key) {
    cJSON *object = cJSON_Parse(said.out);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s is no number in %s", key, said.out);
    double value = item->valuedouble;
    cJSON_Delete(object);
    return value;
}

/* What a run's config.json says of a key. */
static void expect_config(const char *trained, const char *line) {
    char path[600], text[65536];
    snprintf(path, sizeof path, "%s/config.json", trained);
    slurp(path, text, sizeof text);
    ck_assert_msg(strstr(text, line) != NULL, "%s lacks %s", path, line);
}

static int64_t first_kernel_channels(const char *trained) {
    char path[600];
    snprintf(path, sizeof path, "%s/fold-0/best.safetensors", trained);
    hl_context *hl = hl_open(NULL);
    hl_safetensors *file = hl_safetensors_read(hl, path);
    ck_assert_msg(file != NULL, "%s", hl_error(hl));
    int64_t channels = hl_safetensors_dim(file, hl_safetensors_find(file, "block1_conv1/kernel"), 1);
    hl_safetensors_free(file);
    hl_close(hl);
    return channels;
}

/* Masks predicted from a manifest, scored against the true ones, are what `evaluate` finds on the masks' own pixels. The threshold is
 * low, for a net that has hardly learnt to find something. */
static void expect_predictions_as_evaluated(const char *trained, const char *centre) {
    const char *manifest = in("cohort/manifest.csv"), *masks = in("masks-%s", centre), *truth = in("truth-%s", centre);
    ck_assert_int_eq(RUN("evaluate", trained, manifest, "--centre", centre, "--grid", "native", "--threshold", "0.1", "--json"), 0);
    double evaluated = printed("dsc_case_mean"), sensitivity = printed("sensitivity");
    ck_assert_double_gt(sensitivity, 0); /* something was predicted */
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--centre", centre, "--threshold", "0.1", "--out", masks), 0);
    ck_assert_int_eq(shell("mkdir '%s' && awk -F, -v to='%s' -v from='%s' 'NR > 1 && $1 == \"%s\" {system(\"cp \" from \"/\" $6 \" \" to \"/\" $3 \"_\" $4 \".png\")}' '%s'",
                           truth, truth, in("cohort"), centre, manifest),
                     0);
    ck_assert_int_eq(RUN("evaluate", "--pred", masks, "--truth", truth, "--json"), 0);
    ck_assert_double_eq_tol(printed("dsc_case_mean"), evaluated, 1e-12);
    ck_assert_double_eq_tol(printed("sensitivity"), sensitivity, 1e-12);
}

START_TEST(test_one_channel) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *trained = in("run");
    ck_assert_int_eq(run_tiny("train", manifest, trained, MORE("--epochs", "12", "--lr", "3e-3", "--centre", "centre1", "--channels", "1")), 0);
    expect_config(trained, "\"channels\":\t1");
    expect_config(trained, "\"context\":\tfalse");
    ck_assert_int_eq(first_kernel_channels(trained), 1);
    expect_predictions_as_evaluated(trained, "centre2");
    ck_assert_int_eq(RUN("predict", trained, in("cohort/centre1/p001/p001_a/image_00.png"), "--out", in("one")), 0);
    ck_assert_int_eq(access(in("one/image_00.png"), F_OK), 0);
    run_tiny("train", manifest, in("refused"), MORE("--channels", "2"));
    expect_sentence(2, "1 or 3");
    run_tiny("train", manifest, in("refused"), MORE("--channels", "1", "--context"));
    expect_sentence(2, "3 channels");
    ck_assert_int_ne(access(in("refused"), F_OK), 0);
}
END_TEST

START_TEST(test_context) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *trained = in("run"), *plain = in("plain");
    const char *more[] = {"--epochs", "12", "--lr", "3e-3", "--centre", "centre2", "--context", NULL};
    ck_assert_int_eq(run_tiny("train", manifest, trained, more), 0);
    expect_config(trained, "\"channels\":\t3");
    expect_config(trained, "\"context\":\ttrue");
    ck_assert_int_eq(first_kernel_channels(trained), 3);
    more[6] = NULL;
    ck_assert_int_eq(run_tiny("train", manifest, plain, more), 0);
    ck_assert_int_ne(shell("cmp -s '%s/fold-0/best.safetensors' '%s/fold-0/best.safetensors'", trained, plain), 0);
    expect_predictions_as_evaluated(trained, "centre1");
    RUN("predict", trained, in("cohort/centre1/p001/p001_a/image_00.png"), "--out", in("one"));
    expect_sentence(2, "--manifest");
    ck_assert_int_ne(access(in("one"), F_OK), 0);
}
END_TEST

START_TEST(test_predict_from_a_manifest) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *trained = in("run");
    ck_assert_int_eq(run_tiny("train", manifest, trained, MORE("--epochs", "1")), 0);
    ck_assert_int_eq(RUN("predict", trained, "--manifest", manifest, "--out", in("all"), "--probabilities"), 0);
    ck_assert_int_eq(shell("test $(ls '%s' | wc -l) = $(($(wc -l < '%s') * 2 - 2))", in("all"), manifest), 0);
    ck_assert_int_eq(access(in("all/p001_a_0.png"), F_OK), 0);
    ck_assert_int_eq(access(in("all/p001_a_2_prob.png"), F_OK), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "all/p001_a_0.png\n"));
    RUN("predict", trained, in("cohort/centre1/p001/p001_a/image_00.png"), "--manifest", manifest, "--out", in("none"));
    expect_sentence(2, "--manifest");
    RUN("predict", trained, in("cohort/centre1/p001/p001_a/image_00.png"), "--centre", "centre1", "--out", in("none"));
    expect_sentence(2, "--centre goes with --manifest");
    RUN("predict", trained, "--out", in("none"));
    expect_sentence(2, "a picture is missing");
    RUN("predict", trained, "--manifest", in("cohort/none.csv"), "--out", in("none"));
    expect_sentence(3, "none.csv");
    write_file(in("cohort/slash.csv"), "centre,patient,case,slice,image,mask\nc,p,a/b,1,centre1/p001/p001_a/image_00.png,\n");
    RUN("predict", trained, "--manifest", in("cohort/slash.csv"), "--out", in("none"));
    expect_sentence(3, "slash.csv:2");
    ck_assert_int_ne(access(in("none"), F_OK), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("images");
    TCase *tcase = slow_case(suite, "images");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_one_channel);
    tcase_add_test(tcase, test_context);
    tcase_add_test(tcase, test_predict_from_a_manifest);
    return run_suite(suite);
}
