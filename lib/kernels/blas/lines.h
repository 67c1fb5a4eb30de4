/* A row of a depthwise convolution's targets, with kernels of 3 or 5 columns: pixels side by side share what they read; and rows of half maps as
 * floats. */
#ifndef HL_BLAS_LINES_H
#define HL_BLAS_LINES_H

#include "kernels/blas/blas.h"

enum { LINE_ROWS = 5 }; /* most rows of a kernel */

/* Target x sees through tap j of a row source column first + x * stride + j, or with `back` first + x + (columns - 1 - j); columns outside
 * the map are zeros. Pixels, and a kernel's taps, are so many floats apart. */
typedef struct depthwise_line {
    const float *rows[LINE_ROWS]; /* of the sources: those of the kernel's rows that lie in the map, */
    float *kernels[LINE_ROWS];    /* and their taps */
    int count;
    int columns, stride; /* of the kernel, 3 or 5; 1 or 2, with `back` 1 */
    bool back;
    int first, sources, targets;
    int64_t source_step, target_step, kernel_step;
    int from, to; /* channels */
    float *target;
    const float *bias; /* NULL: none */
    bool accumulate;
} depthwise_line;

/* target (+)= bias + the sum of sources through taps. */
void HL_BLAS(sum_line)(const depthwise_line *line);
/* Adds to the kernel's taps what target times source gives. */
void HL_BLAS(add_line)(const depthwise_line *line);

/* to = `count` channels, from `channel` on, of a half map's pixels first .. first + pixels, one behind the other. */
void HL_BLAS(widen_row)(const hl_view *from, int64_t first, int pixels, int channel, int count, float *to);

/* Row `row` of a convolution's output as floats: where it is, or in `memory` of out->w * out->c floats if the map is half. */
static inline hl_view output_row(const hl_view *out, int64_t row, float *memory) {
    void *data = out->half ? memory : hl_blas_pixel(out, row * out->w);
    return (hl_view){.data = data, .n = 1, .h = 1, .w = out->w, .c = out->c, .stride = out->half ? out->c : out->stride};
}
/* Finishes that row, `line` (finish may be NULL), and rounds it into a map that is half. */
void HL_BLAS(finish_row)(const hl_finish *finish, const hl_view *out, int64_t row, const hl_view *line);

#endif
