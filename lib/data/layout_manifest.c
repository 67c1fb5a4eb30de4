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
    dataset->manifest = hl_tree_path(hl, tree, find(tree));
    if (!dataset->manifest) return HL_NO_MEMORY;
    hl_manifest *manifest =
        hl_manifest_read(hl, dataset->manifest, &(hl_manifest_options){.allow_outside = options->allow_outside, .patients_anywhere = true});
    if (!manifest) return hl_error_status(hl);
    hl_manifest_free(manifest);
    return HL_OK;
}

const hl_layout hl_layout_manifest = {.name = "manifest", .looks = "manifest.csv", .recognise = recognise, .collect = collect};
