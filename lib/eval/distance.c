/* The exact Euclidean distance transform: squared distances axis by axis, as lower envelopes of parabolas. */
#include <math.h>
#include <stdlib.h>

#include "eval/stack.h"

/* One line's scratch memory: what is read of it, and the parabolas of its envelope. */
typedef struct line {
    double *heights; /* n */
    double *starts;  /* n: from where on the parabola is the lowest, in voxels */
    int *apexes;     /* n */
} line;

typedef struct transform {
    const hl_stack *stack;
    const uint8_t *mask;
    double *squares; /* the result, squared until the end */
    double spacing[3];
    line *lines; /* one a worker */
} transform;

/* Along rows there are two heights only, 0 and infinity: distances to the last one inside, from either end. */
static void transform_row(const uint8_t *mask, int n, double step, double *squares) {
    double last = INFINITY;
    for (int x = 0; x < n; x++) {
        last = mask[x] ? 0 : last + 1;
        squares[x] = last;
    }
    last = INFINITY;
    for (int x = n - 1; x >= 0; x--) {
        last = mask[x] ? 0 : last + 1;
        double nearest = (last < squares[x] ? last : squares[x]) * step;
        squares[x] = nearest * nearest;
    }
}

/* values[i * stride] = min over j of heights[j] + (step (i - j))^2, heights being the values before. Felzenszwalb & Huttenlocher, section
 * 2.1; parabolas of infinite height are left out. */
static void transform_line(double *values, size_t stride, int n, double step, const line *scratch) {
    double *heights = scratch->heights, *starts = scratch->starts, unit = step * step;
    int *apexes = scratch->apexes, last = -1;
    for (int j = 0; j < n; j++) {
        heights[j] = values[(size_t)j * stride];
        if (isinf(heights[j])) continue;
        double start = -INFINITY;
        while (last >= 0) {
            int k = apexes[last];
            start = (heights[j] - heights[k]) / (2 * unit * (j - k)) + (j + k) / 2.0;
            if (start > starts[last]) break;
            last--;
        }
        apexes[++last] = j;
        starts[last] = last ? start : -INFINITY;
    }
    if (last < 0) return;
    for (int i = 0, k = 0; i < n; i++) {
        while (k < last && starts[k + 1] < i) k++;
        double far = step * (i - apexes[k]);
        values[(size_t)i * stride] = heights[apexes[k]] + far * far;
    }
}

static void transform_slice(void *arg, int64_t z, int worker) {
    const transform *t = arg;
    size_t width = (size_t)t->stack->width, slice = (size_t)t->stack->height * width, first = (size_t)z * slice;
    for (size_t row = 0; row < slice; row += width)
        transform_row(t->mask + first + row, t->stack->width, t->spacing[0], t->squares + first + row);
    for (size_t x = 0; x < width; x++) transform_line(t->squares + first + x, width, t->stack->height, t->spacing[1], &t->lines[worker]);
}

static void transform_across(void *arg, int64_t y, int worker) {
    const transform *t = arg;
    size_t width = (size_t)t->stack->width, slice = (size_t)t->stack->height * width;
    for (size_t i = (size_t)y * width; i < ((size_t)y + 1) * width; i++) {
        transform_line(t->squares + i, slice, t->stack->depth, t->spacing[2], &t->lines[worker]);
        for (int z = 0; z < t->stack->depth; z++) t->squares[(size_t)z * slice + i] = sqrt(t->squares[(size_t)z * slice + i]);
    }
}

hl_status hl_distance_transform(hl_context *hl, const hl_stack *stack, const uint8_t *mask, double *distance) {
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    transform t = {.stack = stack, .mask = mask, .squares = distance};
    for (int k = 0; k < 3; k++) t.spacing[k] = hl_stack_has_spacing(stack) ? stack->spacing[k] : 1;
    size_t workers = (size_t)hl_threads(hl), longest = (size_t)(stack->height > stack->depth ? stack->height : stack->depth);
    t.lines = hl_calloc(hl, workers, sizeof *t.lines);
    double *numbers = hl_calloc(hl, workers * longest, 2 * sizeof *numbers);
    int *apexes = hl_calloc(hl, workers * longest, sizeof *apexes);
    if (!t.lines || !numbers || !apexes) status = HL_NO_MEMORY;
    for (size_t w = 0; w < workers && !status; w++)
        t.lines[w] = (line){numbers + 2 * w * longest, numbers + (2 * w + 1) * longest, apexes + w * longest};
    if (!status) {
        hl_parallel_for(hl, stack->depth, transform_slice, &t);
        hl_parallel_for(hl, stack->height, transform_across, &t);
    }
    free(t.lines), free(numbers), free(apexes);
    return status;
}
