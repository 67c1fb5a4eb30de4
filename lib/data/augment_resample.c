/* Resampling a sample by its warp, once: images bilinearly, labels by nearest. */
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"

/* Sources have a border of 0 around the grid, a row and a column before it and two after, so that what comes from outside is found there.
 */
enum { BEFORE = 1, BORDER = 3, INSIDE = 0x80 /* in `labels`, beside the label */ };

/* A B-spline's weights at each place of an axis, and the cell it is in. */
typedef struct spline {
    float *weights; /* 4 x length */
    int *cell;      /* length */
    int starts[HL_BEND_CELLS + 1];
} spline;

struct hl_resampler {
    int height, width, planes, stride;
    size_t plane; /* elements of a plane with its border */
    float *images;
    uint8_t *labels;
    spline down, across;
    float *bend[2], *part[2]; /* of a row: how far its pixels are moved; their share of the way to the next source pixel */
    int *at, *nearest;        /* of a row: indices into the planes */
};

/* Cell c reaches over the places p with c <= p cells / (length - 1) < c + 1. */
static hl_status make_spline(hl_context *hl, spline *s, int length) {
    s->weights = hl_calloc(hl, (size_t)length * 4, sizeof *s->weights);
    s->cell = hl_calloc(hl, (size_t)length, sizeof *s->cell);
    if (!s->weights || !s->cell) return HL_NO_MEMORY;
    for (int p = 0; p < length; p++) {
        double place = length > 1 ? (double)p * HL_BEND_CELLS / (length - 1) : 0;
        int cell = place < HL_BEND_CELLS ? (int)place : HL_BEND_CELLS - 1;
        double t = place - cell, u = 1 - t;
        float *w = s->weights + p;
        w[0] = (float)(u * u * u / 6), w[length] = (float)((3 * t * t * t - 6 * t * t + 4) / 6);
        w[2 * length] = (float)((3 * u * u * u - 6 * u * u + 4) / 6), w[3 * length] = (float)(t * t * t / 6);
        s->cell[p] = cell;
        for (int c = cell + 1; c <= HL_BEND_CELLS; c++) s->starts[c] = p + 1;
    }
    return HL_OK;
}

static hl_status find_memory(hl_context *hl, hl_resampler *r) {
    size_t width = (size_t)r->width;
    hl_status status = make_spline(hl, &r->down, r->height);
    if (!status) status = make_spline(hl, &r->across, r->width);
    if (status) return status;
    r->images = hl_calloc(hl, r->plane * (size_t)r->planes, sizeof *r->images);
    r->labels = hl_calloc(hl, r->plane, 1);
    r->at = hl_calloc(hl, width, sizeof *r->at), r->nearest = hl_calloc(hl, width, sizeof *r->nearest);
    bool found = r->images && r->labels && r->at && r->nearest;
    for (int axis = 0; axis < 2 && found; axis++) {
        r->bend[axis] = hl_calloc(hl, width, sizeof(float)), r->part[axis] = hl_calloc(hl, width, sizeof(float));
        found = r->bend[axis] && r->part[axis];
    }
    return found ? HL_OK : HL_NO_MEMORY;
}

hl_resampler *hl_resampler_new(hl_context *hl, int height, int width, int planes) {
    hl_resampler *r = hl_calloc(hl, 1, sizeof *r);
    if (!r) return NULL;
    r->height = height, r->width = width, r->planes = planes, r->stride = width + BORDER;
    r->plane = (size_t)(height + BORDER) * (size_t)r->stride;
    if (!find_memory(hl, r)) return r;
    hl_resampler_free(r);
    return NULL;
}

void hl_resampler_free(hl_resampler *r) {
    if (!r) return;
    free(r->down.weights), free(r->down.cell), free(r->across.weights), free(r->across.cell);
    for (int axis = 0; axis < 2; axis++) free(r->bend[axis]), free(r->part[axis]);
    free(r->images), free(r->labels), free(r->at), free(r->nearest);
    free(r);
}

/* --- mirrors alone ---------------------------------------------------------------------------------------------------------- */

static void mirror_floats(float *row, int width) {
    for (int x = 0; x < width / 2; x++) {
        float left = row[x];
        row[x] = row[width - 1 - x], row[width - 1 - x] = left;
    }
}

static void mirror_bytes(uint8_t *row, int width) {
    for (int x = 0; x < width / 2; x++) {
        uint8_t left = row[x];
        row[x] = row[width - 1 - x], row[width - 1 - x] = left;
    }
}

static bool is_inside(const hl_placement *where, int y, int x) {
    return y >= where->top && y < where->top + where->height && x >= where->left && x < where->left + where->width;
}

static void mirror(const hl_resampler *r, const hl_warp *warp, const hl_placement *where, float *images, uint8_t *labels, uint8_t *inside) {
    size_t width = (size_t)r->width;
    for (int y = 0; y < r->height; y++) {
        for (int x = 0; x < r->width; x++)
            inside[(size_t)y * width + (size_t)x] = is_inside(where, y, warp->mirrors ? r->width - 1 - x : x);
    }
    if (!warp->mirrors) return;
    for (int row = 0; row < r->height * r->planes; row++) mirror_floats(images + (size_t)row * width, r->width);
    for (int y = 0; y < r->height && labels; y++) mirror_bytes(labels + (size_t)y * width, r->width);
}

/* --- everything else -------------------------------------------------------------------------------------------------------- */

static void take_sources(hl_resampler *r, const hl_placement *where, const float *images, const uint8_t *labels) {
    size_t width = (size_t)r->width;
    for (int y = 0; y < r->height; y++) {
        size_t to = (size_t)(y + BEFORE) * (size_t)r->stride + BEFORE, from = (size_t)y * width;
        for (int p = 0; p < r->planes; p++)
            memcpy(r->images + (size_t)p * r->plane + to, images + (size_t)p * (size_t)r->height * width + from, width * sizeof *images);
        for (size_t x = 0; x < width; x++)
            r->labels[to + x] = (uint8_t)((labels ? labels[from + x] : 0) | (is_inside(where, y, (int)x) ? INSIDE : 0));
    }
}

/* How far the spline moves a row's pixels. */
static void bend_row(hl_resampler *r, const hl_warp *warp, int y) {
    const spline *down = &r->down, *across = &r->across;
    for (int axis = 0; axis < 2; axis++) {
        float knots[HL_BEND_KNOTS] = {0};
        for (int i = 0; i < 4; i++) {
            float weight = down->weights[(size_t)i * (size_t)r->height + (size_t)y];
            for (int j = 0; j < HL_BEND_KNOTS; j++) knots[j] += weight * warp->bend[axis][down->cell[y] + i][j];
        }
        const float *w0 = across->weights, *w1 = w0 + r->width, *w2 = w1 + r->width, *w3 = w2 + r->width;
        for (int c = 0; c < HL_BEND_CELLS; c++) {
            const float *k = knots + c;
            for (int x = across->starts[c]; x < across->starts[c + 1]; x++)
                r->bend[axis][x] = k[0] * w0[x] + k[1] * w1[x] + k[2] * w2[x] + k[3] * w3[x];
        }
    }
}

static float within(float value, float most) { return value < 0 ? 0 : value > most ? most : value; }

/* Where a row's pixels come from: the index of the source pixel above and to the left, the shares of the way to the next, the nearest. */
static void find_row(hl_resampler *r, const hl_warp *warp, int y) {
    double middle[2] = {(r->height - 1) / 2.0, (r->width - 1) / 2.0};
    float row = (float)(y - middle[0]), column = (float)middle[1];
    float yy = (float)warp->matrix[0][0], yx = (float)warp->matrix[0][1], xy = (float)warp->matrix[1][0], xx = (float)warp->matrix[1][1];
    float down = (float)(warp->shift[0] + middle[0]) + BEFORE, across = (float)(warp->shift[1] + middle[1]) + BEFORE;
    float lowest = (float)(r->height + 1), rightmost = (float)(r->width + 1);
    const float *bend_y = r->bend[0], *bend_x = r->bend[1];
    for (int x = 0; x < r->width; x++) {
        float ty = row + bend_y[x], tx = (float)x - column + bend_x[x];
        float sy = within(yy * ty + yx * tx + down, lowest), sx = within(xy * ty + xx * tx + across, rightmost);
        int iy = (int)sy, ix = (int)sx;
        r->part[0][x] = sy - (float)iy, r->part[1][x] = sx - (float)ix;
        r->at[x] = iy * r->stride + ix;
        r->nearest[x] = (int)(sy + 0.5f) * r->stride + (int)(sx + 0.5f);
    }
}

static void take_row(const hl_resampler *r, const float *image, float *to) {
    const float *down = r->part[0], *across = r->part[1];
    for (int x = 0; x < r->width; x++) {
        const float *above = image + r->at[x], *below = above + r->stride;
        float upper = above[0] + across[x] * (above[1] - above[0]), lower = below[0] + across[x] * (below[1] - below[0]);
        to[x] = upper + down[x] * (lower - upper);
    }
}

static void take_labels(const hl_resampler *r, uint8_t *labels, uint8_t *inside) {
    for (int x = 0; x < r->width; x++) {
        uint8_t value = r->labels[r->nearest[x]];
        inside[x] = value >= INSIDE;
        if (labels) labels[x] = (uint8_t)(value & (INSIDE - 1));
    }
}

void hl_resample(hl_resampler *r, const hl_warp *warp, const hl_placement *where, float *images, uint8_t *labels, uint8_t *inside) {
    if (!warp->moves) {
        mirror(r, warp, where, images, labels, inside);
        return;
    }
    size_t width = (size_t)r->width, pixels = width * (size_t)r->height;
    take_sources(r, where, images, labels);
    for (int axis = 0; axis < 2 && !warp->bends; axis++) memset(r->bend[axis], 0, width * sizeof(float));
    for (int y = 0; y < r->height; y++) {
        size_t row = (size_t)y * width;
        if (warp->bends) bend_row(r, warp, y);
        find_row(r, warp, y);
        for (int p = 0; p < r->planes; p++) take_row(r, r->images + (size_t)p * r->plane, images + (size_t)p * pixels + row);
        take_labels(r, labels ? labels + row : NULL, inside + row);
    }
}
