/* Binary morphology: erosion, dilation, opening, closing by a ball, and holes filled. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/stack.h"

typedef struct pass {
    const hl_stack *stack;
    const uint8_t *mask;
    uint8_t *result;
    double square, step[3]; /* of the ball's radius; of the voxels, x, y, z */
    int reach[2];           /* rows and slices the ball reaches to */
    bool erode;
} pass;

/* Over a row: all (erode) or any of the voxels that the ball's row of half-width `reach` covers. */
static void cover_row(const uint8_t *row, int width, int reach, bool erode, uint8_t *result) {
    for (int dx = -reach; dx <= reach; dx++) {
        int from = dx < 0 ? -dx : 0, to = dx > 0 ? width - dx : width;
        if (erode) {
            for (int x = from; x < to; x++) result[x] &= row[x + dx] != 0;
        } else {
            for (int x = from; x < to; x++) result[x] |= row[x + dx] != 0;
        }
    }
}

static void cover_slice(void *arg, int64_t piece, int worker) {
    const pass *p = arg;
    int z = (int)piece, height = p->stack->height, width = p->stack->width;
    (void)worker;
    for (int y = 0; y < height; y++) {
        uint8_t *result = p->result + ((size_t)z * (size_t)height + (size_t)y) * (size_t)width;
        memset(result, p->erode, (size_t)width);
        for (int nz = z - p->reach[1]; nz <= z + p->reach[1]; nz++) {
            for (int ny = y - p->reach[0]; ny <= y + p->reach[0]; ny++) {
                double up = (ny - y) * p->step[1], across = (nz - z) * p->step[2], left = p->square - up * up - across * across;
                if (nz < 0 || nz >= p->stack->depth || ny < 0 || ny >= height || left < 0) continue;
                int reach = (int)fmin(sqrt(left) / p->step[0], width - 1);
                cover_row(p->mask + ((size_t)nz * (size_t)height + (size_t)ny) * (size_t)width, width, reach, p->erode, result);
            }
        }
    }
}

static hl_status run_pass(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, bool erode, uint8_t *result) {
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    if (!(ball.radius >= 0)) return hl_fail(hl, HL_USAGE, "morphology with a radius of %g: expected 0 or more", ball.radius);
    double radius = ball.radius * (1 + 1e-9); /* 0.3 reaches three voxels of 0.1 */
    pass p = {.stack = stack, .mask = mask, .result = result, .square = radius * radius, .erode = erode};
    for (int k = 0; k < 3; k++) p.step[k] = hl_stack_has_spacing(stack) ? stack->spacing[k] : 1;
    p.reach[0] = (int)fmin(radius / p.step[1], stack->height);
    p.reach[1] = ball.planar ? 0 : (int)fmin(radius / p.step[2], stack->depth);
    hl_parallel_for(hl, stack->depth, cover_slice, &p);
    return HL_OK;
}

hl_status hl_dilate(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *dilated) {
    return run_pass(hl, stack, mask, ball, false, dilated);
}

hl_status hl_erode(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *eroded) {
    return run_pass(hl, stack, mask, ball, true, eroded);
}

static hl_status two_passes(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, bool erode_first, uint8_t *result) {
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    uint8_t *between = hl_calloc(hl, hl_stack_voxels(stack), 1);
    if (!between) return HL_NO_MEMORY;
    status = run_pass(hl, stack, mask, ball, erode_first, between);
    if (!status) status = run_pass(hl, stack, between, ball, !erode_first, result);
    free(between);
    return status;
}

hl_status hl_open_mask(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *opened) {
    return two_passes(hl, stack, mask, ball, true, opened);
}

hl_status hl_close_mask(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *closed) {
    return two_passes(hl, stack, mask, ball, false, closed);
}

/* Marks the components of the outside that reach the border: open[label]. */
static void mark_open(const hl_stack *stack, const int32_t *labels, bool planar, uint8_t *open) {
    size_t i = 0;
    for (int z = 0; z < stack->depth; z++) {
        bool end = !planar && (z == 0 || z == stack->depth - 1);
        for (int y = 0; y < stack->height; y++) {
            bool edge = end || y == 0 || y == stack->height - 1;
            for (int x = 0; x < stack->width; x++, i++) {
                if (edge || x == 0 || x == stack->width - 1) open[labels[i]] = 1;
            }
        }
    }
}

hl_status hl_fill_holes(hl_context *hl, const hl_stack *stack, const uint8_t *mask, bool planar, uint8_t *filled) {
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    size_t voxels = hl_stack_voxels(stack);
    int count = 0;
    int32_t *labels = hl_calloc(hl, voxels, sizeof *labels);
    uint8_t *outside = labels ? hl_calloc(hl, voxels, 1) : NULL, *open = NULL;
    status = outside ? HL_OK : HL_NO_MEMORY;
    for (size_t i = 0; i < voxels && !status; i++) outside[i] = !mask[i];
    if (!status) status = hl_components(hl, stack, outside, planar ? HL_CONNECT_4 : HL_CONNECT_6, labels, &count);
    if (!status) open = hl_calloc(hl, (size_t)count + 1, 1);
    if (!status && !open) status = HL_NO_MEMORY;
    if (!status) {
        mark_open(stack, labels, planar, open);
        for (size_t i = 0; i < voxels; i++) filled[i] = !labels[i] || !open[labels[i]];
    }
    free(labels), free(outside), free(open);
    return status;
}
