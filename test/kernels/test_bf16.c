/* Convolutions of bf16 numbers, by vdpbf16ps and on AMX tiles: where operands are bf16 numbers already their products are exact, and what is given is the plain loops' in double up to
 * float's sums; where they are rounded first, up to bf16's. */
#include <math.h>

#include "convs.h"
#include "halves.h"

/* n, in h w c, out h w c, k h w, stride h w, pad top left, groups */
static const shape shapes[] = {
    {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},       {{3, 5, 7, 15, 5, 7, 17, 1, 1, 1, 1, 0, 0, 1}, 3, 1, 0},
    {{3, 31, 31, 17, 31, 31, 33, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0}, {{1, 6, 6, 33, 6, 6, 16, 1, 1, 1, 1, 0, 0, 1}, 5, 3, 2},
    {{3, 1, 1, 3, 1, 1, 16, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},      {{1, 2, 2, 17, 2, 2, 33, 3, 3, 1, 1, 1, 1, 1}, 2, 1, 0},
    {{3, 5, 5, 33, 5, 5, 17, 3, 3, 1, 1, 1, 1, 1}, 4, 1, 0},     {{1, 7, 31, 3, 7, 31, 15, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{3, 31, 31, 16, 31, 31, 16, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0}, {{3, 40, 40, 15, 40, 40, 70, 3, 3, 1, 1, 1, 1, 1}, 1, 2, 1},
    {{3, 8, 12, 49, 8, 12, 33, 3, 3, 1, 1, 1, 1, 1}, 2, 3, 1},   {{1, 14, 6, 20, 14, 6, 5, 3, 3, 1, 1, 1, 1, 1}, 0, 2, 3},
    {{1, 8, 8, 256, 8, 8, 272, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},   {{1, 104, 300, 16, 104, 300, 16, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{1, 7, 7, 3, 5, 5, 4, 3, 3, 1, 1, 0, 0, 1}, 0, 1, 0},       {{3, 5, 7, 4, 5, 7, 6, 2, 3, 1, 1, 0, 2, 1}, 0, 1, 0},
    {{1, 31, 31, 3, 31, 31, 8, 5, 5, 1, 1, 2, 2, 1}, 0, 1, 0},   {{1, 92, 92, 4, 92, 92, 5, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},
    {{8, 1, 1, 48, 1, 1, 1152, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},   {{8, 1, 1, 1152, 1, 1, 48, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},
    {{2, 9, 9, 3, 7, 9, 2, 5, 3, 1, 1, 1, 1, 1}, 0, 1, 0},       {{2, 64, 64, 64, 64, 64, 64, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{2, 29, 23, 130, 29, 23, 150, 3, 3, 1, 1, 1, 1, 1}, 3, 2, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, WAYS = HL_BF16_LEVELS - 1 };

/* One way's kernel. NULL: not here. */
static const hl_conv_kernel *kernel_here(int way) {
    static const char *const names[] = {"dots", "amx"};
    hl_context *hl = hl_open(NULL);
    bool here = HL_BF16_DOTS + way <= (int)hl_bf16_best(hl);
    const hl_conv_kernel *const *at = here ? hl_kernels_for(hl, HL_F32)->half_convs[HL_BF16_DOTS + way] : NULL;
    hl_close(hl);
    while (at && *at && strcmp((*at)->name, names[way]) != 0) at++;
    return at ? *at : NULL;
}

static void round_map(map *m) {
    hl_view half = half_of(&m->f32);
    for (int64_t i = 0; i < hl_view_pixels(&m->f32) * m->f32.stride; i++) ((double *)m->f64.data)[i] = (double)((float *)m->f32.data)[i];
    free(half.data);
}

static layer rounded_layer(hl_context *hl, const shape *s) {
    layer l = layer_new(hl, s);
    for (int i = 0; i < l.segments; i++) round_map(&l.parts[i]);
    round_map(&l.dout);
    for (int64_t i = 0; i < l.kernel.count; i++) l.kernel.f64[i] = (double)(l.kernel.f32[i] = widened(narrowed(l.kernel.f32[i])));
    return l;
}

/* Variants: bias; none, added to what is there; read through norms; through scales. Every second with a finish. */
START_TEST(products_are_right) {
    const hl_conv_kernel *kernel = kernel_here(_i % WAYS);
    const shape *s = &shapes[_i / WAYS / 4];
    int variant = _i / WAYS % 4;
    if (!kernel) return;
    hl_context *hl = hl_open(&(hl_options){.threads = 1 + _i / WAYS % 3});
    layer l = rounded_layer(hl, s);
    if (variant == 2) read_through_norms(&l);
    if (variant == 3) read_through_scales(&l);
    l.measures = variant % 2;
    if (variant) finish_as(&l, (variant + s->conv.out_c + s->conv.in_w) % FINISHES);
    run(&l, hl_kernels_ref_f64.convs[0], HL_F64, variant % 2);
    run(&l, kernel, HL_F32, variant % 2);
    double tolerance = variant < 2 ? 1e-5 : 1e-2;
    maps_agree("out", &l.out, tolerance);
    maps_agree("din", &l.din, 1e-5);
    if (l.measures && variant < 2) moments_agree("moments", &l);
    rows_agree("dkernel", l.dkernel.f32, l.dkernel.f64, l.dkernel.count, tolerance);
    rows_agree("dbias", l.dbias.f32, l.dbias.f64, l.dbias.count, 1e-5);
    layer_free(&l);
    hl_close(hl);
}
END_TEST

START_TEST(same_bits_on_any_number_of_threads) {
    const hl_conv_kernel *kernel = kernel_here(_i % WAYS);
    if (kernel) hold_against_one_thread(&shapes[_i / WAYS], kernel);
}
END_TEST

/* As a half output is added to: both rounded, and the sum. */
static void add_rounded(hl_view *out, hl_view *more) {
    free(half_of(out).data);
    for (int64_t p = 0; p < hl_view_pixels(out); p++)
        for (int c = 0; c < out->c; c++) ((float *)out->data)[p * out->stride + c] += ((float *)more->data)[p * more->stride + c];
}

/* Half inputs and outputs are float ones, rounded. */
START_TEST(half_maps) {
    const hl_conv_kernel *kernel = kernel_here(_i % WAYS);
    const shape *s = &shapes[_i / WAYS / 3];
    int variant = _i / WAYS % 3;
    if (!kernel) return;
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    layer l = rounded_layer(hl, s), other = rounded_layer(hl, s);
    if (variant == 1) read_through_norms(&l), read_through_norms(&other);
    if (variant == 2) read_through_scales(&l), read_through_scales(&other);
    round_map(&l.more), finish_as(&l, 5 + variant), l.adds = false;
    run(&l, kernel, HL_F32, 0);
    add_rounded(&l.out.f32, &l.more.f32);
    space forward = space_new(hl, kernel->workspace(&s->conv, HL_FORWARD, 2)), weights = space_new(hl, kernel->workspace(&s->conv, HL_BACKWARD_WEIGHTS, 2));
    for (int i = 0; i < other.segments; i++) other.in32[i].view = half_of(&other.parts[i].f32);
    hl_view more = half_of(&other.more.f32), out = half_of(&other.out.f32);
    hl_finish finish = {.terms = l.terms_too ? l.terms.f32 : NULL, .act = l.act, .add = &more};
    kernel->forward(hl, &s->conv, other.in32, other.segments, l.kernel.f32, l.bias.f32, &finish, &out, forward.data);
    kernel->backward_weights(hl, &s->conv, other.in32, other.segments, &l.dout.f32, other.dkernel.f32, other.dbias.f32, weights.data);
    halves_agree("out", &out, &l.out.f32);
    ck_assert_mem_eq(other.dkernel.f32, l.dkernel.f32, (size_t)l.dkernel.count * sizeof(float));
    space_free("bf16", &forward), space_free("bf16", &weights), free(more.data), free(out.data);
    for (int i = 0; i < other.segments; i++) free(other.in32[i].view.data);
    layer_free(&l), layer_free(&other);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("products of bf16");
    TCase *tcase = slow_case(suite, "products");
    tcase_add_loop_test(tcase, products_are_right, 0, SHAPES * 4 * WAYS);
    tcase_add_loop_test(tcase, same_bits_on_any_number_of_threads, 0, SHAPES * WAYS);
    tcase_add_loop_test(tcase, half_maps, 0, SHAPES * 3 * WAYS);
    return run_suite(suite);
}
