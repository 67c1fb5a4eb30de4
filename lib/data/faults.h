/* Building a list of faults. */
#ifndef HL_DATA_FAULTS_H
#define HL_DATA_FAULTS_H

#include "base/base.h"
#include "hilum/dataset.h"

#define HL_FAULT_ORPHAN "mask-without-image"
#define HL_FAULT_MISSING "missing-file"
#define HL_FAULT_UNREADABLE "unreadable"
#define HL_FAULT_SHAPE "shape"
#define HL_FAULT_AFFINE "affine"
#define HL_FAULT_LABELS "labels"
#define HL_FAULT_EMPTY "empty-mask"
#define HL_FAULT_PLACE "mask-out-of-place"
#define HL_FAULT_PATIENT "patient"
#define HL_FAULT_SAME "same-slices"
#define HL_FAULT_ALIKE "near-duplicate"
#define HL_FAULT_TURNED "turned"
#define HL_FAULT_UNITS "units"
#define HL_FAULT_SIDES "lung-sides"

/* Adds a fault of a kind, with its sentence. */
hl_status hl_faults_add(hl_context *hl, hl_faults *faults, const char *kind, const char *format, ...) HL_PRINTF(4, 5);
/* Names a file that the last fault is about; one that it names already is passed over. */
hl_status hl_faults_file(hl_context *hl, hl_faults *faults, const char *path);

#endif
