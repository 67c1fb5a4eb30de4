/* Masks with the labels left lung, right lung and lesion taken apart into one of lesions and one of lungs. */
#include "data/combined.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "hilum/volume.h"

enum { LEFT = 1, RIGHT = 2, LESION = 3 };

/* Breadth first from all labelled lung at once, through lesion. Ties go to the pixel that comes first. */
void hl_combined_lungs(const uint8_t *labels, int height, int width, int *queue, uint8_t *lungs) {
    int pixels = height * width, end = 0;
    for (int i = 0; i < pixels; i++) {
        lungs[i] = labels[i] == LESION ? 0 : labels[i];
        if (lungs[i]) queue[end++] = i;
    }
    for (int at = 0; at < end; at++) {
        int i = queue[at], x = i % width;
        const int next[] = {x > 0 ? i - 1 : i, x < width - 1 ? i + 1 : i, i >= width ? i - width : i, i < pixels - width ? i + width : i};
        for (int n = 0; n < 4; n++) {
            if (labels[next[n]] != LESION || lungs[next[n]]) continue;
            lungs[next[n]] = lungs[i];
            queue[end++] = next[n];
        }
    }
}

/* Planes of one slice. */
typedef struct planes {
    float *values;
    uint8_t *labels, *lungs;
    int *queue;
} planes;

static hl_status take_labels(hl_context *hl, const char *path, const float *values, int pixels, uint8_t *labels) {
    for (int i = 0; i < pixels; i++) {
        labels[i] = values[i] == LEFT ? LEFT : values[i] == RIGHT ? RIGHT : values[i] == LESION ? LESION : 0;
        if ((float)labels[i] != values[i])
            return hl_fail(hl, HL_BAD_INPUT, "%s: it holds the value %g, expected 0, 1 (left lung), 2 (right lung) or 3 (lesion)", path,
                           (double)values[i]);
    }
    return HL_OK;
}

static hl_status split(hl_context *hl, const char *path, const hl_volume *from, hl_volume *lesions, hl_volume *lungs, planes *p) {
    int pixels = from->width * from->height;
    for (int z = 0; z < from->slices; z++) {
        hl_volume_slice(from, z, p->values);
        hl_status status = take_labels(hl, path, p->values, pixels, p->labels);
        if (status) return status;
        hl_combined_lungs(p->labels, from->height, from->width, p->queue, p->lungs);
        for (int i = 0; i < pixels; i++) p->values[i] = p->labels[i] == LESION;
        hl_volume_put_slice(lesions, z, p->values);
        for (int i = 0; i < pixels; i++) p->values[i] = p->lungs[i];
        hl_volume_put_slice(lungs, z, p->values);
    }
    return HL_OK;
}

static hl_status write_mask(hl_context *hl, const hl_volume *mask, const char *folder, const char *case_name, const char *what,
                            char **path) {
    if (*path) return HL_OK;
    hl_status status = hl_folder_make(hl, folder);
    char *real = status ? NULL : realpath(folder, NULL);
    if (!status && !real) status = hl_fail(hl, HL_FAILED, "%s: the folder cannot be used", folder);
    char *name = real ? hl_format(hl, "%s/%s_%s.nii.gz", real, case_name, what) : NULL;
    free(real);
    if (!status && !name) status = HL_NO_MEMORY;
    if (!status) status = hl_volume_write(hl, name, mask, HL_VOXEL_UINT8);
    if (!status) *path = name;
    else free(name);
    return status;
}

hl_status hl_combined_split(hl_context *hl, hl_dataset_scan *scan, const char *folder) {
    hl_volume from, lesions = {0}, lungs = {0};
    planes p = {0};
    hl_status status = hl_volume_read(hl, scan->combined, &from);
    if (!status) status = hl_volume_like(hl, &from, &lesions);
    if (!status) status = hl_volume_like(hl, &from, &lungs);
    if (!status) {
        size_t pixels = (size_t)from.width * (size_t)from.height;
        p = (planes){hl_calloc(hl, pixels, sizeof *p.values), hl_calloc(hl, pixels, 1), hl_calloc(hl, pixels, 1),
                     hl_calloc(hl, pixels, sizeof *p.queue)};
        if (!p.values || !p.labels || !p.lungs || !p.queue) status = HL_NO_MEMORY;
    }
    if (!status) status = split(hl, scan->combined, &from, &lesions, &lungs, &p);
    if (!status) status = write_mask(hl, &lesions, folder, scan->case_name, "lesion", &scan->mask);
    if (!status) status = write_mask(hl, &lungs, folder, scan->case_name, "lung", &scan->lung);
    free(p.values), free(p.labels), free(p.lungs), free(p.queue);
    hl_volume_free(&from), hl_volume_free(&lesions), hl_volume_free(&lungs);
    return status;
}
