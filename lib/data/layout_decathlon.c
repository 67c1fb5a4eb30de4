/* The layout of the Medical Segmentation Decathlon: imagesTr and labelsTr with equal names. */
#include "data/dataset_json.h"

static bool recognise(const hl_tree *tree) {
    bool channels;
    return hl_dataset_json_folders(tree, &channels) && !channels;
}

static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    (void)options;
    return hl_dataset_json_collect(hl, tree, "", dataset);
}

const hl_layout hl_layout_decathlon = {
    .name = "Medical Segmentation Decathlon",
    .looks = "imagesTr/NAME.nii.gz beside labelsTr/NAME.nii.gz and dataset.json",
    .recognise = recognise,
    .collect = collect,
};
