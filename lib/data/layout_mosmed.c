/* The layout of MosMedData: studies sorted by severity, masks of some of them. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/layout.h"

/* studies/CT-N/study_NNNN.nii.gz: the grade N and the study's name; false for another file. */
static bool identify(const char *rest, int *grade, char name[64]) {
    if (strncasecmp(rest, "CT-", 3) || rest[3] < '0' || rest[3] > '4' || rest[4] != '/') return false;
    int stem = hl_stem_length(rest + 5);
    if (stem < 7 || stem > 40 || strncmp(rest + 5, "study_", 6)) return false;
    *grade = rest[3] - '0';
    snprintf(name, 64, "%.*s", stem, rest + 5);
    return true;
}

static bool recognise(const hl_tree *tree) {
    hl_folder studies = hl_tree_folder(tree, "studies");
    int grade;
    char name[64];
    for (int i = studies.first; i < studies.end; i++)
        if (identify(tree->files[i] + studies.length, &grade, name)) return true;
    return false;
}

/* A scan without a mask was not outlined by anybody: it is unlabelled, not free of lesions. */
static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    hl_folder studies = hl_tree_folder(tree, "studies"), masks = hl_tree_folder(tree, "masks");
    hl_status status = HL_OK;
    for (int i = studies.first; i < studies.end && !status; i++) {
        int grade;
        char name[64], mask[80];
        if (!identify(tree->files[i] + studies.length, &grade, name)) continue;
        hl_dataset_scan *scan = hl_dataset_add(hl, dataset, "mosmed", name, name);
        if (!scan) return HL_NO_MEMORY;
        int length = snprintf(mask, sizeof mask, "%s_mask", name);
        scan->healthy = grade == 0 && options->ct0_healthy;
        status = hl_scan_file(hl, tree, i, &scan->image);
        if (!status) status = hl_scan_file(hl, tree, hl_tree_stem(tree, masks, mask, (size_t)length), &scan->mask);
    }
    return status ? status : hl_dataset_orphans(hl, dataset, tree, masks, "lesion mask");
}

const hl_layout hl_layout_mosmed = {
    .name = "MosMedData",
    .looks = "studies/CT-0 to CT-4/study_NNNN.nii.gz beside masks/study_NNNN_mask.nii.gz",
    .recognise = recognise,
    .collect = collect,
};
