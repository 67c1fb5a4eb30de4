/* How much of each lung is lesion. */
#include <math.h>

#include "eval/stack.h"

typedef struct counts {
    int64_t lung[4], lesion[4]; /* nowhere, left, right, undivided */
} counts;

static hl_status count_voxels(hl_context *hl, const hl_stack *stack, const uint8_t *lesion, const uint8_t *lung, counts *c) {
    for (size_t i = 0; i < hl_stack_voxels(stack); i++) {
        int place = lung[i] == HL_LUNG_UNDIVIDED ? 3 : lung[i];
        if (place > 3 || (place == 3 && lung[i] != HL_LUNG_UNDIVIDED))
            return hl_fail(hl, HL_BAD_INPUT, "a lung mask holds the value %d, expected 0, 1 (left), 2 (right) or 255 (undivided)", lung[i]);
        c->lung[place]++;
        c->lesion[place] += lesion[i] != 0;
    }
    return HL_OK;
}

static hl_burden burden(int64_t lung, int64_t lesion, double unit) {
    return (hl_burden){(double)lung * unit, (double)lesion * unit, lung ? (double)lesion / (double)lung : NAN};
}

hl_status hl_severity_measure(hl_context *hl, const hl_stack *stack, const uint8_t *lesion, const uint8_t *lung, hl_severity *severity) {
    counts c = {{0}, {0}};
    hl_status status = hl_stack_check(hl, stack);
    if (!status) status = count_voxels(hl, stack, lesion, lung, &c);
    if (status) return status;
    bool millilitres = hl_stack_has_spacing(stack);
    double unit = millilitres ? hl_stack_voxel_ml(stack) : 1;
    int64_t inside = c.lesion[1] + c.lesion[2] + c.lesion[3], all = inside + c.lesion[0];
    *severity = (hl_severity){
        .millilitres = millilitres,
        .left = burden(c.lung[1], c.lesion[1], unit),
        .right = burden(c.lung[2], c.lesion[2], unit),
        .both = burden(c.lung[1] + c.lung[2] + c.lung[3], inside, unit),
        .lesion = (double)all * unit,
        .outside = all ? (double)c.lesion[0] / (double)all : NAN,
    };
    if (c.lung[3]) severity->left = severity->right = (hl_burden){NAN, NAN, NAN};
    return HL_OK;
}
