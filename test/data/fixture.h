/* What the tests of this room share: small files in a scratch folder, and cohorts made of them. */
#ifndef HL_TEST_FIXTURE_H
#define HL_TEST_FIXTURE_H

#include <string.h>

#include "../harness.h"
#include "base/file.h"
#include "hilum/data.h"

typedef struct fixture {
    hl_context *hl;
    char folder[64];
    char path[256]; /* of fixture_path */
} fixture;

static inline void fixture_open(fixture *f, int threads) {
    scratch_folder(f->folder);
    f->hl = hl_open(&(hl_options){.threads = threads});
    ck_assert_ptr_nonnull(f->hl);
}

static inline void fixture_close(fixture *f) {
    hl_close(f->hl);
    remove_folder(f->folder);
}

/* folder/name, valid until the next call. */
static inline const char *fixture_path(fixture *f, const char *name) {
    snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
    return f->path;
}

/* Without a sync, which hundreds of small files would wait for. */
static inline void put_bytes(const char *path, const void *data, size_t bytes) {
    FILE *stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_eq(fwrite(data, 1, bytes, stream), bytes);
    ck_assert_int_eq(fclose(stream), 0);
}

static inline void put_text(fixture *f, const char *name, const char *text) { put_bytes(fixture_path(f, name), text, strlen(text)); }

/* An 8-bit grey PNG of one value, but for the first `count` pixels, which have another. */
static inline void put_png(fixture *f, const char *name, int width, int height, int value, int count, int other) {
    size_t pixels = (size_t)width * (size_t)height;
    unsigned char *data = malloc(pixels);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < pixels; i++) data[i] = (unsigned char)(i < (size_t)count ? other : value);
    unsigned char *file;
    size_t bytes;
    ck_ok(f->hl, hl_png_encode(f->hl, width, height, 1, 8, data, &file, &bytes));
    put_bytes(fixture_path(f, name), file, bytes);
    free(file);
    free(data);
}

/* Leaves the last `bytes` of a file out. */
static inline void cut_file(fixture *f, const char *name, size_t bytes) {
    char *data;
    size_t length;
    ck_ok(f->hl, hl_file_read(f->hl, fixture_path(f, name), &data, &length));
    put_bytes(fixture_path(f, name), data, length - bytes);
    free(data);
}

static inline hl_manifest *read_manifest(fixture *f) {
    hl_manifest *manifest = hl_manifest_read(f->hl, fixture_path(f, "manifest.csv"), NULL);
    ck_assert_msg(manifest != NULL, "%s", hl_error(f->hl));
    return manifest;
}

/* Checks that the last call failed so, with these words in its sentence. */
static inline void check_error(const hl_context *hl, hl_status status, const char *words) {
    ck_assert_msg(hl_error_status(hl) == status, "status %d, %s", (int)hl_error_status(hl), hl_error(hl));
    ck_assert_msg(strstr(hl_error(hl), words) != NULL, "\"%s\" does not hold \"%s\"", hl_error(hl), words);
}

#endif
