/* A layout: how one kind of published data set lies in its folder. A new one is a file with its functions and a line in layout.c. */
#ifndef HL_DATA_LAYOUT_H
#define HL_DATA_LAYOUT_H

#include "data/faults.h"
#include "data/tree.h"
#include "hilum/dataset.h"

typedef struct hl_layout {
    const char *name, *looks;               /* for people */
    bool (*recognise)(const hl_tree *tree); /* by names alone */
    hl_status (*collect)(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset);
} hl_layout;

extern const hl_layout hl_layout_manifest, hl_layout_covid_ct_seg, hl_layout_mosmed, hl_layout_nnunet, hl_layout_decathlon, hl_layout_pair,
    hl_layout_dicom;

/* Adds a scan of one slice, with number 0, and no files. NULL: no memory. Valid until the next. */
hl_dataset_scan *hl_dataset_add(hl_context *hl, hl_dataset *dataset, const char *centre, const char *patient, const char *case_name);
/* Makes *path a file's path (file -1: leaves it NULL). */
hl_status hl_scan_file(hl_context *hl, const hl_tree *tree, int file, char **path);
/* Tells of files in a folder of masks that no scan names. `what` they are, such as "lesion mask". */
hl_status hl_dataset_orphans(hl_context *hl, hl_dataset *dataset, const hl_tree *tree, hl_folder masks, const char *what);

/* Turns every file in `in` that dcm2niix takes for DICOM into volumes in `out`, both real paths. HL_FAILED in one sentence where the
 * program is not there or fails. Beside each volume lies NAME.json with what the files say of it. */
hl_status hl_dcm2niix(hl_context *hl, const char *in, const char *out);

#endif
