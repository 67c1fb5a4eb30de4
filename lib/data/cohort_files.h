/* The inside of a cohort: its files read, checked and brought to the grid. */
#ifndef HL_DATA_COHORT_FILES_H
#define HL_DATA_COHORT_FILES_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "data/cache.h"
#include "data/shelf.h"

struct hl_cohort {
    hl_context *hl;
    const hl_manifest *manifest;
    int rows, height, width, classes;
    hl_target target;
    hl_window window;
    double mm;
    hl_slice_info *infos;
    XXH128_hash_t (*hashes)[HL_SLICE_FILES]; /* of the files' bytes when the cohort was opened; 0 where there is no file */
    hl_cache cache;
    pthread_mutex_t lock; /* held while a slot is filled */
    sem_t places;         /* for volumes in memory while opening */
    hl_shelf shelf;       /* for whoever comes after opening */
    pthread_mutex_t shelf_lock;
    _Atomic int64_t decoded;
};

/* "" where the row has no such file. */
const char *hl_cohort_path(const hl_cohort *cohort, int row, hl_slice_file file);
/* Whether two rows take a file from one volume. */
bool hl_cohort_shares(const hl_cohort *cohort, int row, int other, hl_slice_file file);
/* Puts the manifest's line before the error text. */
hl_status hl_cohort_at_line(const hl_cohort *cohort, int row, hl_status status);
/* Hashes a row's file into cohort->hashes. */
hl_status hl_cohort_hash(hl_cohort *cohort, int row, hl_slice_file file);
/* Size, spacing and units of a row's image into an entry; a PNG is looked through, a volume opened on the shelf. */
hl_status hl_cohort_measure(hl_cohort *cohort, hl_shelf *shelf, int row, hl_cache_entry *entry);
/* A mask of a row whose image is width x height. Owner of *labels: the caller, free. */
hl_status hl_cohort_read_labels(hl_cohort *cohort, hl_shelf *shelf, int row, hl_slice_file file, int width, int height, uint8_t **labels);
/* Brings a row's mask of one kind to the grid, and counts its pixels by class before; `counted` may be NULL. */
hl_status hl_cohort_fill_plane(hl_cohort *cohort, hl_shelf *shelf, int row, hl_slice_file file, const hl_cache_entry *entry,
                               int64_t counted[HL_CLASSES_MOST]);
hl_status hl_cohort_fill_image(hl_cohort *cohort, hl_shelf *shelf, int row);
/* Where a slice of this size and spacing lies on the grid. */
hl_placement hl_cohort_place(const hl_cohort *cohort, int width, int height, const double spacing[2]);

#endif
