/* The gradient of a 1x1 or depthwise convolution that goes on through the norm before it: plain loops in double against the two passes it stands
 * for, the float kernels against plain loops, the same bits on 1, 2, 3 threads. */
#include <math.h>

#include "maps.h"

/* n, h, w, input and output channels, gaps between pixels; of depthwise ones the kernel's size and stride. */
static const struct through_size {
    int n, h, w, in, out, gap, k, stride;
} sizes[] = {{1, 1, 1, 1, 1, 0, 1, 1},    {3, 5, 7, 15, 17, 3, 1, 1},   {1, 31, 2, 33, 16, 0, 1, 1}, {3, 31, 31, 17, 33, 1, 1, 1},  {1, 5, 31, 130, 3, 5, 1, 1},
             {2, 13, 21, 70, 300, 2, 1, 1}, {1, 64, 65, 145, 16, 0, 1, 1}, {3, 16, 16, 300, 31, 4, 1, 1}, {1, 22, 24, 64, 528, 0, 1, 1},
             {1, 1, 2, 15, 15, 0, 3, 1}, {3, 7, 5, 33, 33, 2, 3, 2}, {2, 31, 7, 17, 17, 1, 5, 1}, {3, 16, 18, 48, 48, 0, 5, 2}, {1, 33, 65, 130, 130, 3, 3, 1}};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const hl_activation activations[] = {HL_LINEAR, HL_RELU, HL_SWISH};

typedef struct bench {
    hl_context *hl;
    hl_conv conv;
    map x, dout, din;
    row kernel, norm;
    double *sums; /* twice as many as input channels */
} bench;

static bench bench_new(int index, int threads) {
    const struct through_size *s = &sizes[index];
    bench b = {.hl = hl_open(&(hl_options){.threads = threads})};
    int k = s->k, h = (s->h + s->stride - 1) / s->stride, w = (s->w + s->stride - 1) / s->stride;
    b.conv = (hl_conv){s->n, s->h, s->w, s->in, h, w, s->out, k, k, s->stride, s->stride, (k - 1) / 2, k / 2, k > 1 ? s->in : 1};
    b.x = map_new(s->n, s->h, s->w, s->in, s->gap, 1), b.din = map_new(s->n, s->h, s->w, s->in, 2 * s->gap, 2);
    b.dout = map_new(s->n, h, w, s->out, s->gap, 3);
    b.kernel = row_new((int64_t)s->in * s->out * k * k / b.conv.groups, 4), b.norm = row_new(3 * s->in, 5);
    b.sums = calloc(2 * (size_t)s->in, sizeof *b.sums);
    ck_assert_ptr_nonnull(b.sums);
    return b;
}

static void bench_free(bench *b) {
    map_free(&b->x), map_free(&b->dout), map_free(&b->din), row_free(&b->kernel), row_free(&b->norm), free(b->sums), hl_close(b->hl);
}

static hl_segment segment_of(const bench *b, hl_dtype dtype, hl_activation act) {
    bool single = dtype == HL_F32;
    return (hl_segment){.view = single ? b->x.f32 : b->x.f64, .norm = single ? (void *)b->norm.f32 : (void *)b->norm.f64, .act = act};
}

static void run(bench *b, const hl_conv_kernel *kernel, hl_dtype dtype, hl_activation act, bool accumulate) {
    bool single = dtype == HL_F32;
    hl_segment in = segment_of(b, dtype, act);
    space s = space_new(b->hl, kernel->workspace(&b->conv, HL_BACKWARD_DATA, hl_threads(b->hl)));
    kernel->backward_through(b->hl, &b->conv, single ? &b->dout.f32 : &b->dout.f64, single ? (void *)b->kernel.f32 : (void *)b->kernel.f64, &in,
                             single ? &b->din.f32 : &b->din.f64, accumulate, b->sums, s.data);
    space_free(kernel->name, &s);
}

static const hl_conv_kernel *kernel_of(const hl_kernels *k, int index) {
    const char *name = sizes[index].k > 1 ? "depthwise" : "gemm";
    for (const hl_conv_kernel *const *at = k->convs; *at; at++)
        if (!strcmp((*at)->name, name)) return *at;
    return NULL;
}

/* With norm_settle it is backward_data, then norm_backward. */
START_TEST(plain_loops_are_the_two_passes) {
    const hl_kernels *k = &hl_kernels_ref_f64;
    bool accumulate = _i % 2;
    hl_activation act = activations[_i / 2 % 3];
    bench b = bench_new(_i / 6, 1), other = bench_new(_i / 6, 1);
    int channels = b.conv.in_c;
    double pixels = (double)hl_view_pixels(&b.x.f64), *variance = calloc(4 * (size_t)channels, sizeof *variance), *terms = b.norm.f64;
    double *dbeta = variance + channels, *each = dbeta + channels, *slope = each + channels;
    map gradient = map_new(b.conv.n, b.conv.in_h, b.conv.in_w, channels, 0, 6);
    for (int c = 0; c < channels; c++) variance[c] = 0.5 + fabs(number(7, (uint64_t)c));
    hl_norm_state norm = {.mean = terms, .variance = variance, .eps = 1e-3, .act = act, .terms = terms};
    for (int c = 0; c < channels; c++) terms[channels + c] = 1 / sqrt(variance[c] + norm.eps);
    memcpy(other.norm.f64, terms, 3 * (size_t)channels * sizeof *terms);
    k->convs[0]->backward_data(other.hl, &other.conv, &other.dout.f64, other.kernel.f64, &gradient.f64, false, NULL);
    k->norm_backward(other.hl, &other.x.f64, &gradient.f64, &norm, &other.din.f64, accumulate, NULL, dbeta, NULL);
    run(&b, k->convs[0], HL_F64, act, accumulate);
    for (int c = 0; c < channels; c++) {
        double scale = terms[channels + c];
        ck_assert_msg(fabs(b.sums[c] - dbeta[c]) <= 1e-10 * pixels, "channel %d: %g, expected %g", c, b.sums[c], dbeta[c]);
        each[c] = scale * b.sums[c] / pixels, slope[c] = scale * b.sums[channels + c] / pixels * scale * scale;
    }
    k->norm_settle(b.hl, &b.x.f64, terms, each, slope, &b.din.f64);
    const double *mine = b.din.f64.data, *right = other.din.f64.data;
    for (int64_t i = 0; i < hl_view_pixels(&b.din.f64) * b.din.f64.stride; i++)
        ck_assert_msg(fabs(mine[i] - right[i]) <= 1e-9, "%g, expected %g", mine[i], right[i]);
    map_free(&gradient), free(variance), bench_free(&b), bench_free(&other);
}
END_TEST

START_TEST(float_kernels_are_right) {
    const hl_kernels *k = tables[_i % TABLES];
    bool accumulate = _i / TABLES % 2;
    hl_activation act = activations[_i / TABLES / 2 % 3];
    int index = _i / TABLES / 6;
    if (!runs_here(k)) return;
    const hl_conv_kernel *kernel = kernel_of(k, index);
    ck_assert_ptr_nonnull(kernel);
    bench b = bench_new(index, 1 + index % 3), other = bench_new(index, 1);
    run(&other, hl_kernels_ref_f64.convs[0], HL_F64, act, accumulate);
    run(&b, kernel, HL_F32, act, accumulate);
    memcpy(b.din.f64.data, other.din.f64.data, 2 * map_bytes(&b.din));
    maps_agree("din", &b.din, 1e-5);
    double largest = 0;
    for (int i = 0; i < 2 * b.conv.in_c; i++) largest = fmax(largest, fabs(other.sums[i]));
    for (int i = 0; i < 2 * b.conv.in_c; i++)
        ck_assert_msg(fabs(b.sums[i] - other.sums[i]) <= 1e-5 * largest, "sum %d: %g, expected %g", i, b.sums[i], other.sums[i]);
    bench_free(&b), bench_free(&other);
}
END_TEST

START_TEST(same_bits_on_any_number_of_threads) {
    const hl_kernels *k = tables[_i % TABLES];
    if (!runs_here(k)) return;
    bench one = bench_new(_i / TABLES, 1);
    run(&one, kernel_of(k, _i / TABLES), HL_F32, HL_RELU, true);
    for (int threads = 2; threads <= 3; threads++) {
        bench b = bench_new(_i / TABLES, threads);
        run(&b, kernel_of(k, _i / TABLES), HL_F32, HL_RELU, true);
        ck_assert_mem_eq(b.din.f32.data, one.din.f32.data, map_bytes(&b.din));
        ck_assert_mem_eq(b.sums, one.sums, 2 * (size_t)b.conv.in_c * sizeof *b.sums);
        bench_free(&b);
    }
    bench_free(&one);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("gradients through norms");
    TCase *tcase = slow_case(suite, "gradients through norms");
    tcase_add_loop_test(tcase, plain_loops_are_the_two_passes, 0, SIZES * 6);
    tcase_add_loop_test(tcase, float_kernels_are_right, 0, SIZES * TABLES * 6);
    tcase_add_loop_test(tcase, same_bits_on_any_number_of_threads, 0, SIZES * TABLES);
    return run_suite(suite);
}
