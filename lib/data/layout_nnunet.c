/* The layout of nnU-Net's raw data: imagesTr/NAME_0000 beside labelsTr/NAME. */
#include "data/dataset_json.h"

static bool recognise(const hl_tree *tree) {
    bool channels;
    return hl_dataset_json_folders(tree, &channels) && channels;
}

static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    (void)options;
    return hl_dataset_json_collect(hl, tree, "_0000", dataset);
}

const hl_layout hl_layout_nnunet = {
    .name = "nnU-Net raw",
    .looks = "imagesTr/NAME_0000.nii.gz beside labelsTr/NAME.nii.gz and dataset.json",
    .recognise = recognise,
    .collect = collect,
};
