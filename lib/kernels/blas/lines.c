/* Rows of depthwise convolutions: a run of targets is summed in registers, and each source of a row is loaded once for all that see it. Rows of
 * half maps are widened before and narrowed behind. */
#include "kernels/blas/lines.h"
#include "kernels/blas/vector.h"

enum {
    RUN = LANES == 16 ? 8 : 4, /* targets side by side */
    BLOCK = 4 * LANES,         /* channels of a row that are done before the next: their taps stay in the first cache */
};

#define INLINE static inline __attribute__((always_inline))

/* The kernel's columns, the stride and the direction are constants wherever these are inlined; so is how much of a run is there. */
typedef enum extent {
    PARTS, /* some of its targets or sources, and of the channels of its vectors */
    EDGE,  /* some of its targets or sources */
    ALL,
} extent;

INLINE int sources_of(int columns, int stride) { return (RUN - 1) * stride + columns; }

/* The sources in a row of a run of targets from x on. */
INLINE void load_sources(const depthwise_line *l, const float *row, int x, int c, int columns, int stride, extent there, vector *s) {
    int at = l->first + x * stride;
    const float *from = row + at * l->source_step + c;
#pragma GCC unroll 24
    for (int i = 0; i < sources_of(columns, stride); i++, from += l->source_step) {
        if (there == ALL || (at + i >= 0 && at + i < l->sources)) s[i] = there == PARTS ? vector_load_some(from, l->to - c) : vector_load(from);
        else s[i] = (vector){0};
    }
}

INLINE void sum_run(const depthwise_line *l, int x, int c, int columns, int stride, bool back, extent there) {
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
        load_sources(l, l->rows[k], x, c, columns, stride, there, s);
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
INLINE void add_run(const depthwise_line *l, int x, int c, int columns, int stride, extent there) {
    vector d[RUN];
    int count = there == PARTS ? l->to - c : LANES, here = l->targets - x < RUN ? l->targets - x : RUN;
    const float *from = l->target + x * l->target_step + c;
#pragma GCC unroll 8
    for (int t = 0; t < RUN; t++) {
        d[t] = there == ALL || t < here ? vector_load_some(from + t * l->target_step, count) : (vector){0};
    }
    for (int k = 0; k < l->count; k++) {
        vector s[24];
        load_sources(l, l->rows[k], x, c, columns, stride, there, s);
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

INLINE void walk(const depthwise_line *l, bool add, int columns, int stride, bool back) {
    for (int block = l->from; block < l->to; block += BLOCK)
        for (int x = 0; x < l->targets; x += RUN) {
            bool inside = is_inside(l, x, columns, stride);
            for (int c = block; c < block + BLOCK && c < l->to; c += LANES) {
                extent there = l->to - c < LANES ? PARTS : inside ? ALL : EDGE;
                if (there == ALL) add ? add_run(l, x, c, columns, stride, ALL) : sum_run(l, x, c, columns, stride, back, ALL);
                else if (there == EDGE) add ? add_run(l, x, c, columns, stride, EDGE) : sum_run(l, x, c, columns, stride, back, EDGE);
                else add ? add_run(l, x, c, columns, stride, PARTS) : sum_run(l, x, c, columns, stride, back, PARTS);
            }
        }
}

void HL_BLAS(sum_line)(const depthwise_line *l) {
    if (l->columns == 3 && l->back) walk(l, false, 3, 1, true);
    else if (l->columns == 3 && l->stride == 1) walk(l, false, 3, 1, false);
    else if (l->columns == 3) walk(l, false, 3, 2, false);
    else if (l->back) walk(l, false, 5, 1, true);
    else if (l->stride == 1) walk(l, false, 5, 1, false);
    else walk(l, false, 5, 2, false);
}

void HL_BLAS(add_line)(const depthwise_line *l) {
    if (l->columns == 3 && l->stride == 1) walk(l, true, 3, 1, false);
    else if (l->columns == 3) walk(l, true, 3, 2, false);
    else if (l->stride == 1) walk(l, true, 5, 1, false);
    else walk(l, true, 5, 2, false);
}

void HL_BLAS(widen_row)(const hl_view *from, int64_t first, int pixels, int channel, int count, float *to) {
    const uint16_t *halves = (const uint16_t *)hl_blas_cells(from, first) + channel;
    if (from->stride == count) count *= pixels, pixels = 1;
    for (int p = 0; p < pixels; p++, halves += from->stride, to += count) {
        int c = 0;
        for (; c + LANES <= count; c += LANES) vector_store(to + c, vector_widen(halves + c));
        if (c < count) vector_store_some(to + c, vector_widen_some(halves + c, count - c), count - c);
    }
}

/* Pixels of a map without gaps into pixels first .. of a half map. */
static void narrow_row(const hl_view *line, const hl_view *to, int64_t first) {
    const float *numbers = line->data;
    uint16_t *halves = hl_blas_cells(to, first);
    int pixels = line->w, count = line->c;
    if (to->stride == count) count *= pixels, pixels = 1;
    for (int p = 0; p < pixels; p++, halves += to->stride, numbers += count) {
        int c = 0;
        for (; c + LANES <= count; c += LANES) vector_narrow(halves + c, vector_load(numbers + c));
        if (c < count) vector_narrow_some(halves + c, vector_load_some(numbers + c, count - c), count - c);
    }
}

void HL_BLAS(finish_row)(const hl_finish *finish, const hl_view *out, int64_t row, const hl_view *line) {
    if (finish) {
        hl_finish here = *finish;
        hl_view add;
        if (finish->add) add = *finish->add, add.data = hl_blas_cells(finish->add, row * out->w), here.add = &add;
        if (finish->row_sums) here.row_sums = (float *)finish->row_sums + row * out->c;
        HL_BLAS(finish)(&here, line, 0, out->w, 0, out->c);
    }
    if (out->half) narrow_row(line, out, row * out->w);
}
