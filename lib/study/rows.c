/* Which slices of a cohort a fold trains and validates on. */
#include <stdlib.h>
#include <string.h>

#include "study/run.h"

static const hl_row *row_of(const hl_cohort *cohort, int row) { return hl_manifest_row(hl_cohort_manifest(cohort), row); }

/* Rows of one patient stand together: the end of the stretch that starts at `first`. */
static int patient_end(const hl_cohort *cohort, int first) {
    int count = hl_manifest_count(hl_cohort_manifest(cohort)), end = first + 1;
    while (end < count && !strcmp(row_of(cohort, end)->patient, row_of(cohort, first)->patient)) end++;
    return end;
}

/* A patient counts as healthy by the manifest's group, or with no lesion in any labelled slice. */
static bool is_healthy(const hl_cohort *cohort, int first, int end) {
    bool lesion = false;
    for (int row = first; row < end; row++) {
        if (row_of(cohort, row)->healthy) return true;
        lesion = lesion || hl_cohort_info(cohort, row)->lesion_pixels > 0;
    }
    return !lesion;
}

static bool trains(const hl_slice_info *info, bool healthy, hl_train_slices slices) {
    if (!info->labelled) return false;
    return slices == HL_SLICES_ALL || info->lesion_pixels > 0 || (slices == HL_SLICES_LESION_HEALTHY && healthy);
}

int *hl_rows_train(hl_context *hl, const hl_cohort *cohort, const hl_folds *folds, int fold, hl_train_slices slices, int *count) {
    int all = hl_manifest_count(hl_cohort_manifest(cohort));
    int *rows = hl_calloc(hl, (size_t)all, sizeof *rows);
    *count = 0;
    if (!rows) return NULL;
    for (int first = 0, end; first < all; first = end) {
        end = patient_end(cohort, first);
        if (hl_folds_role(folds, row_of(cohort, first)->patient, fold) != HL_ROLE_TRAIN) continue;
        bool healthy = is_healthy(cohort, first, end);
        for (int row = first; row < end; row++) {
            if (trains(hl_cohort_info(cohort, row), healthy, slices)) rows[(*count)++] = row;
        }
    }
    return rows;
}

int *hl_rows_val(hl_context *hl, const hl_cohort *cohort, const hl_folds *folds, int fold, int *count) {
    int all = hl_manifest_count(hl_cohort_manifest(cohort));
    int *rows = hl_calloc(hl, (size_t)all, sizeof *rows);
    *count = 0;
    for (int row = 0; row < all && rows; row++) {
        bool val = hl_folds_role(folds, row_of(cohort, row)->patient, fold) == HL_ROLE_VAL;
        if (val && hl_cohort_info(cohort, row)->labelled) rows[(*count)++] = row;
    }
    return rows;
}

hl_status hl_rows_check(hl_context *hl, const hl_cohort *cohort, const hl_folds *folds, hl_train_slices slices) {
    for (int fold = 0; fold < hl_folds_count(folds); fold++) {
        int count;
        int *rows = hl_rows_train(hl, cohort, folds, fold, slices, &count);
        if (!rows) return HL_NO_MEMORY;
        free(rows);
        if (!count)
            return hl_fail(hl, HL_BAD_INPUT, "%s: fold %d has no slice to train on with train slices %s",
                           hl_manifest_path(hl_cohort_manifest(cohort)), fold, hl_train_slices_name(slices));
    }
    return HL_OK;
}

void hl_rows_spacing(const hl_cohort *cohort, const int *rows, int count, double spacing[3]) {
    const hl_row *first = row_of(cohort, rows[0]);
    const hl_slice_info *info = hl_cohort_info(cohort, rows[0]);
    hl_placement placed = hl_cohort_placement(cohort, rows[0]);
    bool known = info->spacing[0] > 0 && info->spacing[1] > 0 && first->spacing[2] > 0;
    for (int i = 1; i < count; i++) {
        const hl_row *row = row_of(cohort, rows[i]);
        known = known && row->slice == first->slice + i && !memcmp(row->spacing, first->spacing, sizeof row->spacing);
    }
    spacing[0] = known ? info->spacing[0] * info->width / placed.width : 0;
    spacing[1] = known ? info->spacing[1] * info->height / placed.height : 0;
    spacing[2] = known ? first->spacing[2] : 0;
}
