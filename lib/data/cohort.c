/* A cohort: every slice of a manifest on one grid, decoded once and kept. */
#include "data/cohort.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/base.h"
#include "base/file.h"
#include "data/cache.h"
#include "data/probe.h"

enum { FORMAT = 2, LARGEST_SIDE = 16384 };
/* MASK is the truth: with the target lung it is the lung's file, under the lung's rules, and there is no second reader's. */
enum { IMAGE, MASK, LUNG, MASK2, FILES };
static const char *const file_names[FILES] = {"image", "mask", "lung mask", "second mask"};

struct hl_cohort {
    hl_context *hl;
    const hl_manifest *manifest;
    int rows, height, width, classes;
    hl_target target;
    hl_slice_info *infos;
    XXH128_hash_t (*hashes)[FILES]; /* of the files' bytes when the cohort was opened; 0 where there is no file */
    hl_cache cache;
    pthread_mutex_t lock; /* held while a slot is filled */
    _Atomic int64_t decoded;
};

/* A row's work while opening, run on many threads. */
typedef struct round {
    hl_cohort *cohort;
    hl_status (*work)(hl_cohort *cohort, int row);
    hl_status *found; /* of each row */
} round;

static const char *path_of(const hl_cohort *cohort, int row, int file) {
    const hl_row *r = hl_manifest_row(cohort->manifest, row);
    if (cohort->target == HL_TARGET_LUNG && file != IMAGE) return file == MASK2 ? "" : r->lung;
    return file == IMAGE ? r->image : file == MASK ? r->mask : file == LUNG ? r->lung : r->mask2;
}

/* Puts the manifest's line before the error text. */
static hl_status at_line(const hl_cohort *cohort, int row, hl_status status) {
    char text[1024];
    snprintf(text, sizeof text, "%s", hl_error(cohort->hl));
    if (status == HL_NO_MEMORY) return status;
    return hl_fail(cohort->hl, status, "%s:%d: %s", hl_manifest_path(cohort->manifest), hl_manifest_row(cohort->manifest, row)->line, text);
}

/* --- files ---------------------------------------------------------------------------------------------------------- */

/* The bytes of a file, the same as when the cohort was opened: what is kept under their hash must be theirs. */
static hl_status read_again(const hl_cohort *cohort, int row, int file, char **data, size_t *bytes) {
    const char *path = path_of(cohort, row, file);
    hl_status status = hl_file_read(cohort->hl, path, data, bytes);
    if (status || XXH128_isEqual(XXH3_128bits(*data, *bytes), cohort->hashes[row][file])) return status;
    free(*data);
    *data = NULL;
    return hl_fail(cohort->hl, HL_BAD_INPUT, "%s: the file has changed since it was first read", path);
}

static hl_status decode(hl_cohort *cohort, int row, int file, hl_picture *picture) {
    char *data;
    size_t bytes;
    hl_status status = read_again(cohort, row, file, &data, &bytes);
    if (status) return status;
    status = hl_png_decode(cohort->hl, path_of(cohort, row, file), data, bytes, picture);
    free(data);
    if (!status) atomic_fetch_add(&cohort->decoded, 1);
    return status;
}

static const char *name_of(const hl_cohort *cohort, int file) {
    return file_names[file == MASK && cohort->target == HL_TARGET_LUNG ? LUNG : file];
}

/* 0, 1, 2, or the largest value for a lung that is not divided. */
static hl_status to_lung(const hl_cohort *cohort, const char *path, int file, const hl_picture *picture, int value, uint8_t *label) {
    bool undivided = value > 2 && (value == picture->maximum || value == 255);
    if (value > 2 && !undivided)
        return hl_fail(cohort->hl, HL_BAD_INPUT, "lung mask %s holds the value %d, expected 0, 1, 2 or 255", path, value);
    if (undivided && file == MASK && cohort->classes > 1)
        return hl_fail(cohort->hl, HL_BAD_INPUT, "lung mask %s holds the value %d, a lung that is not divided, expected 0, 1 or 2", path, value);
    *label = undivided ? 255 : (uint8_t)value;
    if (file == MASK && cohort->classes == 1) *label = value != 0;
    return HL_OK;
}

/* One class: any value but 0. More: the value. */
static hl_status to_label(const hl_cohort *cohort, const char *path, int file, const hl_picture *picture, int value, uint8_t *label) {
    if (file == LUNG || cohort->target == HL_TARGET_LUNG) return to_lung(cohort, path, file, picture, value, label);
    if (cohort->classes > 1 && value >= cohort->classes)
        return hl_fail(cohort->hl, HL_BAD_INPUT, "%s %s holds the value %d, expected a class from 0 to %d", name_of(cohort, file), path, value,
                       cohort->classes - 1);
    *label = cohort->classes > 1 ? (uint8_t)value : value != 0;
    return HL_OK;
}

/* Decodes a mask of a slice whose image is width x height. Owner of *labels: the caller, free. */
static hl_status read_labels(hl_cohort *cohort, int row, int file, int width, int height, uint8_t **labels) {
    const char *path = path_of(cohort, row, file);
    *labels = NULL;
    hl_picture picture;
    hl_status status = decode(cohort, row, file, &picture);
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

/* --- filling the cache ------------------------------------------------------------------------------------------------ */

static uint8_t *plane_of(const hl_cohort *cohort, int row, int file) {
    return file == MASK   ? hl_cache_mask(&cohort->cache, row)
           : file == LUNG ? hl_cache_lung(&cohort->cache, row)
                          : hl_cache_mask2(&cohort->cache, row);
}

/* Brings one mask to the grid, and counts its pixels by class before; `counted` may be NULL. */
static hl_status fill_plane(hl_cohort *cohort, int row, int file, int width, int height, int64_t counted[HL_CLASSES_MOST]) {
    uint8_t *plane = plane_of(cohort, row, file);
    if (!plane) return HL_OK;
    if (!*path_of(cohort, row, file)) return memset(plane, 0, (size_t)cohort->height * (size_t)cohort->width), HL_OK;
    uint8_t *labels;
    hl_status status = read_labels(cohort, row, file, width, height, &labels);
    if (status) return status;
    for (size_t i = 0; counted && i < (size_t)width * (size_t)height; i++) counted[labels[i]]++;
    hl_resize_labels(labels, height, width, cohort->height, cohort->width, plane);
    free(labels);
    return HL_OK;
}

static hl_status fill_labels(hl_cohort *cohort, int row, int width, int height, int64_t class_pixels[HL_CLASSES_MOST]) {
    hl_status status = fill_plane(cohort, row, MASK, width, height, class_pixels);
    if (!status) status = fill_plane(cohort, row, MASK2, width, height, NULL);
    if (!status) status = fill_plane(cohort, row, LUNG, width, height, NULL);
    if (!status) hl_cache_seal_labels(&cohort->cache, row);
    return status;
}

static hl_status fill_image(hl_cohort *cohort, int row) {
    hl_picture picture;
    hl_status status = decode(cohort, row, IMAGE, &picture);
    if (status) return status;
    pthread_mutex_lock(&cohort->lock);
    if (!hl_cache_has_image(&cohort->cache, row)) {
        status = hl_resize_image(cohort->hl, &picture, cohort->height, cohort->width, hl_cache_image(&cohort->cache, row));
        if (!status) hl_cache_seal_image(&cohort->cache, row);
    }
    pthread_mutex_unlock(&cohort->lock);
    free(picture.pixels);
    return status;
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static hl_status hash_files(hl_cohort *cohort, int row) {
    for (int file = 0; file < FILES; file++) {
        if (!*path_of(cohort, row, file)) continue;
        char *data;
        size_t bytes;
        hl_status status = hl_file_read(cohort->hl, path_of(cohort, row, file), &data, &bytes);
        if (status) return status;
        cohort->hashes[row][file] = XXH3_128bits(data, bytes);
        free(data);
    }
    return HL_OK;
}

/* Checks the files of a slice that the cache does not know, and keeps what was decoded on the way. */
static hl_status check_slice(hl_cohort *cohort, int row) {
    if (hl_cache_has_info(&cohort->cache, row)) return HL_OK;
    char *data;
    size_t bytes;
    int width, height;
    hl_status status = read_again(cohort, row, IMAGE, &data, &bytes);
    if (status) return status;
    status = hl_png_probe(cohort->hl, path_of(cohort, row, IMAGE), data, bytes, &width, &height);
    free(data);
    int64_t class_pixels[HL_CLASSES_MOST] = {0};
    if (!status) status = fill_labels(cohort, row, width, height, class_pixels);
    if (status) return status;
    hl_cache_entry *entry = hl_cache_entry_of(&cohort->cache, row);
    bool labelled = *path_of(cohort, row, MASK) != 0;
    entry->width = width, entry->height = height;
    entry->lesion_pixels = labelled ? (int64_t)width * height - class_pixels[0] : -1;
    memcpy(entry->class_pixels, class_pixels, sizeof class_pixels);
    hl_cache_seal_info(&cohort->cache, row);
    return HL_OK;
}

static void do_row(void *arg, int64_t piece, int worker) {
    (void)worker;
    round *r = arg;
    r->found[piece] = r->work(r->cohort, (int)piece);
}

/* Does a row's work for all rows. Of the rows that fail the first is done again, alone, so that its text is the one told. */
static hl_status for_rows(hl_cohort *cohort, hl_status (*work)(hl_cohort *cohort, int row)) {
    round r = {cohort, work, hl_calloc(cohort->hl, (size_t)cohort->rows, sizeof *r.found)};
    if (!r.found) return HL_NO_MEMORY;
    hl_parallel_for(cohort->hl, cohort->rows, do_row, &r);
    hl_status status = HL_OK;
    for (int row = 0; row < cohort->rows && !status; row++)
        if (r.found[row] && (status = work(cohort, row))) status = at_line(cohort, row, status);
    free(r.found);
    return status;
}

/* The cache's name: what it was made from, under which rules and to which size. `name` has room for 33 bytes. */
static void name_content(const hl_cohort *cohort, char *name) {
    XXH128_hash_t files = XXH3_128bits(cohort->hashes, (size_t)cohort->rows * sizeof *cohort->hashes);
    uint64_t content[] = {FORMAT,
                          (uint64_t)cohort->rows,
                          (uint64_t)cohort->height,
                          (uint64_t)cohort->width,
                          (uint64_t)cohort->target,
                          (uint64_t)cohort->classes,
                          files.high64,
                          files.low64};
    XXH128_hash_t all = XXH3_128bits(content, sizeof content);
    snprintf(name, 33, "%016llx%016llx", (unsigned long long)all.high64, (unsigned long long)all.low64);
}

static hl_status open_cache(hl_cohort *cohort, const char *folder) {
    hl_cache_shape shape = {.rows = cohort->rows, .height = cohort->height, .width = cohort->width};
    for (int row = 0; row < cohort->rows; row++) {
        shape.mask2 |= *path_of(cohort, row, MASK2) != 0;
        shape.lung |= *path_of(cohort, row, LUNG) != 0;
    }
    char name[33];
    name_content(cohort, name);
    return hl_cache_open(cohort->hl, &cohort->cache, folder, name, &shape);
}

static void keep_infos(hl_cohort *cohort) {
    for (int row = 0; row < cohort->rows; row++) {
        const hl_cache_entry *entry = hl_cache_entry_of(&cohort->cache, row);
        hl_slice_info *info = &cohort->infos[row];
        info->width = entry->width, info->height = entry->height;
        info->lesion_pixels = entry->lesion_pixels, info->labelled = entry->lesion_pixels >= 0;
        memcpy(info->class_pixels, entry->class_pixels, sizeof info->class_pixels);
    }
}

static hl_status check_options(hl_context *hl, const hl_cohort_options *o) {
    if (o->height < 1 || o->width < 1 || o->height > LARGEST_SIDE || o->width > LARGEST_SIDE)
        return hl_fail(hl, HL_USAGE, "the size %dx%d is not within 1x1 and %dx%d", o->height, o->width, LARGEST_SIDE, LARGEST_SIDE);
    if (o->classes < 0 || o->classes > HL_CLASSES_MOST)
        return hl_fail(hl, HL_USAGE, "%d classes: expected 1 to %d", o->classes, HL_CLASSES_MOST);
    if (o->target == HL_TARGET_LUNG && o->classes > 1 && o->classes != 3)
        return hl_fail(hl, HL_USAGE, "target lung with %d classes: expected 1 (any lung) or 3 (none, left, right)", o->classes);
    return HL_OK;
}

hl_cohort *hl_cohort_open(hl_context *hl, const hl_manifest *manifest, const hl_cohort_options *options) {
    if (check_options(hl, options)) return NULL;
    hl_cohort *cohort = hl_calloc(hl, 1, sizeof *cohort);
    if (!cohort) return NULL;
    if (pthread_mutex_init(&cohort->lock, NULL)) return free(cohort), hl_fail(hl, HL_FAILED, "no lock can be made for a cohort"), NULL;
    cohort->hl = hl, cohort->manifest = manifest, cohort->rows = hl_manifest_count(manifest);
    cohort->height = options->height, cohort->width = options->width;
    cohort->target = options->target, cohort->classes = options->classes ? options->classes : 1;
    cohort->infos = hl_calloc(hl, (size_t)cohort->rows, sizeof *cohort->infos);
    cohort->hashes = hl_calloc(hl, (size_t)cohort->rows, sizeof *cohort->hashes);
    hl_status status = cohort->infos && cohort->hashes ? HL_OK : HL_NO_MEMORY;
    if (!status) status = for_rows(cohort, hash_files);
    if (!status) status = open_cache(cohort, options->cache_folder);
    if (!status) status = for_rows(cohort, check_slice);
    if (status) return hl_cohort_free(cohort), NULL;
    keep_infos(cohort);
    return cohort;
}

void hl_cohort_free(hl_cohort *cohort) {
    if (!cohort) return;
    hl_cache_close(&cohort->cache);
    pthread_mutex_destroy(&cohort->lock);
    free(cohort->infos);
    free(cohort->hashes);
    free(cohort);
}

const hl_manifest *hl_cohort_manifest(const hl_cohort *cohort) { return cohort->manifest; }
hl_context *hl_cohort_context(const hl_cohort *cohort) { return cohort->hl; }
int hl_cohort_height(const hl_cohort *cohort) { return cohort->height; }
int hl_cohort_width(const hl_cohort *cohort) { return cohort->width; }
int hl_cohort_classes(const hl_cohort *cohort) { return cohort->classes; }
bool hl_cohort_sided(const hl_cohort *cohort) { return cohort->target == HL_TARGET_LUNG && cohort->classes == 3; }
const hl_slice_info *hl_cohort_info(const hl_cohort *cohort, int row) { return &cohort->infos[row]; }
int64_t hl_cohort_decoded(const hl_cohort *cohort) { return atomic_load(&cohort->decoded); }

/* --- slices ----------------------------------------------------------------------------------------------------------- */

/* Masks were read on opening: this is for a cache file whose last run was cut off. */
static hl_status refill_labels(hl_cohort *cohort, int row) {
    int64_t counted[HL_CLASSES_MOST] = {0}; /* on opening already */
    pthread_mutex_lock(&cohort->lock);
    hl_status status = hl_cache_has_labels(&cohort->cache, row)
                           ? HL_OK
                           : fill_labels(cohort, row, cohort->infos[row].width, cohort->infos[row].height, counted);
    pthread_mutex_unlock(&cohort->lock);
    return status;
}

static void copy_plane(uint8_t *to, const uint8_t *plane, size_t pixels) {
    if (to && plane) memcpy(to, plane, pixels);
    else if (to) memset(to, 0, pixels);
}

hl_status hl_cohort_slice(hl_cohort *cohort, int row, float *image, uint8_t *mask, uint8_t *mask2, uint8_t *lung) {
    if (row < 0 || row >= cohort->rows) return hl_fail(cohort->hl, HL_USAGE, "slice %d of a cohort of %d was asked for", row, cohort->rows);
    bool labels = mask || mask2 || lung;
    hl_status status = HL_OK;
    if (image && !hl_cache_has_image(&cohort->cache, row)) status = fill_image(cohort, row);
    if (!status && labels && !hl_cache_has_labels(&cohort->cache, row)) status = refill_labels(cohort, row);
    if (status) return at_line(cohort, row, status);
    size_t pixels = (size_t)cohort->height * (size_t)cohort->width;
    if (image) memcpy(image, hl_cache_image(&cohort->cache, row), pixels * sizeof *image);
    copy_plane(mask, hl_cache_mask(&cohort->cache, row), pixels);
    copy_plane(mask2, hl_cache_mask2(&cohort->cache, row), pixels);
    copy_plane(lung, hl_cache_lung(&cohort->cache, row), pixels);
    return HL_OK;
}

/* The row `step` further on in the same case, or the row itself at the case's end. */
static int neighbour(const hl_cohort *cohort, int row, int step) {
    int to = row + step;
    if (to < 0 || to >= cohort->rows) return row;
    const hl_row *here = hl_manifest_row(cohort->manifest, row), *there = hl_manifest_row(cohort->manifest, to);
    return strcmp(here->case_name, there->case_name) || strcmp(here->patient, there->patient) ? row : to;
}

hl_status hl_cohort_image(hl_cohort *cohort, int row, bool context, float *images) {
    if (!context) return hl_cohort_slice(cohort, row, images, NULL, NULL, NULL);
    size_t pixels = (size_t)cohort->height * (size_t)cohort->width;
    hl_status status = hl_cohort_slice(cohort, row, images + pixels, NULL, NULL, NULL);
    if (!status) status = hl_cohort_slice(cohort, neighbour(cohort, row, -1), images, NULL, NULL, NULL);
    return status ? status : hl_cohort_slice(cohort, neighbour(cohort, row, 1), images + 2 * pixels, NULL, NULL, NULL);
}

hl_status hl_cohort_native_mask(hl_cohort *cohort, int row, uint8_t **mask) {
    *mask = NULL;
    if (row < 0 || row >= cohort->rows) return hl_fail(cohort->hl, HL_USAGE, "slice %d of a cohort of %d was asked for", row, cohort->rows);
    const hl_slice_info *info = &cohort->infos[row];
    if (!info->labelled) return at_line(cohort, row, hl_fail(cohort->hl, HL_USAGE, "the slice has no mask"));
    hl_status status = read_labels(cohort, row, MASK, info->width, info->height, mask);
    return status ? at_line(cohort, row, status) : HL_OK;
}
