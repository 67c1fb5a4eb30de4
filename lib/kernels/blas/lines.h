/* A row of a depthwise convolution's targets, with kernels of 3 or 5 columns: pixels side by side share what they read; and rows of half outputs. */
#ifndef HL_BLAS_LINES_H
#define HL_BLAS_LINES_H

#include "kernels/blas/blas.h"

enum { LINE_ROWS = 5 }; /* most rows of a kernel */

/* Target x sees through tap j of a row source column first + x * stride + j, or with `back` first + x + (columns - 1 - j); columns outside
 * the map are zeros. Pixels, and a kernel's taps, are so many elements apart. */
typedef struct depthwise_line {
    const void *rows[LINE_ROWS]; /* of the sources: those of the kernel's rows that lie in the map, */
    float *kernels[LINE_ROWS];    /* and their taps */
    int count;
    int columns, stride; /* of the kernel, 3 or 5; 1 or 2, with `back` 1 */
    bool back, half; /* half: the sources are; not with `back` */
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

/* Channels channel .. channel + count of row `row` of a half output, which are floats in `line`, a map of that row alone: finished (finish may be
 * NULL), then rounded into the output. */
void HL_BLAS(finish_half)(const hl_finish *finish, const hl_view *line, const hl_view *out, int64_t row, int channel, int count);

#endif
