/* The table of roles by patient and fold, and its file, folds.csv. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/file.h"
#include "data/csv.h"
#include "data/folds.h"

static const char *const role_names[] = {"train", "val", "test"};

struct hl_folds {
    int folds, patients;
    char **names;       /* in the order of the file */
    int *sorted;        /* places by name */
    signed char *roles; /* [place][fold] */
    size_t name_capacity, sorted_capacity, role_capacity;
};

/* --- the table ---------------------------------------------------------------------------------------------------------- */

hl_folds *hl_folds_new(hl_context *hl, int folds) {
    hl_folds *table = hl_calloc(hl, 1, sizeof *table);
    if (table) table->folds = folds;
    return table;
}

void hl_folds_free(hl_folds *folds) {
    if (!folds) return;
    for (int i = 0; i < folds->patients; i++) free(folds->names[i]);
    free(folds->names);
    free(folds->sorted);
    free(folds->roles);
    free(folds);
}

/* Where a name stands, or would stand, in `sorted`. */
static int search(const hl_folds *folds, const char *patient, bool *found) {
    int low = 0, high = folds->patients;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strcmp(folds->names[folds->sorted[middle]], patient) < 0) low = middle + 1;
        else high = middle;
    }
    *found = low < folds->patients && !strcmp(folds->names[folds->sorted[low]], patient);
    return low;
}

/* Room for one patient more. */
static hl_status widen(hl_context *hl, hl_folds *folds) {
    size_t need = (size_t)folds->patients + 1;
    char **names = hl_grow(hl, folds->names, &folds->name_capacity, need, sizeof *names);
    if (names) folds->names = names;
    int *sorted = names ? hl_grow(hl, folds->sorted, &folds->sorted_capacity, need, sizeof *sorted) : NULL;
    if (sorted) folds->sorted = sorted;
    signed char *roles = sorted ? hl_grow(hl, folds->roles, &folds->role_capacity, need, (size_t)folds->folds) : NULL;
    if (roles) folds->roles = roles;
    return roles ? HL_OK : HL_NO_MEMORY;
}

hl_status hl_folds_add(hl_context *hl, hl_folds *folds, const char *patient, int *place) {
    bool found;
    int at = search(folds, patient, &found);
    if (found) return *place = folds->sorted[at], HL_OK;
    hl_status status = widen(hl, folds);
    char *name = status ? NULL : hl_strdup(hl, patient);
    if (!name) return HL_NO_MEMORY;
    *place = folds->patients++;
    folds->names[*place] = name;
    memmove(folds->sorted + at + 1, folds->sorted + at, (size_t)(*place - at) * sizeof *folds->sorted);
    folds->sorted[at] = *place;
    memset(folds->roles + (size_t)*place * (size_t)folds->folds, HL_ROLE_NONE, (size_t)folds->folds);
    return HL_OK;
}

static signed char *role_at(const hl_folds *folds, int place, int fold) {
    return &folds->roles[(size_t)place * (size_t)folds->folds + (size_t)fold];
}

void hl_folds_set(hl_folds *folds, int place, int fold, hl_role role) { *role_at(folds, place, fold) = (signed char)role; }

int hl_folds_count(const hl_folds *folds) { return folds->folds; }

bool hl_folds_names(const hl_folds *folds, const char *patient) {
    bool found;
    (void)search(folds, patient, &found);
    return found;
}

bool hl_folds_have(const hl_folds *folds, hl_role role) {
    for (int place = 0; place < folds->patients; place++)
        for (int fold = 0; fold < folds->folds; fold++)
            if (*role_at(folds, place, fold) == (signed char)role) return true;
    return false;
}

hl_role hl_folds_role(const hl_folds *folds, const char *patient, int fold) {
    bool found;
    int at = search(folds, patient, &found);
    return found && fold >= 0 && fold < folds->folds ? (hl_role)*role_at(folds, folds->sorted[at], fold) : HL_ROLE_NONE;
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

hl_status hl_folds_write(hl_context *hl, const hl_folds *folds, const char *path) {
    hl_new_file file;
    hl_status status = hl_file_create(hl, &file, path);
    if (status) return status;
    fputs("patient,fold,role\n", file.stream);
    for (int fold = 0; fold < folds->folds; fold++) {
        for (int place = 0; place < folds->patients; place++) {
            int role = *role_at(folds, place, fold);
            if (role == HL_ROLE_NONE) continue;
            hl_csv_put(file.stream, folds->names[place]);
            fprintf(file.stream, ",%d,%s\n", fold, role_names[role]);
        }
    }
    return hl_file_commit(hl, &file);
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

enum { PATIENT, FOLD, ROLE, COLUMNS };

typedef struct reading {
    hl_context *hl;
    hl_csv csv;
    int where[COLUMNS];
    hl_folds *folds;
    int *test_lines; /* of each place, the line that says test; 0: none. Room for a patient a row. */
} reading;

static const char *cell_of(const reading *r, int row, int column) { return hl_csv_cell(&r->csv, row, r->where[column]); }

static hl_status read_fold(const reading *r, int row, int *fold) {
    int64_t value;
    if (!hl_csv_integer(cell_of(r, row, FOLD), &value) || value < 0 || value >= r->csv.rows)
        return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the fold \"%s\" is not a number from 0 on without gaps", r->csv.path,
                       hl_csv_line(&r->csv, row), cell_of(r, row, FOLD));
    *fold = (int)value;
    return HL_OK;
}

/* Folds must be 0, 1, ... without a gap. */
static hl_status count_folds(const reading *r, int *folds) {
    char *seen = hl_calloc(r->hl, (size_t)r->csv.rows, 1);
    if (!seen) return HL_NO_MEMORY;
    hl_status status = HL_OK;
    int highest = 0, fold, line = 0;
    for (int row = 0; row < r->csv.rows && !(status = read_fold(r, row, &fold)); row++) {
        seen[fold] = 1;
        if (fold >= highest) highest = fold, line = hl_csv_line(&r->csv, row);
    }
    for (fold = 0; fold < highest && !status; fold++)
        if (!seen[fold])
            status = hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: there is a fold %d, but no fold %d", r->csv.path, line, highest, fold);
    free(seen);
    *folds = highest + 1;
    return status;
}

static hl_status read_role(const reading *r, int row, hl_role *role) {
    const char *cell = cell_of(r, row, ROLE);
    for (int i = 0; i < 3; i++)
        if (!strcmp(cell, role_names[i])) return *role = (hl_role)i, HL_OK;
    return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the role \"%s\" is unknown, expected train, val or test", r->csv.path,
                   hl_csv_line(&r->csv, row), cell);
}

static hl_status take_row(reading *r, int row) {
    const char *name = cell_of(r, row, PATIENT), *path = r->csv.path;
    int fold, place, line = hl_csv_line(&r->csv, row);
    hl_role role = HL_ROLE_NONE;
    if (!*name) return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the patient is empty", path, line);
    hl_status status = read_fold(r, row, &fold);
    if (!status) status = read_role(r, row, &role);
    if (!status) status = hl_folds_add(r->hl, r->folds, name, &place);
    if (status) return status;
    if (*role_at(r->folds, place, fold) != HL_ROLE_NONE)
        return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the patient %s stands in fold %d already", path, line, name, fold);
    if (role == HL_ROLE_TEST && r->test_lines[place])
        return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the patient %s is tested a second time, first on line %d", path, line, name,
                       r->test_lines[place]);
    if (role == HL_ROLE_TEST) r->test_lines[place] = line;
    hl_folds_set(r->folds, place, fold, role);
    return HL_OK;
}

static hl_status check_training(const reading *r) {
    for (int fold = 0; fold < r->folds->folds; fold++) {
        bool trains = false;
        for (int place = 0; place < r->folds->patients && !trains; place++) trains = *role_at(r->folds, place, fold) == HL_ROLE_TRAIN;
        if (!trains) return hl_fail(r->hl, HL_BAD_INPUT, "%s: fold %d has no patient to train on", r->csv.path, fold);
    }
    return HL_OK;
}

/* Every labelled patient of the cohort must be named. Marks the places of all patients that the cohort has. */
static hl_status check_named(const reading *r, const hl_cohort *cohort, char *there) {
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    for (int row = 0; row < hl_manifest_count(manifest); row++) {
        const hl_row *of = hl_manifest_row(manifest, row);
        bool found;
        int at = search(r->folds, of->patient, &found);
        if (found) there[r->folds->sorted[at]] = 1;
        else if (hl_cohort_info(cohort, row)->labelled)
            return hl_fail(r->hl, HL_BAD_INPUT, "%s: the patient %s (%s:%d) is missing", r->csv.path, of->patient,
                           hl_manifest_path(manifest), of->line);
    }
    return HL_OK;
}

static hl_status check_cohort(const reading *r, const hl_cohort *cohort) {
    char *there = hl_calloc(r->hl, (size_t)r->folds->patients, 1);
    if (!there) return HL_NO_MEMORY;
    hl_status status = check_named(r, cohort, there);
    for (int row = 0; row < r->csv.rows && !status; row++) {
        bool found;
        int at = search(r->folds, cell_of(r, row, PATIENT), &found);
        if (!there[r->folds->sorted[at]])
            status = hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the patient %s is not in %s", r->csv.path, hl_csv_line(&r->csv, row),
                             cell_of(r, row, PATIENT), hl_manifest_path(hl_cohort_manifest(cohort)));
    }
    free(there);
    return status;
}

static hl_status take_file(reading *r, const char *path, const hl_cohort *cohort) {
    static const char *const names[COLUMNS] = {"patient", "fold", "role"};
    hl_status status = hl_csv_read(r->hl, path, &r->csv);
    if (!status) status = hl_csv_columns(r->hl, &r->csv, names, COLUMNS, COLUMNS, r->where);
    if (status) return status;
    if (r->csv.rows == 0) return hl_fail(r->hl, HL_BAD_INPUT, "%s: there is no row below the header", path);
    int folds;
    status = count_folds(r, &folds);
    if (status) return status;
    r->folds = hl_folds_new(r->hl, folds);
    r->test_lines = hl_calloc(r->hl, (size_t)r->csv.rows, sizeof *r->test_lines);
    if (!r->folds || !r->test_lines) return HL_NO_MEMORY;
    for (int row = 0; row < r->csv.rows && !status; row++) status = take_row(r, row);
    if (!status) status = check_training(r);
    return status || !cohort ? status : check_cohort(r, cohort);
}

hl_folds *hl_folds_read(hl_context *hl, const char *path, const hl_cohort *cohort) {
    reading r = {.hl = hl};
    hl_status status = take_file(&r, path, cohort);
    hl_csv_free(&r.csv);
    free(r.test_lines);
    if (!status) return r.folds;
    hl_folds_free(r.folds);
    return NULL;
}
