/* Scoring anyone's masks: one folder against another. */
#ifndef HILUM_MASKS_H
#define HILUM_MASKS_H

#include "hilum/conventions.h"
#include "hilum/eval.h"
#include "hilum/geometry.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_masks_options {
    const char *predicted, *truth; /* folders of PNG files and volumes (.nii, .nii.gz, .hdr) with equal names */
    int classes;                   /* 0 and 1: not 0 is lesion; more: the value is the class */
    double spacing[3];             /* x, y, z in mm of PNG files; 0: not known. Volumes have their own. */
    double tolerance;              /* of surface Dice, in mm; 0: 3, or with more than one class 1 */
} hl_masks_options;

/* The geometry of one shape (the lesion, or one class) of one case. */
typedef struct hl_mask_geometry {
    bool has_stack;    /* its slices are of one size, so that lesions could be counted, */
    bool millilitres;  /* by size in mL, */
    bool has_surfaces; /* and spacing is known and no slice between two of them is missing */
    hl_surface_figures elements, voxels;
    hl_detection detection;
} hl_mask_geometry;

typedef struct hl_masks_result {
    hl_figures figures;
    hl_score *scores; /* one a case */
    int case_count;
    int shapes;                 /* 1, or the classes but the background */
    hl_mask_geometry *geometry; /* case_count x shapes */
    hl_convention *conventions; /* shapes x HL_CONVENTIONS */
    double tolerance;           /* the one in force */
} hl_masks_result;

/* Scores each case of two folders. The part of a PNG file's name before its last _ or - and a number is the case, the number orders its
 * slices; a volume is a case. A name that only one folder has, a size or a place in space that differs, or a value that is no class is
 * HL_BAD_INPUT; spacing given for volumes alone, or one of its numbers below 0: HL_USAGE. Owner: the caller, hl_masks_free, which may be
 * called after a failure too. */
hl_status hl_evaluate_masks(hl_context *hl, const hl_masks_options *options, hl_masks_result *result);
void hl_masks_free(hl_masks_result *result);

/* hl_figures_json's object, and of each shape `surface`, `detection` and `conventions`: at top level, or with more than one class in the
 * objects of `classes`; what belongs to one case in the objects of `cases`. Owner: the caller, free. */
char *hl_masks_json(hl_context *hl, const hl_masks_result *result);

#ifdef __cplusplus
}
#endif
#endif
