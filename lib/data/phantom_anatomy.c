/* The phantom's chest: outline, fat, muscle, bones, mediastinum and the two lungs, as signed distances. */
#include <math.h>

#include "data/phantom.h"

/* Tissue values, from air to bone, as a wide window would show them. */
static const double fat_tissue = 0.52, muscle_tissue = 0.66, blood_tissue = 0.70, liver_tissue = 0.72, bone_tissue = 0.97,
                    air_tissue = 0.01;

/* First-order distance to an ellipse at the origin. */
static double ellipse(double x, double y, double a, double b) {
    double u = x / (a * a), v = y / (b * b), k0 = sqrt(x * u + y * v), k1 = sqrt(u * u + v * v);
    return k1 > 0 ? k0 * (k0 - 1) / k1 : -fmin(a, b);
}

/* The same turned by an angle. */
static double turned(double x, double y, double a, double b, double angle) {
    double c = cos(angle), s = sin(angle);
    return ellipse(c * x + s * y, c * y - s * x, a, b);
}

/* The cross-section, at dz from its middle, of an ellipsoid; far away where the slice misses it. */
static double ellipsoid(double x, double y, double dz, double a, double b, double c) {
    double rest = 1 - dz * dz / (c * c);
    if (rest <= 0.0025) return 1;
    return ellipse(x, y, a * sqrt(rest), b * sqrt(rest));
}

/* The larger of two distances with a rounded corner (polynomial smooth maximum). */
static double round_max(double a, double b, double k) {
    double h = fmax(k - fabs(a - b), 0) / k;
    return fmax(a, b) + h * h * k / 4;
}

static double mix(double from, double to, double share) { return from + (to - from) * share; }
static double cover(double distance, double pixel) { return fmin(fmax(0.5 - distance / pixel, 0), 1); }
static double paint(double v, double tissue, double distance, double pixel) { return mix(v, tissue, cover(distance, pixel)); }

hl_phantom_anatomy hl_phantom_anatomy_draw(hl_phantom_stream *s) {
    hl_phantom_anatomy a = {0};
    a.body[0] = hl_phantom_draw(s, 0.86, 0.95), a.body[1] = a.body[0] * hl_phantom_draw(s, 0.72, 0.80);
    a.fat = hl_phantom_draw(s, 0.035, 0.095);
    for (int i = 0; i < 3; i++) a.wobble[i] = hl_phantom_draw(s, 0, 6.283185307179586);
    a.cavity[0] = a.body[0] - a.fat - hl_phantom_draw(s, 0.075, 0.11);
    a.cavity[1] = a.body[1] - a.fat - hl_phantom_draw(s, 0.06, 0.09);
    a.cavity_y = hl_phantom_draw(s, -0.03, 0.0);
    a.mediastinum = hl_phantom_draw(s, 0.11, 0.16);
    a.spine_y = a.cavity_y + a.cavity[1] - hl_phantom_draw(s, 0.10, 0.14);
    a.heart[0] = hl_phantom_draw(s, 0.10, 0.16), a.heart[1] = a.cavity_y + hl_phantom_draw(s, -0.16, -0.08);
    a.heart_size = hl_phantom_draw(s, 0.78, 1.0);
    a.dome[0] = hl_phantom_draw(s, 0.84, 0.94), a.dome[1] = a.dome[0] - hl_phantom_draw(s, 0.03, 0.09);
    a.ribs = floor(hl_phantom_draw(s, 8, 11)), a.rib_phase = hl_phantom_draw(s, 0, 6.283185307179586);
    for (int i = 0; i < 2; i++) a.fissure[i] = hl_phantom_draw(s, -0.05, 0.15), a.fissure_slope[i] = hl_phantom_draw(s, -0.5, 0.5);
    a.lung = hl_phantom_draw(s, 0.10, 0.16);
    a.dependent = hl_phantom_draw(s, 0, 1);
    a.couch = a.body[1] + hl_phantom_draw(s, 0.04, 0.08);
    a.motion = hl_phantom_draw(s, 0, 1);
    return a;
}

/* The chest wall's inside narrows towards the apex. */
static double cavity_distance(const hl_phantom_anatomy *a, double x, double y, double z) {
    double g = 0.52 + 0.48 * hl_phantom_smoothstep(-0.15, 0.45, z);
    return ellipse(x, y - a->cavity_y - 0.10 * (1 - g), a->cavity[0] * g, a->cavity[1] * g);
}

static double heart_distance(const hl_phantom_anatomy *a, double x, double y, double z) {
    double c = cos(0.6), s = sin(0.6), dx = x - a->heart[0], dy = y - a->heart[1];
    return ellipsoid(c * dx + s * dy, c * dy - s * dx, z - 0.68, 0.31 * a->heart_size, 0.23 * a->heart_size, 0.30);
}

/* The domes of the diaphragm: liver on the right, spleen and stomach on the left. */
static double dome_distance(const hl_phantom_anatomy *a, int label, double x, double y, double z) {
    double side = label == HL_PHANTOM_LEFT ? 1 : -1, top = a->dome[label == HL_PHANTOM_LEFT ? 0 : 1];
    return ellipsoid(x - side * 0.36, y - a->cavity_y + 0.08, z - top - 0.34, 0.46, 0.50, 0.34);
}

static double aorta_distance(const hl_phantom_anatomy *a, double x, double y, double z) {
    double descending = ellipse(x - 0.115, y - a->spine_y + 0.10, 0.062, 0.062);
    double arch = turned(x - 0.07, y - a->spine_y + 0.24, 0.06, 0.20, 0.25) + fabs(z - 0.30) * 1.2;
    return z < 0.28 ? fmax(descending, (0.28 - z)) : fmin(descending, arch);
}

double hl_phantom_lung_distance(const hl_phantom_anatomy *a, int label, double x, double y, double z) {
    double side = label == HL_PHANTOM_LEFT ? 1 : -1, wall = cavity_distance(a, x, y, z) + 0.012;
    if (wall > 0.1) return wall;
    double width = a->mediastinum * (0.75 + 0.5 * hl_phantom_smoothstep(0.1, 0.5, z));
    double middle = fmin(ellipse(x - 0.015, y - a->cavity_y, width, 0.62), ellipse(x, y - a->spine_y, 0.155, 0.14));
    double inner = fmin(fmin(middle, heart_distance(a, x, y, z) - 0.02), aorta_distance(a, x, y, z) - 0.012);
    double d = round_max(wall, -inner, 0.06);
    d = round_max(d, -dome_distance(a, label, x, y, z), 0.04);
    return fmax(d, 0.02 - side * x);
}

/* Vertebra with its canal, and the processes behind it. */
static double paint_spine(const hl_phantom_anatomy *a, double v, double x, double y, double z, double pixel) {
    double back = a->spine_y + 0.145, wide = 0.05 + 0.02 * sin(40 * z);
    v = paint(v, bone_tissue - 0.05, turned(fabs(x) - 0.13, y - back - 0.005, 0.085, 0.030, -0.35), pixel);
    v = paint(v, bone_tissue, ellipse(x, y - back - 0.085, 0.022, wide + 0.03), pixel);
    v = paint(v, bone_tissue, ellipse(x, y - back, 0.082, 0.070), pixel);
    v = paint(v, bone_tissue, ellipse(x, y - a->spine_y, 0.118, 0.095), pixel);
    v = paint(v, bone_tissue - 0.17, ellipse(x, y - a->spine_y, 0.098, 0.075), pixel);
    return paint(v, muscle_tissue, ellipse(x, y - back, 0.050, 0.042), pixel);
}

/* Ribs lie outside the chest's inner wall and slope through the slice, so each is cut along a piece of its length. */
static double paint_ribs(const hl_phantom_anatomy *a, double v, double x, double y, double z, double wall, double pixel) {
    double angle = atan2(y - a->cavity_y, fabs(x)), asymmetry = x < 0 ? 0.4 : 0;
    double along = cos(a->ribs * angle + a->rib_phase + asymmetry + 26 * z);
    double rib = fmax(fabs(wall - 0.036) - 0.021, (0.15 - along) * 0.10);
    v = paint(v, bone_tissue, rib, pixel);
    v = paint(v, bone_tissue - 0.22, rib + 0.014, pixel);
    double sternum = ellipse(x, y - a->cavity_y + a->cavity[1] + 0.03, 0.10, 0.026);
    v = paint(v, bone_tissue - 0.05, sternum, pixel);
    v = paint(v, bone_tissue - 0.20, sternum + 0.012, pixel);
    double scapula = turned(fabs(x) - a->cavity[0] * 0.80, y - a->cavity[1] * 0.78, 0.17, 0.014, -0.75) + fmax(z - 0.45, 0);
    return paint(v, bone_tissue, scapula, pixel);
}

static double paint_mediastinum(const hl_phantom_anatomy *a, double v, double x, double y, double z, double pixel) {
    v = paint(v, blood_tissue, heart_distance(a, x, y, z), pixel * 2);
    if (z > 0.22 && z < 0.62) {
        v = paint(v, blood_tissue, ellipse(x - 0.01, y - a->heart[1] - 0.02, 0.072, 0.075), pixel);  /* ascending aorta */
        v = paint(v, blood_tissue, ellipse(x + 0.095, y - a->heart[1] - 0.04, 0.040, 0.045), pixel); /* upper vena cava */
    }
    if (z > 0.38 && z < 0.56) v = paint(v, blood_tissue, turned(x - 0.05, y - a->heart[1] - 0.12, 0.16, 0.045, -0.3), pixel);
    if (z < 0.30)
        for (int i = -1; i <= 1; i++) v = paint(v, blood_tissue, ellipse(x - 0.085 * i, y + 0.02 + 0.03 * i, 0.032, 0.034), pixel);
    v = paint(v, blood_tissue, aorta_distance(a, x, y, z), pixel);
    v = paint(v, muscle_tissue, ellipse(x - 0.02, y - a->spine_y + 0.16, 0.030, 0.020), pixel); /* oesophagus */
    for (int label = HL_PHANTOM_LEFT; label <= HL_PHANTOM_RIGHT; label++)
        v = paint(v, label == HL_PHANTOM_LEFT ? liver_tissue - 0.03 : liver_tissue, dome_distance(a, label, x, y, z), pixel);
    double y0 = a->spine_y - 0.23;
    if (z < 0.42) return paint(v, air_tissue, ellipse(x + 0.01, y - y0, 0.050, 0.046), pixel);
    if (z > 0.54) return v;
    return paint(v, air_tissue, ellipse(fabs(x + 0.01) - 0.05 - 0.9 * (z - 0.42), y - y0, 0.042, 0.032), pixel); /* main bronchi */
}

double hl_phantom_body(const hl_phantom_anatomy *a, double x, double y, double z, double pixel) {
    double angle = atan2(y, x), body = ellipse(x, y, a->body[0], a->body[1]);
    double couch = y - a->couch - 0.03 + 0.16 * x * x;
    double v = paint(air_tissue, 0.45, fmax(fabs(couch) - 0.010, fabs(x) - 0.85), pixel);
    v = paint(v, 0.16, fmax(fabs(couch - 0.06) - 0.05, fabs(x) - 0.85), pixel);
    if (body > 0.06 + pixel) return v;
    for (int i = 0; i < 3; i++) body += 0.006 * sin((i + 2) * angle + a->wobble[i] + z);
    body -= 0.03 * hl_phantom_smoothstep(0.5, 1, fabs(cos(angle)));
    if (body > pixel) return v;
    v = paint(v, muscle_tissue - 0.03, body, pixel); /* skin */
    v = paint(v, fat_tissue, body + 0.014, pixel);
    v = paint(v, muscle_tissue, body + a->fat + 0.012 * sin(3 * angle + a->wobble[0]), pixel);
    double wall = cavity_distance(a, x, y, z);
    v = paint(v, fat_tissue, fabs(wall - 0.075) - 0.006, pixel * 2); /* fat between the layers of muscle */
    v = paint(v, fat_tissue + 0.02, wall, pixel);
    if (wall < 0.02) v = paint_mediastinum(a, v, x, y, z, pixel);
    v = paint_ribs(a, v, x, y, z, wall, pixel);
    return paint_spine(a, v, x, y, z, pixel);
}

double hl_phantom_lung(const hl_phantom_patient *p, int label, double distance, double x, double y, double z) {
    const hl_phantom_anatomy *a = &p->anatomy;
    int side = label - 1;
    double back = hl_phantom_smoothstep(-0.4, 0.5, y - a->cavity_y), depth = -distance, height = z * HL_PHANTOM_HEIGHT;
    double v = a->lung + 0.045 * back * (0.5 + a->dependent);
    v += 0.020 * hl_phantom_noise(p->seed, p->key + 11, 9 * x, 9 * y, 9 * height);
    v += 0.016 * hl_phantom_noise(p->seed, p->key + 12, 26 * x, 26 * y, 26 * height);
    double haze = 0.5 + 0.5 * hl_phantom_noise(p->seed, p->key + 13, 5 * x, 5 * y, 5 * height);
    v += 0.10 * a->dependent * haze * pow(back, 4) * exp(-depth / 0.035);
    double bend = 0.05 * hl_phantom_noise(p->seed, p->key + 14 + (uint64_t)side, 2 * x, 7, 2 * z);
    double fissure = y - a->fissure[side] - 0.55 * (0.5 - z) - a->fissure_slope[side] * (fabs(x) - 0.4) - bend;
    return v + 0.10 * exp(-fissure * fissure / (2 * 0.007 * 0.007));
}
