/* Rows of depthwise convolutions: a run of targets is summed in registers, and each source of a row is loaded once for all that see it. Rows of half
 * outputs are finished as floats. */
#include "kernels/blas/lines.h"

#include "kernels/blas/elementwise.h"
#include "kernels/blas/vector.h"

enum {
    RUN = LANES == 16 ? 8 : 4, /* targets side by side */
    BLOCK = 4 * LANES,         /* channels of a row that are done before the next: their taps stay in the first cache */
};

#define INLINE static inline __attribute__((always_inline))

/* The kernel's columns, the stride, the direction and whether sources are half are constants wherever these are inlined; so is how much of a run is
 * there. */
typedef enum extent {
    PARTS, /* some of its targets or sources, and of the channels of its vectors */
    EDGE,  /* some of its targets or sources */
    ALL,
} extent;

INLINE int sources_of(int columns, int stride) { return (RUN - 1) * stride + columns; }

/* The sources in a row of a run of targets from x on. */
INLINE void load_sources(const depthwise_line *l, const void *row, int x, int c, int columns, int stride, bool half, extent there, vector *s) {
    int at = l->first + x * stride;
    int64_t from = at * l->source_step + c;
#pragma GCC unroll 24
    for (int i = 0; i < sources_of(columns, stride); i++, from += l->source_step) {
        if (there == ALL || (at + i >= 0 && at + i < l->sources)) s[i] = there == PARTS ? cells_load_some(row, from, l->to - c, half) : cells_load(row, from, half);
        else s[i] = (vector){0};
    }
}

INLINE void sum_run(const depthwise_line *l, int x, int c, int columns, int stride, bool back, bool half, extent there) {
    vector sum[RUN];
    int count = there == PARTS ? l->to - c : LANES, here = l->targets - x < RUN ? l->targets - x : RUN;
    float *to = l->target + x * l->target_step + c;
    vector before = l->bias ? vector_load_some(l->bias + c, count) : (vector){0};
#pragma GCC unroll 8
    for (int t = 0; t < RUN; t++) sum[t] = before;
    if (l->accumulate)
        for (int t = 0; t < here; t++) sum[t] = vector_load_some(to + t * l->target_step, count);
    for (int k = 0; k < l->count; k++) {
        vector s[24];
        load_sources(l, l->rows[k], x, c, columns, stride, half, there, s);
#pragma GCC unroll 5
        for (int j = 0; j < columns; j++) {
            const float *tap = l->kernels[k] + j * l->kernel_step + c;
            vector w = vector_load_some(tap, count);
#pragma GCC unroll 8
            for (int t = 0; t < RUN; t++) sum[t] = vector_fma(s[back ? t + columns - 1 - j : t * stride + j], w, sum[t]);
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < RUN; t++)
        if (there == ALL || t < here) vector_store_some(to + t * l->target_step, sum[t], count);
}

/* To each tap's gradient what a run of targets gives. */
INLINE void add_run(const depthwise_line *l, int x, int c, int columns, int stride, bool half, extent there) {
    vector d[RUN];
    int count = there == PARTS ? l->to - c : LANES, here = l->targets - x < RUN ? l->targets - x : RUN;
    const float *from = l->target + x * l->target_step + c;
#pragma GCC unroll 8
    for (int t = 0; t < RUN; t++) {
        d[t] = there == ALL || t < here ? vector_load_some(from + t * l->target_step, count) : (vector){0};
    }
    for (int k = 0; k < l->count; k++) {
        vector s[24];
        load_sources(l, l->rows[k], x, c, columns, stride, half, there, s);
#pragma GCC unroll 5
        for (int j = 0; j < columns; j++) {
            float *tap = l->kernels[k] + j * l->kernel_step + c;
            vector sum = d[0] * s[j];
#pragma GCC unroll 8
            for (int t = 1; t < RUN; t++) sum = vector_fma(d[t], s[t * stride + j], sum);
            vector_store_some(tap, vector_load_some(tap, count) + sum, count);
        }
    }
}

/* Whether a run from x on, and all it reads, is in the map. */
INLINE bool is_inside(const depthwise_line *l, int x, int columns, int stride) {
    int at = l->first + x * stride;
    return at >= 0 && at + sources_of(columns, stride) <= l->sources && x + RUN <= l->targets;
}

/* A line's part of a run: added to the kernel's gradient, or summed. */
INLINE void do_run(const depthwise_line *l, int x, int c, bool add, int columns, int stride, bool back, bool half, extent there) {
    if (add) add_run(l, x, c, columns, stride, half, there);
    else sum_run(l, x, c, columns, stride, back, half, there);
}

INLINE void walk(const depthwise_line *l, bool add, int columns, int stride, bool back, bool half) {
    for (int block = l->from; block < l->to; block += BLOCK)
        for (int x = 0; x < l->targets; x += RUN) {
            bool inside = is_inside(l, x, columns, stride);
            for (int c = block; c < block + BLOCK && c < l->to; c += LANES) {
                extent there = l->to - c < LANES ? PARTS : inside ? ALL : EDGE;
                if (there == ALL) do_run(l, x, c, add, columns, stride, back, half, ALL);
                else if (there == EDGE) do_run(l, x, c, add, columns, stride, back, half, EDGE);
                else do_run(l, x, c, add, columns, stride, back, half, PARTS);
            }
        }
}

INLINE void walk_forward(const depthwise_line *l, bool add, bool half) {
    if (l->columns == 3 && l->stride == 1) walk(l, add, 3, 1, false, half);
    else if (l->columns == 3) walk(l, add, 3, 2, false, half);
    else if (l->stride == 1) walk(l, add, 5, 1, false, half);
    else walk(l, add, 5, 2, false, half);
}

void HL_BLAS(sum_line)(const depthwise_line *l) {
    if (l->back && l->columns == 3) walk(l, false, 3, 1, true, false);
    else if (l->back) walk(l, false, 5, 1, true, false);
    else if (l->half) walk_forward(l, false, true);
    else walk_forward(l, false, false);
}

void HL_BLAS(add_line)(const depthwise_line *l) {
    if (l->half) walk_forward(l, true, true);
    else walk_forward(l, true, false);
}

/* As it would be read again. */
static void round_line(const hl_view *line, int channel, int count) {
    for (int x = 0; x < line->w; x++) {
        float *at = hl_blas_pixel(line, x) + channel;
        for (int c = 0; c < count; c += LANES) vector_store_some(at + c, vector_rounded(vector_load_some(at + c, count - c)), count - c);
    }
}

static void finish_line(const hl_finish *finish, const hl_view *line, const hl_view *out, int64_t row, int channel, int count) {
    hl_finish here = *finish;
    if (finish->row_sums) here.row_sums = (float *)finish->row_sums + row * out->c;
    if (finish->add) {
        hl_finish before = {.terms = finish->terms, .act = finish->act};
        HL_BLAS(finish)(&before, line, 0, out->w, channel, count);
        round_line(line, channel, count);
        hl_view add = *finish->add;
        add.data = hl_blas_cells(finish->add, row * out->w);
        here.terms = NULL, here.act = HL_LINEAR, here.add = &add;
        HL_BLAS(finish)(&here, line, 0, out->w, channel, count);
    } else HL_BLAS(finish)(&here, line, 0, out->w, channel, count);
}

void HL_BLAS(finish_half)(const hl_finish *finish, const hl_view *line, const hl_view *out, int64_t row, int channel, int count) {
    if (finish) finish_line(finish, line, out, row, channel, count);
    for (int x = 0; x < out->w; x++) hl_blas_keep(out, row * out->w + x, channel, count, hl_blas_pixel(line, x) + channel);
}
