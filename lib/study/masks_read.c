/* Reading the masks of a case: PNG slices and volumes, two by two. */
#include "study/masks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/data.h"
#include "hilum/volume.h"

void hl_mask_case_free(hl_mask_case *c) {
    free(c->slices), free(c->truth), free(c->predicted);
    *c = (hl_mask_case){0};
}

hl_mask_slice *hl_mask_case_add(hl_context *hl, hl_mask_case *c, int height, int width, uint64_t number) {
    size_t voxels = c->voxels + (size_t)height * (size_t)width;
    hl_mask_slice *slices = hl_grow(hl, c->slices, &c->slice_room, (size_t)c->slice_count + 1, sizeof *slices);
    if (slices) c->slices = slices;
    uint8_t *truth = slices ? hl_grow(hl, c->truth, &c->truth_room, voxels, 1) : NULL;
    if (truth) c->truth = truth;
    uint8_t *predicted = truth ? hl_grow(hl, c->predicted, &c->predicted_room, voxels, 1) : NULL;
    if (!predicted) return NULL;
    c->predicted = predicted;
    slices[c->slice_count] = (hl_mask_slice){height, width, c->voxels, number};
    c->voxels = voxels;
    return &slices[c->slice_count++];
}

/* Both files of a name. */
typedef struct paths {
    char *predicted, *truth;
} paths;

static void free_paths(paths *p) { free(p->predicted), free(p->truth); }

static hl_status make_paths(hl_context *hl, const char *predicted, const char *truth, const char *name, paths *p) {
    *p = (paths){hl_format(hl, "%s/%s", predicted, name), hl_format(hl, "%s/%s", truth, name)};
    return p->predicted && p->truth ? HL_OK : HL_NO_MEMORY;
}

static hl_status wrong_value(hl_context *hl, const char *path, double value, int classes) {
    return hl_fail(hl, HL_BAD_INPUT, "%s holds the value %g, expected a class from 0 to %d", path, value, classes - 1);
}

/* A picture's values as labels: not 0, or with more than one class the class. */
static hl_status picture_labels(hl_context *hl, const char *path, const hl_picture *picture, int classes, uint8_t *labels) {
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < pixels; i++) {
        int value = picture->pixels[i];
        if (classes > 1 && value >= classes) return wrong_value(hl, path, value, classes);
        labels[i] = classes > 1 ? (uint8_t)value : value != 0;
    }
    return HL_OK;
}

static hl_status read_pictures(hl_context *hl, const paths *p, uint64_t number, hl_mask_case *c) {
    hl_picture ours = {0}, theirs = {0};
    hl_mask_slice *slice = NULL;
    hl_status status = hl_png_read(hl, p->predicted, &ours);
    if (!status) status = hl_png_read(hl, p->truth, &theirs);
    if (!status && (ours.width != theirs.width || ours.height != theirs.height))
        status = hl_fail(hl, HL_BAD_INPUT, "%s is %dx%d, expected the %dx%d of %s", p->predicted, ours.height, ours.width, theirs.height,
                         theirs.width, p->truth);
    if (!status) slice = hl_mask_case_add(hl, c, theirs.height, theirs.width, number);
    if (!status && !slice) status = HL_NO_MEMORY;
    if (!status) status = picture_labels(hl, p->predicted, &ours, c->classes, c->predicted + slice->first);
    if (!status) status = picture_labels(hl, p->truth, &theirs, c->classes, c->truth + slice->first);
    free(ours.pixels), free(theirs.pixels);
    return status;
}

static hl_status plane_labels(hl_context *hl, const char *path, const float *plane, size_t pixels, int classes, uint8_t *labels) {
    for (size_t i = 0; i < pixels; i++) {
        double value = (double)plane[i];
        if (classes > 1 && !(value >= 0 && value < classes && value == floor(value))) return wrong_value(hl, path, value, classes);
        labels[i] = classes > 1 ? (uint8_t)value : value != 0;
    }
    return HL_OK;
}

/* Two masks belong together when their corners lie within half a voxel of one another. */
static hl_status check_volumes(hl_context *hl, const paths *p, const hl_volume *ours, const hl_volume *theirs) {
    if (!hl_volume_same_size(ours, theirs))
        return hl_fail(hl, HL_BAD_INPUT, "%s has %d slices of %dx%d, expected the %d slices of %dx%d of %s", p->predicted, ours->slices,
                       ours->height, ours->width, theirs->slices, theirs->height, theirs->width, p->truth);
    double far = hl_volume_distance(ours, theirs), least = fmin(theirs->spacing[0], fmin(theirs->spacing[1], theirs->spacing[2]));
    if (far <= least / 2) return HL_OK;
    return hl_fail(hl, HL_BAD_INPUT, "%s lies up to %.3g mm away from %s, expected the same place: half a voxel is %.3g mm", p->predicted,
                   far, p->truth, least / 2);
}

static hl_status add_planes(hl_context *hl, const paths *p, const hl_volume *ours, const hl_volume *theirs, hl_mask_case *c) {
    size_t pixels = (size_t)theirs->height * (size_t)theirs->width;
    float *plane = hl_calloc(hl, pixels, sizeof *plane);
    hl_status status = plane ? HL_OK : HL_NO_MEMORY;
    for (int z = 0; z < theirs->slices && !status; z++) {
        hl_mask_slice *slice = hl_mask_case_add(hl, c, theirs->height, theirs->width, (uint64_t)z);
        if (!slice) status = HL_NO_MEMORY;
        if (!status) hl_volume_slice(ours, z, plane);
        if (!status) status = plane_labels(hl, p->predicted, plane, pixels, c->classes, c->predicted + slice->first);
        if (!status) hl_volume_slice(theirs, z, plane);
        if (!status) status = plane_labels(hl, p->truth, plane, pixels, c->classes, c->truth + slice->first);
    }
    free(plane);
    return status;
}

static hl_status read_volumes(hl_context *hl, const paths *p, hl_mask_case *c) {
    hl_volume ours = {0}, theirs = {0};
    hl_status status = hl_volume_read(hl, p->predicted, &ours);
    if (!status) status = hl_volume_read(hl, p->truth, &theirs);
    if (!status) status = check_volumes(hl, p, &ours, &theirs);
    if (!status) status = add_planes(hl, p, &ours, &theirs, c);
    memcpy(c->spacing, theirs.spacing, sizeof c->spacing);
    hl_volume_free(&ours), hl_volume_free(&theirs);
    return status;
}

hl_status hl_mask_case_read(hl_context *hl, const char *predicted, const char *truth, const char *name, uint64_t number, hl_mask_case *c) {
    paths p;
    hl_status status = make_paths(hl, predicted, truth, name, &p);
    if (!status) status = hl_volume_named(name) ? read_volumes(hl, &p, c) : read_pictures(hl, &p, number, c);
    free_paths(&p);
    return status;
}
