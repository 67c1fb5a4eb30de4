/* A cohort's files: PNGs and volumes read, checked and brought to the grid. */
#include "data/cohort_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/probe.h"

static const char *const file_names[HL_SLICE_FILES] = {"image", "mask", "lung mask", "second mask"};

const char *hl_cohort_path(const hl_cohort *cohort, int row, hl_slice_file file) {
    const hl_row *r = hl_manifest_row(cohort->manifest, row);
    if (cohort->target == HL_TARGET_LUNG && file != HL_FILE_IMAGE) return file == HL_FILE_MASK2 ? "" : r->lung;
    return file == HL_FILE_IMAGE ? r->image : file == HL_FILE_MASK ? r->mask : file == HL_FILE_LUNG ? r->lung : r->mask2;
}

bool hl_cohort_shares(const hl_cohort *cohort, int row, int other, hl_slice_file file) {
    const char *path = hl_cohort_path(cohort, row, file);
    return hl_volume_named(path) && !strcmp(path, hl_cohort_path(cohort, other, file));
}

hl_status hl_cohort_at_line(const hl_cohort *cohort, int row, hl_status status) {
    char text[1024];
    snprintf(text, sizeof text, "%s", hl_error(cohort->hl));
    if (status == HL_NO_MEMORY) return status;
    return hl_fail(cohort->hl, status, "%s:%d: %s", hl_manifest_path(cohort->manifest), hl_manifest_row(cohort->manifest, row)->line, text);
}

hl_placement hl_cohort_place(const hl_cohort *cohort, int width, int height, const double spacing[2]) {
    if (cohort->mm > 0) return hl_place_picture(height, width, spacing, cohort->mm, cohort->height, cohort->width);
    return hl_fit_picture(height, width, cohort->height, cohort->width);
}

/* --- files ----------------------------------------------------------------------------------------------------------- */

hl_status hl_cohort_hash(hl_cohort *cohort, int row, hl_slice_file file) {
    const char *path = hl_cohort_path(cohort, row, file);
    if (hl_volume_named(path)) return hl_shelf_hash(cohort->hl, path, &cohort->hashes[row][file]);
    char *data;
    size_t bytes;
    hl_status status = hl_file_read(cohort->hl, path, &data, &bytes);
    if (status) return status;
    cohort->hashes[row][file] = XXH3_128bits(data, bytes);
    free(data);
    return HL_OK;
}

/* The bytes of a file, the same as when the cohort was opened: what is kept under their hash must be theirs. */
static hl_status read_again(const hl_cohort *cohort, int row, hl_slice_file file, char **data, size_t *bytes) {
    const char *path = hl_cohort_path(cohort, row, file);
    hl_status status = hl_file_read(cohort->hl, path, data, bytes);
    if (status || XXH128_isEqual(XXH3_128bits(*data, *bytes), cohort->hashes[row][file])) return status;
    free(*data);
    *data = NULL;
    return hl_fail(cohort->hl, HL_BAD_INPUT, "%s: the file has changed since it was first read", path);
}

static const char *name_of(const hl_cohort *cohort, hl_slice_file file) {
    return file_names[file == HL_FILE_MASK && cohort->target == HL_TARGET_LUNG ? HL_FILE_LUNG : file];
}

/* A mask that is a volume lies on its image: the same slices, and not stored as if it lay otherwise. Origins alone may differ: many tools
 * lose them, and slices meet all the same. */
static hl_status check_mask_volume(const hl_cohort *cohort, int row, hl_slice_file file, const hl_volume *mask) {
    const char *path = hl_cohort_path(cohort, row, HL_FILE_IMAGE);
    if (!hl_volume_named(path)) return HL_OK;
    hl_volume image;
    hl_status status = hl_volume_probe(cohort->hl, path, &image);
    if (status) return status;
    if (!hl_volume_same_size(mask, &image))
        return hl_fail(cohort->hl, HL_BAD_INPUT, "%s %s is %dx%d of %d slices, its image is %dx%d of %d", name_of(cohort, file),
                       hl_cohort_path(cohort, row, file), mask->width, mask->height, mask->slices, image.width, image.height, image.slices);
    double apart = hl_volume_distance(mask, &image);
    if (strcmp(mask->axes, image.axes) && apart > image.spacing[0] + image.spacing[1] + image.spacing[2])
        return hl_fail(cohort->hl, HL_BAD_INPUT,
                       "%s %s is stored as %s and its image as %s, with corners %.0f mm apart: one of the headers is wrong",
                       name_of(cohort, file), hl_cohort_path(cohort, row, file), mask->axes, image.axes, apart);
    return HL_OK;
}

/* Opens a row's volume on a shelf. */
static hl_status open_volume(hl_cohort *cohort, hl_shelf *shelf, int row, hl_slice_file file) {
    bool opened;
    hl_status status = hl_shelf_open(cohort->hl, shelf, file, hl_cohort_path(cohort, row, file), &cohort->hashes[row][file],
                                     &cohort->window, hl_manifest_row(cohort->manifest, row)->units, &opened);
    if (status || !opened) return status;
    atomic_fetch_add(&cohort->decoded, 1);
    if (file != HL_FILE_IMAGE) status = check_mask_volume(cohort, row, file, &shelf->slots[file].volume);
    if (status) hl_shelf_drop(shelf, file);
    return status;
}

static hl_status decode_png(hl_cohort *cohort, int row, hl_slice_file file, hl_picture *picture) {
    char *data;
    size_t bytes;
    hl_status status = read_again(cohort, row, file, &data, &bytes);
    if (status) return status;
    status = hl_png_decode(cohort->hl, hl_cohort_path(cohort, row, file), data, bytes, picture);
    free(data);
    if (!status) atomic_fetch_add(&cohort->decoded, 1);
    return status;
}

static hl_status decode(hl_cohort *cohort, hl_shelf *shelf, int row, hl_slice_file file, hl_picture *picture) {
    if (!hl_volume_named(hl_cohort_path(cohort, row, file))) return decode_png(cohort, row, file, picture);
    bool shared = shelf == &cohort->shelf;
    if (shared) pthread_mutex_lock(&cohort->shelf_lock);
    hl_status status = open_volume(cohort, shelf, row, file);
    if (!status) status = hl_shelf_picture(cohort->hl, shelf, file, hl_manifest_row(cohort->manifest, row)->slice, picture);
    if (shared) pthread_mutex_unlock(&cohort->shelf_lock);
    return status;
}

/* --- what a slice is ------------------------------------------------------------------------------------------------- */

static hl_status measure_png(hl_cohort *cohort, int row, hl_cache_entry *entry) {
    char *data;
    size_t bytes;
    int width, height;
    hl_status status = read_again(cohort, row, HL_FILE_IMAGE, &data, &bytes);
    if (status) return status;
    status = hl_png_probe(cohort->hl, hl_cohort_path(cohort, row, HL_FILE_IMAGE), data, bytes, &width, &height);
    free(data);
    if (!status) entry->width = width, entry->height = height;
    entry->units = HL_UNITS_UNKNOWN, entry->recognised = false, entry->geometry = 0;
    return status;
}

static hl_status measure_volume(hl_cohort *cohort, hl_shelf *shelf, int row, hl_cache_entry *entry) {
    hl_status status = open_volume(cohort, shelf, row, HL_FILE_IMAGE);
    if (status) return status;
    const struct hl_shelf_slot *slot = &shelf->slots[HL_FILE_IMAGE];
    entry->width = slot->volume.width, entry->height = slot->volume.height;
    entry->units = slot->range.units, entry->recognised = slot->range.recognised;
    entry->geometry = slot->volume.geometry;
    for (int axis = 0; axis < 2; axis++)
        if (entry->spacing[axis] == 0) entry->spacing[axis] = slot->volume.spacing[axis];
    return HL_OK;
}

hl_status hl_cohort_measure(hl_cohort *cohort, hl_shelf *shelf, int row, hl_cache_entry *entry) {
    const hl_row *r = hl_manifest_row(cohort->manifest, row);
    entry->spacing[0] = r->spacing[0], entry->spacing[1] = r->spacing[1];
    hl_status status = hl_volume_named(r->image) ? measure_volume(cohort, shelf, row, entry) : measure_png(cohort, row, entry);
    if (status || cohort->mm <= 0 || (entry->spacing[0] > 0 && entry->spacing[1] > 0)) return status;
    return hl_fail(cohort->hl, HL_BAD_INPUT,
                   "%s: the spacing is not known, and slices are wanted at %g mm a pixel: expected spacing_x and spacing_y", r->image,
                   cohort->mm);
}

/* --- labels ---------------------------------------------------------------------------------------------------------- */

/* 0, 1, 2, or the largest value for a lung that is not divided. */
static hl_status to_lung(const hl_cohort *cohort, const char *path, hl_slice_file file, const hl_picture *picture, int value,
                         uint8_t *label) {
    bool undivided = value > 2 && (value == picture->maximum || value == 255);
    if (value > 2 && !undivided)
        return hl_fail(cohort->hl, HL_BAD_INPUT, "lung mask %s holds the value %d, expected 0, 1, 2 or 255", path, value);
    if (undivided && file == HL_FILE_MASK && cohort->classes > 1)
        return hl_fail(cohort->hl, HL_BAD_INPUT, "lung mask %s holds the value %d, a lung that is not divided, expected 0, 1 or 2", path,
                       value);
    *label = undivided ? 255 : (uint8_t)value;
    if (file == HL_FILE_MASK && cohort->classes == 1) *label = value != 0;
    return HL_OK;
}

/* One class: any value but 0. More: the value. */
static hl_status to_label(const hl_cohort *cohort, const char *path, hl_slice_file file, const hl_picture *picture, int value,
                          uint8_t *label) {
    if (file == HL_FILE_LUNG || cohort->target == HL_TARGET_LUNG) return to_lung(cohort, path, file, picture, value, label);
    if (cohort->classes > 1 && value >= cohort->classes)
        return hl_fail(cohort->hl, HL_BAD_INPUT, "%s %s holds the value %d, expected a class from 0 to %d", name_of(cohort, file), path,
                       value, cohort->classes - 1);
    *label = cohort->classes > 1 ? (uint8_t)value : value != 0;
    return HL_OK;
}

hl_status hl_cohort_read_labels(hl_cohort *cohort, hl_shelf *shelf, int row, hl_slice_file file, int width, int height, uint8_t **labels) {
    const char *path = hl_cohort_path(cohort, row, file);
    *labels = NULL;
    hl_picture picture;
    hl_status status = decode(cohort, shelf, row, file, &picture);
    if (status) return status;
    if (picture.width != width || picture.height != height)
        status = hl_fail(cohort->hl, HL_BAD_INPUT, "%s %s is %dx%d, its image is %dx%d", name_of(cohort, file), path, picture.width,
                         picture.height, width, height);
    size_t pixels = (size_t)width * (size_t)height;
    if (!status && !(*labels = hl_calloc(cohort->hl, pixels, 1))) status = HL_NO_MEMORY;
    for (size_t i = 0; i < pixels && !status; i++) status = to_label(cohort, path, file, &picture, picture.pixels[i], &(*labels)[i]);
    free(picture.pixels);
    if (status) free(*labels), *labels = NULL;
    return status;
}

/* --- filling the cache ----------------------------------------------------------------------------------------------- */

static uint8_t *plane_of(const hl_cohort *cohort, int row, hl_slice_file file) {
    return file == HL_FILE_MASK   ? hl_cache_mask(&cohort->cache, row)
           : file == HL_FILE_LUNG ? hl_cache_lung(&cohort->cache, row)
                                  : hl_cache_mask2(&cohort->cache, row);
}

hl_status hl_cohort_fill_plane(hl_cohort *cohort, hl_shelf *shelf, int row, hl_slice_file file, const hl_cache_entry *entry,
                               int64_t counted[HL_CLASSES_MOST]) {
    uint8_t *plane = plane_of(cohort, row, file), *labels;
    if (!plane) return HL_OK;
    if (!*hl_cohort_path(cohort, row, file)) return memset(plane, 0, (size_t)cohort->height * (size_t)cohort->width), HL_OK;
    int width = entry->width, height = entry->height;
    hl_status status = hl_cohort_read_labels(cohort, shelf, row, file, width, height, &labels);
    if (status) return status;
    for (size_t i = 0; counted && i < (size_t)width * (size_t)height; i++) counted[labels[i]]++;
    hl_placement place = hl_cohort_place(cohort, width, height, entry->spacing);
    hl_labels_to_grid(labels, height, width, &place, cohort->height, cohort->width, plane);
    free(labels);
    return HL_OK;
}

hl_status hl_cohort_fill_image(hl_cohort *cohort, hl_shelf *shelf, int row) {
    hl_picture picture;
    hl_status status = decode(cohort, shelf, row, HL_FILE_IMAGE, &picture);
    if (status) return status;
    const hl_cache_entry *entry = hl_cache_entry_of(&cohort->cache, row);
    pthread_mutex_lock(&cohort->lock);
    if (!hl_cache_has_image(&cohort->cache, row)) {
        hl_placement place = hl_cohort_place(cohort, picture.width, picture.height, entry->spacing);
        status = hl_image_to_grid(cohort->hl, &picture, &place, cohort->height, cohort->width, hl_cache_image(&cohort->cache, row));
        if (!status) hl_cache_seal_image(&cohort->cache, row);
    }
    pthread_mutex_unlock(&cohort->lock);
    free(picture.pixels);
    return status;
}
