/* Winograd's F(4x4, 3x3): tiles of inputs and of gradients, transformed, a vector of channels at a time. */
#include "kernels/blas/normed.h"
#include "kernels/blas/winograd_planes.h"

enum {
    NARROW = 256, /* channels of a map up to which AMD's processors foresee too little of its tiles: */
    AHEAD = 4,    /* they are asked for so many panels before */
};

/* Vectors of a tile: value (y, x) at values[y * row + x * pixel], and what is to be asked of the memory meanwhile `ahead` of it. */
typedef struct square {
    const float *values;
    int64_t row, pixel, ahead;
} square;

/* Two rows of the transform of size x size values, a pair that has sums in common, each to its planes. The numbers between stay in registers, where those
 * of all rows would not. `asks`, a constant, for a third of what is ahead, of the last TILE columns. Addresses are hidden from the compiler, which would
 * else make all of them before it begins and read them from the stack. */
INLINE void two_rows(transform *one, int size, int pair, square s, bool asks, float *to, int64_t plane) {
    vector mid[2][PATCH];
    const float *values = hidden(s.values), *asked = values + (size - TILE) * s.pixel + s.ahead;
#pragma GCC unroll 6
    for (int x = 0; x < size; x++, values = hidden(values + s.pixel)) {
        vector column[PATCH], all[PATCH]; /* of which what is not needed is neither read nor made */
#pragma GCC unroll 6
        for (int y = 0; y < size; y++) {
            if (asks && x >= size - TILE && y / 2 == pair) __builtin_prefetch(asked + y * s.row);
            column[y] = vector_load(values + y * s.row);
        }
        if (asks && x >= size - TILE) asked = hidden(asked + s.pixel);
        one(column, 1, all, 1);
        mid[0][x] = all[pair_row(pair, 0)], mid[1][x] = all[pair_row(pair, 1)];
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        vector line[PATCH];
        float *next = to + pair_row(pair, i) * PATCH * plane;
        one(mid[i], 1, line, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++, next = (float *)hidden(next + plane)) vector_store(next, line[x]);
    }
}
INLINE void all_rows(transform *one, int size, square s, bool asks, float *to, int64_t plane) {
    await_planes(to, plane);
    two_rows(one, size, 0, s, asks, to, plane);
    two_rows(one, size, 1, s, asks, to, plane);
    two_rows(one, size, 2, s, asks, to, plane);
}

/* Whole panels of tiles side by side, of floats that are all in the map: transformed as they are read. */
typedef struct plain_tiles {
    const float *values;
    int64_t row, pixel;
    int panels, count;
    bool asks;
} plain_tiles;
INLINE void plain_rows(transform *one, int size, const plain_tiles *tiles, float *to, int64_t panel, int64_t plane) {
    int panels = tiles->panels, distance = panels < AHEAD ? panels : AHEAD;
    for (int t = 0; t < tiles->count; t++)
        for (int p = 0; p < panels; p++) {
            square s = {tiles->values + t * TILE * tiles->pixel + p * LANES, tiles->row, tiles->pixel, distance * LANES};
            float *planes = to + t * LANES + p * panel;
            if (p + distance >= panels) s.ahead += TILE * s.pixel - panels * LANES; /* of the next tile */
            if (tiles->asks) all_rows(one, size, s, true, planes, plane);
            else all_rows(one, size, s, false, planes, plane);
        }
}

/* By themselves: what they need of registers is all there are. */
#define ALONE static __attribute__((noinline))
ALONE void plain_input(const plain_tiles *tiles, float *to, int64_t panel, int64_t plane) { plain_rows(input_6, PATCH, tiles, to, panel, plane); }
ALONE void plain_gradient(const plain_tiles *tiles, float *to, int64_t panel, int64_t plane) { plain_rows(gradient_6, TILE, tiles, to, panel, plane); }

/* Where the size x size pixels of an h x w map from a place on lie: pixel (y, x) begins with element columns[x] of rows[y]. Outside the map a row is NULL,
 * a column -1; `whole`: none is. */
typedef struct patch {
    const void *rows[PATCH];
    int64_t columns[PATCH];
    bool whole, half;
    int64_t ahead; /* elements from a pixel to the next tile's, where that is to be asked for; or 0 */
} patch;
static patch patch_of(const hl_segment *in, int n, int h, int w, int y0, int x0, int size) {
    patch p = {.whole = y0 >= 0 && x0 >= 0 && y0 + size <= h && x0 + size <= w, .half = in->view.half};
    for (int i = 0; i < size; i++) {
        int y = y0 + i, x = x0 + i;
        p.rows[i] = p.whole || (y >= 0 && y < h) ? hl_blas_cells(&in->view, ((int64_t)n * in->view.h + (y >> in->up)) * in->view.w) : NULL;
        p.columns[i] = p.whole || (x >= 0 && x < w) ? (x >> in->up) * in->view.stride : -1;
    }
    if (is_amd() && p.whole && in->view.c <= NARROW) p.ahead = TILE * in->view.stride >> in->up;
    return p;
}

/* A vector of channels of each pixel of a patch, 0 outside the map, columns transformed. With `norm` (may be NULL) those inside are read through it.
 * `half` is the patch's, `whole` too, or false: constants where it matters. */
INLINE void read_columns(transform *one, int size, const patch *p, int channel, int count, const norm_vectors *norm, bool whole, bool half, vector *mid) {
    for (int x = 0; x < size; x++) {
        vector column[PATCH];
        int64_t at = p->columns[x] + channel;
#pragma GCC unroll 6
        for (int y = 0; y < size; y++) {
            column[y] = (vector){0};
            if (!whole && (!p->rows[y] || p->columns[x] < 0)) continue;
            if (p->ahead && x >= size - TILE) __builtin_prefetch(cell_at(p->rows[y], at + p->ahead, half));
            column[y] = cells_load_some(p->rows[y], at, count, half);
            if (norm) column[y] = normed(norm, column[y]);
        }
        one(column, 1, mid + x, size);
    }
}

/* Most patches are whole, and most panels. */
INLINE void read_patch(transform *one, int size, const patch *p, int channel, int count, const norm_vectors *norm, vector *mid) {
    if (!p->whole || count < LANES) read_columns(one, size, p, channel, count, norm, false, p->half, mid);
    else if (p->half) read_columns(one, size, p, channel, LANES, norm, true, true, mid);
    else read_columns(one, size, p, channel, LANES, norm, true, false, mid);
}

/* Panels of channels channel .. end of any patch. */
INLINE void patch_panels(transform *one, int size, const hl_segment *in, int image, const patch *p, int channel, int end, float *to, int64_t panel,
                         int64_t plane) {
    vector mid[PLANES];
    for (; channel < end; channel += LANES, to += panel) {
        await_planes(to, plane);
        if (is_through(in)) {
            norm_vectors n = norm_vectors_of(in, image, channel, end - channel);
            read_patch(one, size, p, channel, end - channel, &n, mid);
        } else read_patch(one, size, p, channel, end - channel, NULL, mid);
        rows_to_planes(one, size, mid, to, plane);
    }
}

/* How many of `count` tiles of `size` pixels from (y, x) on are plain. */
static int plain_count(const hl_segment *in, int y, int x, int size, int count) {
    const hl_view *v = &in->view;
    if (in->up || v->half || is_through(in) || y < 0 || x < 0 || y + size > v->h || x + size > v->w) return 0;
    int inside = (v->w - size - x) / TILE + 1;
    return inside < count ? inside : count;
}

/* Channels channel .. end of a segment of tiles, of which the first's pixels begin at (y, x). */
INLINE void segment_tiles(transform *one, int size, int h, int w, const hl_segment *in, int y, int x, const tile_run *tiles, int channel, int end, float *to) {
    const hl_view *v = &in->view;
    int image = tiles->at.n, whole = (end - channel) / LANES;
    for (int t = 0, run; t < tiles->count; t += run, x += run * TILE, to += run * LANES) {
        int from = channel, plain = plain_count(in, y, x, size, tiles->count - t);
        run = plain > 0 ? plain : 1;
        if (plain > 0 && whole > 0) {
            const float *values = hl_blas_pixel(v, ((int64_t)image * v->h + y) * v->w + x) + channel;
            plain_tiles some = {values, v->w * v->stride, v->stride, whole, plain, is_amd() && v->c <= NARROW};
            if (size == PATCH) plain_input(&some, to, tiles->panel, tiles->plane);
            else plain_gradient(&some, to, tiles->panel, tiles->plane);
            from += whole * LANES;
        }
        for (int i = 0; i < run && from < end; i++) {
            patch p = patch_of(in, image, h, w, y, x + i * TILE, size);
            patch_panels(one, size, in, image, &p, from, end, to + i * LANES + (from - channel) / LANES * tiles->panel, tiles->panel, tiles->plane);
        }
    }
}

/* Channels from `channel` on of a tile's pixels, across the borders of segments and past the last of them. */
static void gather_panel(const hl_conv *conv, const hl_segment *in, int segments, place at, int channel, vector *to) {
    memset(to, 0, PLANES * sizeof *to);
    for (int s = 0, first = 0; s < segments; first += in[s++].view.c) {
        int from = channel - first > 0 ? channel - first : 0, lane = first + from - channel, count = in[s].view.c - from;
        if (count > LANES - lane) count = LANES - lane;
        if (count <= 0) continue;
        patch p = patch_of(&in[s], at.n, conv->in_h, conv->in_w, at.y - conv->pad_top, at.x - conv->pad_left, PATCH);
        for (int k = 0; k < PLANES; k++) {
            const void *row = p.rows[k / PATCH];
            int64_t column = p.columns[k % PATCH];
            if (!row || column < 0) continue;
            float *lanes = (float *)&to[k] + lane;
            if (is_through(&in[s])) read_normed(&in[s], at.n, cell_at(row, column, p.half), from, count, lanes);
            else vector_store_some(lanes, cells_load_some(row, column + from, count, p.half), count);
        }
    }
}

void HL_BLAS(winograd_input)(const hl_conv *conv, const hl_segment *in, int segments, const tile_run *tiles, int from, int count) {
    int channel = from, first = 0, y = tiles->at.y - conv->pad_top, x = tiles->at.x - conv->pad_left; /* of the panel, and of the segment */
    float *to = tiles->to;
    for (int s = 0; s < segments; first += in[s++].view.c) {
        int all = first + in[s].view.c, end = all < from + count ? all : from + count;
        if (channel >= end) continue;
        /* Of a segment that another follows the last channels may share a panel with it. */
        int alone = s == segments - 1 || end < all ? end : end - (end - channel) % LANES, panels = panels_of(alone - channel);
        segment_tiles(input_6, PATCH, conv->in_h, conv->in_w, &in[s], y, x, tiles, channel - first, alone - first, to);
        channel += panels * LANES, to += panels * tiles->panel;
        if (channel >= end) continue;
        place at = tiles->at;
        for (int t = 0; t < tiles->count; t++, at.x += TILE) { /* the rest of this one, and what follows it */
            vector d[PLANES], mid[PLANES];
            gather_panel(conv, in, segments, at, channel, d);
            transform_columns(input_6, PATCH, d, mid);
            rows_to_planes(input_6, PATCH, mid, to + t * LANES, tiles->plane);
        }
        channel += LANES, to += tiles->panel;
    }
}

void HL_BLAS(winograd_gradient)(const hl_conv *conv, const hl_view *dout, const tile_run *tiles) {
    const hl_segment in = {.view = *dout};
    segment_tiles(gradient_6, TILE, conv->out_h, conv->out_w, &in, tiles->at.y, tiles->at.x, tiles, 0, dout->c, tiles->to);
}
