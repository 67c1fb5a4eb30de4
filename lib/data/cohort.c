/* A cohort: every slice of a manifest on one grid, decoded once and kept. */
#include "data/cohort.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/cohort_files.h"

enum { FORMAT = 3, LARGEST_SIDE = 16384, VOLUMES = 4 };

/* Rows that take a file from one volume stand together and are opened as one group; another row is a group of its own. */
typedef struct group {
    int first, end;
} group;

/* A group's work while opening, run on many threads. */
typedef struct round {
    hl_cohort *cohort;
    hl_status (*work)(hl_cohort *cohort, const group *rows);
    group *groups;
    hl_status *found; /* of each group */
} round;

/* --- groups of rows -------------------------------------------------------------------------------------------------- */

static bool joined(const hl_cohort *cohort, int row) {
    bool together = false;
    for (int file = 0; file < HL_SLICE_FILES && row > 0; file++) together |= hl_cohort_shares(cohort, row, row - 1, (hl_slice_file)file);
    return together;
}

static int find_groups(const hl_cohort *cohort, group *groups) {
    int count = 0;
    for (int row = 0; row < cohort->rows; row++) {
        if (!joined(cohort, row)) groups[count++].first = row;
        groups[count - 1].end = row + 1;
    }
    return count;
}

static void do_group(void *arg, int64_t piece, int worker) {
    (void)worker;
    round *r = arg;
    r->found[piece] = r->work(r->cohort, &r->groups[piece]);
}

/* Does a group's work for all groups. Of those that fail the first is done again, alone, so that its text is the one told. */
static hl_status for_groups(hl_cohort *cohort, hl_status (*work)(hl_cohort *cohort, const group *rows)) {
    size_t rows = (size_t)cohort->rows;
    round r = {cohort, work, hl_calloc(cohort->hl, rows, sizeof *r.groups), hl_calloc(cohort->hl, rows, sizeof *r.found)};
    hl_status status = r.groups && r.found ? HL_OK : HL_NO_MEMORY;
    int count = status ? 0 : find_groups(cohort, r.groups);
    hl_parallel_for(cohort->hl, count, do_group, &r);
    for (int i = 0; i < count && !status; i++)
        if (r.found[i]) status = work(cohort, &r.groups[i]);
    free(r.groups), free(r.found);
    return status;
}

/* --- opening --------------------------------------------------------------------------------------------------------- */

static hl_status hash_file(hl_cohort *cohort, const group *rows, int row, hl_slice_file file) {
    if (!*hl_cohort_path(cohort, row, file)) return HL_OK;
    if (row == rows->first || !hl_cohort_shares(cohort, row, row - 1, file)) return hl_cohort_hash(cohort, row, file);
    cohort->hashes[row][file] = cohort->hashes[row - 1][file];
    return HL_OK;
}

static hl_status hash_files(hl_cohort *cohort, const group *rows) {
    hl_status status = HL_OK;
    for (int row = rows->first; row < rows->end && !status; row++) {
        for (int file = 0; file < HL_SLICE_FILES && !status; file++) status = hash_file(cohort, rows, row, (hl_slice_file)file);
        if (status) status = hl_cohort_at_line(cohort, row, status);
    }
    return status;
}

/* Measures the images and, of volumes, which are open now and may not be again, brings them to the grid. */
static hl_status check_images(hl_cohort *cohort, hl_shelf *shelf, const group *rows) {
    hl_status status = HL_OK;
    for (int row = rows->first; row < rows->end && !status; row++) {
        if (hl_cache_has_info(&cohort->cache, row)) continue;
        status = hl_cohort_measure(cohort, shelf, row, hl_cache_entry_of(&cohort->cache, row));
        if (!status && hl_volume_named(hl_cohort_path(cohort, row, HL_FILE_IMAGE))) status = hl_cohort_fill_image(cohort, shelf, row);
        if (status) status = hl_cohort_at_line(cohort, row, status);
    }
    hl_shelf_drop(shelf, HL_FILE_IMAGE);
    return status;
}

static hl_status check_labels(hl_cohort *cohort, hl_shelf *shelf, const group *rows, hl_slice_file file) {
    hl_status status = HL_OK;
    for (int row = rows->first; row < rows->end && !status; row++) {
        if (hl_cache_has_info(&cohort->cache, row)) continue;
        hl_cache_entry *entry = hl_cache_entry_of(&cohort->cache, row);
        if (file == HL_FILE_MASK) memset(entry->class_pixels, 0, sizeof entry->class_pixels);
        status = hl_cohort_fill_plane(cohort, shelf, row, file, entry, file == HL_FILE_MASK ? entry->class_pixels : NULL);
        if (status) status = hl_cohort_at_line(cohort, row, status);
    }
    hl_shelf_drop(shelf, file);
    return status;
}

static void seal(hl_cohort *cohort, int row) {
    if (hl_cache_has_info(&cohort->cache, row)) return;
    hl_cache_seal_labels(&cohort->cache, row);
    hl_cache_entry *entry = hl_cache_entry_of(&cohort->cache, row);
    bool labelled = *hl_cohort_path(cohort, row, HL_FILE_MASK) != 0;
    entry->lesion_pixels = labelled ? (int64_t)entry->width * entry->height - entry->class_pixels[0] : -1;
    hl_cache_seal_info(&cohort->cache, row);
}

/* Checks the files of slices that the cache does not know, one volume at a time, and keeps what was decoded on the way. */
static hl_status check_slices(hl_cohort *cohort, const group *rows) {
    static const hl_slice_file labels[] = {HL_FILE_MASK, HL_FILE_MASK2, HL_FILE_LUNG};
    hl_shelf shelf = {0};
    while (sem_wait(&cohort->places)) continue; /* a signal came */
    hl_status status = check_images(cohort, &shelf, rows);
    for (int i = 0; i < 3 && !status; i++) status = check_labels(cohort, &shelf, rows, labels[i]);
    hl_shelf_clear(&shelf);
    sem_post(&cohort->places);
    for (int row = rows->first; row < rows->end && !status; row++) seal(cohort, row);
    return status;
}

/* What a row's bits depend on besides its files. */
typedef struct row_key {
    int64_t slice, units;
    double spacing[2];
} row_key;

static XXH128_hash_t hash_rows(const hl_cohort *cohort, row_key *keys) {
    for (int row = 0; row < cohort->rows; row++) {
        const hl_row *r = hl_manifest_row(cohort->manifest, row);
        keys[row] = (row_key){.spacing = {r->spacing[0], r->spacing[1]}};
        for (int file = 0; file < HL_SLICE_FILES; file++)
            if (hl_volume_named(hl_cohort_path(cohort, row, (hl_slice_file)file)))
                keys[row].slice = r->slice, keys[row].units = (int64_t)r->units;
    }
    return XXH3_128bits(keys, (size_t)cohort->rows * sizeof *keys);
}

/* The cache's name: what it was made from, under which rules and to which size. `name` has room for 33 bytes. */
static hl_status name_content(const hl_cohort *cohort, char *name) {
    row_key *keys = hl_calloc(cohort->hl, (size_t)cohort->rows, sizeof *keys);
    if (!keys) return HL_NO_MEMORY;
    struct {
        uint64_t numbers[6];
        XXH128_hash_t files, rows;
        double mm;
        char window[64];
    } content = {.numbers = {FORMAT, (uint64_t)cohort->rows, (uint64_t)cohort->height, (uint64_t)cohort->width, (uint64_t)cohort->target,
                             (uint64_t)cohort->classes},
                 .files = XXH3_128bits(cohort->hashes, (size_t)cohort->rows * sizeof *cohort->hashes),
                 .rows = hash_rows(cohort, keys),
                 .mm = cohort->mm};
    hl_window_text(&cohort->window, content.window);
    XXH128_hash_t all = XXH3_128bits(&content, sizeof content);
    snprintf(name, 33, "%016llx%016llx", (unsigned long long)all.high64, (unsigned long long)all.low64);
    free(keys);
    return HL_OK;
}

static hl_status open_cache(hl_cohort *cohort, const char *folder) {
    hl_cache_shape shape = {.rows = cohort->rows, .height = cohort->height, .width = cohort->width};
    for (int row = 0; row < cohort->rows; row++) {
        shape.mask2 |= *hl_cohort_path(cohort, row, HL_FILE_MASK2) != 0;
        shape.lung |= *hl_cohort_path(cohort, row, HL_FILE_LUNG) != 0;
    }
    char name[33];
    hl_status status = name_content(cohort, name);
    return status ? status : hl_cache_open(cohort->hl, &cohort->cache, folder, name, &shape);
}

static void keep_infos(hl_cohort *cohort) {
    for (int row = 0; row < cohort->rows; row++) {
        const hl_cache_entry *entry = hl_cache_entry_of(&cohort->cache, row);
        hl_slice_info *info = &cohort->infos[row];
        info->width = entry->width, info->height = entry->height;
        info->lesion_pixels = entry->lesion_pixels, info->labelled = entry->lesion_pixels >= 0;
        info->spacing[0] = entry->spacing[0], info->spacing[1] = entry->spacing[1];
        info->units = (hl_units)entry->units, info->recognised = entry->recognised, info->geometry = (hl_geometry)entry->geometry;
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
    if (!(o->mm >= 0 && o->mm <= 100))
        return hl_fail(hl, HL_USAGE, "%g mm a pixel: expected up to 100, or 0 for slices scaled to fit", o->mm);
    return HL_OK;
}

/* With locks, without rows. */
static hl_cohort *make(hl_context *hl) {
    hl_cohort *cohort = hl_calloc(hl, 1, sizeof *cohort);
    if (!cohort) return NULL;
    cohort->hl = hl;
    if (pthread_mutex_init(&cohort->lock, NULL)) return free(cohort), hl_fail(hl, HL_FAILED, "no lock can be made for a cohort"), NULL;
    if (pthread_mutex_init(&cohort->shelf_lock, NULL) || sem_init(&cohort->places, 0, VOLUMES)) {
        pthread_mutex_destroy(&cohort->lock), free(cohort);
        return hl_fail(hl, HL_FAILED, "no lock can be made for a cohort"), NULL;
    }
    return cohort;
}

hl_cohort *hl_cohort_open(hl_context *hl, const hl_manifest *manifest, const hl_cohort_options *options) {
    if (check_options(hl, options)) return NULL;
    hl_cohort *cohort = make(hl);
    if (!cohort) return NULL;
    cohort->manifest = manifest, cohort->rows = hl_manifest_count(manifest);
    cohort->height = options->height, cohort->width = options->width;
    cohort->target = options->target, cohort->classes = options->classes ? options->classes : 1;
    cohort->window = options->window, cohort->mm = options->mm;
    cohort->infos = hl_calloc(hl, (size_t)cohort->rows, sizeof *cohort->infos);
    cohort->hashes = hl_calloc(hl, (size_t)cohort->rows, sizeof *cohort->hashes);
    hl_status status = cohort->infos && cohort->hashes ? HL_OK : HL_NO_MEMORY;
    if (!status) status = for_groups(cohort, hash_files);
    if (!status) status = open_cache(cohort, options->cache_folder);
    if (!status) status = for_groups(cohort, check_slices);
    if (status) return hl_cohort_free(cohort), NULL;
    keep_infos(cohort);
    return cohort;
}

void hl_cohort_free(hl_cohort *cohort) {
    if (!cohort) return;
    hl_cache_close(&cohort->cache);
    hl_shelf_clear(&cohort->shelf);
    pthread_mutex_destroy(&cohort->lock);
    pthread_mutex_destroy(&cohort->shelf_lock);
    sem_destroy(&cohort->places);
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
hl_placement hl_cohort_placement(const hl_cohort *cohort, int row) {
    const hl_slice_info *info = &cohort->infos[row];
    return hl_cohort_place(cohort, info->width, info->height, info->spacing);
}

/* --- slices ----------------------------------------------------------------------------------------------------------- */

/* Masks were read on opening: this is for a cache file whose last run was cut off. */
static hl_status refill_labels(hl_cohort *cohort, int row) {
    const hl_cache_entry *entry = hl_cache_entry_of(&cohort->cache, row);
    hl_status status = HL_OK;
    pthread_mutex_lock(&cohort->lock);
    if (!hl_cache_has_labels(&cohort->cache, row)) {
        status = hl_cohort_fill_plane(cohort, &cohort->shelf, row, HL_FILE_MASK, entry, NULL);
        if (!status) status = hl_cohort_fill_plane(cohort, &cohort->shelf, row, HL_FILE_MASK2, entry, NULL);
        if (!status) status = hl_cohort_fill_plane(cohort, &cohort->shelf, row, HL_FILE_LUNG, entry, NULL);
        if (!status) hl_cache_seal_labels(&cohort->cache, row);
    }
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
    if (image && !hl_cache_has_image(&cohort->cache, row)) status = hl_cohort_fill_image(cohort, &cohort->shelf, row);
    if (!status && labels && !hl_cache_has_labels(&cohort->cache, row)) status = refill_labels(cohort, row);
    if (status) return hl_cohort_at_line(cohort, row, status);
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
    if (!info->labelled) return hl_cohort_at_line(cohort, row, hl_fail(cohort->hl, HL_USAGE, "the slice has no mask"));
    hl_status status = hl_cohort_read_labels(cohort, &cohort->shelf, row, HL_FILE_MASK, info->width, info->height, mask);
    return status ? hl_cohort_at_line(cohort, row, status) : HL_OK;
}
