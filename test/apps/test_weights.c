/* --weights: training that starts from a file. */
#include "interop/safetensors.h"
#include "program.h"

/* The values of a tensor; owner: the caller, free. */
static double *read_tensor(const char *path, const char *name, int64_t *count) {
    hl_context *hl = hl_open(NULL);
    hl_safetensors *file = hl_safetensors_read(hl, path);
    ck_assert_msg(file != NULL, "%s", hl_error(hl));
    int index = hl_safetensors_find(file, name);
    ck_assert_int_ge(index, 0);
    *count = 1;
    for (int i = 0; i < hl_safetensors_rank(file, index); i++) *count *= hl_safetensors_dim(file, index, i);
    double *values = malloc((size_t)*count * sizeof *values);
    hl_safetensors_get(file, index, values);
    hl_safetensors_free(file);
    hl_close(hl);
    return values;
}

static void expect_same_tensor(const char *a, const char *b, const char *name) {
    int64_t counts[2];
    double *x = read_tensor(a, name, &counts[0]), *y = read_tensor(b, name, &counts[1]);
    ck_assert_int_eq(counts[0], counts[1]);
    ck_assert_mem_eq(x, y, (size_t)counts[0] * sizeof *x);
    free(x), free(y);
}

static int64_t bn_steps(const char *path) {
    hl_context *hl = hl_open(NULL);
    char *text = hl_safetensors_peek(hl, path, "bn_steps");
    int64_t steps = text ? atoll(text) : -1;
    free(text);
    hl_close(hl);
    return steps;
}

/* At a learning rate of next to nothing what training started from is what it ends with. */
START_TEST(test_starts_from_a_file) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *weights = in("first/fold-0/best.safetensors"), *again = in("again/fold-0/last.safetensors");
    ck_assert_int_eq(run_tiny("train", manifest, in("first"), MORE("--epochs", "2")), 0);
    ck_assert_int_eq(run_tiny("train", manifest, in("again"), MORE("--epochs", "2", "--lr", "1e-30", "--seed", "9", "--weights", weights)), 0);
    expect_same_tensor(weights, again, "block1_conv1/kernel");
    expect_same_tensor(weights, again, "final_conv/kernel");
    ck_assert_int_gt(bn_steps(weights), 0);
    ck_assert_int_gt(bn_steps(again), 0); /* not taken for statistics from elsewhere */
    char text[65536];
    slurp(in("again/config.json"), text, sizeof text);
    ck_assert(strstr(text, "\"weights_hash\":\t\"") && !strstr(text, folder));
    slurp(in("first/config.json"), text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "\"weights_hash\":\tnull"));
    ck_assert_int_eq(RUN("train", "--resume", in("again")), 0); /* a run that is done needs no weights */
    run_tiny("train", manifest, in("refused"), MORE("--weights", in("none.safetensors")));
    expect_sentence(3, "none.safetensors");
    run_tiny("train", manifest, in("refused"), MORE("--net", "unet-vgg16", "--weights", in("cohort/manifest.csv")));
    expect_sentence(3, "manifest.csv");
    ck_assert_int_ne(access(in("refused"), F_OK), 0);
}
END_TEST

/* A net of three channels goes into one of one; one of another width goes nowhere. */
START_TEST(test_one_channel_from_three) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *weights = in("first/fold-0/best.safetensors"), *again = in("again/fold-0/last.safetensors");
    ck_assert_int_eq(run_tiny("train", manifest, in("first"), MORE("--epochs", "1")), 0);
    ck_assert_int_eq(run_tiny("train", manifest, in("again"), MORE("--epochs", "1", "--lr", "1e-30", "--channels", "1", "--weights", weights)), 0);
    int64_t counts[2];
    double *three = read_tensor(weights, "block1_conv1/kernel", &counts[0]), *one = read_tensor(again, "block1_conv1/kernel", &counts[1]);
    ck_assert_int_eq(counts[0], 3 * counts[1]);
    for (int64_t i = 0; i < counts[1]; i++) {
        const double *of = three + i / 9 * 27 + i % 9;
        ck_assert_double_eq_tol(one[i], of[0] + of[9] + of[18], 1e-6);
    }
    free(three), free(one);
    expect_same_tensor(weights, again, "block1_conv2/kernel");
    RUN("train", manifest, "--out", in("refused"), "--size", "32", "--width", "0.25", "--weights", weights);
    expect_sentence(3, "block1_conv1/kernel has another shape");
    ck_assert_int_ne(access(in("refused"), F_OK), 0);
}
END_TEST

/* A stop changes no byte; weights that changed before a fold began are refused, and those a fold has begun with are no matter. */
START_TEST(test_resume) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *weights = in("w.safetensors");
    ck_assert_int_eq(run_tiny("train", manifest, in("first"), MORE("--epochs", "1")), 0);
    ck_assert_int_eq(shell("cp '%s' '%s'", in("first/fold-0/best.safetensors"), weights), 0);
    const char *more[] = {"--epochs", "2", "--folds", "2", "--centre", "centre1", "--weights", weights, NULL};
    ck_assert_int_eq(run_tiny("crossval", manifest, in("whole"), more), 0);
    /* A run that has only begun: what the first fold needs is there, nothing is trained. */
    ck_assert_int_eq(shell("cp -r '%s' '%s' && cd '%s' && rm -r fold-1 report.html metrics.json", in("whole"), in("begun"), in("begun")), 0);
    ck_assert_int_eq(shell("cp '%s' '%s'", in("whole/fold-0/best.safetensors"), weights), 0); /* another file now */
    RUN("crossval", "--resume", in("begun"), "--threads", "1");
    ck_assert_msg(said.code == 3 && strstr(said.err, "the weights have changed since"), "%d: %s", said.code, said.err);
    ck_assert_int_eq(shell("cp '%s' '%s'", in("first/fold-0/best.safetensors"), weights), 0);
    ck_assert_int_eq(RUN("crossval", "--resume", in("begun"), "--threads", "2"), 0);
    expect_same_run(in("whole"), in("begun"));
    ck_assert_int_eq(shell("cd '%s' && rm report.html metrics.json '%s'", in("begun"), weights), 0);
    ck_assert_int_eq(RUN("crossval", "--resume", in("begun"), "--threads", "2"), 0);
    expect_same_run(in("whole"), in("begun"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("weights");
    TCase *tcase = slow_case(suite, "weights");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_starts_from_a_file);
    tcase_add_test(tcase, test_one_channel_from_three);
    tcase_add_test(tcase, test_resume);
    return run_suite(suite);
}
