/* Files that appear whole or not at all. */
#ifndef HL_FILE_H
#define HL_FILE_H

#include <stdio.h>

#include "base/base.h"

/* A file being written beside its final name. */
typedef struct hl_new_file {
    FILE *stream;
    char *path; /* the final name */
    char *temp; /* where it is until hl_file_commit */
} hl_new_file;

/* Opens a new file beside `path`. On failure nothing is left and hl_file_discard may still be called. */
hl_status hl_file_create(hl_context *hl, hl_new_file *file, const char *path);
/* Flushes, fsyncs and renames to the final name; on any error (disk full among them) removes the temporary file.
 * The hl_new_file is empty afterwards, either way. */
hl_status hl_file_commit(hl_context *hl, hl_new_file *file);
void hl_file_discard(hl_new_file *file);

/* create + write + commit. */
hl_status hl_file_write(hl_context *hl, const char *path, const void *data, size_t bytes);
/* Reads a whole file; a NUL stands after the last byte. `*bytes` may be NULL. Owner: the caller, free. A missing or
 * unreadable file, or a folder, is HL_BAD_INPUT. */
hl_status hl_file_read(hl_context *hl, const char *path, char **data, size_t *bytes);
/* Makes a folder and its parents; one that is there already is fine. */
hl_status hl_folder_make(hl_context *hl, const char *path);
bool hl_file_exists(const char *path);

#endif
