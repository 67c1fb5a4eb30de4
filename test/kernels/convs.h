/* One convolution in float and in double, all its passes, and what holds a kernel to what it should give. */
#ifndef HL_TEST_KERNELS_CONVS_H
#define HL_TEST_KERNELS_CONVS_H

#include "maps.h"

typedef struct shape {
    hl_conv conv;
    int gap, segments, ups; /* bit s of ups: segment s is read upsampled */
} shape;

typedef struct layer {
    hl_context *hl;
    const hl_conv *conv;
    map parts[HL_MAX_SEGMENTS], scales[HL_MAX_SEGMENTS], din, out, dout, more;
    hl_segment in32[HL_MAX_SEGMENTS], in64[HL_MAX_SEGMENTS];
    int segments;
    row norms[HL_MAX_SEGMENTS];
    row kernel, dkernel, bias, dbias, terms, row_sums;
    double *moments[2]; /* means, then variances of the outputs, in float and in double: 2 out_c each */
    bool measures; /* means and variances of the outputs */
    bool finishes; /* outputs by `act`, by terms first where terms_too, and with `more` added where adds */
    bool terms_too, adds;
    hl_activation act;
} layer;

static inline layer layer_new(hl_context *hl, const shape *s) {
    const hl_conv *conv = &s->conv;
    layer l = {.hl = hl, .conv = conv, .segments = s->segments};
    for (int i = 0, left = conv->in_c; i < s->segments; i++) {
        int up = s->ups >> i & 1, c = i + 1 < s->segments ? (left + 1) / 2 : left;
        l.parts[i] = map_new(conv->n, conv->in_h >> up, conv->in_w >> up, c, s->gap, 10 + (uint64_t)i);
        l.norms[i] = row_new(3 * c, 20 + (uint64_t)i);
        l.scales[i] = map_new(conv->n, 1, 1, c, s->gap + 1, 30 + (uint64_t)i);
        l.in32[i] = (hl_segment){.view = l.parts[i].f32, .up = up}, l.in64[i] = (hl_segment){.view = l.parts[i].f64, .up = up};
        left -= c;
    }
    int64_t size = (int64_t)conv->out_c * conv->kh * conv->kw * (conv->in_c / conv->groups);
    l.din = map_new(conv->n, conv->in_h, conv->in_w, conv->in_c, s->gap, 1);
    l.out = map_new(conv->n, conv->out_h, conv->out_w, conv->out_c, s->gap, 2);
    l.dout = map_new(conv->n, conv->out_h, conv->out_w, conv->out_c, s->gap, 3);
    l.more = map_new(conv->n, conv->out_h, conv->out_w, conv->out_c, s->gap + 1, 9);
    l.kernel = row_new(size, 4), l.dkernel = row_new(size, 5), l.bias = row_new(conv->out_c, 6), l.dbias = row_new(conv->out_c, 7);
    l.terms = row_new(3 * conv->out_c, 8), l.row_sums = row_new((int64_t)conv->n * conv->out_h * conv->out_c, 40);
    for (int i = 0; i < 2; i++) l.moments[i] = calloc(2 * (size_t)conv->out_c, sizeof(double));
    return l;
}

static inline void layer_free(layer *l) {
    for (int i = 0; i < l->segments; i++) map_free(&l->parts[i]), map_free(&l->scales[i]), row_free(&l->norms[i]);
    map_free(&l->din), map_free(&l->out), map_free(&l->dout), map_free(&l->more);
    row_free(&l->kernel), row_free(&l->dkernel), row_free(&l->bias), row_free(&l->dbias), row_free(&l->terms), row_free(&l->row_sums), free(l->moments[0]), free(l->moments[1]);
}

/* From here on the segments are read through norms, every second one's with a ReLU. */
static inline void read_through_norms(layer *l) {
    for (int i = 0; i < l->segments; i++) {
        l->in32[i].norm = l->norms[i].f32, l->in64[i].norm = l->norms[i].f64;
        l->in32[i].act = l->in64[i].act = i % 2 ? HL_LINEAR : HL_RELU;
    }
}

/* The same through norms and scales by turns. */
static inline void read_through_scales(layer *l) {
    read_through_norms(l);
    for (int i = 0; i < l->segments; i += 2) {
        l->in32[i].norm = l->in64[i].norm = NULL;
        l->in32[i].scale = l->scales[i].f32, l->in64[i].scale = l->scales[i].f64;
    }
}

/* Ways to finish, by number: a norm, with a ReLU, with a swish, each of these alone; the same with a map added; that alone. */
enum { FINISHES = 11 };
static inline void finish_as(layer *l, int way) {
    l->finishes = true, l->terms_too = way % 5 < 3 && way < 10, l->adds = way >= 5;
    l->act = way == 10 ? HL_LINEAR : (hl_activation[]){HL_LINEAR, HL_RELU, HL_SWISH, HL_RELU, HL_SWISH}[way % 5];
}

/* What is kept gives the same bits as the kernel. */
static inline void run_kept(const layer *l, const hl_conv_kernel *kernel, const void *bias, const hl_finish *finish) {
    map other = map_new(l->conv->n, l->conv->out_h, l->conv->out_w, l->conv->out_c, (int)(l->out.f32.stride - l->out.f32.c), 2);
    space kept = space_new(l->hl, kernel->kept(l->conv)), s = space_new(l->hl, kernel->workspace(l->conv, HL_FORWARD, hl_threads(l->hl)));
    kernel->keep(l->hl, l->conv, l->kernel.f32, kept.data);
    kernel->forward_kept(l->hl, l->conv, l->in32, l->segments, kept.data, bias, finish, &other.f32, s.data);
    ck_assert_msg(!memcmp(other.f32.data, l->out.f32.data, map_bytes(&other)), "%s: kept kernels give other bits", kernel->name);
    space_free(kernel->name, &s), space_free(kernel->name, &kept);
    map_free(&other);
}

/* All passes with one kernel. `variant` 0: with bias, overwriting; 1: without, accumulating. */
static inline void run(layer *l, const hl_conv_kernel *kernel, hl_dtype dtype, int variant) {
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
        if (pass == HL_FORWARD) {
            double *moments = l->moments[!single];
            hl_finish how = {.act = l->act}, *finish = l->finishes || l->measures ? &how : NULL;
            if (l->terms_too) how.terms = single ? (void *)l->terms.f32 : (void *)l->terms.f64;
            if (l->adds) how.add = single ? &l->more.f32 : &l->more.f64;
            if (l->measures) how.mean = moments, how.variance = moments + l->conv->out_c;
            if (kernel->sums_rows && l->finishes) how.row_sums = single ? (void *)l->row_sums.f32 : (void *)l->row_sums.f64;
            kernel->forward(l->hl, l->conv, in, l->segments, weights, variant ? NULL : bias, finish, out, s.data);
            if (single && kernel->kept) run_kept(l, kernel, variant ? NULL : bias, finish);
        }
        if (pass == HL_BACKWARD_DATA) kernel->backward_data(l->hl, l->conv, dout, weights, din, variant, s.data);
        if (pass == HL_BACKWARD_WEIGHTS) kernel->backward_weights(l->hl, l->conv, in, l->segments, dout, dweights, variant ? NULL : dbias, s.data);
        space_free(kernel->name, &s);
    }
}

/* Means up to deviations, variances up to themselves. */
static inline void moments_agree(const char *what, const layer *l) {
    for (int c = 0; c < l->conv->out_c; c++) {
        double variance = l->moments[1][l->conv->out_c + c], other = l->moments[0][l->conv->out_c + c], mean = l->moments[1][c];
        double room = 1e-4 * sqrt(variance) + 1e-5 * fabs(mean) + 1e-6;
        ck_assert_msg(fabs(l->moments[0][c] - mean) <= room, "%s: channel %d: mean %g, expected %g", what, c, l->moments[0][c], mean);
        ck_assert_msg(fabs(other - variance) <= 1e-4 * variance + 2e-6 * sqrt(variance) + 1e-12, "%s: channel %d: variance %g, expected %g", what, c, other,
                      variance);
    }
}

static inline void hold_against_double(const shape *s, const hl_conv_kernel *kernel, int threads) {
    hl_context *hl = hl_open(&(hl_options){.threads = threads});
    bool exact = !strcmp(kernel->name, "gemm") || !strcmp(kernel->name, "depthwise");
    double tolerance = exact ? 1e-5 : 1e-4; /* plain loops add pixel after pixel in float */
    char what[200];
    for (int variant = 0; variant < (s->conv.groups == 1 && strcmp(kernel->name, "depthwise") ? 4 : 2); variant++) {
        layer l = layer_new(hl, s);
        if (variant == 2) read_through_norms(&l);
        if (variant == 3) read_through_scales(&l);
        l.measures = kernel->gives_moments && variant;
        if (variant) finish_as(&l, (variant + s->conv.out_c + s->conv.in_w) % FINISHES);
        run(&l, hl_kernels_ref_f64.convs[0], HL_F64, variant % 2);
        run(&l, kernel, HL_F32, variant % 2);
        const hl_conv *c = &s->conv;
        int length = snprintf(what, sizeof what, "%s %dx%dx%dx%d -> %d, kernel %dx%d, variant %d, ", kernel->name, c->n, c->in_h, c->in_w,
                              c->in_c, c->out_c, c->kh, c->kw, variant);
        maps_agree(strcpy(what + length, "out") - length, &l.out, tolerance);
        maps_agree(strcpy(what + length, "din") - length, &l.din, tolerance);
        if (kernel->sums_rows && l.finishes) rows_agree(strcpy(what + length, "row sums") - length, l.row_sums.f32, l.row_sums.f64, l.row_sums.count, tolerance);
        if (l.measures) moments_agree(strcpy(what + length, "moments") - length, &l);
        rows_agree(strcpy(what + length, "dkernel") - length, l.dkernel.f32, l.dkernel.f64, l.dkernel.count, tolerance);
        rows_agree(strcpy(what + length, "dbias") - length, l.dbias.f32, l.dbias.f64, l.dbias.count, tolerance);
        layer_free(&l);
    }
    hl_close(hl);
}

/* The same bits on 2 and 3 threads as on one. */
static inline void hold_against_one_thread(const shape *s, const hl_conv_kernel *kernel) {
    hl_context *one = hl_open(&(hl_options){.threads = 1});
    layer first = layer_new(one, s);
    first.measures = kernel->gives_moments;
    run(&first, kernel, HL_F32, 0);
    for (int threads = 2; threads <= 3; threads++) {
        hl_context *many = hl_open(&(hl_options){.threads = threads});
        layer l = layer_new(many, s);
        l.measures = first.measures;
        run(&l, kernel, HL_F32, 0);
        ck_assert_mem_eq(l.out.f32.data, first.out.f32.data, map_bytes(&l.out));
        ck_assert_mem_eq(l.moments[0], first.moments[0], 2 * (size_t)s->conv.out_c * sizeof(double));
        ck_assert_mem_eq(l.din.f32.data, first.din.f32.data, map_bytes(&l.din));
        ck_assert_mem_eq(l.dkernel.f32, first.dkernel.f32, (size_t)l.dkernel.count * sizeof(float));
        ck_assert_mem_eq(l.dbias.f32, first.dbias.f32, (size_t)l.dbias.count * sizeof(float));
        layer_free(&l);
        hl_close(many);
    }
    layer_free(&first);
    hl_close(one);
}

#endif
