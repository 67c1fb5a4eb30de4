/* The phantom's slices: the body rendered at a height, what a centre's scanner makes of it and its readers draw in it. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "data/phantom.h"

/* The second centre differs so that a net of the first finds its lesions with too low a probability: patients come early, with
 * fainter lesions, lung is shown darker and its contrast higher, and the reader counts some of the halo of each patch in. Noise and
 * sharpness stay those of the first centre: darker tissue throughout or coarser grain is taken for lesion, and no threshold mends
 * that. */
static const hl_phantom_centre clean = {.gain = 1.0,
                                        .offset = 0.0,
                                        .blur = 0.45,
                                        .noise = 0.022,
                                        .grain = 0.5,
                                        .density = 1.0,
                                        .threshold = 0.5,
                                        .smoothing = 0.6,
                                        .wander = 0.15};
static const hl_phantom_centre shifted = {.gain = 1.2,
                                          .offset = -0.08,
                                          .blur = 0.5,
                                          .noise = 0.016,
                                          .grain = 0.5,
                                          .density = 0.60,
                                          .threshold = 0.2,
                                          .smoothing = 1.2,
                                          .wander = 0.09};

static double between(hl_phantom_stream *s, double from, double to) { return from + (to - from) * hl_phantom_draw(s, 0.2, 1.2); }

hl_phantom_centre hl_phantom_centre_at(uint64_t seed, int centre) {
    if (centre == 0) return clean;
    if (centre == 1) return shifted;
    hl_phantom_stream s = {.seed = seed, .key = UINT64_MAX - (uint64_t)centre};
    return (hl_phantom_centre){
        .gain = between(&s, clean.gain, shifted.gain),
        .offset = between(&s, clean.offset, shifted.offset),
        .blur = between(&s, clean.blur, shifted.blur),
        .noise = between(&s, clean.noise, shifted.noise),
        .grain = between(&s, clean.grain, shifted.grain),
        .density = between(&s, clean.density, shifted.density),
        .threshold = between(&s, clean.threshold, shifted.threshold),
        .smoothing = between(&s, clean.smoothing, shifted.smoothing),
        .wander = between(&s, clean.wander, shifted.wander),
    };
}

/* Lays one subslice over the others: the body, and lung with vessels and lesions where the lungs are. */
static void add_subslice(const hl_phantom_patient *p, double density, double z, double half, float weight, hl_phantom_slice *s) {
    size_t plane = (size_t)s->size * (size_t)s->size;
    float *cleared[] = {s->extent, s->second, s->added, s->solid, s->cover};
    for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++) memset(cleared[i], 0, plane * sizeof(float));
    hl_phantom_lesions_extent(p, z, s->size, s->extent, s->second, s->added, s->solid);
    hl_phantom_vessels_cover(p, z, half * HL_PHANTOM_HEIGHT, s->size, s->cover);
    double pixel = 2.0 / s->size;
    for (size_t i = 0; i < plane; i++) {
        double x = ((double)(i % (size_t)s->size) + 0.5) * pixel - 1, y = ((double)(i / (size_t)s->size) + 0.5) * pixel - 1;
        int label = x > 0 ? HL_PHANTOM_LEFT : HL_PHANTOM_RIGHT;
        double distance = hl_phantom_lung_distance(&p->anatomy, label, x, y, z);
        s->lung[i] = distance < 0 ? (uint8_t)label : 0;
        double inside = fmin(fmax(0.5 - distance / pixel, 0), 1), body = 0, lung = 0;
        if (inside < 1) body = hl_phantom_body(&p->anatomy, x, y, z, pixel);
        if (inside > 0) {
            lung = hl_phantom_lung(p, label, distance, x, y, z);
            lung += (0.64 - lung) * (double)s->cover[i];
            lung = fmin(lung + density * (double)s->added[i] * (1 - 0.6 * (double)s->cover[i]), 0.70);
            lung += (0.60 - lung) * density * (double)s->solid[i];
        }
        s->tissue[i] += weight * (float)(body + (lung - body) * inside);
    }
}

void hl_phantom_render(const hl_phantom_patient *p, const hl_phantom_centre *centre, double z, hl_phantom_slice *s) {
    memset(s->tissue, 0, (size_t)s->size * (size_t)s->size * sizeof(float));
    /* a slice is thick, and breathing makes it thicker at the base */
    double half = 0.007 + 0.008 * p->anatomy.motion * hl_phantom_smoothstep(0.6, 0.9, z);
    int sides = z > 0.6 ? 2 : 1;
    float weight = 1.0f / (float)(2 * sides + 1);
    for (int k = sides; k > 0; k--)
        for (int sign = -1; sign <= 1; sign += 2)
            add_subslice(p, centre->density, z + sign * half * k / sides, half / (2 * sides), weight, s);
    add_subslice(p, centre->density, z, half / (2 * sides), weight, s); /* last: its extents and lungs are the slice's */
}

/* A Gaussian's right half, its sum over both halves 1. Returns its radius, at most 31. */
static int gaussian(double deviation, float *kernel) {
    int radius = (int)fmin(31, ceil(3 * deviation));
    double sum = 0;
    for (int i = -radius; i <= radius; i++) sum += exp(-i * i / (2 * deviation * deviation));
    for (int i = 0; i <= radius; i++) kernel[i] = (float)(exp(-i * i / (2 * deviation * deviation)) / sum);
    return radius;
}

static void blur_lines(const float *in, float *out, int size, int step, int line, const float *kernel, int radius) {
    for (int l = 0; l < size; l++)
        for (int i = 0; i < size; i++) {
            float sum = kernel[0] * in[l * line + i * step];
            for (int k = 1; k <= radius; k++) {
                int before = i - k < 0 ? 0 : i - k, after = i + k >= size ? size - 1 : i + k;
                sum += kernel[k] * (in[l * line + before * step] + in[l * line + after * step]);
            }
            out[l * line + i * step] = sum;
        }
}

/* Blurs a plane in place; `deviation` in pixels. Returns by how much the deviation of white noise shrinks. */
static double blur(float *plane, float *scratch, int size, double deviation) {
    if (deviation < 0.2) return 1;
    float kernel[32] = {0};
    int radius = gaussian(deviation, kernel);
    blur_lines(plane, scratch, size, 1, size, kernel, radius);
    blur_lines(scratch, plane, size, size, 1, kernel, radius);
    double squares = (double)kernel[0] * (double)kernel[0];
    for (int k = 1; k <= radius; k++) squares += 2 * (double)kernel[k] * (double)kernel[k];
    return squares;
}

void hl_phantom_scan(const hl_phantom_centre *centre, uint64_t seed, uint64_t key, hl_phantom_slice *s) {
    size_t plane = (size_t)s->size * (size_t)s->size;
    double unit = s->size / 128.0;
    blur(s->tissue, s->scratch, s->size, centre->blur * unit);
    float *noise = s->cover;
    for (size_t i = 0; i < plane; i++) noise[i] = (float)hl_random_normal(seed, HL_RANDOM_PHANTOM, key, i);
    double scale = centre->noise / blur(noise, s->scratch, s->size, centre->grain * unit);
    for (size_t i = 0; i < plane; i++) {
        double grey = centre->offset + centre->gain * ((double)s->tissue[i] + scale * (double)noise[i]);
        s->image[i] = (uint8_t)lrint(255 * fmin(fmax(grey, 0), 1));
    }
}

/* A reader draws a smooth line where the extent passes his threshold, which wanders by `wander` along the border. */
static void draw_mask(float *extent, const hl_phantom_slice *s, uint64_t seed, uint64_t key, double threshold, double wander,
                      double smoothing, uint8_t *mask) {
    blur(extent, s->scratch, s->size, smoothing * s->size / 128.0);
    double pixel = 2.0 / s->size;
    for (int row = 0; row < s->size; row++)
        for (int column = 0; column < s->size; column++) {
            int i = row * s->size + column;
            mask[i] = 0;
            if (!s->lung[i] || extent[i] < 0.01f) continue;
            double bend = wander * hl_phantom_noise(seed, key, 5 * (column + 0.5) * pixel, 5 * (row + 0.5) * pixel, 0);
            mask[i] = (double)extent[i] > fmax(threshold + bend, 0.05) ? 255 : 0;
        }
}

void hl_phantom_read_masks(const hl_phantom_centre *centre, uint64_t seed, uint64_t key, hl_phantom_slice *s) {
    hl_phantom_stream stream = {.seed = seed, .key = key + 3};
    double second = centre->threshold + hl_phantom_draw(&stream, -0.18, 0.18);
    draw_mask(s->extent, s, seed, key + 1, centre->threshold, centre->wander, centre->smoothing, s->mask);
    draw_mask(s->second, s, seed, key + 2, second, 0.22, centre->smoothing * 0.6 + 0.5, s->mask2);
}
