/* The manifest: which files belong to which slice, case, patient and centre. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "hilum/data.h"

enum {
    CENTRE,
    PATIENT,
    CASE,
    SLICE,
    IMAGE,
    MASK,
    REQUIRED,
    LUNG = REQUIRED,
    MASK2,
    GROUP,
    SPACING_X,
    SPACING_Y,
    SPACING_Z,
    UNITS,
    COLUMNS
};
static const char *const column_names[COLUMNS] = {"centre", "patient", "case",      "slice",     "image",     "mask", "lung",
                                                  "mask2",  "group",   "spacing_x", "spacing_y", "spacing_z", "units"};

struct hl_manifest {
    hl_csv csv;  /* holds the names */
    char *paths; /* holds the paths, one after another */
    hl_row *rows;
    int count;
};

/* What reading needs besides. */
typedef struct reading {
    hl_context *hl;
    hl_manifest *manifest;
    int where[COLUMNS];
    size_t folder_length; /* of the manifest's own path, with the last slash */
    char *root;           /* the folder with symbolic links resolved; NULL when paths may leave it */
    char *room;           /* where the next path goes in manifest->paths */
} reading;

static const char *cell_of(const reading *r, int row, int column) { return hl_csv_cell(&r->manifest->csv, row, r->where[column]); }

static hl_status refuse_cell(const reading *r, int row, int column, const char *why) {
    const hl_csv *csv = &r->manifest->csv;
    return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the %s \"%s\" %s", csv->path, hl_csv_line(csv, row), column_names[column],
                   cell_of(r, row, column), why);
}

static bool climbs(const char *path) {
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2])) return true;
    }
    return false;
}

/* A file that is not there is not this function's matter: opening it will tell. */
static bool links_outside(const reading *r, const char *path) {
    char *real = realpath(path, NULL);
    size_t length = strlen(r->root);
    if (length == 1) length = 0; /* "/" */
    bool outside = real && (strncmp(real, r->root, length) || real[length] != '/');
    free(real);
    return outside;
}

static hl_status take_path(reading *r, int row, int column, const char **path) {
    const char *cell = cell_of(r, row, column);
    *path = "";
    if (!*cell) return HL_OK;
    if (r->root && *cell == '/') return refuse_cell(r, row, column, "is an absolute path, expected one inside the manifest's folder");
    if (r->root && climbs(cell)) return refuse_cell(r, row, column, "leaves the manifest's folder with \"..\"");
    size_t prefix = *cell == '/' ? 0 : r->folder_length, length = strlen(cell);
    memcpy(r->room, r->manifest->csv.path, prefix);
    memcpy(r->room + prefix, cell, length + 1);
    *path = r->room;
    r->room += prefix + length + 1;
    if (r->root && links_outside(r, *path)) return refuse_cell(r, row, column, "is a link that leaves the manifest's folder");
    return HL_OK;
}

static hl_status take_spacing(const reading *r, int row, hl_row *to) {
    for (int axis = 0; axis < 3; axis++) {
        const char *cell = cell_of(r, row, SPACING_X + axis);
        if (*cell && (!hl_csv_number(cell, &to->spacing[axis]) || to->spacing[axis] <= 0))
            return refuse_cell(r, row, SPACING_X + axis, "is not a positive number");
    }
    return HL_OK;
}

static hl_status take_units(const reading *r, int row, hl_row *to) {
    const char *cell = cell_of(r, row, UNITS);
    to->units = !*cell ? HL_UNITS_UNKNOWN : !strcmp(cell, "8bit") ? HL_UNITS_8BIT : HL_UNITS_HU;
    return to->units == HL_UNITS_HU && strcmp(cell, "HU") ? refuse_cell(r, row, UNITS, "is unknown, expected HU or 8bit") : HL_OK;
}

static hl_status take_row(reading *r, int row, hl_row *to) {
    *to = (hl_row){.centre = cell_of(r, row, CENTRE),
                   .patient = cell_of(r, row, PATIENT),
                   .case_name = cell_of(r, row, CASE),
                   .healthy = !strcmp(cell_of(r, row, GROUP), "healthy"),
                   .line = hl_csv_line(&r->manifest->csv, row)};
    static const int needed[] = {CENTRE, PATIENT, CASE, IMAGE};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!*cell_of(r, row, needed[i])) return refuse_cell(r, row, needed[i], "is empty");
    if (!hl_csv_integer(cell_of(r, row, SLICE), &to->slice)) return refuse_cell(r, row, SLICE, "is not a whole number");
    const char **paths[] = {&to->image, &to->mask, &to->lung, &to->mask2};
    for (int i = 0; i < 4; i++) {
        hl_status status = take_path(r, row, IMAGE + i, paths[i]); /* IMAGE, MASK, LUNG, MASK2 follow one another */
        if (status) return status;
    }
    hl_status status = take_spacing(r, row, to);
    return status ? status : take_units(r, row, to);
}

/* --- orders ------------------------------------------------------------------------------------------------------- */

static int compare_integers(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_place(const void *a, const void *b) {
    const hl_row *x = a, *y = b;
    int order = strcmp(x->centre, y->centre);
    if (!order) order = strcmp(x->patient, y->patient);
    if (!order) order = strcmp(x->case_name, y->case_name);
    return order ? order : compare_integers(x->slice, y->slice);
}

static int by_case(const void *a, const void *b) {
    const hl_row *x = *(const hl_row *const *)a, *y = *(const hl_row *const *)b;
    int order = strcmp(x->case_name, y->case_name);
    return order ? order : compare_integers(x->line, y->line);
}

static int by_slice(const void *a, const void *b) {
    const hl_row *x = *(const hl_row *const *)a, *y = *(const hl_row *const *)b;
    int order = strcmp(x->case_name, y->case_name);
    if (!order) order = compare_integers(x->slice, y->slice);
    return order ? order : compare_integers(x->line, y->line);
}

static int by_patient(const void *a, const void *b) {
    const hl_row *x = *(const hl_row *const *)a, *y = *(const hl_row *const *)b;
    int order = strcmp(x->patient, y->patient);
    return order ? order : compare_integers(x->line, y->line);
}

/* --- what rows must agree on ----------------------------------------------------------------------------------------- */

/* `a` comes before `b` in the file and shares the name that they were sorted by. */
static hl_status check_patient_of_case(hl_context *hl, const char *path, const hl_row *a, const hl_row *b) {
    if (strcmp(a->case_name, b->case_name) || !strcmp(a->patient, b->patient)) return HL_OK;
    return hl_fail(hl, HL_BAD_INPUT, "%s:%d: the case %s belongs to patient %s here and to patient %s on line %d", path, b->line,
                   b->case_name, b->patient, a->patient, a->line);
}

static hl_status check_slice_once(hl_context *hl, const char *path, const hl_row *a, const hl_row *b) {
    if (strcmp(a->case_name, b->case_name) || a->slice != b->slice) return HL_OK;
    return hl_fail(hl, HL_BAD_INPUT, "%s:%d: slice %lld of case %s stands on line %d already", path, b->line, (long long)b->slice,
                   b->case_name, a->line);
}

static hl_status check_centre_of_patient(hl_context *hl, const char *path, const hl_row *a, const hl_row *b) {
    if (strcmp(a->patient, b->patient) || !strcmp(a->centre, b->centre)) return HL_OK;
    return hl_fail(hl, HL_BAD_INPUT, "%s:%d: the patient %s is of centre %s here and of centre %s on line %d", path, b->line, b->patient,
                   b->centre, a->centre, a->line);
}

static hl_status check_rows(hl_context *hl, const hl_manifest *manifest) {
    static const struct {
        int (*order)(const void *, const void *);
        hl_status (*check)(hl_context *, const char *, const hl_row *, const hl_row *);
    } rules[] = {{by_case, check_patient_of_case}, {by_slice, check_slice_once}, {by_patient, check_centre_of_patient}};
    const hl_row **rows = hl_calloc(hl, (size_t)manifest->count, sizeof *rows);
    if (!rows) return HL_NO_MEMORY;
    hl_status status = HL_OK;
    for (size_t rule = 0; rule < sizeof rules / sizeof *rules && !status; rule++) {
        for (int i = 0; i < manifest->count; i++) rows[i] = &manifest->rows[i];
        qsort(rows, (size_t)manifest->count, sizeof *rows, rules[rule].order);
        for (int i = 1; i < manifest->count && !status; i++) status = rules[rule].check(hl, manifest->csv.path, rows[i - 1], rows[i]);
    }
    free(rows);
    return status;
}

/* --- centres ---------------------------------------------------------------------------------------------------------- */

static hl_status no_such_centre(hl_context *hl, const hl_manifest *manifest, const char *name) {
    char all[512] = "";
    for (int i = 0; i < manifest->count; i++) {
        if (i && !strcmp(manifest->rows[i].centre, manifest->rows[i - 1].centre)) continue;
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", manifest->rows[i].centre);
    }
    return hl_fail(hl, HL_BAD_INPUT, "%s: no row is of centre %s, there are %s", manifest->csv.path, name, all);
}

/* Leaves only the rows of the centres asked for. The rows are sorted. */
static hl_status choose_centres(hl_context *hl, hl_manifest *manifest, const hl_manifest_options *options) {
    for (int c = 0; c < options->centre_count; c++) {
        bool found = false;
        for (int i = 0; i < manifest->count && !found; i++) found = !strcmp(manifest->rows[i].centre, options->centres[c]);
        if (!found) return no_such_centre(hl, manifest, options->centres[c]);
    }
    int kept = 0;
    for (int i = 0; i < manifest->count; i++) {
        bool wanted = false;
        for (int c = 0; c < options->centre_count && !wanted; c++) wanted = !strcmp(manifest->rows[i].centre, options->centres[c]);
        if (wanted) manifest->rows[kept++] = manifest->rows[i];
    }
    manifest->count = kept;
    return HL_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

static hl_status find_root(reading *r) {
    char *folder = hl_strdup(r->hl, r->manifest->csv.path);
    if (!folder) return HL_NO_MEMORY;
    folder[r->folder_length] = 0;
    r->root = realpath(*folder ? folder : ".", NULL);
    free(folder);
    return r->root ? HL_OK : hl_fail(r->hl, HL_BAD_INPUT, "%s: the manifest's folder cannot be resolved", r->manifest->csv.path);
}

/* Room for every path of the file. */
static hl_status make_room(reading *r) {
    size_t bytes = 1;
    for (int row = 0; row < r->manifest->count; row++)
        for (int column = IMAGE; column <= MASK2; column++) bytes += r->folder_length + strlen(cell_of(r, row, column)) + 1;
    r->room = r->manifest->paths = hl_calloc(r->hl, bytes, 1);
    r->manifest->rows = hl_calloc(r->hl, (size_t)r->manifest->count, sizeof *r->manifest->rows);
    return r->room && r->manifest->rows ? HL_OK : HL_NO_MEMORY;
}

static hl_status take_rows(reading *r, const char *path, const hl_manifest_options *options) {
    hl_manifest *manifest = r->manifest;
    hl_status status = hl_csv_read(r->hl, path, &manifest->csv);
    if (!status) status = hl_csv_columns(r->hl, &manifest->csv, column_names, COLUMNS, REQUIRED, r->where);
    if (status) return status;
    manifest->count = manifest->csv.rows;
    if (manifest->count == 0) return hl_fail(r->hl, HL_BAD_INPUT, "%s: there is no row below the header", path);
    const char *slash = strrchr(path, '/');
    r->folder_length = slash ? (size_t)(slash - path) + 1 : 0;
    if (!options->allow_outside) status = find_root(r);
    if (!status) status = make_room(r);
    for (int row = 0; row < manifest->count && !status; row++) status = take_row(r, row, &manifest->rows[row]);
    if (!status) status = check_rows(r->hl, manifest);
    if (status) return status;
    qsort(manifest->rows, (size_t)manifest->count, sizeof *manifest->rows, by_place);
    return options->centre_count > 0 ? choose_centres(r->hl, manifest, options) : HL_OK;
}

hl_manifest *hl_manifest_read(hl_context *hl, const char *path, const hl_manifest_options *options) {
    hl_manifest *manifest = hl_calloc(hl, 1, sizeof *manifest);
    if (!manifest) return NULL;
    reading r = {.hl = hl, .manifest = manifest};
    hl_status status = take_rows(&r, path, options ? options : &(hl_manifest_options){0});
    free(r.root);
    if (!status) return manifest;
    hl_manifest_free(manifest);
    return NULL;
}

void hl_manifest_free(hl_manifest *manifest) {
    if (!manifest) return;
    hl_csv_free(&manifest->csv);
    free(manifest->paths);
    free(manifest->rows);
    free(manifest);
}

int hl_manifest_count(const hl_manifest *manifest) { return manifest->count; }
const hl_row *hl_manifest_row(const hl_manifest *manifest, int row) { return &manifest->rows[row]; }
const char *hl_manifest_path(const hl_manifest *manifest) { return manifest->csv.path; }
