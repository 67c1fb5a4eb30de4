/* Comma-separated text (RFC 4180): a header, then rows with as many cells as the header has. */
#ifndef HL_DATA_CSV_H
#define HL_DATA_CSV_H

#include <stdio.h>

#include "base/base.h"

typedef struct hl_csv {
    char *path;   /* for error texts */
    char *text;   /* the file, cut into cells in place */
    char **cells; /* the header's, then row by row */
    int *lines;   /* where a row starts in the file, from 1; the header's first */
    int columns;
    int rows; /* without the header */
} hl_csv;

/* Lines end with LF, CR LF or CR; a byte order mark and blank lines are passed over. What cannot be read, has no header,
 * holds a NUL, a stray quote or a row of another length than the header's is HL_BAD_INPUT with the line.
 * Owner: the caller, hl_csv_free, which may be called after a failure too. */
hl_status hl_csv_read(hl_context *hl, const char *path, hl_csv *csv);
void hl_csv_free(hl_csv *csv);

const char *hl_csv_cell(const hl_csv *csv, int row, int column); /* "" for column -1 */
int hl_csv_line(const hl_csv *csv, int row);
/* Finds columns by name: where[i] is that of names[i], or -1. One of the first `required` missing, or any of them there
 * twice, is HL_BAD_INPUT. */
hl_status hl_csv_columns(hl_context *hl, const hl_csv *csv, const char *const *names, int count, int required, int *where);
/* Whether a cell is a whole number, and which. */
bool hl_csv_integer(const char *cell, int64_t *value);
/* Whether a cell is a decimal number, and which; the same in every locale. */
bool hl_csv_number(const char *cell, double *value);
/* Writes one cell, in quotes where it needs them. */
void hl_csv_put(FILE *stream, const char *cell);

#endif
