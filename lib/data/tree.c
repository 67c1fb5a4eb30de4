/* The files below a folder, sorted by name. */
#include "data/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEEPEST = 12, MOST_FILES = 10000000 };

static hl_status keep_file(hl_context *hl, hl_tree *tree, char *path) {
    if (tree->count >= MOST_FILES) return free(path), hl_fail(hl, HL_BAD_INPUT, "%s: more than %d files", tree->root, MOST_FILES);
    char **wider = path ? hl_grow(hl, tree->files, &tree->capacity, (size_t)tree->count + 1, sizeof *wider) : NULL;
    if (!wider) return free(path), HL_NO_MEMORY;
    tree->files = wider;
    wider[tree->count++] = path;
    return HL_OK;
}

static hl_status walk(hl_context *hl, hl_tree *tree, const char *below, int depth);

/* One entry of a folder; `path` is relative to the root and given away. */
static hl_status take_entry(hl_context *hl, hl_tree *tree, char *path, int depth) {
    char *full = path ? hl_format(hl, "%s/%s", tree->root, path) : NULL;
    if (!full) return free(path), HL_NO_MEMORY;
    struct stat of, link;
    bool there = !lstat(full, &link) && !stat(full, &of);
    free(full);
    if (there && S_ISREG(of.st_mode)) return keep_file(hl, tree, path);
    hl_status status = there && S_ISDIR(link.st_mode) && depth < DEEPEST ? walk(hl, tree, path, depth + 1) : HL_OK;
    free(path);
    return status;
}

static hl_status walk(hl_context *hl, hl_tree *tree, const char *below, int depth) {
    char *folder = hl_format(hl, "%s/%s", tree->root, below);
    if (!folder) return HL_NO_MEMORY;
    DIR *stream = opendir(folder);
    hl_status status = stream ? HL_OK : hl_fail(hl, HL_BAD_INPUT, "%s: the folder cannot be read: %s", folder, strerror(errno));
    for (struct dirent *entry; stream && !status && (entry = readdir(stream));) {
        if (*entry->d_name == '.') continue;
        status = take_entry(hl, tree, hl_format(hl, "%s%s%s", below, *below ? "/" : "", entry->d_name), depth);
    }
    if (stream) closedir(stream);
    free(folder);
    return status;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

hl_status hl_tree_read(hl_context *hl, const char *folder, hl_tree *tree) {
    *tree = (hl_tree){.root = realpath(folder, NULL)};
    if (!tree->root) return hl_fail(hl, HL_BAD_INPUT, "%s: the folder cannot be read: %s", folder, strerror(errno));
    hl_status status = walk(hl, tree, "", 0);
    if (tree->count) qsort(tree->files, (size_t)tree->count, sizeof *tree->files, by_name);
    return status;
}

void hl_tree_free(hl_tree *tree) {
    for (int i = 0; i < tree->count; i++) free(tree->files[i]);
    free(tree->files);
    free(tree->root);
    *tree = (hl_tree){0};
}

const char *hl_tree_name(const hl_tree *tree) {
    const char *slash = strrchr(tree->root, '/');
    return slash && slash[1] ? slash + 1 : "dataset";
}

static bool starts(const char *path, const char *folder) {
    size_t length = strlen(folder);
    return !strncasecmp(path, folder, length) && path[length] == '/';
}

hl_folder hl_tree_folder(const hl_tree *tree, const char *name) {
    hl_folder folder = {0};
    if (tree->count == 0) return folder;
    const char *slash = strchr(tree->files[0], '/');
    size_t wrap = slash ? (size_t)(slash - tree->files[0]) + 1 : 0; /* sorted: where the first and the last share it, all do */
    if (wrap && strncmp(tree->files[0], tree->files[tree->count - 1], wrap)) wrap = 0;
    for (int i = 0; i < tree->count && !folder.end; i++) {
        size_t before = starts(tree->files[i], name) ? 0 : wrap;
        if (!starts(tree->files[i] + before, name)) continue;
        folder = (hl_folder){.first = i, .end = i, .length = before + strlen(name) + 1};
        while (folder.end < tree->count && !strncmp(tree->files[folder.end], tree->files[i], folder.length)) folder.end++;
    }
    return folder;
}

int hl_tree_stem(const hl_tree *tree, hl_folder folder, const char *stem, size_t length) {
    int low = folder.first, high = folder.end;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strncmp(tree->files[middle] + folder.length, stem, length) < 0) low = middle + 1;
        else high = middle;
    }
    for (; low < folder.end && !strncmp(tree->files[low] + folder.length, stem, length); low++)
        if (hl_stem_length(tree->files[low] + folder.length) == (int)length) return low;
    return -1;
}

char *hl_tree_path(hl_context *hl, const hl_tree *tree, int file) { return hl_format(hl, "%s/%s", tree->root, tree->files[file]); }

int hl_stem_length(const char *name) {
    static const char *const endings[] = {".nii.gz", ".nii", ".hdr", ".png"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && !strcasecmp(name + length - ending, endings[i])) return (int)(length - ending);
    }
    return -1;
}
