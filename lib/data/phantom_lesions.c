/* The phantom's lesions: ground glass and consolidation, ragged ellipsoids that prefer the lungs' rim, back and base. */
#include <math.h>

#include "data/phantom.h"

/* Looks for a place inside a lung, likelier near the surface, behind and below; keeps the last one inside if none is taken. */
static bool place(hl_phantom_stream *s, const hl_phantom_patient *p, double low, double high, double middle[3]) {
    bool found = false;
    for (int attempt = 0; attempt < 400; attempt++) {
        double x = hl_phantom_draw(s, -0.8, 0.8), y = hl_phantom_draw(s, -0.6, 0.6), z = hl_phantom_draw(s, low, high);
        int label = x > 0 ? HL_PHANTOM_LEFT : HL_PHANTOM_RIGHT;
        double depth = -hl_phantom_lung_distance(&p->anatomy, label, x, y, z), wish = hl_phantom_draw(s, 0, 1);
        if (depth < 0.025) continue;
        middle[0] = x, middle[1] = y, middle[2] = z;
        found = true;
        double back = 0.3 + 0.7 * hl_phantom_smoothstep(-0.35, 0.25, y), base = 0.4 + 0.6 * hl_phantom_smoothstep(0.1, 0.7, z);
        if (wish < back * base * fmin(1, exp((0.08 - depth) / 0.10))) return true;
    }
    return found;
}

void hl_phantom_lesions_draw(hl_phantom_stream *s, hl_phantom_patient *p, double severity, double seen) {
    int wanted = 1 + (int)(hl_phantom_draw(s, 0.5, 1.2) * severity * 14);
    if (wanted > HL_PHANTOM_LESIONS) wanted = HL_PHANTOM_LESIONS;
    p->lesion_count = 0;
    for (int i = 0; i < wanted; i++) {
        hl_phantom_lesion *l = &p->lesions[p->lesion_count];
        *l = (hl_phantom_lesion){.key = p->key + 100 + (uint64_t)i};
        if (!place(s, p, i ? 0.08 : seen - 0.01, i ? 0.95 : seen + 0.01, l->middle)) continue;
        double radius = (i ? hl_phantom_draw(s, 0.06, 0.15) : hl_phantom_draw(s, 0.15, 0.19)) * (1 + 0.7 * severity);
        l->radius[0] = radius * hl_phantom_draw(s, 0.75, 1.15), l->radius[1] = radius * hl_phantom_draw(s, 0.9, 1.4);
        l->radius[2] = radius * hl_phantom_draw(s, 0.9, 1.6);
        l->angle = hl_phantom_draw(s, 0, 3.141592653589793);
        bool solid = hl_phantom_draw(s, 0, 1) < 0.15 + 0.25 * severity;
        l->solid = solid ? hl_phantom_draw(s, 0.6, 0.9) : 0;
        l->density = hl_phantom_draw(s, 0.19, 0.30);
        l->softness = solid ? hl_phantom_draw(s, 0.12, 0.2) : hl_phantom_draw(s, 0.28, 0.46);
        bool faint = hl_phantom_draw(s, 0, 1) < 0.35;
        l->missed = i > 0 && !solid && faint && l->density < 0.23;
        p->lesion_count++;
    }
}

/* How much lesion a point is, from 0 to 1. */
static double extent_at(const hl_phantom_patient *p, const hl_phantom_lesion *l, double x, double y, double z) {
    double dx = x - l->middle[0], dy = y - l->middle[1], dz = (z - l->middle[2]) * HL_PHANTOM_HEIGHT;
    double c = cos(l->angle), s = sin(l->angle);
    double a = (c * dx + s * dy) / l->radius[0], b = (c * dy - s * dx) / l->radius[1], h = dz / l->radius[2];
    double q = sqrt(a * a + b * b + h * h);
    if (q > 1.8) return 0;
    double ragged = 0.42 * hl_phantom_noise(p->seed, l->key, 1.5 * a, 1.5 * b, 1.5 * h);
    ragged += 0.20 * hl_phantom_noise(p->seed, l->key, 4 * a + 50, 4 * b, 4 * h);
    return hl_phantom_smoothstep(-l->softness, l->softness, 1 - q + ragged);
}

static float larger(float a, double b) { return b > (double)a ? (float)b : a; }

void hl_phantom_lesions_extent(const hl_phantom_patient *p, double z, int size, float *extent, float *second, float *added, float *solid) {
    double pixel = 2.0 / size;
    for (int i = 0; i < p->lesion_count; i++) {
        const hl_phantom_lesion *l = &p->lesions[i];
        double reach = 1.8 * fmax(l->radius[0], l->radius[1]);
        if (fabs(z - l->middle[2]) * HL_PHANTOM_HEIGHT > 1.8 * l->radius[2]) continue;
        int top = (int)fmax(0, (l->middle[1] - reach + 1) / pixel), bottom = (int)fmin(size - 1, (l->middle[1] + reach + 1) / pixel);
        int left = (int)fmax(0, (l->middle[0] - reach + 1) / pixel), right = (int)fmin(size - 1, (l->middle[0] + reach + 1) / pixel);
        for (int row = top; row <= bottom; row++)
            for (int column = left; column <= right; column++) {
                double x = (column + 0.5) * pixel - 1, y = (row + 0.5) * pixel - 1, e = extent_at(p, l, x, y, z);
                /* a lesion stays in the lung it began in */
                if (e <= 0 || (x > 0) != (l->middle[0] > 0)) continue;
                long at = (long)row * size + column;
                double grain = 1 + 0.30 * hl_phantom_noise(p->seed, l->key + 50, 22 * x, 22 * y, 22 * z);
                extent[at] = larger(extent[at], e);
                if (!l->missed) second[at] = larger(second[at], e);
                added[at] = larger(added[at], e * l->density * grain);
                solid[at] = larger(solid[at], e * l->solid);
            }
    }
}
