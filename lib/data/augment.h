/* The inside of augmentation: what its kinds draw from and work on. */
#ifndef HL_DATA_AUGMENT_H
#define HL_DATA_AUGMENT_H

#include "base/base.h"
#include "hilum/augment.h"
#include "hilum/data.h"

/* The numbers that one kind draws for one sample: functions of the sample's number, the kind's name and their order. */
typedef struct hl_draws {
    uint64_t sample, name, next;
} hl_draws;
double hl_draw(hl_draws *draws);                      /* [0, 1) */
double hl_draw_within(hl_draws *draws, double bound); /* [-bound, bound) */

/* A uniform cubic B-spline over the grid, in CELLS x CELLS cells. */
enum { HL_BEND_CELLS = 5, HL_BEND_KNOTS = HL_BEND_CELLS + 3 };

/* Where the pixels of the changed slice come from. In pixels from the grid's centre, y then x: source = matrix (target + bend(target)) +
 * shift. */
typedef struct hl_warp {
    int height, width;   /* of the grid */
    bool moves, mirrors; /* more than an exact mirror; left and right changed places */
    bool bends;
    double matrix[2][2], shift[2];
    float bend[2][HL_BEND_KNOTS][HL_BEND_KNOTS];
} hl_warp;

/* What an intensity becomes: curve[i] at i / HL_CURVE_STEPS, straight in between. */
enum { HL_CURVE_STEPS = 1024 };

/* The pictures of a sample after the warp. */
typedef struct hl_canvas {
    int height, width, planes;
    float *images;         /* planes x height x width */
    const uint8_t *inside; /* height x width: 1 where the slice is, 0 in the padding */
    float *scratch;        /* height x width */
} hl_canvas;

/* A kind's work: one of the three. */
typedef struct hl_augment_work {
    void (*warp)(hl_warp *warp, double strength, hl_draws *draws); /* changes where pixels come from */
    void (*curve)(float *curve, double strength, hl_draws *draws); /* changes curve[0 .. HL_CURVE_STEPS]; it is cut to 0..1 afterwards */
    void (*paint)(hl_canvas *canvas, double strength, hl_draws *draws); /* changes pixels; cut to 0..1, and to the inside, afterwards */
} hl_augment_work;

/* augment_warp.c */
void hl_warp_flip(hl_warp *warp, double strength, hl_draws *draws);
void hl_warp_rotate(hl_warp *warp, double strength, hl_draws *draws);
void hl_warp_scale(hl_warp *warp, double strength, hl_draws *draws);
void hl_warp_shift(hl_warp *warp, double strength, hl_draws *draws);
void hl_warp_elastic(hl_warp *warp, double strength, hl_draws *draws);

/* augment_paint.c */
void hl_curve_window(float *curve, double strength, hl_draws *draws);
void hl_curve_brightness(float *curve, double strength, hl_draws *draws);
void hl_curve_gamma(float *curve, double strength, hl_draws *draws);
void hl_paint_blur(hl_canvas *canvas, double strength, hl_draws *draws);
void hl_paint_noise(hl_canvas *canvas, double strength, hl_draws *draws);
void hl_paint_cutout(hl_canvas *canvas, double strength, hl_draws *draws);

/* Resampling one sample (augment_resample.c). */
typedef struct hl_resampler hl_resampler;
hl_resampler *hl_resampler_new(hl_context *hl, int height, int width, int planes);
void hl_resampler_free(hl_resampler *resampler);
/* images and labels (NULL: none) by the warp, in place; inside, height x width, comes to be 1 where a pixel comes from `where`. */
void hl_resample(hl_resampler *resampler, const hl_warp *warp, const hl_placement *where, float *images, uint8_t *labels, uint8_t *inside);

#endif
