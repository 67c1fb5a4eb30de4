/* The whole program: what it prints, how it ends, what it leaves behind, through bad input, a full disk and a kill. */
#include <time.h>

#include "program.h"

/* --- words ---------------------------------------------------------------------------------------------------------- */

START_TEST(test_help) {
    static const char *const commands[] = {"train", "crossval", "evaluate", "calibrate", "predict", "phantom", "pack", "augment", "nets", "summary", "bench", "golden", "demo", "help"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char direct[sizeof said.out];
        ck_assert_int_eq(RUN(commands[i], "--help"), 0);
        strcpy(direct, said.out);
        if (strcmp(commands[i], "help")) {
            ck_assert_ptr_nonnull(strstr(said.out, "Example:"));
            ck_assert_ptr_nonnull(strstr(said.out, "--help"));
        }
        ck_assert_str_eq(said.err, "");
        ck_assert_int_eq(RUN("help", commands[i]), 0);
        ck_assert_ptr_nonnull(strstr(said.out, "Example:"));
        if (strcmp(commands[i], "help")) ck_assert_str_eq(said.out, direct);
    }
    ck_assert_int_eq(RUN("--version"), 0);
    ck_assert_int_eq(strncmp(said.out, "hilum ", 6), 0);
}
END_TEST

START_TEST(test_usage) {
    static const struct {
        const char *words[12], *part;
    } cases[] = {
        {{"crosval"}, "did you mean crossval?"},
        {{"bench"}, "which network?"},
        {{"bench", "unet-vgg16", "--kernels"}, "takes no network"},
        {{"bench", "unet-vgg16", "--shape", "64->64"}, "--shape is of --kernels"},
        {{"bench", "--kernels", "--shape", "65->64"}, "no shape has 65->64"},
        {{"bench", "unet-vgg17"}, "unet-vgg17"},
        {{"train", "m.csv", "--out", "r", "--epoch", "3"}, "did you mean --epochs?"},
        {{"train", "m.csv", "--out", "r", "--size", "100"}, "multiples of 32"},
        {{"train", "m.csv", "--out", "r", "--size=64x65"}, "multiples of 32"},
        {{"train", "m.csv", "--out", "r", "--lr", "-1"}, "--lr"},
        {{"train", "m.csv", "--out", "r", "--lr", "nan"}, "--lr"},
        {{"train", "m.csv", "--out", "r", "--epochs", "1e3"}, "--epochs"},
        {{"train", "m.csv", "--out", "r", "--seed", "-3"}, "--seed"},
        {{"train", "m.csv", "--out", "r", "--precision", "fp16"}, "expected fp32 or bf16"},
        {{"bench", "--kernels", "--precision", "bf16"}, "--precision is of a network's steps"},
        {{"bench", "unet-vgg16", "--mode", "infer", "--width", "0.125", "--size", "32", "--precision", "bf16"}, "prediction is in fp32"},
        {{"train", "m.csv", "--out", "r", "--init", "zero"}, "he or keras"},
        {{"train", "m.csv", "--out", "r", "--net", "unet-vgg166"}, "unet-vgg16"},
        {{"train", "m.csv", "--out", "r", "--folds", "3"}, "--folds"},
        {{"train", "m.csv"}, "--out is missing"},
        {{"train", "--out", "r"}, "manifest is missing"},
        {{"train", "m.csv", "n.csv", "--out", "r"}, "n.csv"},
        {{"train", "m.csv", "--out"}, "needs a value"},
        {{"train", "m.csv", "--json=yes", "--out", "r"}, "takes no value"},
        {{"crossval", "m.csv", "--folds", "1", "--out", "r"}, "--folds"},
        {{"crossval", "--resume", "r", "--epochs", "3"}, "--epochs"},
        {{"crossval", "--resume", "r", "--precision", "fp32"}, "--precision"},
        {{"crossval", "m.csv", "--resume", "r"}, "manifest"},
        {{"evaluate", "r"}, "manifest is missing"},
        {{"evaluate", "--pred", "d"}, "--truth is missing"},
        {{"evaluate", "--pred", "d", "--truth", "d", "--grid", "native"}, "--grid"},
        {{"golden", "unet-vgg166", "--size", "32"}, "unet-vgg16"},
        {{"train", "m.csv", "--out", "r", "--augment", "flip,rotat"}, "augmentation \"rotat\" is unknown, expected none, all or some of flip, rotate"},
        {{"train", "m.csv", "--out", "r", "--augment", "rotate=200"}, "expected 0 to 180"},
        {{"augment", "m.csv"}, "--preview is missing"},
        {{"augment", "--preview", "a.png"}, "manifest is missing"},
        {{"augment", "m.csv", "--preview", "a.png", "--augment", "turn"}, "turn"},
        {{"bench", "unet-vgg16", "--loader", "m.csv"}, "takes no network"},
        {{"phantom"}, "--out is missing"},
        {{"predict", "r", "a.png"}, "--out is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(cases[i].words);
        expect_sentence(2, cases[i].part);
        ck_assert_str_eq(said.out, "");
    }
    ck_assert_int_eq(run((const char *const[]){NULL}), 2);
}
END_TEST

/* Where bf16 cannot be computed it is refused before anything is looked for or made. */
START_TEST(test_no_bf16) {
    setenv("HILUM_ISA", "avx2", 1);
    run_tiny("train", in("nowhere.csv"), in("run"), MORE("--precision", "bf16"));
    expect_sentence(2, "bf16 cannot be computed here: ");
    ck_assert_ptr_nonnull(strstr(said.err, "; precision fp32 works everywhere\n"));
    ck_assert_int_ne(access(in("run"), F_OK), 0);
    RUN("bench", "unet-vgg16", "--width", "0.125", "--size", "32", "--precision", "bf16");
    expect_sentence(2, "bf16 cannot be computed here: ");
    RUN("summary", "unet-vgg16", "--precision", "bf16");
    expect_sentence(2, "bf16 cannot be computed here: ");
    RUN("nets", "--precision", "bf16");
    expect_sentence(2, "bf16 cannot be computed here: ");
    ck_assert_str_eq(said.out, "");
    unsetenv("HILUM_ISA");
}
END_TEST

START_TEST(test_golden) {
    ck_assert_int_eq(RUN("golden", "unet-vgg16", "--size=32x64", "--batch", "1", "--seed", "3"), 0);
    expect_one_json_line();
    ck_assert_ptr_nonnull(strstr(said.out, "\"height\":32,\"width\":64,\"seed\":3"));
    ck_assert_ptr_nonnull(strstr(said.out, "\"eval_logits\""));
}
END_TEST

/* --- bad input ------------------------------------------------------------------------------------------------------ */

#define HEAD "centre,patient,case,slice,image,mask\n"

/* A manifest of the given rows is refused with 3 in a sentence that mentions `part`, and no run is begun. */
static void refuse_manifest(const char *name, const char *rows, const char *part) {
    write_file(in("cohort/%s", name), rows);
    run_tiny("train", in("cohort/%s", name), in("refused"), NULL);
    expect_sentence(3, part);
    ck_assert_int_ne(access(in("refused/config.json"), F_OK), 0);
    expect_nothing_half_written();
}

START_TEST(test_bad_manifest) {
    make_phantom();
    run_tiny("train", in("cohort/none.csv"), in("refused"), NULL);
    expect_sentence(3, "none.csv");
    refuse_manifest("column.csv", "centre,patient,case,slice,image\nc,p,c,1,a.png\n", "mask");
    refuse_manifest("twice.csv", HEAD "c,p,c,1,a.png,b.png\nc,p,c,1,a.png,b.png\n", "twice.csv:3");
    refuse_manifest("outside.csv", HEAD "c,p,c,1,../a.png,b.png\n", "outside.csv:2");
    refuse_manifest("missing.csv", HEAD "c,p,c,1,a.png,b.png\n", "a.png");
    refuse_manifest("slice.csv", HEAD "c,p,c,first,a.png,b.png\n", "first");
    refuse_manifest("empty.csv", "", "empty.csv");
    run_tiny("train", in("cohort/manifest.csv"), in("refused"), MORE("--centre", "elsewhere"));
    expect_sentence(3, "centre1");
}
END_TEST

START_TEST(test_bad_pictures) {
    make_phantom();
    hl_context *hl = hl_open(NULL);
    unsigned char grey[40 * 40] = {0};
    ck_ok(hl, hl_png_write(hl, in("cohort/a.png"), 40, 40, 1, 8, grey));
    ck_ok(hl, hl_png_write(hl, in("cohort/small.png"), 32, 32, 1, 8, grey));
    hl_close(hl);
    ck_assert_int_eq(shell("head -c 60 '%s' > '%s'", in("cohort/a.png"), in("cohort/cut.png")), 0);
    refuse_manifest("cut.csv", HEAD "c,p,c,1,cut.png,a.png\n", "cut.png");
    refuse_manifest("cutmask.csv", HEAD "c,p,c,1,a.png,cut.png\n", "cut.png");
    refuse_manifest("small.csv", HEAD "c,p,c,1,a.png,small.png\n", "small.png");
    write_file(in("cohort/text.png"), "no picture");
    refuse_manifest("text.csv", HEAD "c,p,c,1,text.png,a.png\n", "text.png");
}
END_TEST

START_TEST(test_bad_run) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv");
    RUN("evaluate", in("nowhere"), manifest);
    expect_sentence(3, "nowhere");
    RUN("crossval", "--resume", in("nowhere"));
    expect_sentence(3, "nowhere");
    RUN("predict", in("nowhere"), in("nothing.png"), "--out", in("masks"));
    expect_sentence(3, "nothing.png");
    RUN("evaluate", "--pred", in("nowhere"), "--truth", in("cohort"));
    expect_sentence(3, "nowhere");
}
END_TEST

/* --- a full disk ---------------------------------------------------------------------------------------------------- */

START_TEST(test_full_stdout) {
    ck_assert_int_eq(finish(start(MORE("--version"), (circumstances){.out = "/dev/full"})), 1);
    expect_sentence(1, "standard output");
    ck_assert_int_eq(finish(start(MORE("train", "--help"), (circumstances){.out = "/dev/full"})), 1);
    expect_sentence(1, "No space left");
}
END_TEST

/* A limit on the size of files stands for a disk that is full. */
START_TEST(test_full_folder) {
    make_phantom();
    const char *words[WORDS];
    tiny_words(words, "train", in("cohort/manifest.csv"), in("run"), MORE("--epochs", "1"));
    finish(start(words, (circumstances){.largest_file = 20000}));
    ck_assert_msg(said.code == 1, "ended with %d: %s", said.code, said.err);
    ck_assert_ptr_nonnull(strstr(said.err, "hilum: "));
    ck_assert_ptr_nonnull(strstr(said.err, "cannot be written"));
    expect_nothing_half_written();
    ck_assert_int_eq(RUN("train", "--resume", in("run"), "--threads", "1"), 0);
    ck_assert_int_eq(run_tiny("train", in("cohort/manifest.csv"), in("whole"), MORE("--epochs", "1")), 0);
    expect_same_run(in("run"), in("whole"));
}
END_TEST

/* --- a run, start to end -------------------------------------------------------------------------------------------- */

static void predict_odd_sizes(void) {
    static const int sizes[][2] = {{37, 53}, {1, 1}, {101, 20}};
    hl_context *hl = hl_open(NULL);
    unsigned char grey[101 * 64];
    for (size_t i = 0; i < sizeof grey; i++) grey[i] = (unsigned char)(i * 7);
    for (int i = 0; i < 3; i++) ck_ok(hl, hl_png_write(hl, in("odd%d.png", i), sizes[i][1], sizes[i][0], 1, 8, grey));
    ck_assert_int_eq(RUN("predict", in("run"), in("odd0.png"), in("odd1.png"), in("odd2.png"), "--out", in("masks"), "--probabilities"), 0);
    for (int i = 0; i < 3; i++) {
        hl_picture mask = {0}, map = {0};
        ck_ok(hl, hl_png_read(hl, in("masks/odd%d.png", i), &mask));
        ck_ok(hl, hl_png_read(hl, in("masks/odd%d_prob.png", i), &map));
        ck_assert_int_eq(mask.height, sizes[i][0]);
        ck_assert_int_eq(mask.width, sizes[i][1]);
        ck_assert_int_eq(map.height, sizes[i][0]);
        ck_assert_int_eq(map.maximum, 65535);
        for (int p = 0; p < mask.width * mask.height; p++) {
            bool beyond = map.pixels[p] < 32760 || map.pixels[p] > 32775; /* rounding to 16 bits decides nothing there */
            if (beyond) ck_assert_int_eq(mask.pixels[p], map.pixels[p] > 32768 ? 255 : 0);
        }
        free(mask.pixels), free(map.pixels);
    }
    hl_close(hl);
}

static void predict_refusals(void) {
    ck_assert_int_eq(shell("mkdir '%s' '%s' && cp '%s' '%s'", in("other"), in("same"), in("odd0.png"), in("other/odd0.png")), 0);
    RUN("predict", in("run"), in("odd0.png"), in("other/odd0.png"), "--out", in("twice"));
    expect_sentence(2, "odd0.png");
    ck_assert_int_ne(access(in("twice"), F_OK), 0);
    ck_assert_int_eq(shell("cp '%s' '%s'", in("odd1.png"), in("odd0_prob.png")), 0);
    RUN("predict", in("run"), in("odd0.png"), in("odd0_prob.png"), "--probabilities", "--out", in("twice"));
    expect_sentence(2, "odd0_prob.png");
    RUN("predict", in("run"), in("other/odd0.png"), "--out", in("other"));
    expect_sentence(2, "overwrite");
    RUN("predict", in("run"), in("odd0.png"), "--fold", "2", "--out", in("twice"));
    expect_sentence(2, "fold 2");
}

START_TEST(test_crossval_to_report) {
    make_phantom();
    const char *manifest = in("cohort/manifest.csv"), *folds[] = {"--folds", "2", "--epochs", "2", "--centre", "centre1", "--json", NULL};
    ck_assert_int_eq(run_tiny("crossval", manifest, in("run"), folds), 0);
    expect_one_json_line();
    ck_assert_ptr_nonnull(strstr(said.out, "\"dsc_fold_sd0\""));
    ck_assert_ptr_nonnull(strstr(said.err, "fold 2/2, epoch 2/2: loss "));
    ck_assert_ptr_null(strchr(said.err, '\r'));
    manifest = in("cohort/manifest.csv");
    run_tiny("crossval", manifest, in("run"), folds);
    expect_sentence(2, "--resume");
    ck_assert_int_eq(RUN("evaluate", in("run"), manifest, "--centre", "centre2", "--json"), 0);
    expect_one_json_line();
    ck_assert_int_eq(RUN("evaluate", in("run"), manifest, "--centre=centre2", "--threshold=0.37"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "threshold 0.37"));
    ck_assert_int_eq(RUN("calibrate", in("run"), manifest, "--centre", "centre2", "--json", "--out", in("c2.html")), 0);
    expect_one_json_line();
    ck_assert_ptr_nonnull(strstr(said.out, "\"shares\":[{\"percent\":0,"));
    ck_assert_int_eq(access(in("c2.html"), F_OK), 0);
    RUN("calibrate", in("run"), manifest);
    ck_assert_int_eq(said.code, 3);
    predict_odd_sizes();
    predict_refusals();
    expect_nothing_half_written();
}
END_TEST

/* Whether this machine computes bf16; says what it lacks where not. */
static bool has_bf16(void) {
    hl_context *hl = hl_open(NULL);
    const char *lacks = hl_bf16_lacks(hl);
    hl_close(hl);
    if (lacks) fprintf(stderr, "bf16 is not tested: %s\n", lacks);
    return !lacks;
}

/* A run in bf16 says so, goes on in it, not without, and predicts anywhere. */
START_TEST(test_bf16_run) {
    if (!has_bf16()) return;
    char config[8192];
    make_phantom();
    const char *more[] = {"--epochs", "2", "--centre", "centre1", "--precision", "bf16", NULL};
    ck_assert_int_eq(run_tiny("train", in("cohort/manifest.csv"), in("run"), more), 0);
    slurp(in("run/config.json"), config, sizeof config);
    ck_assert_ptr_nonnull(strstr(config, "\"precision\":\t\"bf16\""));
    ck_assert_int_eq(shell("cp -r '%s' '%s' && rm '%s'", in("run"), in("again"), in("again/report.html")), 0);
    RUN("train", "--resume", in("again"), "--precision", "fp32");
    expect_sentence(2, "--precision cannot be given with --resume");
    ck_assert_int_eq(RUN("train", "--resume", in("again")), 0);
    expect_same_run(in("run"), in("again"));
    ck_assert_int_eq(shell("rm '%s'", in("again/report.html")), 0);
    setenv("HILUM_ISA", "avx2", 1);
    ck_assert_int_eq(RUN("train", "--resume", in("again")), 2);
    ck_assert_ptr_nonnull(strstr(said.err, "bf16 cannot be computed here: kernels are capped at avx2"));
    ck_assert_int_eq(RUN("evaluate", in("run"), in("cohort/manifest.csv"), "--centre", "centre2"), 0);
    unsetenv("HILUM_ISA");
}
END_TEST

START_TEST(test_masks) {
    make_phantom();
    ck_assert_int_eq(shell("mkdir '%s' && cp '%s'/mask_*.png '%s'", in("a"), in("cohort/centre1/p002/p002_a"), in("a")), 0);
    ck_assert_int_eq(RUN("evaluate", "--pred", in("a"), "--truth", in("a"), "--json"), 0);
    expect_one_json_line();
    ck_assert_ptr_nonnull(strstr(said.out, "\"dsc_case_mean\":1,"));
}
END_TEST

/* --- interrupted ---------------------------------------------------------------------------------------------------- */

static bool is_going(pid_t child) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/* Waits until a file has so many lines, or the child is gone. */
static void wait_for_lines(pid_t child, const char *path, int least) {
    for (int lines = 0; lines < least && is_going(child);) {
        char text[8192];
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        slurp(path, text, sizeof text);
        lines = 0;
        for (const char *at = text; (at = strchr(at, '\n')); at++) lines++;
    }
}

/* Stops a run by `number` once its log has `lines` lines; returns how it ended. */
static int stop_run(const char *out, const char *threads, int number, int lines) {
    const char *words[WORDS], *more[] = {"--epochs", "6", "--folds", "2", "--centre", "centre1", "--augment", "all", NULL};
    tiny_words(words, "crossval", in("cohort/manifest.csv"), out, more);
    for (int i = 0; words[i]; i++) {
        if (!strcmp(words[i], "--threads")) words[i + 1] = threads;
    }
    pid_t child = start(words, (circumstances){0});
    char log[600];
    snprintf(log, sizeof log, "%s/fold-0/log.csv", out);
    wait_for_lines(child, log, lines);
    kill(child, number);
    return finish(child);
}

START_TEST(test_stop_and_resume) {
    make_phantom();
    const char *more[] = {"--epochs", "6", "--folds", "2", "--centre", "centre1", "--augment", "all", NULL};
    ck_assert_int_eq(run_tiny("crossval", in("cohort/manifest.csv"), in("whole"), more), 0);
    int code = stop_run(in("killed"), "2", SIGKILL, 3);
    ck_assert_int_eq(code, 128 + SIGKILL);
    ck_assert_int_eq(RUN("crossval", "--resume", in("killed"), "--threads", "3"), 0);
    ck_assert_int_eq(shell("find '%s' -name '*.part*' -delete", in("killed")),
                     0); /* a kill leaves what was being written, under that name */
    expect_same_run(in("whole"), in("killed"));
    code = stop_run(in("stopped"), "1", SIGINT, 2);
    expect_sentence(130, "");
    ck_assert_int_eq(code, 130);
    ck_assert_ptr_nonnull(strstr(said.err, "stopped and saved; go on with: hilum crossval --resume "));
    expect_nothing_half_written();
    ck_assert_int_eq(RUN("crossval", "--resume", in("stopped"), "--threads", "2"), 0);
    expect_same_run(in("whole"), in("stopped"));
    ck_assert_int_eq(RUN("crossval", "--resume", in("stopped")), 0);
    expect_same_run(in("whole"), in("stopped"));
}
END_TEST

START_TEST(test_threads) {
    make_phantom();
    for (int threads = 1; threads <= 3; threads++) {
        char text[4];
        snprintf(text, sizeof text, "%d", threads);
        const char *words[WORDS];
        tiny_words(words, "train", in("cohort/manifest.csv"), in("threads-%d", threads), MORE("--epochs", "2", "--augment", "all"));
        for (int i = 0; words[i]; i++) {
            if (!strcmp(words[i], "--threads")) words[i + 1] = text;
        }
        ck_assert_int_eq(run(words), 0);
        if (threads > 1) expect_same_run(in("threads-1"), in("threads-%d", threads));
    }
    ck_assert_int_eq(RUN("evaluate", in("threads-1"), in("cohort/manifest.csv")), 3); /* a run of one model tests nobody it knows */
    expect_sentence(3, "manifest.csv");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("program");
    TCase *words = slow_case(suite, "words"), *bad = slow_case(suite, "bad input"), *runs = slow_case(suite, "runs");
    tcase_add_checked_fixture(words, setup, teardown);
    tcase_add_test(words, test_help);
    tcase_add_test(words, test_usage);
    tcase_add_test(words, test_no_bf16);
    tcase_add_test(words, test_golden);
    tcase_add_checked_fixture(bad, setup, teardown);
    tcase_add_test(bad, test_bad_manifest);
    tcase_add_test(bad, test_bad_pictures);
    tcase_add_test(bad, test_bad_run);
    tcase_add_test(bad, test_full_stdout);
    tcase_add_test(bad, test_full_folder);
    tcase_add_checked_fixture(runs, setup, teardown);
    tcase_add_test(runs, test_crossval_to_report);
    tcase_add_test(runs, test_bf16_run);
    tcase_add_test(runs, test_masks);
    tcase_add_test(runs, test_stop_and_resume);
    tcase_add_test(runs, test_threads);
    return run_suite(suite);
}
