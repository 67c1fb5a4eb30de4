/* The manifest of a data set written, and before that the masks that have to be made of combined ones. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/combined.h"
#include "data/csv.h"
#include "hilum/dataset.h"

/* Where the manifest goes. */
typedef struct writer {
    hl_context *hl;
    FILE *stream;
    char *folder; /* its real path with a slash at its end */
    int outside;
} writer;

/* The real path of a file's folder, with a slash. Owner: the caller, free. */
static char *folder_of(hl_context *hl, const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? hl_format(hl, "%.*s", (int)(slash - path) + 1, path) : hl_strdup(hl, "./");
    if (!folder) return NULL;
    char *real = realpath(folder, NULL);
    if (!real) hl_fail(hl, HL_FAILED, "%s: there is no such folder for %s", folder, path);
    free(folder);
    char *ended = real ? hl_format(hl, "%s%s", real, real[1] ? "/" : "") : NULL;
    free(real);
    return ended;
}

/* Relative to the manifest where the file lies in its folder, else absolute. */
static void put_path(writer *to, const char *path) {
    size_t length = strlen(to->folder);
    bool inside = path && *path && !strncmp(path, to->folder, length);
    if (path && *path && !inside) to->outside++;
    hl_csv_put(to->stream, !path ? "" : inside ? path + length : path);
}

/* With a point in every locale; the stored float's own digits. */
static void put_number(FILE *stream, double value) {
    char text[32];
    snprintf(text, sizeof text, "%.7g", value);
    for (char *at = text; *at; at++) fputc(*at == ',' ? '.' : *at, stream);
}

static void put_scan(writer *to, const hl_dataset_scan *scan, int slice) {
    const char *names[] = {scan->centre, scan->patient, scan->case_name};
    for (int i = 0; i < 3; i++) {
        hl_csv_put(to->stream, names[i]);
        fputc(',', to->stream);
    }
    fprintf(to->stream, "%lld", (long long)scan->slice + slice);
    const char *paths[] = {scan->image, scan->mask, scan->lung};
    for (int i = 0; i < 3; i++) {
        fputc(',', to->stream);
        put_path(to, paths[i]);
    }
    fprintf(to->stream, ",%s", scan->healthy ? "healthy" : "");
    for (int axis = 0; axis < 3; axis++) {
        fputc(',', to->stream);
        if (scan->spacing[axis] > 0) put_number(to->stream, scan->spacing[axis]);
    }
    static const char *const units[] = {[HL_UNITS_UNKNOWN] = "", [HL_UNITS_HU] = "HU", [HL_UNITS_8BIT] = "8bit"};
    fprintf(to->stream, ",%s\n", units[scan->units]);
}

static hl_status put_scans(writer *to, const hl_dataset *dataset) {
    fputs("centre,patient,case,slice,image,mask,lung,group,spacing_x,spacing_y,spacing_z,units\n", to->stream);
    for (int i = 0; i < dataset->count; i++)
        for (int slice = 0; slice < dataset->scans[i].slices; slice++) put_scan(to, &dataset->scans[i], slice);
    return HL_OK;
}

/* --- a manifest that is there already ------------------------------------------------------------------------------- */

static bool is_path(const char *column) {
    static const char *const columns[] = {"image", "mask", "lung", "mask2"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(column, columns[i])) return true;
    return false;
}

static hl_status put_cell(writer *to, const char *from, const char *column, const char *cell) {
    if (!is_path(column) || !*cell) return hl_csv_put(to->stream, cell), HL_OK;
    char *path = *cell == '/' ? hl_strdup(to->hl, cell) : hl_format(to->hl, "%s%s", from, cell);
    if (!path) return HL_NO_MEMORY;
    put_path(to, path);
    free(path);
    return HL_OK;
}

static hl_status copy_manifest(writer *to, const char *path) {
    hl_csv csv;
    hl_status status = hl_csv_read(to->hl, path, &csv);
    char *from = status ? NULL : folder_of(to->hl, path);
    if (!status && !from) status = hl_error_status(to->hl);
    for (int row = -1; row < csv.rows && !status; row++) {
        for (int column = 0; column < csv.columns && !status; column++) {
            if (column) fputc(',', to->stream);
            const char *name = csv.cells[column];
            if (row < 0) hl_csv_put(to->stream, name);
            else status = put_cell(to, from, name, hl_csv_cell(&csv, row, column));
        }
        fputc('\n', to->stream);
    }
    free(from);
    hl_csv_free(&csv);
    return status;
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

/* PATH without .csv, and -masks. */
static hl_status make_masks(hl_context *hl, hl_dataset *dataset, const char *path) {
    size_t length = strlen(path);
    if (length > 4 && !strcmp(path + length - 4, ".csv")) length -= 4;
    char *folder = hl_format(hl, "%.*s-masks", (int)length, path);
    if (!folder) return HL_NO_MEMORY;
    hl_status status = HL_OK;
    for (int i = 0; i < dataset->count && !status; i++)
        if (dataset->scans[i].combined) status = hl_combined_split(hl, &dataset->scans[i], folder);
    free(folder);
    return status;
}

hl_status hl_dataset_write(hl_context *hl, hl_dataset *dataset, const char *path, int *outside) {
    writer to = {.hl = hl, .folder = folder_of(hl, path)};
    if (!to.folder) return hl_error_status(hl);
    hl_new_file file = {0};
    hl_status status = make_masks(hl, dataset, path);
    if (!status) status = hl_file_create(hl, &file, path);
    to.stream = file.stream;
    if (!status) status = dataset->manifest ? copy_manifest(&to, dataset->manifest) : put_scans(&to, dataset);
    if (!status) status = hl_file_commit(hl, &file);
    else hl_file_discard(&file);
    free(to.folder);
    if (outside) *outside = to.outside;
    return status;
}
