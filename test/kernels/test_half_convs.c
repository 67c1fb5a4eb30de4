/* The depthwise kernel, Winograd's, that for few outputs and that for few inputs on half maps: the bits that they give on float maps with the same numbers, rounded
 * where the output is half. */
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

/* To few outputs. */
static const shape narrows[] = {
    {{3, 31, 33, 16, 31, 33, 1, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0}, {{1, 7, 31, 33, 7, 31, 4, 3, 3, 1, 1, 1, 1, 1}, 3, 1, 0},
    {{3, 2, 5, 17, 2, 5, 3, 1, 1, 1, 1, 0, 0, 1}, 0, 1, 0},    {{1, 1, 2, 15, 1, 2, 2, 5, 5, 1, 1, 2, 2, 1}, 1, 1, 0},
    {{2, 8, 6, 33, 8, 6, 1, 3, 3, 1, 1, 1, 1, 1}, 2, 3, 2},     {{1, 9, 40, 3, 7, 40, 2, 5, 3, 1, 1, 1, 1, 1}, 0, 2, 0},
};
/* Of few inputs. */
static const shape stems[] = {
    {{1, 31, 31, 3, 31, 31, 8, 5, 5, 1, 1, 2, 2, 1}, 0, 1, 0},  {{3, 31, 7, 3, 16, 4, 16, 7, 7, 2, 2, 3, 3, 1}, 0, 1, 0},
    {{2, 32, 30, 3, 16, 15, 33, 3, 3, 2, 2, 0, 0, 1}, 1, 1, 0}, {{1, 5, 7, 1, 5, 7, 17, 3, 3, 1, 1, 1, 1, 1}, 3, 1, 0},
    {{3, 64, 65, 3, 64, 65, 70, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},
    {{3, 1, 2, 4, 1, 2, 15, 3, 3, 1, 1, 1, 1, 1}, 2, 1, 0},     {{1, 12, 29, 2, 6, 15, 70, 3, 3, 2, 2, 1, 1, 1}, 2, 1, 0},
};
/* 3x3: several segments, enlarged ones, vectors of channels of two segments, many channels of few tiles, many tiles. */
static const shape winograds[] = {
    {{1, 1, 1, 3, 1, 1, 17, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},     {{3, 5, 7, 15, 5, 7, 33, 3, 3, 1, 1, 1, 1, 1}, 3, 1, 0},
    {{1, 31, 2, 33, 31, 2, 15, 3, 3, 1, 1, 1, 1, 1}, 0, 2, 0},  {{2, 8, 6, 48, 8, 6, 16, 3, 3, 1, 1, 1, 1, 1}, 0, 3, 2},
    {{1, 9, 31, 16, 9, 31, 1, 3, 3, 1, 1, 1, 1, 1}, 1, 1, 0},   {{3, 16, 20, 40, 16, 20, 32, 3, 3, 1, 1, 1, 1, 1}, 2, 2, 1},
    {{1, 7, 9, 64, 7, 9, 256, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0},   {{2, 6, 5, 130, 6, 5, 140, 3, 3, 1, 1, 1, 1, 1}, 1, 1, 0},
    {{3, 34, 33, 17, 34, 33, 64, 3, 3, 1, 1, 1, 1, 1}, 0, 1, 0}, {{1, 20, 20, 200, 20, 20, 100, 3, 3, 1, 1, 1, 1, 1}, 0, 2, 2},
};
enum { WINOGRADS = sizeof winograds / sizeof *winograds, NARROWS = sizeof narrows / sizeof *narrows, STEMS = sizeof stems / sizeof *stems };

static const hl_conv_kernel *kernel_of(const hl_kernels *k, const char *name, const shape *s) {
    for (const hl_conv_kernel *const *at = k->convs; *at; at++)
        if (!strcmp((*at)->name, name) && (*at)->fits(&s->conv)) return *at;
    ck_abort_msg("table %s has no %s kernel that fits", k->name, name);
    return NULL;
}

/* What is wanted besides outputs: a way to finish (convs.h; -1: none), moments, the kernel kept, inputs read through scales and norms. */
typedef struct wish {
    int finish;
    bool measures, kept, through;
} wish;

/* Forward and the kernel's gradient of a layer, reading `in`, into `out` and what the layer has for the rest. `adds`: its map too, if the finish does. */
static void run_layer(layer *l, const hl_conv_kernel *kernel, const hl_segment *in, const hl_view *out, wish w, bool adds) {
    int threads = hl_threads(l->hl);
    hl_finish finish = {0};
    if (w.finish >= 0) {
        finish_as(l, w.finish);
        finish.act = l->act, finish.terms = l->terms_too ? l->terms.f32 : NULL, finish.add = l->adds && adds ? &l->more.f32 : NULL;
        if (kernel->sums_rows) finish.row_sums = l->row_sums.f32;
    }
    if (w.measures) finish.mean = l->moments[0], finish.variance = l->moments[0] + l->conv->out_c;
    space s = space_new(l->hl, kernel->workspace(l->conv, HL_FORWARD, threads)), kept = space_new(l->hl, w.kept ? kernel->kept(l->conv) : 0);
    if (w.kept) {
        kernel->keep(l->hl, l->conv, l->kernel.f32, kept.data);
        kernel->forward_kept(l->hl, l->conv, in, l->segments, kept.data, NULL, &finish, out, s.data);
    } else kernel->forward(l->hl, l->conv, in, l->segments, l->kernel.f32, l->bias.f32, &finish, out, s.data);
    space_free("forward", &s), space_free("kept", &kept);
    s = space_new(l->hl, kernel->workspace(l->conv, HL_BACKWARD_WEIGHTS, threads));
    kernel->backward_weights(l->hl, l->conv, in, l->segments, &l->dout.f32, l->dkernel.f32, l->dbias.f32, s.data);
    space_free("backward_weights", &s);
}

/* The same numbers in a half map, for which the other is rounded. */
static void become_half(hl_view *map, hl_view *other) {
    free(map->data);
    *map = half_of(other);
}

/* What adding `more` to a stored half output gives, for one that is float: rounded, then added to, summed by rows. */
static void add_to_rounded(layer *l, bool sums_rows) {
    const hl_conv *conv = l->conv;
    free(half_of(&l->out.f32).data);
    for (int64_t p = 0; p < hl_view_pixels(&l->out.f32); p++)
        for (int c = 0; c < conv->out_c; c++) {
            float *to = (float *)l->out.f32.data + p * l->out.f32.stride + c, *sum = l->row_sums.f32 + p / conv->out_w * conv->out_c + c;
            *to += ((float *)l->more.f32.data)[p * l->more.f32.stride + c];
            if (sums_rows) *sum = p % conv->out_w ? *sum + *to : *to;
        }
}

/* Of segments bit i of `reads` says whether segment i is half. */
static void hold_against_float(const hl_conv_kernel *kernel, const shape *s, int threads, unsigned reads, bool writes, wish w) {
    hl_context *one = hl_open(&(hl_options){.threads = 1}), *hl = hl_open(&(hl_options){.threads = threads});
    layer right = layer_new(one, s), mine = layer_new(hl, s);
    if (w.through) read_through_scales(&right), read_through_scales(&mine);
    for (int i = 0; i < s->segments; i++) {
        become_half(&mine.parts[i].f32, &right.parts[i].f32);
        mine.in32[i].view = reads >> i & 1 ? mine.parts[i].f32 : right.parts[i].f32;
    }
    become_half(&mine.more.f32, &right.more.f32);
    hl_view out = half_of(&right.out.f32);
    memcpy(mine.out.f32.data, right.out.f32.data, map_bytes(&right.out));
    bool apart = writes && w.finish >= 5;
    w.measures = w.measures && !apart;
    run_layer(&right, kernel, right.in32, &right.out.f32, w, !apart);
    if (apart) add_to_rounded(&right, kernel->sums_rows);
    run_layer(&mine, kernel, mine.in32, writes ? &out : &mine.out.f32, w, true);
    if (writes) halves_agree("out", &out, &right.out.f32);
    else ck_assert_mem_eq(mine.out.f32.data, right.out.f32.data, map_bytes(&right.out));
    ck_assert_mem_eq(mine.row_sums.f32, right.row_sums.f32, (size_t)right.row_sums.count * sizeof(float));
    ck_assert_mem_eq(mine.moments[0], right.moments[0], 2 * (size_t)s->conv.out_c * sizeof(double));
    ck_assert_mem_eq(mine.dkernel.f32, right.dkernel.f32, (size_t)right.dkernel.count * sizeof(float));
    ck_assert_mem_eq(mine.dbias.f32, right.dbias.f32, (size_t)right.dbias.count * sizeof(float));
    free(out.data), layer_free(&right), layer_free(&mine), hl_close(one), hl_close(hl);
}

static void run_through(layer *l, const hl_conv_kernel *kernel, int way, double *sums) {
    hl_segment in = {.view = l->parts[0].f32, .norm = l->norms[0].f32, .act = (hl_activation[]){HL_LINEAR, HL_RELU, HL_SWISH}[way % 3]};
    space s = space_new(l->hl, kernel->workspace(l->conv, HL_BACKWARD_DATA, hl_threads(l->hl)));
    kernel->backward_through(l->hl, l->conv, &l->dout.f32, l->kernel.f32, &in, &l->din.f32, way % 2, sums, s.data);
    space_free("backward_through", &s);
}

START_TEST(depthwise_through_a_norm) {
    const hl_kernels *k = tables[_i];
    int step = k == &hl_kernels_avx512 ? 1 : 3; /* plans in bf16 run there alone */
    for (int i = 0; i < SHAPES && runs_here(k); i += step) {
        shape s = shape_at(i);
        s.segments = 1, s.ups = 0;
        hl_context *hl = hl_open(&(hl_options){.threads = 1 + i % 3});
        layer right = layer_new(hl, &s), mine = layer_new(hl, &s);
        double *sums[2] = {calloc(2 * (size_t)s.conv.in_c, sizeof(double)), calloc(2 * (size_t)s.conv.in_c, sizeof(double))};
        become_half(&mine.parts[0].f32, &right.parts[0].f32);
        run_through(&right, kernel_of(k, "depthwise", &s), i, sums[0]), run_through(&mine, kernel_of(k, "depthwise", &s), i, sums[1]);
        ck_assert_mem_eq(mine.din.f32.data, right.din.f32.data, map_bytes(&right.din));
        ck_assert_mem_eq(sums[1], sums[0], 2 * (size_t)s.conv.in_c * sizeof(double));
        free(sums[0]), free(sums[1]), layer_free(&right), layer_free(&mine), hl_close(hl);
    }
}
END_TEST

START_TEST(depthwise) {
    const hl_kernels *k = tables[_i];
    for (int i = 0; i < SHAPES && runs_here(k); i++) {
        shape s = shape_at(i);
        const hl_conv_kernel *kernel = kernel_of(k, "depthwise", &s);
        ck_assert(kernel->reads_half && kernel->writes_half);
        hold_against_float(kernel, &s, 1 + i % 3, ~0u, true, (wish){.finish = -1, .measures = true});
        hold_against_float(kernel, &s, 1 + i % 3, ~0u, true, (wish){.finish = i % FINISHES, .measures = i % 2});
        hold_against_float(kernel, &s, 2, 1u << i % 2, i % 2, (wish){.finish = i / 2 % FINISHES, .kept = true});
        hold_against_float(kernel, &s, 3, 0, true, (wish){.finish = -1, .measures = i % 2});
    }
}
END_TEST

START_TEST(winograd) {
    const hl_kernels *k = tables[_i];
    for (int i = 0; i < WINOGRADS && runs_here(k); i++) {
        const hl_conv_kernel *kernel = kernel_of(k, "winograd", &winograds[i]);
        ck_assert(kernel->reads_half && kernel->writes_half);
        for (int way = -1; way < FINISHES; way++) hold_against_float(kernel, &winograds[i], 1 + i % 3, ~0u, true, (wish){.finish = way, .through = way % 2});
        hold_against_float(kernel, &winograds[i], 2, 2, false, (wish){.finish = i % FINISHES, .kept = true});
        hold_against_float(kernel, &winograds[i], 3, 1, true, (wish){.finish = -1});
    }
}
END_TEST

START_TEST(few_outputs) {
    const hl_kernels *k = tables[_i];
    for (int i = 0; i < NARROWS && runs_here(k); i++) {
        const hl_conv_kernel *kernel = kernel_of(k, "narrow", &narrows[i]);
        ck_assert(kernel->reads_half);
        for (int way = -1; way < FINISHES; way++) hold_against_float(kernel, &narrows[i], 1 + i % 3, ~0u, false, (wish){.finish = way, .through = way % 2});
        hold_against_float(kernel, &narrows[i], 2, 2, false, (wish){.finish = -1, .through = true});
    }
}
END_TEST

START_TEST(few_inputs) {
    const hl_kernels *k = tables[_i];
    for (int i = 0; i < STEMS && runs_here(k); i++) {
        const hl_conv_kernel *kernel = kernel_of(k, "stem", &stems[i]);
        ck_assert(kernel->writes_half);
        for (int way = -1; way < FINISHES; way++) hold_against_float(kernel, &stems[i], 1 + i % 3, 0, true, (wish){.finish = way, .through = way % 2});
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("convolutions of half maps");
    TCase *tcase = slow_case(suite, "convolutions of half maps");
    tcase_add_loop_test(tcase, depthwise, 0, TABLES);
    tcase_add_loop_test(tcase, depthwise_through_a_norm, 0, TABLES);
    tcase_add_loop_test(tcase, winograd, 0, TABLES);
    tcase_add_loop_test(tcase, few_outputs, 0, TABLES);
    tcase_add_loop_test(tcase, few_inputs, 0, TABLES);
    return run_suite(suite);
}
