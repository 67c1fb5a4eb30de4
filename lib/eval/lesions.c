/* Lesions found and false alarms, counted by components. */
#include <math.h>
#include <stdlib.h>

#include "eval/stack.h"

const double hl_lesion_ml[HL_LESION_SIZES - 1] = {0.1, 1, 10};
const int64_t hl_lesion_voxels[HL_LESION_SIZES - 1] = {10, 100, 1000};

static int size_class(const hl_stack *stack, int64_t voxels) {
    int k = 0;
    double ml = (double)voxels * hl_stack_voxel_ml(stack); /* NaN without spacing */
    while (k < HL_LESION_SIZES - 1 && (hl_stack_has_spacing(stack) ? ml >= hl_lesion_ml[k] : voxels >= hl_lesion_voxels[k])) k++;
    return k;
}

/* sizes[k] = voxels of component k, common[k] = those of them inside the other mask. Owner of both blocks: the caller, NULL on failure too.
 */
static hl_status count_common(hl_context *hl, const hl_stack *stack, const uint8_t *mask, const uint8_t *other, int32_t *labels,
                              int64_t **sizes, int64_t **common, int *count) {
    *sizes = *common = NULL;
    hl_status status = hl_components(hl, stack, mask, HL_CONNECT_26, labels, count);
    if (status) return status;
    *sizes = hl_calloc(hl, (size_t)*count + 1, sizeof **sizes);
    *common = hl_calloc(hl, (size_t)*count + 1, sizeof **common);
    if (!*sizes || !*common) return HL_NO_MEMORY;
    size_t voxels = hl_stack_voxels(stack);
    hl_component_sizes(labels, voxels, *count, *sizes);
    for (size_t i = 0; i < voxels; i++) (*common)[labels[i]] += other[i] != 0;
    return HL_OK;
}

static hl_status count_lesions(hl_context *hl, const hl_stack *stack, const uint8_t *truth, const uint8_t *predicted, double hit,
                               int32_t *labels, hl_detection *d) {
    int64_t *sizes, *common;
    int count;
    hl_status status = count_common(hl, stack, truth, predicted, labels, &sizes, &common, &count);
    for (int k = 1; k <= count && !status; k++) {
        int size = size_class(stack, sizes[k]);
        d->lesions[size]++;
        d->found[size] += (double)common[k] >= hit * (double)sizes[k];
    }
    free(sizes), free(common);
    return status;
}

static hl_status count_alarms(hl_context *hl, const hl_stack *stack, const uint8_t *truth, const uint8_t *predicted, int32_t *labels,
                              hl_detection *d) {
    int64_t *sizes, *common;
    int count;
    hl_status status = count_common(hl, stack, predicted, truth, labels, &sizes, &common, &count);
    for (int k = 1; k <= count && !status; k++) d->false_positives += common[k] == 0;
    d->predicted = status ? 0 : count;
    free(sizes), free(common);
    return status;
}

hl_status hl_detect(hl_context *hl, const hl_stack *stack, const uint8_t *truth, const uint8_t *predicted, double hit,
                    hl_detection *detection) {
    *detection = (hl_detection){.scans = 1};
    if (!(hit > 0 && hit <= 1)) return hl_fail(hl, HL_USAGE, "a lesion found from a share of %g on: expected above 0, to 1", hit);
    hl_status status = hl_stack_check(hl, stack);
    if (status) return status;
    int32_t *labels = hl_calloc(hl, hl_stack_voxels(stack), sizeof *labels);
    if (!labels) return HL_NO_MEMORY;
    status = count_lesions(hl, stack, truth, predicted, hit, labels, detection);
    if (!status) status = count_alarms(hl, stack, truth, predicted, labels, detection);
    free(labels);
    return status;
}

void hl_detection_add(hl_detection *to, const hl_detection *from) {
    to->scans += from->scans;
    to->predicted += from->predicted;
    to->false_positives += from->false_positives;
    for (int k = 0; k < HL_LESION_SIZES; k++) to->lesions[k] += from->lesions[k], to->found[k] += from->found[k];
}

double hl_detection_rate(const hl_detection *detection, int size) {
    int lesions = 0, found = 0;
    for (int k = 0; k < HL_LESION_SIZES; k++) {
        if (size >= 0 && size != k) continue;
        lesions += detection->lesions[k], found += detection->found[k];
    }
    return lesions ? (double)found / lesions : NAN;
}

double hl_detection_false_per_scan(const hl_detection *detection) {
    return detection->scans ? (double)detection->false_positives / detection->scans : NAN;
}
