/* Sizes of a stack of slices. */
#include "eval/stack.h"

#include <math.h>

size_t hl_stack_voxels(const hl_stack *stack) { return (size_t)stack->depth * (size_t)stack->height * (size_t)stack->width; }

bool hl_stack_has_spacing(const hl_stack *stack) { return stack->spacing[0] > 0 && stack->spacing[1] > 0 && stack->spacing[2] > 0; }

double hl_stack_voxel_ml(const hl_stack *stack) {
    return hl_stack_has_spacing(stack) ? stack->spacing[0] * stack->spacing[1] * stack->spacing[2] / 1000 : NAN;
}

double hl_stack_diagonal_mm(const hl_stack *stack) {
    double x = stack->width * stack->spacing[0], y = stack->height * stack->spacing[1], z = stack->depth * stack->spacing[2];
    return sqrt(x * x + y * y + z * z);
}

hl_status hl_stack_check(hl_context *hl, const hl_stack *stack) {
    if (stack->depth < 1 || stack->height < 1 || stack->width < 1)
        return hl_fail(hl, HL_USAGE, "a stack of %d x %d x %d voxels: each side has to be at least 1", stack->depth, stack->height,
                       stack->width);
    if ((double)stack->depth * stack->height * stack->width > INT32_MAX)
        return hl_fail(hl, HL_USAGE, "a stack of %d x %d x %d voxels: at most 2^31 - 1 are possible", stack->depth, stack->height,
                       stack->width);
    return HL_OK;
}
