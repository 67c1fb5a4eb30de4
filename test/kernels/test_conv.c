/* Every float convolution kernel against the plain loops in double, on odd sizes, and with the same bits on 1, 2, 3 threads. */
#include <math.h>

#include "convs.h"

/* n, in h w c, out h w c, k h w, stride h w, pad top left, groups */
static const shape shapes[] = {
    {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},       {{3, 5, 7, 15, 5, 7, 17, 1, 1, 1, 1, 0, 0, 1}, 3, 1, 0},
    {{3, 31, 31, 17, 31, 31, 33, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0}, {{1, 6, 6, 33, 6, 6, 16, 1, 1, 1, 1, 0, 0, 1}, 5, 3, 2},
    {{3, 7, 31, 16, 4, 16, 33, 1, 1, 2, 2, 0, 0, 1}, 1, 1, 0},   {{3, 1, 1, 3, 1, 1, 16, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{1, 2, 2, 17, 2, 2, 33, 3, 3, 1, 1, 1, 1, 1}, 2, 1, 0},     {{3, 5, 5, 33, 5, 5, 17, 3, 3, 1, 1, 1, 1, 1}, 4, 1, 0},
    {{1, 7, 31, 3, 7, 31, 15, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},    {{3, 31, 31, 16, 31, 31, 16, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{3, 40, 40, 15, 40, 40, 70, 3, 3, 1, 1, 1, 1, 1}, 1, 2, 1}, {{3, 8, 12, 49, 8, 12, 33, 3, 3, 1, 1, 1, 1, 1}, 2, 3, 1},
    {{1, 14, 6, 20, 14, 6, 5, 3, 3, 1, 1, 1, 1, 1}, 0, 2, 3},    {{1, 8, 8, 256, 8, 8, 272, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{2, 31, 7, 15, 16, 4, 17, 3, 3, 2, 2, 1, 1, 1}, 1, 1, 0},   {{3, 32, 32, 17, 16, 16, 33, 3, 3, 2, 2, 0, 0, 1}, 0, 1, 0},
    {{1, 81, 69, 5, 41, 35, 3, 3, 3, 2, 2, 1, 1, 1}, 0, 1, 0},   {{1, 304, 300, 16, 304, 300, 16, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{1, 7, 7, 3, 5, 5, 4, 3, 3, 1, 1, 0, 0, 1}, 0, 1, 0},       {{3, 5, 7, 4, 5, 7, 6, 2, 3, 1, 1, 0, 2, 1}, 0, 1, 0},
    {{1, 31, 31, 3, 31, 31, 8, 5, 5, 1, 1, 2, 2, 1}, 0, 1, 0},   {{3, 31, 31, 3, 16, 16, 16, 7, 7, 2, 2, 3, 3, 1}, 0, 1, 0},
    {{1, 8, 6, 3, 4, 6, 5, 5, 5, 2, 1, 1, 2, 1}, 3, 1, 0},       {{3, 5, 7, 15, 5, 7, 33, 3, 3, 1, 1, 1, 1, 3}, 2, 2, 0},
    {{1, 7, 5, 33, 4, 3, 15, 5, 5, 2, 2, 2, 2, 3}, 0, 1, 0},     {{3, 7, 7, 16, 7, 7, 16, 3, 3, 1, 1, 1, 1, 16}, 0, 1, 0},
    {{1, 15, 31, 17, 8, 16, 17, 5, 5, 2, 2, 1, 2, 17}, 3, 1, 0}, {{3, 5, 5, 6, 5, 5, 12, 3, 3, 1, 1, 1, 1, 6}, 0, 3, 0},
    {{2, 24, 24, 16, 24, 24, 16, 3, 3, 1, 1, 1, 1, 4}, 0, 1, 0}, {{1, 92, 92, 4, 92, 92, 5, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},
    {{8, 1, 1, 48, 1, 1, 1152, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},   {{8, 1, 1, 1152, 1, 1, 48, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},
    {{2, 32, 30, 3, 16, 15, 33, 3, 3, 2, 2, 0, 0, 1}, 0, 1, 0},  {{1, 40, 33, 3, 20, 17, 17, 7, 7, 2, 2, 3, 3, 1}, 2, 1, 0},
    {{1, 40, 33, 20, 20, 17, 17, 3, 3, 2, 2, 1, 1, 1}, 0, 2, 0}, {{3, 14, 14, 20, 7, 7, 70, 1, 1, 2, 2, 0, 0, 1}, 0, 1, 0},
    {{2, 8, 6, 5, 8, 6, 17, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 1},      {{3, 31, 33, 16, 31, 33, 1, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{1, 7, 31, 33, 7, 31, 4, 3, 3, 1, 1, 1, 1, 1}, 3, 2, 0},    {{3, 18, 20, 17, 18, 20, 3, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},
    {{1, 1, 2, 15, 1, 2, 2, 3, 3, 1, 1, 1, 1, 1}, 1, 1, 0},      {{2, 9, 9, 3, 7, 9, 2, 5, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{2, 9, 40, 3, 9, 40, 70, 3, 3, 1, 1, 1, 1, 1}, 2, 2, 0},    {{1, 12, 29, 4, 5, 15, 17, 5, 3, 2, 2, 1, 1, 1}, 1, 1, 0},
    /* Winograd's products by planes: few tiles and a middle kernel, chunks of tiles with a large one, chunks for its gradient, a kernel kept transformed. */
    {{2, 1, 69, 250, 1, 69, 272, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{1, 17, 19, 128, 17, 19, 130, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0}, {{3, 1, 89, 20, 1, 89, 1640, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{5, 1, 229, 90, 1, 229, 100, 3, 3, 1, 1, 1, 1, 1}, 3, 2, 0},
    /* A worker's own chunks of tiles on AMD's processors, on one thread; on two by planes. */
    {{4, 1, 133, 130, 1, 133, 129, 3, 3, 1, 1, 1, 1, 1}, 2, 2, 0},
    /* Its products in place, four panels of them at once with a rest of rows. */
    {{2, 21, 31, 70, 21, 31, 52, 3, 3, 1, 1, 1, 1, 1}, 2, 2, 0},
    /* Its few tiles: one group of them and two, more input channels than a chunk. */
    {{1, 5, 9, 70, 5, 9, 129, 3, 3, 1, 1, 1, 1, 1}, 3, 1, 0},     {{2, 7, 13, 150, 7, 13, 130, 3, 3, 1, 1, 1, 1, 1}, 0, 2, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

START_TEST(convolutions_are_right) {
    const hl_kernels *k = tables[_i % TABLES];
    const shape *s = &shapes[_i / TABLES];
    for (const hl_conv_kernel *const *at = k->convs; *at && runs_here(k); at++)
        if ((*at)->fits(&s->conv)) hold_against_double(s, *at, 1 + _i / TABLES % 3);
}
END_TEST

START_TEST(same_bits_on_any_number_of_threads) {
    const hl_kernels *k = tables[_i % TABLES];
    const shape *s = &shapes[_i / TABLES];
    for (const hl_conv_kernel *const *at = k->convs; *at && runs_here(k); at++)
        if ((*at)->fits(&s->conv)) hold_against_one_thread(s, *at);
}
END_TEST

/* In double against the gradient itself, added up. */
START_TEST(sums_of_the_gradient_to_the_input) {
    const shape *s = &shapes[_i];
    const hl_conv *conv = &s->conv;
    if (conv->groups > 1) return;
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    layer l = layer_new(hl, s);
    const hl_kernels *k = &hl_kernels_ref_f64;
    k->convs[0]->backward_data(hl, conv, &l.dout.f64, l.kernel.f64, &l.din.f64, false, NULL);
    double *mean = calloc((size_t)conv->out_c, sizeof *mean), *sums = calloc((size_t)conv->in_c, sizeof *sums);
    int64_t pixels = hl_view_pixels(&l.dout.f64);
    for (int64_t p = 0; p < pixels; p++)
        for (int o = 0; o < conv->out_c; o++) mean[o] += ((double *)l.dout.f64.data)[p * l.dout.f64.stride + o] / (double)pixels;
    space work = space_new(hl, k->conv_sums_workspace(conv));
    k->conv_sums(conv, &l.dout.f64, mean, l.kernel.f64, sums, work.data);
    space_free("conv_sums", &work);
    for (int i = 0; i < conv->in_c; i++) {
        double sum = 0, size = 0;
        for (int64_t p = 0; p < hl_view_pixels(&l.din.f64); p++) {
            double value = ((double *)l.din.f64.data)[p * l.din.f64.stride + i];
            sum += value, size += fabs(value);
        }
        ck_assert_msg(fabs(sums[i] - sum) <= 1e-11 * size, "channel %d: %g, expected %g", i, sums[i], sum);
    }
    free(mean), free(sums), layer_free(&l), hl_close(hl);
}
END_TEST

START_TEST(the_choice_fits_and_follows_the_shape) {
    const hl_kernels *kernels = tables[_i];
    for (int i = 0; i < SHAPES; i++)
        for (int pass = HL_FORWARD; pass <= HL_BACKWARD_WEIGHTS; pass++)
            ck_assert(hl_conv_choose(kernels, &shapes[i].conv, (hl_pass)pass)->fits(&shapes[i].conv));
    hl_conv large = {8, 64, 64, 64, 64, 64, 64, 3, 3, 1, 1, 1, 1, 1}, point = {8, 64, 64, 64, 64, 64, 64, 1, 1, 1, 1, 0, 0, 1};
    ck_assert_str_eq(hl_conv_choose(kernels, &large, HL_FORWARD)->name, "winograd");
    hl_conv tiny = {8, 2, 2, 512, 2, 2, 512, 3, 3, 1, 1, 1, 1, 1};
    ck_assert_str_eq(hl_conv_choose(kernels, &tiny, HL_FORWARD)->name, "gemm");
    ck_assert_str_eq(hl_conv_choose(kernels, &point, HL_FORWARD)->name, "gemm");
    ck_assert_ptr_eq(hl_conv_choose(&hl_kernels_ref_f64, &large, HL_FORWARD), hl_kernels_ref_f64.convs[0]);
}
END_TEST

START_TEST(a_context_gets_the_kernels_it_asked_for) {
    hl_context *ref = hl_open(&(hl_options){.isa = "ref"}), *blas = hl_open(&(hl_options){.isa = "blas"});
    ck_assert_ptr_eq(hl_kernels_for(ref, HL_F32), &hl_kernels_ref_f32);
    ck_assert_ptr_eq(hl_kernels_for(blas, HL_F32), &hl_kernels_blas);
    ck_assert_ptr_eq(hl_kernels_for(blas, HL_F64), &hl_kernels_ref_f64);
    const hl_kernels *right = &hl_kernels_blas;
    for (int i = 1; i < TABLES; i++) {
        hl_context *best = hl_open(&(hl_options){.isa = tables[i]->name});
        if (runs_here(tables[i])) right = tables[i];
        ck_assert_ptr_eq(hl_kernels_for(best, HL_F32), right);
        ck_assert_str_eq(hl_isa(best), hl_kernels_for(best, HL_F32)->name);
        ck_assert_ptr_eq(hl_kernels_for(best, HL_F64), &hl_kernels_ref_f64);
        hl_close(best);
    }
    ck_assert_str_eq(hl_isa(ref), "ref");
    ck_assert_str_eq(hl_isa(blas), "blas");
    hl_close(ref);
    hl_close(blas);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("convolutions");
    TCase *tcase = slow_case(suite, "convolutions");
    tcase_add_loop_test(tcase, convolutions_are_right, 0, SHAPES * TABLES);
    tcase_add_loop_test(tcase, same_bits_on_any_number_of_threads, 0, SHAPES * TABLES);
    tcase_add_loop_test(tcase, the_choice_fits_and_follows_the_shape, 0, TABLES);
    tcase_add_test(tcase, a_context_gets_the_kernels_it_asked_for);
    tcase_add_loop_test(slow_case(suite, "sums"), sums_of_the_gradient_to_the_input, 0, SHAPES);
    return run_suite(suite);
}
