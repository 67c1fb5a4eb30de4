/* The depthwise kernel on half maps: the bits that it gives on float maps with the same numbers, rounded where the output is half. */
#include "convs.h"
#include "halves.h"

static const int channels[] = {1, 3, 15, 16, 17, 33}, sizes[] = {1, 2, 5, 7, 31};
enum { CHANNELS = 6, SIZES = 5, GRID = CHANNELS * SIZES * 2 * 2 * 2 };

static shape grid_shape(int i) {
    int stride = 1 + i % 2, k = 3 + i / 2 % 2 * 2, n = 1 + i / 4 % 2 * 2, c = channels[i / 8 / SIZES], w = sizes[i / 8 % SIZES], h = sizes[(i / 8 + c) % SIZES];
    return (shape){{n, h, w, c, (h + stride - 1) / stride, (w + stride - 1) / stride, c, k, k, stride, stride, (k - 1) / 2, k / 2, c}, i % 3, 1, 0};
}

/* n, in h w c, out h w c, k h w, stride h w, pad top left, groups: several segments and enlarged ones, more channels than a block, odd kernels. */
static const shape others[] = {
    {{1, 8, 6, 64, 8, 6, 64, 3, 3, 1, 1, 1, 1, 64}, 0, 2, 2},      {{3, 6, 8, 33, 6, 8, 33, 5, 5, 1, 1, 2, 2, 33}, 3, 2, 1},
    {{2, 8, 12, 200, 4, 6, 200, 5, 5, 2, 2, 1, 1, 200}, 1, 3, 2},  {{2, 31, 40, 64, 31, 40, 64, 3, 3, 1, 1, 1, 1, 64}, 0, 1, 0},
    {{1, 9, 21, 144, 9, 21, 144, 5, 5, 1, 1, 2, 2, 144}, 1, 1, 0}, {{1, 4, 4, 672, 4, 4, 672, 5, 5, 1, 1, 2, 2, 672}, 0, 3, 0},
    {{2, 9, 7, 20, 4, 6, 20, 2, 3, 2, 1, 0, 0, 20}, 2, 1, 0},      {{1, 9, 9, 17, 5, 5, 17, 1, 1, 2, 2, 0, 0, 17}, 0, 1, 0},
    {{1, 10, 23, 16, 4, 8, 16, 3, 2, 3, 3, 1, 0, 16}, 0, 1, 0},    {{1, 3, 4, 19, 3, 4, 19, 9, 11, 1, 1, 4, 5, 19}, 0, 2, 0},
    {{1, 3, 5, 18, 7, 9, 18, 3, 3, 1, 1, 3, 3, 18}, 1, 1, 0},      {{2, 3, 70, 130, 3, 70, 130, 3, 3, 1, 1, 1, 1, 130}, 1, 2, 0},
};
enum { SHAPES = GRID + sizeof others / sizeof *others };

static shape shape_at(int i) { return i < GRID ? grid_shape(i) : others[i - GRID]; }

static const hl_conv_kernel *depthwise_of(const hl_kernels *k) {
    for (const hl_conv_kernel *const *at = k->convs; *at; at++)
        if (!strcmp((*at)->name, "depthwise")) return *at;
    ck_abort_msg("table %s has no depthwise kernel", k->name);
    return NULL;
}

/* What is wanted besides outputs: a way to finish (convs.h; -1: none), moments, the kernel kept. */
typedef struct wish {
    int finish;
    bool measures, kept;
} wish;

/* Forward and the kernel's gradient of a layer, reading `in`, into `out` and what the layer has for the rest. */
static void run_layer(layer *l, const hl_conv_kernel *kernel, const hl_segment *in, const hl_view *out, wish w) {
    int threads = hl_threads(l->hl);
    hl_finish finish = {0};
    if (w.finish >= 0) {
        finish_as(l, w.finish);
        finish.act = l->act, finish.terms = l->terms_too ? l->terms.f32 : NULL, finish.add = l->adds ? &l->more.f32 : NULL;
        finish.row_sums = l->row_sums.f32;
    }
    if (w.measures) finish.mean = l->moments[0], finish.variance = l->moments[0] + l->conv->out_c;
    space s = space_new(l->hl, kernel->workspace(l->conv, HL_FORWARD, threads)), kept = space_new(l->hl, kernel->kept(l->conv));
    kernel->keep(l->hl, l->conv, l->kernel.f32, kept.data);
    if (w.kept) kernel->forward_kept(l->hl, l->conv, in, l->segments, kept.data, NULL, &finish, out, s.data);
    else kernel->forward(l->hl, l->conv, in, l->segments, l->kernel.f32, l->bias.f32, &finish, out, s.data);
    space_free("forward", &s), space_free("kept", &kept);
    s = space_new(l->hl, kernel->workspace(l->conv, HL_BACKWARD_WEIGHTS, threads));
    kernel->backward_weights(l->hl, l->conv, in, l->segments, &l->dout.f32, l->dkernel.f32, l->dbias.f32, s.data);
    space_free("backward_weights", &s);
}

/* Of segments bit i of `reads` says whether segment i is half. */
static void hold_against_float(const hl_conv_kernel *kernel, const shape *s, int threads, unsigned reads, bool writes, wish w) {
    hl_context *one = hl_open(&(hl_options){.threads = 1}), *hl = hl_open(&(hl_options){.threads = threads});
    layer right = layer_new(one, s), mine = layer_new(hl, s);
    void *halves[HL_MAX_SEGMENTS];
    for (int i = 0; i < s->segments; i++) {
        hl_view half = half_of(&right.parts[i].f32);
        halves[i] = half.data;
        mine.in32[i].view = reads >> i & 1 ? half : right.parts[i].f32;
    }
    hl_view out = half_of(&right.out.f32);
    memcpy(mine.out.f32.data, right.out.f32.data, map_bytes(&right.out));
    run_layer(&right, kernel, right.in32, &right.out.f32, w);
    run_layer(&mine, kernel, mine.in32, writes ? &out : &mine.out.f32, w);
    if (writes) halves_agree("out", &out, &right.out.f32);
    else ck_assert_mem_eq(mine.out.f32.data, right.out.f32.data, map_bytes(&right.out));
    ck_assert_mem_eq(mine.row_sums.f32, right.row_sums.f32, (size_t)right.row_sums.count * sizeof(float));
    ck_assert_mem_eq(mine.moments[0], right.moments[0], 2 * (size_t)s->conv.out_c * sizeof(double));
    ck_assert_mem_eq(mine.dkernel.f32, right.dkernel.f32, (size_t)right.dkernel.count * sizeof(float));
    ck_assert_mem_eq(mine.dbias.f32, right.dbias.f32, (size_t)right.dbias.count * sizeof(float));
    for (int i = 0; i < s->segments; i++) free(halves[i]);
    free(out.data), layer_free(&right), layer_free(&mine), hl_close(one), hl_close(hl);
}

START_TEST(the_bits_of_float_maps) {
    const hl_kernels *k = tables[_i];
    for (int i = 0; i < SHAPES && runs_here(k); i++) {
        shape s = shape_at(i);
        const hl_conv_kernel *depthwise = depthwise_of(k);
        ck_assert(depthwise->reads_half && depthwise->writes_half && depthwise->fits(&s.conv));
        hold_against_float(depthwise, &s, 1 + i % 3, ~0u, true, (wish){.finish = -1, .measures = true});
        hold_against_float(depthwise, &s, 1 + i % 3, ~0u, true, (wish){.finish = i % FINISHES, .measures = i % 2});
        hold_against_float(depthwise, &s, 2, 1u << i % 2, i % 2, (wish){.finish = i / 2 % FINISHES, .kept = true});
        hold_against_float(depthwise, &s, 3, 0, true, (wish){.finish = -1, .measures = i % 2});
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("depthwise convolution of half maps");
    TCase *tcase = slow_case(suite, "depthwise convolution of half maps");
    tcase_add_loop_test(tcase, the_bits_of_float_maps, 0, TABLES);
    return run_suite(suite);
}
