/* What the layouts of nnU-Net and of the Decathlon share: folders imagesTr and labelsTr, and dataset.json. */
#ifndef HL_DATA_DATASET_JSON_H
#define HL_DATA_DATASET_JSON_H

#include "data/layout.h"

/* Whether the folders are there, and whether images bear a channel's number, NAME_0000, as nnU-Net has it. */
bool hl_dataset_json_folders(const hl_tree *tree, bool *channels);
/* The scans of imagesTr, which labelsTr outlines, and of imagesTs, which nobody did; the centre is dataset.json's name or the folder's.
 * `tail` is what image names bear after the mask's: "_0000" or "". Sets the classes. */
hl_status hl_dataset_json_collect(hl_context *hl, const hl_tree *tree, const char *tail, hl_dataset *dataset);

#endif
