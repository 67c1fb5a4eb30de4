/* Kinds of augmentation that move pixels: they compose one map from the changed slice's pixels to where they come from. */
#include <math.h>
#include <string.h>

#include "data/augment.h"

/* After what the warp has: its map is applied to the source of this one. */
static void compose(hl_warp *warp, const double matrix[2][2], const double shift[2]) {
    double product[2][2];
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) product[i][j] = warp->matrix[i][0] * matrix[0][j] + warp->matrix[i][1] * matrix[1][j];
        warp->shift[i] += warp->matrix[i][0] * shift[0] + warp->matrix[i][1] * shift[1];
    }
    memcpy(warp->matrix, product, sizeof product);
}

static const double nowhere[2] = {0, 0};

/* Left-right. Its one draw is the sample's own number. */
void hl_warp_flip(hl_warp *warp, double strength, hl_draws *draws) {
    if ((double)(draws->sample >> 11) * 0x1p-53 < 1 - strength) return;
    warp->mirrors = !warp->mirrors;
    compose(warp, (const double[2][2]){{1, 0}, {0, -1}}, nowhere);
}

/* By up to `strength` degrees either way. */
void hl_warp_rotate(hl_warp *warp, double strength, hl_draws *draws) {
    double angle = hl_draw_within(draws, strength) * (3.14159265358979323846 / 180);
    warp->moves = true;
    compose(warp, (const double[2][2]){{cos(angle), -sin(angle)}, {sin(angle), cos(angle)}}, nowhere);
}

/* By a factor of 1 / (1 + strength) to 1 + strength, its logarithm uniform. */
void hl_warp_scale(hl_warp *warp, double strength, hl_draws *draws) {
    double factor = exp(hl_draw_within(draws, log1p(strength)));
    warp->moves = true;
    compose(warp, (const double[2][2]){{1 / factor, 0}, {0, 1 / factor}}, nowhere);
}

/* By up to `strength` of the grid's height and width. */
void hl_warp_shift(hl_warp *warp, double strength, hl_draws *draws) {
    const double identity[2][2] = {{1, 0}, {0, 1}};
    double down = hl_draw_within(draws, strength * warp->height), across = hl_draw_within(draws, strength * warp->width);
    warp->moves = true;
    compose(warp, identity, (const double[2]){-down, -across});
}

/* A free-form deformation by a uniform cubic B-spline (Rueckert et al., IEEE Trans. Med. Imaging 18 (1999), eq. 1 to 4), each knot moved by
 * up to `strength` of the grid's shorter side. Below 1 / 2.046 of a cell's side nothing folds (Choi and Lee, Graphical Models 62 (2000)):
 * 0.0977 with five cells. */
void hl_warp_elastic(hl_warp *warp, double strength, hl_draws *draws) {
    double bound = strength * (warp->height < warp->width ? warp->height : warp->width);
    warp->moves = warp->bends = true;
    for (int axis = 0; axis < 2; axis++) {
        for (int i = 0; i < HL_BEND_KNOTS; i++) {
            for (int j = 0; j < HL_BEND_KNOTS; j++) warp->bend[axis][i][j] = (float)hl_draw_within(draws, bound);
        }
    }
}
