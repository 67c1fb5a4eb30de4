/* The phantom's pulmonary vessels: two trees of capsules that fork from the hila outwards. */
#include <math.h>

#include "data/phantom.h"

/* Grows one branch and its forks; direction is a unit vector. A branch that would leave the lung ends. */
static void grow(hl_phantom_stream *s, hl_phantom_patient *p, int label, const double from[3], const double direction[3], double radius,
                 int level) {
    if (p->vessel_count == HL_PHANTOM_VESSELS || radius < 0.0028 || level > 7) return;
    hl_phantom_vessel *v = &p->vessels[p->vessel_count];
    double length = hl_phantom_draw(s, 0.07, 0.14);
    *v = (hl_phantom_vessel){.radius = radius};
    for (int i = 0; i < 3; i++) v->from[i] = from[i], v->to[i] = from[i] + length * direction[i];
    double depth = -hl_phantom_lung_distance(&p->anatomy, label, v->to[0], v->to[1], v->to[2] / HL_PHANTOM_HEIGHT);
    if (level > 1 && depth < 0.02) return;
    p->vessel_count++;
    double tip[3] = {v->to[0], v->to[1], v->to[2]};
    for (int fork = 0; fork < 2; fork++) {
        double next[3], norm = 0;
        for (int i = 0; i < 3; i++) next[i] = direction[i] + hl_phantom_draw(s, -0.62, 0.62), norm += next[i] * next[i];
        for (int i = 0; i < 3; i++) next[i] /= sqrt(norm);
        grow(s, p, label, tip, next, radius * (fork ? hl_phantom_draw(s, 0.55, 0.75) : hl_phantom_draw(s, 0.78, 0.88)), level + 1);
    }
}

void hl_phantom_vessels_draw(hl_phantom_stream *s, hl_phantom_patient *p) {
    p->vessel_count = 0;
    for (int label = HL_PHANTOM_LEFT; label <= HL_PHANTOM_RIGHT; label++) {
        double side = label == HL_PHANTOM_LEFT ? 1 : -1;
        double hilum[3] = {side * hl_phantom_draw(s, 0.18, 0.23), p->anatomy.cavity_y + hl_phantom_draw(s, 0.0, 0.08),
                           0.5 * HL_PHANTOM_HEIGHT};
        for (int branch = 0; branch < 7; branch++) {
            double up = hl_phantom_draw(s, -1, 1), turn = hl_phantom_draw(s, -1.45, 1.45), flat = sqrt(1 - up * up);
            double direction[3] = {side * flat * cos(turn), flat * sin(turn), up};
            grow(s, p, label, hilum, direction, hl_phantom_draw(s, 0.016, 0.028), 0);
        }
    }
}

/* One capsule on one slice; how far the slab reaches along z counts as inside. */
static void cover_one(const hl_phantom_vessel *v, double z, double half, int size, float *cover) {
    double pixel = 2.0 / size, reach = v->radius + pixel;
    if (z < fmin(v->from[2], v->to[2]) - reach - half || z > fmax(v->from[2], v->to[2]) + reach + half) return;
    double d[3], length2 = 0;
    for (int i = 0; i < 3; i++) d[i] = v->to[i] - v->from[i], length2 += d[i] * d[i];
    int low[2], high[2];
    for (int i = 0; i < 2; i++) {
        low[i] = (int)fmax(0, floor((fmin(v->from[i], v->to[i]) - reach + 1) / pixel - 0.5));
        high[i] = (int)fmin(size - 1, ceil((fmax(v->from[i], v->to[i]) + reach + 1) / pixel - 0.5));
    }
    for (int row = low[1]; row <= high[1]; row++)
        for (int column = low[0]; column <= high[0]; column++) {
            double q[3] = {(column + 0.5) * pixel - 1 - v->from[0], (row + 0.5) * pixel - 1 - v->from[1], z - v->from[2]};
            double t = fmin(fmax((q[0] * d[0] + q[1] * d[1] + q[2] * d[2]) / length2, 0), 1);
            double dz = fmax(fabs(q[2] - t * d[2]) - half, 0), dx = q[0] - t * d[0], dy = q[1] - t * d[1];
            double share = fmin(fmax(0.5 - (sqrt(dx * dx + dy * dy + dz * dz) - v->radius) / pixel, 0), 1);
            /* thinner than a pixel: only a part of it is blood */
            share *= fmin(1, 0.35 + v->radius / pixel);
            float *at = &cover[(long)row * size + column];
            if (share > *at) *at = (float)share;
        }
}

void hl_phantom_vessels_cover(const hl_phantom_patient *p, double z, double half, int size, float *cover) {
    for (int i = 0; i < p->vessel_count; i++) cover_one(&p->vessels[i], z * HL_PHANTOM_HEIGHT, half, size, cover);
}
