/* Whole files: written beside, synced, renamed. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

hl_status hl_file_create(hl_context *hl, hl_new_file *file, const char *path) {
    *file = (hl_new_file){.path = hl_strdup(hl, path), .temp = hl_format(hl, "%s.part%ld", path, (long)getpid())};
    if (!file->path || !file->temp) return hl_file_discard(file), HL_NO_MEMORY;
    file->stream = fopen(file->temp, "wb");
    if (file->stream) return HL_OK;
    hl_status status = hl_fail(hl, HL_FAILED, "%s: cannot be written: %s", path, strerror(errno));
    hl_file_discard(file);
    return status;
}

/* A rename is only durable once the folder that holds the name is on disk too. */
static void sync_folder_of(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder) return;
    memcpy(folder, path, length);
    folder[length] = 0;
    int fd = open(length ? folder : slash ? "/" : ".", O_RDONLY | O_DIRECTORY);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

hl_status hl_file_commit(hl_context *hl, hl_new_file *file) {
    int failed = fflush(file->stream) || ferror(file->stream) || fsync(fileno(file->stream)) ? errno ? errno : EIO : 0;
    if (fclose(file->stream) && !failed) failed = errno;
    file->stream = NULL;
    if (!failed && rename(file->temp, file->path)) failed = errno;
    hl_status status = HL_OK;
    if (failed) status = hl_fail(hl, HL_FAILED, "%s: cannot be written: %s", file->path, strerror(failed));
    else {
        sync_folder_of(file->path);
        free(file->temp);
        file->temp = NULL;
    }
    hl_file_discard(file);
    return status;
}

void hl_file_discard(hl_new_file *file) {
    if (file->stream) fclose(file->stream);
    if (file->temp) unlink(file->temp);
    free(file->temp);
    free(file->path);
    *file = (hl_new_file){0};
}

hl_status hl_file_write(hl_context *hl, const char *path, const void *data, size_t bytes) {
    hl_new_file file;
    hl_status status = hl_file_create(hl, &file, path);
    if (status) return status;
    if (bytes) (void)!fwrite(data, 1, bytes, file.stream); /* a short write shows in ferror, which commit reads */
    return hl_file_commit(hl, &file);
}

hl_status hl_file_read(hl_context *hl, const char *path, char **data, size_t *bytes) {
    *data = NULL;
    FILE *stream = fopen(path, "rb");
    if (!stream) return hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    size_t used = 0, capacity = 0;
    char *text = NULL;
    struct stat status;
    size_t expected = fstat(fileno(stream), &status) == 0 && status.st_size > 0 ? (size_t)status.st_size : 4096;
    for (size_t got = 1; got;) {
        char *wider = hl_grow(hl, text, &capacity, used == 0 ? expected + 2 : used + 4096, 1);
        if (!wider) return free(text), fclose(stream), HL_NO_MEMORY;
        text = wider;
        used += got = fread(text + used, 1, capacity - used - 1, stream);
    }
    int failed = ferror(stream) ? errno : 0;
    fclose(stream);
    if (failed) return free(text), hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: %s", path, strerror(failed));
    text[used] = 0;
    *data = text;
    if (bytes) *bytes = used;
    return HL_OK;
}

hl_status hl_folder_make(hl_context *hl, const char *path) {
    char *copy = hl_strdup(hl, path);
    if (!copy) return HL_NO_MEMORY;
    hl_status status = HL_OK;
    for (char *at = copy + 1;; at++) {
        if (*at != '/' && *at) continue;
        char kept = *at;
        *at = 0;
        struct stat found;
        if (mkdir(copy, 0777) && (errno != EEXIST || stat(copy, &found) || !S_ISDIR(found.st_mode)))
            status = hl_fail(hl, HL_FAILED, "%s: the folder cannot be made: %s", copy, strerror(errno));
        *at = kept;
        if (!kept || status) break;
    }
    free(copy);
    return status;
}

bool hl_file_exists(const char *path) { return access(path, F_OK) == 0; }
