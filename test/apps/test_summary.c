/* The program's `nets`, `summary` and `bench`: what they print, for readers and for scripts, and what they refuse. */
#include <cJSON.h>
#include <string.h>
#include <sys/wait.h>

#include "../harness.h"
#include "hilum/nets.h"

static char program[4096], folder[64];
static struct {
    int code;
    char out[1 << 20], err[4096];
} said;

static void slurp(const char *name, char *text, size_t size) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "rb");
    ck_assert_ptr_nonnull(stream);
    size_t got = fread(text, 1, size - 1, stream);
    fclose(stream);
    ck_assert_uint_lt(got, size - 1);
    text[got] = 0;
}

/* Runs the program with words that a shell takes apart; returns its exit code. */
static int run(const char *words) {
    char command[5000];
    snprintf(command, sizeof command, "'%s' %s >'%s/out' 2>'%s/err'", program, words, folder, folder);
    int status = system(command);
    slurp("out", said.out, sizeof said.out);
    slurp("err", said.err, sizeof said.err);
    return said.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs it and reads the one line it prints. */
static cJSON *run_json(const char *words) {
    ck_assert_msg(run(words) == 0, "%s ended with %d: %s", words, said.code, said.err);
    size_t length = strlen(said.out);
    ck_assert_uint_gt(length, 2);
    ck_assert_ptr_eq(strchr(said.out, '\n'), said.out + length - 1);
    cJSON *root = cJSON_Parse(said.out);
    ck_assert(cJSON_IsObject(root));
    ck_assert_str_eq(said.err, "");
    return root;
}

static double number(const cJSON *of, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s is no number", key);
    return item->valuedouble;
}

static const char *text(const cJSON *of, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, key);
    ck_assert_msg(cJSON_IsString(item), "%s is no text", key);
    return item->valuestring;
}

static void setup(void) {
    const char *build = getenv("BUILD");
    char path[4000];
    snprintf(path, sizeof path, "%s/hilum", build ? build : "build");
    ck_assert_msg(realpath(path, program) != NULL, "%s is not built", path);
    scratch_folder(folder);
}
static void teardown(void) { remove_folder(folder); }

/* Bound threads are as many as others. */
START_TEST(test_bound_threads) {
    const char *const words = "bench unet-vgg16 --size 32 --width 0.1 --iters 1 --json";
    unsetenv("OMP_WAIT_POLICY"), unsetenv("OMP_PROC_BIND");
    cJSON *free_ones = run_json(words);
    setenv("OMP_PROC_BIND", "true", 1);
    cJSON *bound = run_json(words);
    ck_assert_double_eq(number(bound, "threads"), number(free_ones, "threads"));
    cJSON_Delete(free_ones), cJSON_Delete(bound);
}
END_TEST

START_TEST(test_help) {
    ck_assert_int_eq(run("nets --help"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "Example:\n  hilum nets"));
    ck_assert_int_eq(run("summary --help"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "Example:\n  hilum summary unet-vgg16"));
    ck_assert_ptr_nonnull(strstr(said.out, "--size N|HxW"));
    ck_assert_ptr_nonnull(strstr(said.out, "[256]"));
    ck_assert_int_eq(run("help"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "\n  nets "));
    ck_assert_ptr_nonnull(strstr(said.out, "\n  summary "));
}
END_TEST

START_TEST(test_refusals) {
    static const struct {
        const char *words, *part;
    } cases[] = {
        {"summary unet-vgg166", "did you mean unet-vgg16?"},
        {"summary zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "see: hilum nets"},
        {"summary", "argument is missing"},
        {"summary unet-vgg16 unet-vgg19", "unet-vgg19"},
        {"summary unet-vgg16 --size 100", "multiples of 32"},
        {"summary unet-vgg16 --size 64x65", "multiples of 32"},
        {"summary unet-vgg16 --batch 0", "--batch"},
        {"summary unet-vgg16 --width 0", "--width"},
        {"summary unet-vgg16 --dot --json", "together"},
        {"summary unet-vgg16 --jsn", "did you mean --json?"},
        {"nets unet-vgg16", "unet-vgg16"},
        {"nets --size 48", "multiples of 32"},
        {"nets --precision half", "expected fp32 or bf16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(cases[i].words);
        ck_assert_msg(said.code == 2, "%s ended with %d: %s", cases[i].words, said.code, said.err);
        ck_assert_msg(strstr(said.err, cases[i].part) != NULL, "\"%s\" lacks \"%s\"", said.err, cases[i].part);
        ck_assert_str_eq(said.out, "");
    }
}
END_TEST

START_TEST(test_summary_json) {
    cJSON *root = run_json("summary unet-vgg16 --json"), *layer;
    ck_assert_str_eq(text(root, "network"), "unet-vgg16");
    ck_assert_str_eq(text(root, "precision"), "fp32");
    ck_assert_double_eq(number(root, "parameters"), 23752273);
    ck_assert_double_eq(number(root, "trainable"), 23748241);
    ck_assert_double_gt(number(root, "gflops_train"), 2.9 * number(root, "gflops"));
    ck_assert_double_gt(number(root, "bytes_train"), number(root, "bytes_infer"));
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(root, "layers");
    ck_assert_int_gt(cJSON_GetArraySize(layers), 70);
    double parameters = 0, flops = 0;
    cJSON_ArrayForEach(layer, layers) {
        parameters += number(layer, "parameters"), flops += number(layer, "flops");
        ck_assert_double_ge(number(layer, "bytes"), 0);
        ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(layer, "shape")), 3);
    }
    ck_assert_double_eq(parameters, 23752273);
    ck_assert_double_eq_tol(1e-9 * flops, number(root, "gflops"), 1e-9);
    layer = cJSON_GetArrayItem(layers, 1);
    ck_assert_str_eq(text(layer, "name"), "block1_conv1");
    ck_assert_str_eq(text(layer, "op"), "conv");
    ck_assert_double_eq(number(layer, "flops"), 256.0 * 256 * 64 * (2 * 27 + 1)); /* one image of 256x256 unless said */
    ck_assert_double_eq(number(layer, "bytes"), 256.0 * 256 * 64 * 4);
    cJSON_Delete(root);
}
END_TEST

/* Twice the images are twice the operations; a narrower net has fewer parameters, another size as many. */
START_TEST(test_summary_options) {
    cJSON *one = run_json("summary unet-vgg16 --size 64x96 --width 0.25 --json");
    cJSON *two = run_json("summary unet-vgg16 --size=64x96 --width 0.25 --batch 2 --json");
    cJSON *other = run_json("summary unet-vgg16 --size 32 --width 0.25 --json");
    ck_assert_double_lt(number(one, "parameters"), 23752273 / 8);
    ck_assert_double_eq(number(one, "parameters"), number(other, "parameters"));
    ck_assert_double_eq_tol(number(two, "gflops"), 2 * number(one, "gflops"), 1e-9);
    ck_assert_double_gt(number(two, "bytes_train"), number(one, "bytes_train"));
    ck_assert_double_eq_tol(number(one, "gflops"), 6 * number(other, "gflops"), 1e-9);
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(one, "layers"), 0), "shape");
    ck_assert_int_eq(cJSON_GetArrayItem(shape, 0)->valueint, 3);
    ck_assert_int_eq(cJSON_GetArrayItem(shape, 1)->valueint, 64);
    ck_assert_int_eq(cJSON_GetArrayItem(shape, 2)->valueint, 96);
    cJSON_Delete(one);
    cJSON_Delete(two);
    cJSON_Delete(other);
}
END_TEST

START_TEST(test_summary_text) {
    ck_assert_int_eq(run("summary unet-vgg16"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "\nblock1_conv1 "));
    ck_assert_ptr_nonnull(strstr(said.out, " 64 x 256 x 256 "));
    ck_assert_ptr_nonnull(strstr(said.out, "  in place\n"));
    ck_assert_ptr_nonnull(strstr(said.out, "  joined while it is read\n"));
    ck_assert_ptr_nonnull(strstr(said.out, " 23,752,273\n"));
    ck_assert_ptr_nonnull(strstr(said.out, " 23,748,241\n"));
    ck_assert_ptr_nonnull(strstr(said.out, "MB of a training step"));
    ck_assert_int_eq(run("summary unet-vgg16 --dot"), 0);
    ck_assert_int_eq(strncmp(said.out, "digraph \"unet-vgg16\" {\n", 23), 0);
    ck_assert_str_eq(said.out + strlen(said.out) - 3, "\n}\n");
}
END_TEST

/* Every network is there, with what its own summary says. */
START_TEST(test_nets) {
    cJSON *root = run_json("nets --size 512 --batch 2 --json"), *net;
    const cJSON *nets = cJSON_GetObjectItemCaseSensitive(root, "nets");
    char name[64];
    int count = 0;
    cJSON_ArrayForEach(net, nets) {
        ck_assert(hl_net_name(count++, name));
        ck_assert_str_eq(text(net, "network"), name);
        ck_assert_double_gt(number(net, "gflops"), 0);
        ck_assert_double_gt(number(net, "bytes_train"), number(net, "bytes_infer"));
    }
    ck_assert(!hl_net_name(count, name));
    net = cJSON_GetArrayItem(nets, count - 1);
    hl_net_name(count - 1, name);
    char words[128];
    snprintf(words, sizeof words, "summary %s --size 512 --batch 2 --json", name);
    cJSON *summary = run_json(words);
    static const char *const keys[] = {"parameters", "trainable", "gflops", "gflops_train", "bytes_train", "bytes_infer"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) ck_assert_double_eq(number(net, keys[i]), number(summary, keys[i]));
    cJSON_Delete(root);
    cJSON_Delete(summary);
    ck_assert_int_eq(run("nets"), 0);
    ck_assert_ptr_nonnull(strstr(said.out, "\nunet-vgg16 "));
    ck_assert_ptr_nonnull(strstr(said.out, " 23,752,273 "));
    ck_assert_ptr_nonnull(strstr(said.out, "256x256, batch 1"));
}
END_TEST

/* A net's steps: what the contract names, and that the pieces of a profile add up to about the whole. No time is held to anything. */
START_TEST(bench_says_what_it_measures) {
    static const char *const modes[] = {"train", "infer"};
    for (int mode = 0; mode < 2; mode++) {
        char words[200];
        snprintf(words, sizeof words, "bench linknet-resnet34 --width 0.25 --size 64x32 --batch 2 --iters 3 --threads 2 --profile --json --mode %s", modes[mode]);
        cJSON *root = run_json(words);
        static const char *const keys[] = {"ms_per_image_median", "ms_per_image_min", "peak_rss_mb", "gflops", "gflops_per_second", "peak_gflops_per_second",
                                           "share_of_peak", "plan_bytes"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) ck_assert_msg(number(root, keys[i]) > 0, "%s is %g", keys[i], number(root, keys[i]));
        ck_assert_double_le(number(root, "ms_per_image_min"), number(root, "ms_per_image_median"));
        ck_assert_str_eq(text(root, "mode"), modes[mode]);
        ck_assert_str_eq(text(root, "precision"), "fp32");
        double sum = 0;
        const cJSON *row;
        cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(root, "profile"))
            sum += number(row, "ms_forward") + number(row, "ms_backward") + number(row, "ms_backward_weights");
        ck_assert(sum > 0);
        const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(root, "bytes");
        ck_assert_double_eq(number(bytes, "arena"), number(root, "plan_bytes"));
        ck_assert_int_eq(number(bytes, "gradients") > 0, mode == 0);
        cJSON_Delete(root);
    }
    ck_assert_int_eq(run("bench linknet-resnet34 --width 0.25 --size 32 --batch 1 --iters 1 --profile"), 0);
    ck_assert(strstr(said.out, "GFLOP/s") && strstr(said.out, "their gradients") && strstr(said.out, "Adam"));
}
END_TEST

START_TEST(a_limit_on_memory_is_kept_or_refused) {
    enum { PROGRAM = 30 }; /* MB that the program itself is reckoned with */
    cJSON *root = run_json("summary unet-vgg16 --width 0.5 --size 128 --batch 4 --json");
    double all = number(root, "bytes_train");
    cJSON_Delete(root);
    char words[200];
    snprintf(words, sizeof words, "summary unet-vgg16 --width 0.5 --size 128 --batch 4 --json --memory-limit %d", PROGRAM + (int)(0.92e-6 * all));
    root = run_json(words);
    ck_assert_double_le(number(root, "bytes_train"), 0.92 * all);
    cJSON_Delete(root);
    const char *const refused[] = {"summary unet-vgg16 --width 0.5 --size 128 --batch 4 --memory-limit 31",
                                   "bench unet-vgg16 --width 0.5 --size 128 --memory-limit 31"};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(run(refused[i]), 2);
        ck_assert_str_eq(said.out, "");
        ck_assert_msg(strstr(said.err, "takes at least ") && strstr(said.err, "128x128"), "%s", said.err);
    }
    ck_assert_int_eq(run("summary unet-vgg16 --memory-limit 1"), 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("summary");
    TCase *tcase = slow_case(suite, "summary");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_help);
    tcase_add_test(tcase, test_bound_threads);
    tcase_add_test(tcase, bench_says_what_it_measures);
    tcase_add_test(tcase, test_refusals);
    tcase_add_test(tcase, test_summary_json);
    tcase_add_test(tcase, test_summary_options);
    tcase_add_test(tcase, test_summary_text);
    tcase_add_test(tcase, test_nets);
    tcase_add_test(tcase, a_limit_on_memory_is_kept_or_refused);
    return run_suite(suite);
}
