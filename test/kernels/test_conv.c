/* Every float convolution kernel against the plain loops in double, on odd sizes, and with the same bits on 1, 2, 3 threads. */
#include "maps.h"

typedef struct shape {
    hl_conv conv;
    int gap, segments, ups; /* bit s of ups: segment s is read upsampled */
} shape;

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
    {{2, 24, 24, 16, 24, 24, 16, 3, 3, 1, 1, 1, 1, 4}, 0, 1, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct layer {
    hl_context *hl;
    const hl_conv *conv;
    map parts[HL_MAX_SEGMENTS], din, out, dout;
    hl_segment in32[HL_MAX_SEGMENTS], in64[HL_MAX_SEGMENTS];
    int segments;
    row kernel, dkernel, bias, dbias;
} layer;

static layer layer_new(hl_context *hl, const shape *s) {
    const hl_conv *conv = &s->conv;
    layer l = {.hl = hl, .conv = conv, .segments = s->segments};
    for (int i = 0, left = conv->in_c; i < s->segments; i++) {
        int up = s->ups >> i & 1, c = i + 1 < s->segments ? (left + 1) / 2 : left;
        l.parts[i] = map_new(conv->n, conv->in_h >> up, conv->in_w >> up, c, s->gap, 10 + (uint64_t)i);
        l.in32[i] = (hl_segment){l.parts[i].f32, up}, l.in64[i] = (hl_segment){l.parts[i].f64, up};
        left -= c;
    }
    int64_t size = (int64_t)conv->out_c * conv->kh * conv->kw * (conv->in_c / conv->groups);
    l.din = map_new(conv->n, conv->in_h, conv->in_w, conv->in_c, s->gap, 1);
    l.out = map_new(conv->n, conv->out_h, conv->out_w, conv->out_c, s->gap, 2);
    l.dout = map_new(conv->n, conv->out_h, conv->out_w, conv->out_c, s->gap, 3);
    l.kernel = row_new(size, 4), l.dkernel = row_new(size, 5), l.bias = row_new(conv->out_c, 6), l.dbias = row_new(conv->out_c, 7);
    return l;
}

static void layer_free(layer *l) {
    for (int i = 0; i < l->segments; i++) map_free(&l->parts[i]);
    map_free(&l->din), map_free(&l->out), map_free(&l->dout);
    row_free(&l->kernel), row_free(&l->dkernel), row_free(&l->bias), row_free(&l->dbias);
}

/* All passes with one kernel. `variant` 0: with bias, overwriting; 1: without, accumulating. */
static void run(layer *l, const hl_conv_kernel *kernel, hl_dtype dtype, int variant) {
    bool single = dtype == HL_F32;
    const hl_segment *in = single ? l->in32 : l->in64;
    const hl_view *out = single ? &l->out.f32 : &l->out.f64, *dout = single ? &l->dout.f32 : &l->dout.f64;
    const hl_view *din = single ? &l->din.f32 : &l->din.f64;
    const void *weights = single ? (void *)l->kernel.f32 : (void *)l->kernel.f64;
    const void *bias = single ? (void *)l->bias.f32 : (void *)l->bias.f64;
    void *dweights = single ? (void *)l->dkernel.f32 : (void *)l->dkernel.f64;
    void *dbias = single ? (void *)l->dbias.f32 : (void *)l->dbias.f64;
    for (int pass = HL_FORWARD; pass <= HL_BACKWARD_WEIGHTS; pass++) {
        space s = space_new(l->hl, kernel->workspace(l->conv, (hl_pass)pass, hl_threads(l->hl)));
        if (pass == HL_FORWARD) kernel->forward(l->hl, l->conv, in, l->segments, weights, variant ? NULL : bias, out, s.data);
        else if (pass == HL_BACKWARD_DATA) kernel->backward_data(l->hl, l->conv, dout, weights, din, variant, s.data);
        else kernel->backward_weights(l->hl, l->conv, in, l->segments, dout, dweights, variant ? NULL : dbias, s.data);
        space_free(kernel->name, &s);
    }
}

static void hold_against_double(const shape *s, const hl_conv_kernel *kernel, int threads) {
    hl_context *hl = hl_open(&(hl_options){.threads = threads});
    double tolerance = strcmp(kernel->name, "gemm") ? 1e-4 : 1e-5; /* plain loops add pixel after pixel in float */
    char what[200];
    for (int variant = 0; variant < 2; variant++) {
        layer l = layer_new(hl, s);
        run(&l, hl_kernels_ref_f64.convs[0], HL_F64, variant);
        run(&l, kernel, HL_F32, variant);
        const hl_conv *c = &s->conv;
        int length = snprintf(what, sizeof what, "%s %dx%dx%dx%d -> %d, kernel %dx%d, variant %d, ", kernel->name, c->n, c->in_h, c->in_w,
                              c->in_c, c->out_c, c->kh, c->kw, variant);
        maps_agree(strcpy(what + length, "out") - length, &l.out, tolerance);
        maps_agree(strcpy(what + length, "din") - length, &l.din, tolerance);
        rows_agree(strcpy(what + length, "dkernel") - length, l.dkernel.f32, l.dkernel.f64, l.dkernel.count, tolerance);
        rows_agree(strcpy(what + length, "dbias") - length, l.dbias.f32, l.dbias.f64, l.dbias.count, tolerance);
        layer_free(&l);
    }
    hl_close(hl);
}

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
    hl_context *one = hl_open(&(hl_options){.threads = 1});
    for (const hl_conv_kernel *const *at = k->convs; *at && runs_here(k); at++) {
        if (!(*at)->fits(&s->conv)) continue;
        layer first = layer_new(one, s);
        run(&first, *at, HL_F32, 0);
        for (int threads = 2; threads <= 3; threads++) {
            hl_context *many = hl_open(&(hl_options){.threads = threads});
            layer l = layer_new(many, s);
            run(&l, *at, HL_F32, 0);
            ck_assert_mem_eq(l.out.f32.data, first.out.f32.data, map_bytes(&l.out));
            ck_assert_mem_eq(l.din.f32.data, first.din.f32.data, map_bytes(&l.din));
            ck_assert_mem_eq(l.dkernel.f32, first.dkernel.f32, (size_t)l.dkernel.count * sizeof(float));
            ck_assert_mem_eq(l.dbias.f32, first.dbias.f32, (size_t)l.dbias.count * sizeof(float));
            layer_free(&l);
            hl_close(many);
        }
        layer_free(&first);
    }
    hl_close(one);
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
    static const char *const highest[] = {"avx2", "avx512"};
    for (int i = 0; i < 2; i++) {
        hl_context *best = hl_open(&(hl_options){.isa = highest[i]});
        ck_assert_ptr_eq(hl_kernels_for(best, HL_F32), runs_here(&hl_kernels_avx2) ? &hl_kernels_avx2 : &hl_kernels_blas);
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
    return run_suite(suite);
}
