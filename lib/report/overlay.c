/* Slices as RGB pictures with truth and prediction, or classes, outlined. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/report.h"

typedef struct colour {
    unsigned char rgb[3];
} colour;

static const colour green = {{0, 220, 110}}, magenta = {{240, 60, 220}}, blue = {{40, 120, 255}}, orange = {{255, 150, 0}};

/* The masks of a slice, one byte a pixel: 1 inside. */
typedef struct masks {
    const uint8_t *truth, *prediction; /* NULL: not drawn */
    int height, width, scale;
} masks;

static bool inside(const masks *m, const uint8_t *mask, int y, int x) {
    if (y < 0 || x < 0 || y >= m->height * m->scale || x >= m->width * m->scale) return false;
    return mask[(size_t)(y / m->scale) * (size_t)m->width + (size_t)(x / m->scale)] != 0;
}

/* Is the output pixel in the mask and within a line's thickness of what is not? */
static bool on_outline(const masks *m, const uint8_t *mask, int y, int x) {
    if (!mask || !inside(m, mask, y, x)) return false;
    int thickness = (m->scale + 2) / 3;
    for (int dy = -1; dy <= 1; dy++) {
        for (int dx = -1; dx <= 1; dx++) {
            if (!inside(m, mask, y + dy * thickness, x + dx * thickness)) return true;
        }
    }
    return false;
}

/* Where the outlines coincide they take turns, so that both are seen. */
static const colour *outline_at(const masks *m, int y, int x) {
    bool truth = on_outline(m, m->truth, y, x), prediction = on_outline(m, m->prediction, y, x);
    int dash = 2 * m->scale;
    if (truth && prediction) return (y + x) / dash % 2 ? &green : &magenta;
    return truth ? &green : prediction ? &magenta : NULL;
}

static colour tinted(unsigned char grey, const colour *tint) {
    colour mixed;
    for (int c = 0; c < 3; c++) mixed.rgb[c] = (unsigned char)((55 * grey + 45 * tint->rgb[c] + 50) / 100);
    return mixed;
}

static unsigned char grey_of(float value) {
    return value > 0 ? (unsigned char)(value < 1 ? value * 255 + 0.5f : 255) : 0; /* a NaN is black */
}

/* The colour of a slice's pixel without outlines. */
static colour ground(const masks *m, size_t pixel, float value, bool fill) {
    unsigned char grey = grey_of(value);
    if (fill && m->truth && m->prediction) {
        bool truth = m->truth[pixel] != 0, prediction = m->prediction[pixel] != 0;
        if (truth != prediction) return tinted(grey, truth ? &blue : &orange);
    }
    return (colour){{grey, grey, grey}};
}

static void paint(const masks *m, const float *image, bool fill, unsigned char *rgb) {
    for (int y = 0; y < m->height * m->scale; y++) {
        for (int x = 0; x < m->width * m->scale; x++, rgb += 3) {
            size_t pixel = (size_t)(y / m->scale) * (size_t)m->width + (size_t)(x / m->scale);
            const colour *outline = outline_at(m, y, x);
            colour painted = outline ? *outline : ground(m, pixel, image[pixel], fill);
            memcpy(rgb, painted.rgb, 3);
        }
    }
}

/* Memory for a picture of so many pixels; NULL: none, or a size that makes no sense. */
static unsigned char *new_picture(hl_context *hl, int height, int width, int scale) {
    if (height < 1 || width < 1 || scale < 1 || (int64_t)height * scale > 32768 || (int64_t)width * scale > 32768) {
        hl_fail(hl, HL_USAGE, "an overlay of %d x %d pixels enlarged %d times: expected 1 to 32768 pixels a side", height, width, scale);
        return NULL;
    }
    return hl_calloc(hl, (size_t)height * (size_t)width * (size_t)scale * (size_t)scale, 3);
}

unsigned char *hl_overlay(hl_context *hl, int height, int width, const float *image, const uint8_t *truth, const float *probabilities,
                          double threshold, bool fill, int scale) {
    unsigned char *rgb = new_picture(hl, height, width, scale);
    if (!rgb) return NULL;
    size_t pixels = (size_t)height * (size_t)width;
    uint8_t *prediction = probabilities ? hl_calloc(hl, pixels, 1) : NULL;
    if ( probabilities && !prediction) return free(rgb), NULL;
    for (size_t i = 0; prediction && i < pixels; i++) prediction[i] = (double)probabilities[i] > threshold;
    masks m = {.truth = truth, .prediction = prediction, .height = height, .width = width, .scale = scale};
    paint(&m, image, fill, rgb);
    free(prediction);
    return rgb;
}

/* --- classes ---------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    colour colour;
} class_colours[] = {
    {"green", {{0, 220, 110}}},   {"magenta", {{240, 60, 220}}}, {"orange", {{255, 150, 0}}}, {"blue", {{40, 120, 255}}},
    {"yellow", {{245, 225, 30}}}, {"cyan", {{30, 210, 230}}},    {"red", {{235, 50, 50}}},    {"violet", {{150, 90, 255}}},
};
enum { CLASS_COLOURS = sizeof class_colours / sizeof *class_colours };

const char *hl_overlay_colour(int index) { return class_colours[(index + CLASS_COLOURS - 1) % CLASS_COLOURS].name; }

/* The label of an output pixel; outside there is none. */
static int label_at(const masks *m, int y, int x) {
    if (y < 0 || x < 0 || y >= m->height * m->scale || x >= m->width * m->scale) return 0;
    return m->truth[(size_t)(y / m->scale) * (size_t)m->width + (size_t)(x / m->scale)];
}

/* Is the output pixel of a class and within a line's thickness of what is not? */
static bool on_border(const masks *m, int y, int x) {
    int thickness = (m->scale + 2) / 3, label = label_at(m, y, x);
    for (int dy = -1; dy <= 1; dy++) {
        for (int dx = -1; dx <= 1; dx++) {
            if (label_at(m, y + dy * thickness, x + dx * thickness) != label) return true;
        }
    }
    return false;
}

unsigned char *hl_overlay_classes(hl_context *hl, int height, int width, const float *image, const uint8_t *labels, int scale) {
    unsigned char *rgb = new_picture(hl, height, width, scale), *at = rgb;
    masks m = {.truth = labels, .height = height, .width = width, .scale = scale};
    for (int y = 0; rgb && y < height * scale; y++) {
        for (int x = 0; x < width * scale; x++, at += 3) {
            unsigned char grey = grey_of(image[(size_t)(y / scale) * (size_t)width + (size_t)(x / scale)]);
            int label = labels ? label_at(&m, y, x) : 0;
            const colour *own = label ? &class_colours[(label - 1) % CLASS_COLOURS].colour : NULL;
            colour painted = !own ? (colour){{grey, grey, grey}} : on_border(&m, y, x) ? *own : tinted(grey, own);
            memcpy(at, painted.rgb, 3);
        }
    }
    return rgb;
}
