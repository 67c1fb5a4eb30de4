/* One set of predictions scored as different libraries would: what a figure means depends on who computed it. */
#ifndef HILUM_CONVENTIONS_H
#define HILUM_CONVENTIONS_H

#include "hilum/eval.h"
#include "hilum/geometry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is known of one case; borrowed. */
typedef struct hl_convention_case {
    const hl_confusion *slices; /* counts of each slice */
    int slice_count;
    bool has_surfaces;                   /* the case is a volume with spacing */
    hl_surface_figures elements, voxels; /* hl_surface_compare's of either kind, at one tolerance; with surfaces */
} hl_convention_case;

typedef struct hl_convention {
    const char *library; /* whose rule it is */
    const char *figure;  /* Dice, surface Dice, HD95, average distance */
    const char *over;    /* what the mean is over: cases, slices, all pixels */
    const char *rule;    /* in words: how empty masks count, how surfaces and percentiles are meant */
    double value;        /* Dice 0..1, distances in mm; INFINITY where the library's mean is, NaN where nothing is left to average */
    int counted;         /* cases (or slices) in the mean, */
    int left_out;        /* and those that the rule leaves out */
    int infinite;        /* of the counted: infinitely far, as one mask is empty */
} hl_convention;

enum { HL_CONVENTIONS = 20 };
/* Fills rows[HL_CONVENTIONS]; the rows of distances have NaN and counted 0 when no case has surfaces. No case: HL_BAD_INPUT. */
hl_status hl_conventions_score(hl_context *hl, const hl_convention_case *cases, int count, hl_convention *rows);

#ifdef __cplusplus
}
#endif
#endif
