/* Safetensors: round trips, other dtypes, every way a file can be wrong. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "graph/store.h"
#include "harness.h"
#include "hilum/params.h"
#include "interop/safetensors.h"

static hl_graph *small_graph(hl_context *hl, int channels) {
    hl_graph *graph = hl_graph_new(hl);
    hl_value *x = hl_conv2d(graph, hl_input(graph, 3), "deep/conv", channels, 3);
    hl_output(graph, hl_conv2d(graph, hl_relu(graph, hl_batch_norm(graph, x, "bn", 1e-3)), "last", 1, 1));
    return graph;
}

START_TEST(round_trip) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    hl_graph *graph = small_graph(hl, 5);
    hl_params *a = hl_params_init(graph, HL_INIT_HE, 1), *b = hl_params_init(graph, HL_INIT_HE, 2);
    a->bn_steps = 17;
    ck_ok(hl, hl_params_save(a, path));
    ck_ok(hl, hl_params_load(b, path));
    ck_assert_int_eq(hl_params_bn_steps(b), 17);
    for (int i = 0; i < hl_params_count(a); i++) ck_assert_mem_eq(a->list[i].data, b->list[i].data, (size_t)a->list[i].count * sizeof(float));
    hl_safetensors *file = hl_safetensors_read(hl, path);
    int kernel = hl_safetensors_find(file, "deep/conv/kernel");
    ck_assert_int_eq(hl_safetensors_rank(file, kernel), 4);
    ck_assert_int_eq(hl_safetensors_dim(file, kernel, 0), 5);
    ck_assert_int_eq(hl_safetensors_dim(file, kernel, 1), 3);
    ck_assert_int_eq(hl_safetensors_dim(file, kernel, 2), 3);
    /* The file's order is (out, in, kH, kW), the memory's (out, kH, kW, in). */
    double values[5 * 3 * 9];
    hl_safetensors_get(file, kernel, values);
    const float *memory = a->list[hl_param_find(a, "deep/conv/kernel")].data;
    for (int o = 0; o < 5; o++)
        for (int c = 0; c < 3; c++)
            for (int tap = 0; tap < 9; tap++) ck_assert_double_eq(values[(o * 3 + c) * 9 + tap], memory[(o * 9 + tap) * 3 + c]);
    hl_safetensors_free(file);
    char *bn_steps = hl_safetensors_peek(hl, path, "bn_steps");
    ck_assert_str_eq(bn_steps, "17");
    free(bn_steps);
    hl_params_free(a);
    hl_params_free(b);
    hl_graph_free(graph);
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

/* A net of another shape: refused, and the store is as it was. */
START_TEST(other_shape) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    hl_graph *five = small_graph(hl, 5), *six = small_graph(hl, 6);
    hl_params *a = hl_params_init(five, HL_INIT_HE, 1), *b = hl_params_init(six, HL_INIT_HE, 2), *same = hl_params_init(six, HL_INIT_HE, 2);
    ck_ok(hl, hl_params_save(a, path));
    ck_assert_int_eq(hl_params_load(b, path), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), "deep/conv/kernel has another shape"), "%s", hl_error(hl));
    for (int i = 0; i < hl_params_count(b); i++) ck_assert_mem_eq(b->list[i].data, same->list[i].data, (size_t)b->list[i].count * sizeof(float));
    hl_params_free(a);
    hl_params_free(b);
    hl_params_free(same);
    hl_graph_free(five);
    hl_graph_free(six);
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

static void write_raw(hl_context *hl, const char *path, uint64_t length, const char *header, const void *data, size_t bytes) {
    char buffer[2048];
    size_t used = strlen(header);
    for (int i = 0; i < 8; i++) buffer[i] = (char)(length >> (8 * i));
    memcpy(buffer + 8, header, used);
    if (bytes) memcpy(buffer + 8 + used, data, bytes);
    ck_ok(hl, hl_file_write(hl, path, buffer, 8 + used + bytes));
}

START_TEST(other_dtypes) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    /* 1, -2, 0.5, smallest subnormal in half; 1, -2 in bfloat16; pi in double. */
    static const uint16_t halves[] = {0x3C00, 0xC000, 0x3800, 0x0001}, brains[] = {0x3F80, 0xC000};
    unsigned char data[8 + 4 + 8];
    double pi = 3.141592653589793;
    memcpy(data, halves, 8), memcpy(data + 8, brains, 4), memcpy(data + 12, &pi, 8);
    const char *header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[2,2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[8,12]},"
                         "\"d\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[12,20]}}";
    write_raw(hl, path, strlen(header), header, data, sizeof data);
    hl_safetensors *file = hl_safetensors_read(hl, path);
    ck_assert_msg(file != NULL, "%s", hl_error(hl));
    double v[4];
    hl_safetensors_get(file, hl_safetensors_find(file, "h"), v);
    ck_assert(v[0] == 1 && v[1] == -2 && v[2] == 0.5 && v[3] == ldexp(1, -24));
    hl_safetensors_get(file, hl_safetensors_find(file, "b"), v);
    ck_assert(v[0] == 1 && v[1] == -2);
    hl_safetensors_get(file, hl_safetensors_find(file, "d"), v);
    ck_assert(v[0] == pi);
    hl_safetensors_free(file);
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

static const struct {
    const char *header, *says;
    uint64_t length; /* 0: the header's own */
} wrong[] = {
    {"{}", "cut short", 1000},
    {"{}", "cut short", 1ull << 62},
    {"[1,2]", "not a JSON object", 0},
    {"{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}}", "dtype", 0},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]}}", "beyond the end", 0},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "do not fit", 0},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "no size", 0},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}", "too large", 0},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "beyond the end", 0},
    {"{\"a\":7}", "dtype", 0},
};

START_TEST(broken) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    static const float data[2] = {1, 2};
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    write_raw(hl, path, wrong[_i].length ? wrong[_i].length : strlen(wrong[_i].header), wrong[_i].header, data, sizeof data);
    ck_assert_ptr_null(hl_safetensors_read(hl, path));
    ck_assert_int_eq(hl_error_status(hl), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), wrong[_i].says) && strstr(hl_error(hl), path), "\"%s\" does not say \"%s\"", hl_error(hl), wrong[_i].says);
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

/* A file cut anywhere is refused, never read past its end. */
START_TEST(truncated) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128], *bytes;
    size_t length;
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    hl_graph *graph = small_graph(hl, 2);
    hl_params *params = hl_params_init(graph, HL_INIT_HE, 1);
    ck_ok(hl, hl_params_save(params, path));
    ck_ok(hl, hl_file_read(hl, path, &bytes, &length));
    for (size_t cut = 0; cut < length; cut += 37) {
        ck_ok(hl, hl_file_write(hl, path, bytes, cut));
        ck_assert_int_eq(hl_params_load(params, path), HL_BAD_INPUT);
    }
    free(bytes);
    hl_params_free(params);
    hl_graph_free(graph);
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

/* Every finite half value is written and read back as itself; what lies between two goes to the nearer, a tie to the even one. */
START_TEST(half_precision) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/h.safetensors", folder);
    enum { FINITE = 0x7C00 };
    static float values[2 * FINITE];
    static double back[2 * FINITE];
    for (int i = 0; i < FINITE; i++) {
        int exponent = i >> 10, mantissa = i & 1023;
        values[i] = (float)(exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24));
        values[FINITE + i] = -values[i];
    }
    hl_tensor_entry all = {.name = "all", .rank = 1, .shape = {2 * FINITE}, .half = true, .values = values};
    ck_ok(hl, hl_safetensors_write(hl, path, &all, 1, NULL, 0));
    hl_safetensors *file = hl_safetensors_read(hl, path);
    ck_assert_msg(file != NULL, "%s", hl_error(hl));
    hl_safetensors_get(file, 0, back);
    for (int i = 0; i < 2 * FINITE; i++) ck_assert_msg(back[i] == (double)values[i], "%g came back as %g", (double)values[i], back[i]);
    hl_safetensors_free(file);
    const float between[] = {1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 1 + 0x1.8p-11f, 0x1p-25f, 3 * 0x1p-25f, 0x1.ffffp-15f, 65519};
    const double expected[] = {1, 1 + 4 * 0x1p-11, 1 + 2 * 0x1p-11, 0, 4 * 0x1p-25, 0x1p-14, 65504};
    hl_tensor_entry some = {.name = "some", .rank = 1, .shape = {7}, .half = true, .values = between};
    ck_ok(hl, hl_safetensors_write(hl, path, &some, 1, NULL, 0));
    file = hl_safetensors_read(hl, path);
    hl_safetensors_get(file, 0, back);
    for (int i = 0; i < 7; i++) ck_assert_msg(back[i] == expected[i], "%g came back as %g", (double)between[i], back[i]);
    hl_safetensors_free(file);
    const float large = 65520;
    hl_tensor_entry beyond = {.name = "beyond", .rank = 1, .shape = {1}, .half = true, .values = &large};
    ck_assert_int_eq(hl_safetensors_write(hl, path, &beyond, 1, NULL, 0), HL_USAGE);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "beyond"));
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("safetensors");
    TCase *tcase = slow_case(suite, "files");
    tcase_add_test(tcase, round_trip);
    tcase_add_test(tcase, other_shape);
    tcase_add_test(tcase, other_dtypes);
    tcase_add_loop_test(tcase, broken, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(tcase, truncated);
    tcase_add_test(tcase, half_precision);
    return run_suite(suite);
}
