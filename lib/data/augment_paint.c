/* Kinds of augmentation that change intensities: curves of them, and what is painted pixel by pixel. */
#include <math.h>
#include <string.h>

#include "data/augment.h"

/* The CT window, 0..1, as if it had been chosen otherwise: its level moved by up to `strength` of its width, its width changed by a factor
 * of 1 / (1 + strength) to 1 + strength. */
void hl_curve_window(float *curve, double strength, hl_draws *draws) {
    double level = 0.5 + hl_draw_within(draws, strength), width = exp(hl_draw_within(draws, log1p(strength)));
    for (int i = 0; i <= HL_CURVE_STEPS; i++) {
        double value = (curve[i] - level) / width + 0.5;
        curve[i] = (float)(value < 0 ? 0 : value > 1 ? 1 : value);
    }
}

/* Times 1 - strength to 1 + strength. */
void hl_curve_brightness(float *curve, double strength, hl_draws *draws) {
    double factor = 1 + hl_draw_within(draws, strength);
    for (int i = 0; i <= HL_CURVE_STEPS; i++) curve[i] = (float)(curve[i] * factor);
}

/* To the power of 1 / (1 + strength) to 1 + strength, its logarithm uniform. */
void hl_curve_gamma(float *curve, double strength, hl_draws *draws) {
    float power = (float)exp(hl_draw_within(draws, log1p(strength)));
    for (int i = 0; i <= HL_CURVE_STEPS; i++) curve[i] = powf(curve[i], power);
}

/* --- blur ------------------------------------------------------------------------------------------------------------------- */

enum { RADIUS_MOST = 12 }; /* three deviations of the strongest */

/* A Gaussian's taps out to three deviations, their sum 1; returns the radius. */
static int make_taps(double deviation, float taps[RADIUS_MOST + 1]) {
    int radius = (int)ceil(3 * deviation);
    if (radius > RADIUS_MOST) radius = RADIUS_MOST;
    double sum = 1, values[RADIUS_MOST + 1] = {1};
    for (int i = 1; i <= radius; i++) sum += 2 * (values[i] = exp(-0.5 * i * i / (deviation * deviation)));
    for (int i = 0; i <= radius; i++) taps[i] = (float)(values[i] / sum);
    return radius;
}

static int clamp(int index, int length) { return index < 0 ? 0 : index >= length ? length - 1 : index; }

/* One row of the columns' pass; beyond the first and the last row those are repeated. */
static void blur_columns(const float *from, float *to, int height, int width, int y, const float *taps, int radius) {
    const float *row = from + (size_t)y * (size_t)width;
    for (int x = 0; x < width; x++) to[x] = taps[0] * row[x];
    for (int i = 1; i <= radius; i++) {
        const float *above = from + (size_t)clamp(y - i, height) * (size_t)width,
                    *below = from + (size_t)clamp(y + i, height) * (size_t)width;
        for (int x = 0; x < width; x++) to[x] += taps[i] * (above[x] + below[x]);
    }
}

/* A row in itself, likewise. */
static void blur_row(const float *from, float *to, int width, const float *taps, int radius) {
    int first = radius < width ? radius : width, last = width - radius > first ? width - radius : first;
    for (int x = 0; x < width; x++) to[x] = taps[0] * from[x];
    for (int i = 1; i <= radius; i++) {
        for (int x = 0; x < first; x++) to[x] += taps[i] * (from[clamp(x - i, width)] + from[clamp(x + i, width)]);
        for (int x = first; x < last; x++) to[x] += taps[i] * (from[x - i] + from[x + i]);
        for (int x = last; x < width; x++) to[x] += taps[i] * (from[clamp(x - i, width)] + from[clamp(x + i, width)]);
    }
}

/* A Gaussian of a deviation up to `strength` pixels, rows then columns. */
void hl_paint_blur(hl_canvas *canvas, double strength, hl_draws *draws) {
    float taps[RADIUS_MOST + 1];
    double deviation = strength * hl_draw(draws);
    if (deviation < 0.1) return; /* its second tap is below 1e-21 */
    int radius = make_taps(deviation, taps), height = canvas->height, width = canvas->width;
    for (int p = 0; p < canvas->planes; p++) {
        float *image = canvas->images + (size_t)p * (size_t)height * (size_t)width;
        for (int y = 0; y < height; y++)
            blur_row(image + (size_t)y * (size_t)width, canvas->scratch + (size_t)y * (size_t)width, width, taps, radius);
        for (int y = 0; y < height; y++) blur_columns(canvas->scratch, image + (size_t)y * (size_t)width, height, width, y, taps, radius);
    }
}

/* --- noise ------------------------------------------------------------------------------------------------------------------ */

/* SplitMix64 at one place of its sequence (Steele, Lea, Flood 2014). */
static uint64_t bits_at(uint64_t start, uint64_t place) {
    uint64_t z = start + place * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Nearly normal, mean 0 and deviation 1: the sum of four uniform numbers of 16 bits, which reaches 3.46 deviations. */
static float normal_of(uint64_t bits) {
    int sum = (int)(bits & 0xFFFF) + (int)(bits >> 16 & 0xFFFF) + (int)(bits >> 32 & 0xFFFF) + (int)(bits >> 48);
    return (float)(sum - 2 * 0xFFFF) * (float)(1.7320508075688772 / 65536);
}

/* Each pixel its own, of a deviation up to `strength`; the slices of a sample differ. */
void hl_paint_noise(hl_canvas *canvas, double strength, hl_draws *draws) {
    float deviation = (float)(strength * hl_draw(draws));
    uint64_t start = (uint64_t)(hl_draw(draws) * 0x1p53) << 11;
    size_t count = (size_t)canvas->planes * (size_t)canvas->height * (size_t)canvas->width;
    for (size_t i = 0; i < count; i++) canvas->images[i] += deviation * normal_of(bits_at(start, i));
}

/* --- cutout ----------------------------------------------------------------------------------------------------------------- */

static float mean_inside(const float *image, const uint8_t *inside, size_t pixels) {
    double sum = 0;
    int64_t count = 0;
    for (size_t i = 0; i < pixels; i++) sum += inside[i] ? image[i] : 0, count += inside[i];
    return count ? (float)(sum / (double)count) : 0;
}

/* A rectangle anywhere, of up to `strength` of the grid's height and width, becomes the slice's mean (DeVries and Taylor, arXiv
 * 1708.04552); labels stay, so that what is hidden has to be told from what is around it. */
void hl_paint_cutout(hl_canvas *canvas, double strength, hl_draws *draws) {
    int height = (int)lround(strength * hl_draw(draws) * canvas->height), width = (int)lround(strength * hl_draw(draws) * canvas->width);
    int top = (int)(hl_draw(draws) * (canvas->height - height + 1)), left = (int)(hl_draw(draws) * (canvas->width - width + 1));
    size_t pixels = (size_t)canvas->height * (size_t)canvas->width;
    for (int p = 0; p < canvas->planes; p++) {
        float *image = canvas->images + (size_t)p * pixels, mean = mean_inside(image, canvas->inside, pixels);
        for (int y = top; y < top + height; y++) {
            float *row = image + (size_t)y * (size_t)canvas->width + left;
            for (int x = 0; x < width; x++) row[x] = mean;
        }
    }
}
