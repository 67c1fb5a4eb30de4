/* The files below a folder, as the layouts look at them. */
#ifndef HL_DATA_TREE_H
#define HL_DATA_TREE_H

#include "base/base.h"

typedef struct hl_tree {
    char *root;   /* the folder's real path */
    char **files; /* relative to it, sorted; hidden ones are left out */
    int count;
    size_t capacity;
} hl_tree;

/* Lists a folder to a depth of 12; links to folders are not followed. Owner: the caller, hl_tree_free, after a failure too. */
hl_status hl_tree_read(hl_context *hl, const char *folder, hl_tree *tree);
void hl_tree_free(hl_tree *tree);

/* The name of the folder itself, the last part of its path. */
const char *hl_tree_name(const hl_tree *tree);
/* The files in or below one folder: they stand together. Their paths start with `length` bytes of the folder's own. */
typedef struct hl_folder {
    int first, end; /* equal: there is none */
    size_t length;
} hl_folder;

/* A folder by name, letters' case aside, at the top of the tree; or where everything lies in one folder, as in an archive unpacked
 * into a folder of its own, in that. */
hl_folder hl_tree_folder(const hl_tree *tree, const char *name);
/* The file of a folder whose path in it is the first `length` bytes of `stem` and the ending of a volume or a picture; -1: none. */
int hl_tree_stem(const hl_tree *tree, hl_folder folder, const char *stem, size_t length);
/* The path that can be opened. Owner: the caller, free. */
char *hl_tree_path(hl_context *hl, const hl_tree *tree, int file);

/* Length of a file name without what says its type: .nii.gz, .nii, .hdr, .png, in whatever case; -1 where it is none of these. */
int hl_stem_length(const char *name);

#endif
