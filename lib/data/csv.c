/* Comma-separated text (RFC 4180), read whole and cut into cells in place. */
#include "data/csv.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* Where reading stands. The text ends with a NUL and holds no other. */
typedef struct reader {
    hl_context *hl;
    hl_csv *csv;
    char *at;
    int line;
    size_t cells, cell_capacity;
    size_t rows, row_capacity;
} reader;

static hl_status refuse(const reader *r, int line, const char *what) {
    return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: %s", r->csv->path, line, what);
}

/* Cuts a quoted cell; r->at stands after its first quote, then after its last. */
static hl_status cut_quoted(reader *r) {
    int opened = r->line;
    char *to = r->at;
    for (;; r->at++) {
        if (!*r->at) return refuse(r, opened, "a quoted cell is never closed");
        if (*r->at == '\n') r->line++;
        if (*r->at == '"' && *++r->at != '"') break;
        *to++ = *r->at;
    }
    if (*r->at && !strchr(",\r\n", *r->at)) return refuse(r, r->line, "text follows a closing quote, expected a comma or the line's end");
    *to = 0; /* at the closing quote or before it */
    return HL_OK;
}

/* Cuts one cell and passes over what ends it: *stop is a comma, a line feed, or 0 at the end of the text. */
static hl_status cut_cell(reader *r, char **cell, char *stop) {
    bool quoted = *r->at == '"';
    *cell = quoted ? ++r->at : r->at;
    if (quoted) {
        hl_status status = cut_quoted(r);
        if (status) return status;
    } else r->at += strcspn(r->at, ",\r\n\"");
    *stop = *r->at;
    if (*stop == '"') return refuse(r, r->line, "a quote stands inside a cell that does not start with one");
    if (!quoted) *r->at = 0;
    if (!*stop) return HL_OK;
    if (*stop == '\r' && r->at[1] == '\n') r->at++;
    r->at++;
    if (*stop == ',') return HL_OK;
    *stop = '\n', r->line++;
    return HL_OK;
}

static hl_status keep_cell(reader *r, char *cell) {
    char **wider = hl_grow(r->hl, r->csv->cells, &r->cell_capacity, r->cells + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    r->csv->cells = wider;
    wider[r->cells++] = cell;
    return HL_OK;
}

static hl_status keep_row(reader *r, int line, int cells) {
    if (r->rows == 0) r->csv->columns = cells;
    else if (cells != r->csv->columns)
        return hl_fail(r->hl, HL_BAD_INPUT, "%s:%d: the row has %d cells, the header has %d", r->csv->path, line, cells, r->csv->columns);
    if (r->rows >= INT_MAX - 1) return refuse(r, line, "the file has too many rows");
    int *wider = hl_grow(r->hl, r->csv->lines, &r->row_capacity, r->rows + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    r->csv->lines = wider;
    wider[r->rows++] = line;
    return HL_OK;
}

static hl_status cut_row(reader *r) {
    int line = r->line, cells = 0;
    for (char stop = ','; stop == ',';) {
        char *cell;
        hl_status status = cut_cell(r, &cell, &stop);
        if (!status) status = keep_cell(r, cell);
        if (status) return status;
        cells++;
    }
    return keep_row(r, line, cells);
}

static hl_status check_nul(const reader *r, size_t bytes) {
    size_t length = strlen(r->csv->text);
    if (length == bytes) return HL_OK;
    int line = 1;
    for (size_t i = 0; i < length; i++) line += r->csv->text[i] == '\n';
    return refuse(r, line, "the line holds a NUL byte, expected UTF-8 text");
}

hl_status hl_csv_read(hl_context *hl, const char *path, hl_csv *csv) {
    *csv = (hl_csv){.path = hl_strdup(hl, path)};
    if (!csv->path) return HL_NO_MEMORY;
    size_t bytes;
    hl_status status = hl_file_read(hl, path, &csv->text, &bytes);
    if (status) return status;
    reader r = {.hl = hl, .csv = csv, .at = csv->text, .line = 1};
    if ((status = check_nul(&r, bytes))) return status;
    if (!strncmp(r.at, "\xEF\xBB\xBF", 3)) r.at += 3;
    while (*r.at && !status) {
        if (*r.at != '\r' && *r.at != '\n') status = cut_row(&r);
        else r.line += *r.at != '\r' || r.at[1] != '\n', r.at++;
    }
    if (!status && r.rows == 0) status = hl_fail(hl, HL_BAD_INPUT, "%s: the file is empty, expected a header", path);
    csv->rows = r.rows ? (int)r.rows - 1 : 0;
    return status;
}

void hl_csv_free(hl_csv *csv) {
    free(csv->path);
    free(csv->text);
    free(csv->cells);
    free(csv->lines);
    *csv = (hl_csv){0};
}

const char *hl_csv_cell(const hl_csv *csv, int row, int column) {
    return column < 0 ? "" : csv->cells[((size_t)row + 1) * (size_t)csv->columns + (size_t)column];
}

int hl_csv_line(const hl_csv *csv, int row) { return csv->lines[row + 1]; }

static hl_status missing_column(hl_context *hl, const hl_csv *csv, const char *const *names, int required, const char *name) {
    char all[512] = "";
    for (int i = 0; i < required; i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
    }
    return hl_fail(hl, HL_BAD_INPUT, "%s:%d: the column %s is missing, expected %s", csv->path, csv->lines[0], name, all);
}

hl_status hl_csv_columns(hl_context *hl, const hl_csv *csv, const char *const *names, int count, int required, int *where) {
    for (int i = 0; i < count; i++) {
        where[i] = -1;
        for (int column = 0; column < csv->columns; column++) {
            if (strcmp(csv->cells[column], names[i])) continue;
            if (where[i] >= 0) return hl_fail(hl, HL_BAD_INPUT, "%s:%d: the column %s is there twice", csv->path, csv->lines[0], names[i]);
            where[i] = column;
        }
        if (where[i] < 0 && i < required) return missing_column(hl, csv, names, required, names[i]);
    }
    return HL_OK;
}

bool hl_csv_integer(const char *cell, int64_t *value) {
    const char *digits = cell + (*cell == '-' || *cell == '+');
    if (!*digits || digits[strspn(digits, "0123456789")]) return false;
    errno = 0;
    *value = strtoll(cell, NULL, 10);
    return errno == 0;
}

bool hl_csv_number(const char *cell, double *value) {
    if (!*cell || cell[strspn(cell, "0123456789.eE+-")]) return false;
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain) return false;
    char *end;
    *value = strtod_l(cell, &end, plain);
    freelocale(plain);
    return !*end && isfinite(*value);
}

void hl_csv_put(FILE *stream, const char *cell) {
    if (!cell[strcspn(cell, ",\"\r\n")]) {
        fputs(cell, stream);
        return;
    }
    putc('"', stream);
    for (; *cell; cell++) {
        if (*cell == '"') putc('"', stream);
        putc(*cell, stream);
    }
    putc('"', stream);
}
