/* Geometry of masks: components, distances, surfaces, lesions, morphology, left and right lung, severity. */
#ifndef HILUM_GEOMETRY_H
#define HILUM_GEOMETRY_H

#include <stdbool.h>

#include "hilum/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The voxels that a mask lives on: the slices of one case. A mask is uint8_t, depth x height x width, slice by slice and row by row; not 0
 * is inside. A picture has depth 1. Every mask here belongs to the caller; an output may not be the input unless said. */
typedef struct hl_stack {
    int depth, height, width;
    double spacing[3]; /* x (along a row), y, z in mm; 0, 0, 0 where it is not known */
} hl_stack;

size_t hl_stack_voxels(const hl_stack *stack);
bool hl_stack_has_spacing(const hl_stack *stack);   /* all three above 0 */
double hl_stack_voxel_ml(const hl_stack *stack);    /* 1 mL is 1000 mm3; NaN without spacing */
double hl_stack_diagonal_mm(const hl_stack *stack); /* of the whole box: sqrt of the sum of (voxels times spacing) squared */

/* --- connected components ------------------------------------------------------------------------------------------ */

/* Which neighbours belong together. 4 and 8 stay within a slice: each slice has components of its own. */
typedef enum hl_connectivity {
    HL_CONNECT_4 = 4,
    HL_CONNECT_8 = 8,
    HL_CONNECT_6 = 6,   /* faces */
    HL_CONNECT_18 = 18, /* faces and edges */
    HL_CONNECT_26 = 26, /* faces, edges and corners */
} hl_connectivity;

/* labels[voxel] = 0 outside, else the number of its component from 1 on, in the order in which their first voxels come. Two passes with
 * union-find (Rosenfeld & Pfaltz 1966). labels: one int32_t a voxel. More than 2^31 - 1 voxels, or an unknown connectivity: HL_USAGE. */
hl_status hl_components(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_connectivity connectivity, int32_t *labels,
                        int *count);
/* Voxels of each component: sizes[0] of the background, sizes[1 .. count]. sizes: count + 1. */
void hl_component_sizes(const int32_t *labels, size_t voxels, int count, int64_t *sizes);
/* kept = the `most` largest components (of equals those that come first); kept may be mask. */
hl_status hl_keep_largest(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_connectivity connectivity, int most,
                          uint8_t *kept);
/* kept = the components of at least `least` voxels; kept may be mask. */
hl_status hl_drop_small(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_connectivity connectivity, int64_t least,
                        uint8_t *kept);

/* --- distances ------------------------------------------------------------------------------------------------------ */

/* distance[voxel] = the Euclidean distance in mm from its centre to that of the nearest voxel inside the mask: 0 inside, INFINITY
 * everywhere for an empty mask. Exact (lower envelopes of parabolas, axis by axis: Felzenszwalb & Huttenlocher, Theory of Computing 8,
 * 2012). Where spacing is not known it counts as 1, 1, 1. distance: one double a voxel. */
hl_status hl_distance_transform(hl_context *hl, const hl_stack *stack, const uint8_t *mask, double *distance);

/* --- surfaces ------------------------------------------------------------------------------------------------------- */

/* What a surface consists of. In a stack of depth 1 it is a contour, and lengths take the place of areas. */
typedef enum hl_surface_kind {
    /* Between the voxels: at each corner where 2 x 2 x 2 voxels meet that are neither all inside nor all outside lies an element, as large
     * as the surface that marching cubes lays through them (Nikolov et al. 2021, J Med Internet Res 23(7):e26151, as the
     * surface-distance library has it). Beyond the stack all is outside. */
    HL_SURFACE_ELEMENTS,
    /* The voxels inside of which at least one face neighbour is outside (or beyond the stack); each counts 1. */
    HL_SURFACE_VOXELS,
} hl_surface_kind;

/* One mask's surface against another's. Shares and means weigh each element by its area. */
typedef struct hl_surface_figures {
    bool empty;          /* both masks are: every figure is NaN, and the pair belongs to no mean */
    bool missed;         /* one of them is: surface_dice 0, every distance the diagonal of the stack */
    double surface_dice; /* area of both surfaces within the tolerance of the other / area of both */
    double hd95;         /* mm: the larger of the two directed 95th percentiles */
    double hd;           /* mm: the larger of the two directed maxima */
    double average;      /* mm: distances of both surfaces, each to the other, over the area of both (average symmetric surface distance) */
    double directed95[2]; /* mm: from the truth to the prediction, from the prediction to the truth */
    double directed_average[2];
    double pooled95; /* mm: the 95th percentile of both directions' distances together */
} hl_surface_figures;

/* Compares two masks at a tolerance in mm. A percentile of elements is the smallest distance within which lie 95 % of the area; of voxels
 * it is R's type 7, as NumPy has it. A stack without spacing, or a negative tolerance: HL_USAGE. */
hl_status hl_surface_compare(hl_context *hl, const hl_stack *stack, const uint8_t *truth, const uint8_t *predicted, hl_surface_kind kind,
                             double tolerance, hl_surface_figures *figures);
/* mm^2 of the element between 2 x 2 x 2 voxels, bit 4 dz + 2 dy + dx of `inside` set for each of them that is inside. */
double hl_surface_element_area(int inside, const double spacing[3]);

/* --- lesions -------------------------------------------------------------------------------------------------------- */

enum { HL_LESION_SIZES = 4 };
/* Lesions by size: with spacing below 0.1, 1 and 10 mL and above, else below 10, 100 and 1000 voxels and above. */
extern const double hl_lesion_ml[HL_LESION_SIZES - 1];
extern const int64_t hl_lesion_voxels[HL_LESION_SIZES - 1];

/* The share of a lesion's voxels that has to be predicted for it to count as found (and one voxel at least). */
#define HL_LESION_HIT 0.1

/* Lesions found, counted over scans. A lesion is a 26-connected component of the truth; it is found when at least the share `hit` of its
 * voxels, and one at the least, is predicted. A 26-connected component of the prediction that holds no voxel of any lesion is a
 * false positive. Sums, so that the counts of several scans add up. */
typedef struct hl_detection {
    int scans;
    int lesions[HL_LESION_SIZES], found[HL_LESION_SIZES]; /* by size */
    int predicted, false_positives;                       /* components of the prediction */
} hl_detection;

/* Counts one scan. hit: above 0, to 1; else HL_USAGE. */
hl_status hl_detect(hl_context *hl, const hl_stack *stack, const uint8_t *truth, const uint8_t *predicted, double hit,
                    hl_detection *detection);
void hl_detection_add(hl_detection *to, const hl_detection *from);
/* Found / lesions of one size, or with size -1 of all; NaN where there is none. */
double hl_detection_rate(const hl_detection *detection, int size);
double hl_detection_false_per_scan(const hl_detection *detection); /* NaN for no scan */

/* --- morphology ----------------------------------------------------------------------------------------------------- */

/* The structuring element is a ball: the offsets no longer than `radius`, in mm where the stack has spacing, else in voxels; `planar`: a
 * disc, each slice by itself. What lies beyond the stack takes no part, so that opening never adds and closing never takes away. Costs a
 * pass over the mask for each voxel of the ball. Outputs are 0 and 1. A radius below 0: HL_USAGE. */
typedef struct hl_ball {
    double radius;
    bool planar;
} hl_ball;

hl_status hl_dilate(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *dilated);
hl_status hl_erode(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *eroded);
hl_status hl_open_mask(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *opened);  /* erode, then dilate */
hl_status hl_close_mask(hl_context *hl, const hl_stack *stack, const uint8_t *mask, hl_ball ball, uint8_t *closed); /* dilate, then erode */
/* Fills what no path outside the mask connects with the border: of each slice (planar, paths over 4 neighbours), or of the whole stack
 * (over 6; the first and the last slice are border). filled may be mask. */
hl_status hl_fill_holes(hl_context *hl, const hl_stack *stack, const uint8_t *mask, bool planar, uint8_t *filled);

/* --- left and right lung --------------------------------------------------------------------------------------------- */

enum { HL_LUNG_LEFT = 1, HL_LUNG_RIGHT = 2, HL_LUNG_UNDIVIDED = 255 }; /* the values of a manifest's lung masks */

/* How a stack was divided; slices without lung are in none of the counts. */
typedef struct hl_lung_split {
    int slices;  /* with lung */
    int apart;   /* slices in which every component lies on one side */
    int cut;     /* slices in which a component was cut, because it reaches over the midline */
    int carried; /* slices whose midline comes from their neighbours */
} hl_lung_split;

/* sides[voxel] = HL_LUNG_LEFT, HL_LUNG_RIGHT or 0 from a lung mask that does not tell them apart (any value but 0), for the slices of one
 * case from one end to the other, whole or only some of them; the patient's right lies at the picture's left. Where a slice shows two large
 * components side by side, the midline runs halfway between them; other slices take theirs from the nearest such slices above and below
 * (linearly), where there is none from the middle of the lungs' box. A 3-D component (6-connected) that lies on one side of the midlines is
 * that lung; of one that reaches over, each slice's components (4-connected) are given whole to the side they lie on, and one that reaches
 * over is cut at its narrowest column near the midline. `how` may be NULL. */
hl_status hl_split_lungs(hl_context *hl, const hl_stack *stack, const uint8_t *lung, uint8_t *sides, hl_lung_split *how);

/* --- severity -------------------------------------------------------------------------------------------------------- */

typedef struct hl_burden {
    double lung, lesion; /* the lung, and the lesion within it */
    double share;        /* lesion / lung; NaN without lung */
} hl_burden;

/* How much of the lungs is lesion. In mL with spacing, else in voxels of the given slices. */
typedef struct hl_severity {
    bool millilitres;
    hl_burden left, right; /* NaN where the lung mask holds undivided lung */
    hl_burden both;        /* left, right and undivided */
    double lesion;         /* all of it, within the lungs or not */
    double outside;        /* share of the lesion outside the lungs; NaN without lesion */
} hl_severity;

/* Measures one case: from true lesions and true lungs, or from predicted ones. lung: 0, 1, 2 or 255; another value is HL_BAD_INPUT.
 * lesion: not 0 is lesion. */
hl_status hl_severity_measure(hl_context *hl, const hl_stack *stack, const uint8_t *lesion, const uint8_t *lung, hl_severity *severity);

#ifdef __cplusplus
}
#endif
#endif
