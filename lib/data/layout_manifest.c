/* The layout of a folder that holds a manifest already. */
#include <string.h>

#include "data/layout.h"

static int find(const hl_tree *tree) {
    for (int i = 0; i < tree->count; i++)
        if (!strcmp(tree->files[i], "manifest.csv")) return i;
    return -1;
}

static bool recognise(const hl_tree *tree) { return find(tree) >= 0; }

static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    (void)options;
    dataset->manifest = hl_tree_path(hl, tree, find(tree));
    return dataset->manifest ? HL_OK : HL_NO_MEMORY;
}

const hl_layout hl_layout_manifest = {.name = "manifest", .looks = "manifest.csv", .recognise = recognise, .collect = collect};
