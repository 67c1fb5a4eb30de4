/* Manifests taken apart, changed and written again, and pictures changed in place: for tests of what is wrong with a cohort. */
#ifndef HL_TEST_COHORTS_H
#define HL_TEST_COHORTS_H

#include "fixture.h"

enum { MOST_ROWS = 2048 };

typedef struct table_row {
    char centre[64], patient[64], case_name[64], image[256], mask[256], lung[256];
    int slice;
    bool healthy;
} table_row;

typedef struct table {
    table_row rows[MOST_ROWS];
    int count;
} table;

/* Every `step`-th row of a manifest; paths as they can be opened. */
static inline void take_rows(fixture *f, table *t, const char *path, int step) {
    hl_manifest *m = hl_manifest_read(f->hl, path, NULL);
    ck_assert_msg(m != NULL, "%s", hl_error(f->hl));
    t->count = 0;
    for (int i = 0; i < hl_manifest_count(m); i += step) {
        const hl_row *from = hl_manifest_row(m, i);
        table_row *to = &t->rows[t->count++];
        ck_assert_int_le(t->count, MOST_ROWS);
        snprintf(to->centre, sizeof to->centre, "%s", from->centre);
        snprintf(to->patient, sizeof to->patient, "%s", from->patient);
        snprintf(to->case_name, sizeof to->case_name, "%s", from->case_name);
        snprintf(to->image, sizeof to->image, "%s", from->image);
        snprintf(to->mask, sizeof to->mask, "%s", from->mask);
        snprintf(to->lung, sizeof to->lung, "%s", from->lung);
        to->slice = (int)from->slice, to->healthy = from->healthy;
    }
    hl_manifest_free(m);
}

/* A path's absolute form: rows may stand in another folder than their files. */
static inline const char *absolute(const char *path) {
    static char real[4096];
    if (!*path) return "";
    if (*path == '/') return path;
    ck_assert_ptr_nonnull(realpath(path, real));
    return real;
}

static inline void put_rows(const table *t, const char *path) {
    FILE *stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    fputs("centre,patient,case,slice,image,mask,lung,group\n", stream);
    for (int i = 0; i < t->count; i++) {
        const table_row *r = &t->rows[i];
        fprintf(stream, "%s,%s,%s,%d,%s,", r->centre, r->patient, r->case_name, r->slice, absolute(r->image));
        fprintf(stream, "%s,", absolute(r->mask));
        fprintf(stream, "%s,%s\n", absolute(r->lung), r->healthy ? "healthy" : "");
    }
    ck_assert_int_eq(fclose(stream), 0);
}

/* What becomes of a pixel: where in the old picture it comes from, and its value. */
typedef struct change {
    bool rows, columns;                 /* in reverse */
    bool exchanged;                     /* rows with columns, of square pictures */
    int (*value)(int value, int place); /* NULL: stays */
} change;

/* Writes a changed copy of an 8-bit picture and lets `path` (256 bytes) name it. */
static inline void change_picture(fixture *f, char *path, const change *how) {
    static int number;
    hl_picture p;
    ck_ok(f->hl, hl_png_read(f->hl, path, &p));
    unsigned char *data = malloc((size_t)p.width * (size_t)p.height), *file;
    ck_assert_ptr_nonnull(data);
    for (int y = 0; y < p.height; y++) {
        for (int x = 0; x < p.width; x++) {
            int row = how->rows ? p.height - 1 - y : y, column = how->columns ? p.width - 1 - x : x;
            int value = p.pixels[how->exchanged ? column * p.width + row : row * p.width + column];
            data[y * p.width + x] = (unsigned char)(how->value ? how->value(value, y * p.width + x) : value);
        }
    }
    size_t bytes;
    ck_ok(f->hl, hl_png_encode(f->hl, p.width, p.height, 1, 8, data, &file, &bytes));
    snprintf(path, 256, "%s/changed-%d.png", f->folder, number++);
    put_bytes(path, file, bytes);
    free(file), free(data), free(p.pixels);
}

/* All pictures of a case, or where `centre` is given of that centre's cases. */
static inline void change_all(fixture *f, table *t, const char *centre, const char *case_name, const change *how) {
    for (int i = 0; i < t->count; i++) {
        table_row *r = &t->rows[i];
        if ((centre && strcmp(r->centre, centre)) || (case_name && strcmp(r->case_name, case_name))) continue;
        char *const paths[] = {r->image, r->mask, r->lung};
        for (int k = 0; k < 3; k++)
            if (*paths[k]) change_picture(f, paths[k], how);
    }
}

/* The case's first row. */
static inline int find_case(const table *t, const char *case_name) {
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->rows[i].case_name, case_name)) return i;
    ck_abort_msg("no case %s", case_name);
    return -1;
}

/* Exchanges the masks of two cases, slice by slice. */
static inline void exchange_masks(table *t, const char *one, const char *other) {
    int a = find_case(t, one), b = find_case(t, other);
    for (; !strcmp(t->rows[a].case_name, one) && !strcmp(t->rows[b].case_name, other); a++, b++) {
        char kept[256];
        memcpy(kept, t->rows[a].mask, sizeof kept);
        memcpy(t->rows[a].mask, t->rows[b].mask, sizeof kept);
        memcpy(t->rows[b].mask, kept, sizeof kept);
    }
}

/* The case once more, under another name. */
static inline void repeat_case(table *t, const char *case_name, const char *centre, const char *name) {
    for (int i = find_case(t, case_name), end = t->count; i < end && !strcmp(t->rows[i].case_name, case_name); i++) {
        table_row *to = &t->rows[t->count++];
        ck_assert_int_le(t->count, MOST_ROWS);
        *to = t->rows[i];
        snprintf(to->centre, sizeof to->centre, "%s", centre);
        snprintf(to->patient, sizeof to->patient, "%s", name);
        snprintf(to->case_name, sizeof to->case_name, "%s", name);
    }
}

#endif
