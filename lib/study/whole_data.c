/* A study's cohorts as it reads them: phantoms made, one manifest a cohort and one of both, undivided lungs divided. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "data/csv.h"
#include "hilum/geometry.h"
#include "study/whole.h"

enum { CENTRE, PATIENT, CASE, SLICE, IMAGE, MASK, REQUIRED, LUNG = REQUIRED, MASK2, COLUMNS = 13 };
static const char *const columns[COLUMNS] = {"centre", "patient", "case",      "slice",     "image",     "mask", "lung",
                                             "mask2",  "group",   "spacing_x", "spacing_y", "spacing_z", "units"};
static const char *const files[] = {"cohort1", "cohort2", "public", "mixed"};

char *hl_session_manifest(const hl_session *s, hl_cohort_id id) { return hl_session_path(s, "data/%s.csv", files[id]); }

/* A manifest being copied. */
typedef struct copying {
    hl_session *s;
    const hl_study_cohort *cohort;
    const char *name; /* of the copy */
    hl_csv csv;
    int where[COLUMNS];
    char *prefix; /* before every path */
    FILE *to;
} copying;

static const char *cell(const copying *c, int row, int column) { return hl_csv_cell(&c->csv, row, c->where[column]); }

static bool is_taken(const copying *c, int row) {
    bool taken = c->cohort->centre_count == 0;
    for (int i = 0; i < c->cohort->centre_count; i++) taken = taken || !strcmp(cell(c, row, CENTRE), c->cohort->centres[i]);
    return taken;
}

/* --- lungs ------------------------------------------------------------------------------------------------------------ */

/* The slices of a case with a lung mask, in order. */
typedef struct lungs {
    hl_stack stack;
    uint8_t *values, *sides;
    int *rows; /* of the csv */
    bool undivided;
} lungs;

static bool is_png(const char *path) {
    size_t length = strlen(path);
    return length > 4 && !strcasecmp(path + length - 4, ".png");
}

static hl_status read_lung(const copying *c, int row, lungs *of, int capacity) {
    char *path = hl_format(c->s->hl, "%s%s", c->prefix, cell(c, row, LUNG));
    char *whole = !path ? NULL : *path == '/' ? hl_strdup(c->s->hl, path) : hl_session_path(c->s, "data/%s", path);
    hl_picture picture = {0};
    hl_status status = whole ? hl_png_read(c->s->hl, whole, &picture) : HL_NO_MEMORY;
    size_t pixels = (size_t)picture.width * (size_t)picture.height;
    hl_stack *stack = &of->stack;
    if (!status && !of->values) {
        stack->height = picture.height, stack->width = picture.width;
        of->values = hl_calloc(c->s->hl, pixels * (size_t)capacity, 1), of->sides = hl_calloc(c->s->hl, pixels * (size_t)capacity, 1);
        if (!of->values || !of->sides) status = HL_NO_MEMORY;
    }
    if (!status && (picture.height != stack->height || picture.width != stack->width))
        status = hl_fail(c->s->hl, HL_BAD_INPUT, "%s is %dx%d, expected the %dx%d of the other slices of its case", whole, picture.height,
                         picture.width, stack->height, stack->width);
    for (size_t i = 0; i < pixels && !status; i++) {
        uint8_t value = (uint8_t)(picture.pixels[i] > 255 ? 255 : picture.pixels[i]);
        of->values[(size_t)stack->depth * pixels + i] = value;
        of->undivided = of->undivided || value == HL_LUNG_UNDIVIDED;
    }
    if (!status) of->rows[stack->depth++] = row;
    free(picture.pixels), free(path), free(whole);
    return status;
}

static hl_status write_sides(const copying *c, const lungs *of) {
    size_t plane = (size_t)of->stack.height * (size_t)of->stack.width;
    hl_status status = hl_split_lungs(c->s->hl, &of->stack, of->values, of->sides, NULL);
    for (int i = 0; i < of->stack.depth && !status; i++) {
        char *path = hl_session_path(c->s, "data/lungs-%s/%06d.png", c->name, of->rows[i]);
        status = path ? hl_png_write(c->s->hl, path, of->stack.width, of->stack.height, 1, 8, of->sides + (size_t)i * plane) : HL_NO_MEMORY;
        free(path);
    }
    return status;
}

/* The rows of a case from `first` on that have a lung mask, by slice. */
typedef struct place {
    int64_t slice;
    int row;
} place;

static int by_slice(const void *left, const void *right) {
    const place *a = left, *b = right;
    return (a->slice > b->slice) - (a->slice < b->slice);
}

static int places_of_case(const copying *c, int first, place *places) {
    int count = 0;
    for (int row = first; row < c->csv.rows; row++) {
        if (strcmp(cell(c, row, CASE), cell(c, first, CASE)) || !is_png(cell(c, row, LUNG)) || !is_taken(c, row)) continue;
        places[count].row = row;
        (void)hl_csv_integer(cell(c, row, SLICE), &places[count++].slice);
    }
    qsort(places, (size_t)count, sizeof *places, by_slice);
    return count;
}

/* Divides the lungs of the case that begins at row `first`, where they are not; divided[row] then says so. */
static hl_status divide_case(copying *c, int first, bool *divided) {
    hl_context *hl = c->s->hl;
    place *places = hl_calloc(hl, (size_t)c->csv.rows, sizeof *places);
    lungs of = {.rows = hl_calloc(hl, (size_t)c->csv.rows, sizeof *of.rows)};
    hl_status status = places && of.rows ? HL_OK : HL_NO_MEMORY;
    int count = status ? 0 : places_of_case(c, first, places);
    for (int i = 0; i < count && !status; i++) status = read_lung(c, places[i].row, &of, count);
    if (!status && of.undivided) status = write_sides(c, &of);
    for (int i = 0; i < of.stack.depth && of.undivided && !status; i++) divided[of.rows[i]] = true;
    free(places), free(of.rows), free(of.values), free(of.sides);
    return status;
}

static hl_status divide_lungs(copying *c, bool *divided) {
    char *folder = hl_session_path(c->s, "data/lungs-%s", c->name);
    hl_status status = folder ? hl_folder_make(c->s->hl, folder) : HL_NO_MEMORY;
    free(folder);
    for (int row = 0; row < c->csv.rows && !status && c->where[LUNG] >= 0; row++) {
        bool begins = is_taken(c, row);
        for (int before = row - 1; before >= 0 && begins; before--) begins = strcmp(cell(c, before, CASE), cell(c, row, CASE)) != 0;
        if (begins) status = divide_case(c, row, divided);
    }
    return status;
}

/* --- manifests ---------------------------------------------------------------------------------------------------------- */

static void put_row(const copying *c, int row, bool divided) {
    for (int column = 0; column < COLUMNS; column++) {
        const char *text = cell(c, row, column);
        bool path = column >= IMAGE && column <= MASK2 && *text;
        char *whole = path && *text != '/' ? hl_format(c->s->hl, "%s%s", c->prefix, text) : NULL;
        char lung[64];
        snprintf(lung, sizeof lung, "lungs-%s/%06d.png", c->name, row);
        if (column) fputc(',', c->to);
        hl_csv_put(c->to, divided && column == LUNG ? lung : whole ? whole : text);
        free(whole);
    }
    fputc('\n', c->to);
}

static void put_head(FILE *to) {
    for (int column = 0; column < COLUMNS; column++) fprintf(to, "%s%s", column ? "," : "", columns[column]);
    fputc('\n', to);
}

/* The folder of a manifest, in front of its paths: beside the copy for a phantom, else in full. */
static char *prefix_of(const hl_session *s, const hl_study_cohort *cohort, const char *name, const char *source) {
    if (!cohort->manifest) return hl_format(s->hl, "phantom-%s/", name);
    char *real = realpath(source, NULL), *slash = real ? strrchr(real, '/') : NULL;
    if (!slash) return free(real), hl_fail(s->hl, HL_BAD_INPUT, "%s: cannot be found", source), NULL;
    slash[1] = 0;
    return real;
}

static hl_status copy_rows(copying *c, const char *source, FILE *to) {
    hl_status status = hl_csv_read(c->s->hl, source, &c->csv);
    if (!status) status = hl_csv_columns(c->s->hl, &c->csv, columns, COLUMNS, REQUIRED, c->where);
    bool *divided = status ? NULL : hl_calloc(c->s->hl, (size_t)c->csv.rows + 1, sizeof *divided);
    if (!status && !divided) status = HL_NO_MEMORY;
    if (!status) status = divide_lungs(c, divided);
    c->to = to;
    for (int row = 0; row < c->csv.rows && !status; row++) {
        if (is_taken(c, row)) put_row(c, row, divided[row]);
    }
    free(divided);
    hl_csv_free(&c->csv);
    return status;
}

/* The manifest a cohort's rows come from; a phantom is made where it is not there yet. Owner of *source: the caller, free. */
static hl_status find_source(hl_session *s, hl_cohort_id id, char **source) {
    const hl_study_cohort *cohort = &s->study->cohorts[id];
    *source = cohort->manifest ? hl_strdup(s->hl, cohort->manifest) : hl_session_path(s, "data/phantom-%s/manifest.csv", files[id]);
    if (!*source) return HL_NO_MEMORY;
    if (cohort->manifest || hl_file_exists(*source)) return HL_OK;
    char *folder = hl_session_path(s, "data/phantom-%s", files[id]);
    hl_status status = folder ? hl_phantom_write(s->hl, folder, &cohort->phantom) : HL_NO_MEMORY;
    free(folder);
    return status;
}

static hl_status add_cohort(hl_session *s, hl_cohort_id id, FILE *to) {
    const hl_study_cohort *cohort = &s->study->cohorts[id];
    char *source;
    copying c = {.s = s, .cohort = cohort, .name = files[id]};
    hl_status status = find_source(s, id, &source);
    hl_manifest_options options = {.centres = cohort->centres, .centre_count = cohort->centre_count};
    hl_manifest *rows = status ? NULL : hl_manifest_read(s->hl, source, &options);
    if (!status && !rows) status = hl_error_status(s->hl);
    if (!status && !(c.prefix = prefix_of(s, cohort, files[id], source))) status = hl_error_status(s->hl);
    if (!status) status = copy_rows(&c, source, to);
    hl_manifest_free(rows);
    free(source), free(c.prefix);
    return status;
}

/* Writes the manifest of one cohort or, mixed, of the first two. It comes last: where it is, what it names is too. */
static hl_status write_manifest(hl_session *s, hl_cohort_id id) {
    char *path = hl_session_manifest(s, id);
    if (!path) return HL_NO_MEMORY;
    hl_new_file file = {0};
    hl_status status = hl_file_exists(path) ? HL_OK : hl_file_create(s->hl, &file, path);
    if (!status && file.stream) {
        put_head(file.stream);
        if (id != HL_COHORT_MIXED) status = add_cohort(s, id, file.stream);
        else status = add_cohort(s, HL_COHORT_ONE, file.stream);
        if (!status && id == HL_COHORT_MIXED) status = add_cohort(s, HL_COHORT_TWO, file.stream);
        if (!status) status = hl_file_commit(s->hl, &file);
        else hl_file_discard(&file);
    }
    free(path);
    return status;
}

static bool has_patient(const hl_manifest *rows, const char *patient) {
    for (int i = 0; i < hl_manifest_count(rows); i++) {
        if (!strcmp(hl_manifest_row(rows, i)->patient, patient)) return true;
    }
    return false;
}

/* Cohort 2 is what the models of cohort 1 have never seen. */
static hl_status check_apart(hl_session *s) {
    hl_manifest *rows[2] = {NULL};
    hl_status status = HL_OK;
    for (int id = 0; id < 2 && !status; id++) {
        char *path = hl_session_manifest(s, (hl_cohort_id)id);
        rows[id] = path ? hl_manifest_read(s->hl, path, &(hl_manifest_options){.allow_outside = true}) : NULL;
        if (!rows[id]) status = hl_error_status(s->hl);
        free(path);
    }
    for (int i = 0; !status && i < hl_manifest_count(rows[1]); i++) {
        const char *patient = hl_manifest_row(rows[1], i)->patient;
        if (has_patient(rows[0], patient))
            status =
                hl_fail(s->hl, HL_BAD_INPUT, "%s: the patient %s is in [cohort 1] and in [cohort 2], expected cohorts that share nobody",
                        s->study->ini.path, patient);
    }
    for (int id = 0; id < 2; id++) hl_manifest_free(rows[id]);
    return status;
}

hl_status hl_session_prepare(hl_session *s) {
    char *data = hl_session_path(s, "data");
    hl_status status = data ? hl_folder_make(s->hl, data) : HL_NO_MEMORY;
    free(data);
    for (int id = 0; id < HL_COHORTS && !status; id++) {
        if (s->study->cohorts[id].there) status = write_manifest(s, (hl_cohort_id)id);
    }
    if (status || !s->study->cohorts[HL_COHORT_TWO].there) return status;
    status = check_apart(s);
    return status ? status : write_manifest(s, HL_COHORT_MIXED);
}

hl_status hl_session_open(hl_session *s, const char *manifest, hl_target target, int classes, hl_manifest **rows, hl_cohort **cohort) {
    hl_cohort_options grid = hl_run_cohort_options(&s->study->training, s->hooks->cache_folder);
    grid.target = target, grid.classes = classes;
    *cohort = NULL;
    *rows = hl_manifest_read(s->hl, manifest, &(hl_manifest_options){.allow_outside = true});
    if (*rows) *cohort = hl_cohort_open(s->hl, *rows, &grid);
    if (*cohort) return HL_OK;
    hl_manifest_free(*rows);
    *rows = NULL;
    return hl_error_status(s->hl);
}
