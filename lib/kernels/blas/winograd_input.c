/* Winograd's F(4x4, 3x3): tiles of inputs and of gradients, transformed, a vector of channels at a time. */
#include "kernels/blas/normed.h"
#include "kernels/blas/winograd_planes.h"

enum { NARROW = 256 }; /* channels of a map up to which AMD's processors foresee too little of the next tile */

/* Where the size x size pixels of an h x w map from a place on lie: pixel (y, x) begins with element columns[x] of rows[y]. Outside the map a row is NULL,
 * a column -1; `whole`: none is. */
typedef struct patch {
    const void *rows[PATCH];
    int64_t columns[PATCH];
    bool whole, half;
    int64_t ahead; /* elements from a pixel to the next tile's, where that is to be asked for; or 0 */
} patch;
INLINE patch patch_of(const hl_segment *in, int n, int h, int w, int y0, int x0, int size) {
    patch p = {.whole = y0 >= 0 && x0 >= 0 && y0 + size <= h && x0 + size <= w, .half = in->view.half};
#pragma GCC unroll 6
    for (int i = 0; i < size; i++) {
        int y = y0 + i, x = x0 + i;
        p.rows[i] = p.whole || (y >= 0 && y < h) ? hl_blas_cells(&in->view, ((int64_t)n * in->view.h + (y >> in->up)) * in->view.w) : NULL;
        p.columns[i] = p.whole || (x >= 0 && x < w) ? (x >> in->up) * in->view.stride : -1;
    }
    if (is_amd() && p.whole && in->view.c <= NARROW) p.ahead = TILE * in->view.stride >> in->up;
    return p;
}

/* A vector of channels of each pixel of a patch, 0 outside the map, columns transformed. With `norm` (may be NULL) those inside are read through it.
 * `whole` and `half` are the patch's, `ahead` is or is 0: constants where it matters. */
INLINE void read_columns(transform *one, const patch *p, int size, int channel, int count, const norm_vectors *norm, bool whole, bool half, int64_t ahead,
                         vector *mid) {
#pragma GCC unroll 6
    for (int x = 0; x < size; x++) {
        vector column[PATCH];
#pragma GCC unroll 6
        for (int y = 0; y < size; y++) {
            column[y] = (vector){0};
            if (!whole && (!p->rows[y] || p->columns[x] < 0)) continue;
            int64_t at = p->columns[x] + channel;
            if (ahead && x >= size - TILE) __builtin_prefetch(cell_at(p->rows[y], at + ahead, half));
            column[y] = cells_load_some(p->rows[y], at, count, half);
            if (norm) column[y] = normed(norm, column[y]);
        }
        one(column, 1, mid + x, size);
    }
}

/* Most patches are whole, and most panels. */
INLINE void read_patch(transform *one, const patch *p, int size, int channel, int count, const norm_vectors *norm, vector *mid) {
    if (!p->whole) read_columns(one, p, size, channel, count, norm, false, p->half, 0, mid);
    else if (count < LANES) read_columns(one, p, size, channel, count, norm, true, p->half, 0, mid);
    else if (p->half && p->ahead) read_columns(one, p, size, channel, LANES, norm, true, true, p->ahead, mid);
    else if (p->half) read_columns(one, p, size, channel, LANES, norm, true, true, 0, mid);
    else if (p->ahead) read_columns(one, p, size, channel, LANES, norm, true, false, p->ahead, mid);
    else read_columns(one, p, size, channel, LANES, norm, true, false, 0, mid);
}

INLINE void input_panel(const hl_segment *in, int image, const patch *p, int channel, int count, float *to, int64_t plane) {
    vector mid[PLANES];
    await_planes(to, plane);
    if (is_through(in)) {
        norm_vectors n = norm_vectors_of(in, image, channel, count);
        read_patch(input_6, p, PATCH, channel, count, &n, mid);
    } else read_patch(input_6, p, PATCH, channel, count, NULL, mid);
    rows_to_planes(input_6, PATCH, mid, to, plane);
}

INLINE patch input_patch(const hl_conv *conv, const hl_segment *in, place at) {
    return patch_of(in, at.n, conv->in_h, conv->in_w, at.y - conv->pad_top, at.x - conv->pad_left, PATCH);
}

/* Channels from `channel` on of a tile's pixels, across the borders of segments and past the last of them. */
static void gather_panel(const hl_conv *conv, const hl_segment *in, int segments, place at, int channel, vector *to) {
    memset(to, 0, PLANES * sizeof *to);
    for (int s = 0, first = 0; s < segments; first += in[s++].view.c) {
        int from = channel - first > 0 ? channel - first : 0, lane = first + from - channel, count = in[s].view.c - from;
        if (count > LANES - lane) count = LANES - lane;
        if (count <= 0) continue;
        patch p = input_patch(conv, &in[s], at);
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

/* Rows a and b of B^T d B, each to its planes: value (y, x) of d is at rows[y] + columns[x]. The 12 numbers between stay in registers, where 36 would not.
 * `ahead`: floats from a value to the next tile's, where that is to be asked for; or 0, a constant. */
INLINE void two_rows(int a, int b, const float *const *rows, const int64_t *columns, int64_t ahead, float *to, int64_t plane) {
    vector mid[2][PATCH];
#pragma GCC unroll 6
    for (int x = 0; x < PATCH; x++) {
        vector column[PATCH], all[PATCH]; /* of which what is not needed is neither read nor made */
#pragma GCC unroll 6
        for (int y = 0; y < PATCH; y++) {
            if (ahead && x >= PATCH - TILE) __builtin_prefetch(rows[y] + columns[x] + ahead);
            column[y] = vector_load(rows[y] + columns[x]);
        }
        input_6(column, 1, all, 1);
        mid[0][x] = all[a], mid[1][x] = all[b];
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        vector line[PATCH];
        float *next = to + (i ? b : a) * PATCH * plane;
        input_6(mid[i], 1, line, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++, next = (float *)hidden(next + plane)) vector_store(next, line[x]);
    }
}

/* All rows, of values that lie `row` and `pixel` apart. Rows that have sums in common go together. Addresses are hidden from the compiler, which would
 * else make all 72 ahead of the loop over panels, and read them from the stack again. */
INLINE void patch_to_planes(const float *values, int64_t row, int64_t pixel, int64_t ahead, float *to, int64_t plane) {
    const float *rows[PATCH];
    int64_t columns[PATCH];
#pragma GCC unroll 6
    for (int i = 0; i < PATCH; i++) rows[i] = hidden(values + i * row), columns[i] = i * pixel;
    two_rows(1, 2, rows, columns, ahead, to, plane);
    two_rows(3, 4, rows, columns, 0, to, plane);
    two_rows(0, 5, rows, columns, 0, to, plane);
}

/* Whole panels of a segment's channels channel .. end of the 6 x 6 pixels before which a tile's outputs begin, transformed as they are read. Returns where
 * the next would begin: at `channel` where pixels are not all in the map, or are read through something. */
INLINE int plain_panels(const hl_conv *conv, const hl_segment *in, place at, int channel, int end, float *to, int64_t panel, int64_t plane) {
    int y = at.y - conv->pad_top, x = at.x - conv->pad_left;
    bool whole = y >= 0 && x >= 0 && y + PATCH <= conv->in_h && x + PATCH <= conv->in_w;
    if (!whole || in->up || in->view.half || is_through(in)) return channel;
    int64_t pixel = in->view.stride, row = in->view.w * pixel, ahead = is_amd() && in->view.c <= NARROW ? TILE * pixel : 0;
    const float *values = hl_blas_pixel(&in->view, ((int64_t)at.n * in->view.h + y) * in->view.w + x);
    for (; channel + LANES <= end; channel += LANES, to += panel) {
        await_planes(to, plane);
        if (ahead) patch_to_planes(values + channel, row, pixel, ahead, to, plane);
        else patch_to_planes(values + channel, row, pixel, 0, to, plane);
    }
    return channel;
}

void HL_BLAS(winograd_input)(const hl_conv *conv, const hl_segment *in, int segments, place at, int from, int count, float *to, int64_t panel,
                             int64_t plane) {
    vector d[PLANES], mid[PLANES];
    int channel = from, first = 0; /* of the panel, and of the segment */
    for (int s = 0; s < segments; first += in[s++].view.c) {
        int all = first + in[s].view.c, end = all < from + count ? all : from + count;
        int alone = s == segments - 1 || end < all ? end : end - LANES + 1; /* panels that begin before have no channels of another segment */
        int next = plain_panels(conv, &in[s], at, channel - first, end - first, to, panel, plane) + first;
        to += (next - channel) / LANES * panel, channel = next;
        if (channel < alone) {
            patch p = input_patch(conv, &in[s], at);
            for (; channel < alone; channel += LANES, to += panel) input_panel(&in[s], at.n, &p, channel - first, end - channel, to, plane);
        }
        if (channel < end) { /* the rest of this one, and what follows it */
            gather_panel(conv, in, segments, at, channel, d);
            transform_columns(input_6, PATCH, d, mid);
            rows_to_planes(input_6, PATCH, mid, to, plane);
            channel += LANES, to += panel;
        }
    }
}

void HL_BLAS(winograd_gradient)(const hl_conv *conv, const hl_view *dout, place at, float *to, int64_t panel, int64_t plane) {
    const hl_segment in = {.view = *dout};
    vector mid[PATCH * TILE];
    patch p = patch_of(&in, at.n, conv->out_h, conv->out_w, at.y, at.x, TILE);
    for (int c = 0; c < dout->c; c += LANES, to += panel) {
        await_planes(to, plane);
        read_patch(gradient_6, &p, TILE, c, dout->c - c, NULL, mid);
        rows_to_planes(gradient_6, TILE, mid, to, plane);
    }
}

