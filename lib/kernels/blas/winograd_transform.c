/* The transforms of Winograd's F(4x4, 3x3), a vector of channels at a time. */
#include "kernels/blas/normed.h"
#include "kernels/blas/transforms.h"
#include "kernels/blas/winograd.h"

/* One of transforms.h's. */
typedef void transform(const vector *d, int s, vector *to, int t);
enum {
    NARROW = 256, /* channels of a map up to which AMD's processors foresee too little of the next tile */
    AHEAD = 32,   /* floats of a kernel's row that are asked for before they are needed */
};

/* The first half of a transform: columns of size x size values are transformed. Where values are read one after the other it is done as they are
 * read, so that 36 need no place of their own. */
INLINE void transform_columns(transform *one, int size, const vector *from, vector *mid) {
#pragma GCC unroll 6
    for (int x = 0; x < size; x++) one(from + x, size, mid + x, size);
}

/* The second half: rows of `size` values become `wide`. */
INLINE void transform_rows(transform *one, int size, int wide, const vector *mid, vector *to) {
#pragma GCC unroll 6
    for (int y = 0; y < wide; y++) one(mid + y * size, 1, to + y * wide, 1);
}

/* The same, the 36 results one to a plane. */
INLINE void rows_to_planes(transform *one, int size, const vector *mid, float *to, int64_t plane) {
#pragma GCC unroll 6
    for (int y = 0; y < PATCH; y++) {
        vector row[PATCH];
        one(mid + y * size, 1, row, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++) vector_store(to + (y * PATCH + x) * plane, row[x]);
    }
}

/* Asks for the lines that rows_to_planes will write, before they are computed: on Intel's processors a store that misses holds up those behind it. On
 * AMD's asking takes longer. */
INLINE void await_planes(const float *to, int64_t plane) {
    if (is_amd()) return;
#pragma GCC unroll 36
    for (int k = 0; k < PLANES; k++) __builtin_prefetch(to + k * plane, 1, 3);
}

/* Where a tile's outputs begin. */
typedef struct place {
    int n, y, x;
} place;
static place place_of(const hl_conv *conv, int64_t tile) {
    tiling tiles = tiles_of(conv);
    /* 64 bits take longer to divide, and tiles are no more than 32 can count. */
    unsigned index = (unsigned)tile, row = index / (unsigned)tiles.w, image = row / (unsigned)tiles.h;
    return (place){(int)image, (int)(row - image * (unsigned)tiles.h) * TILE, (int)(index - row * (unsigned)tiles.w) * TILE};
}

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

void HL_BLAS(winograd_input)(const hl_conv *conv, const hl_segment *in, int segments, int64_t tile, float *to, int64_t panel, int64_t plane) {
    place at = place_of(conv, tile);
    vector d[PLANES], mid[PLANES];
    int channel = 0, first = 0; /* of the panel, and of the segment */
    for (int s = 0; s < segments; first += in[s++].view.c) {
        int end = first + in[s].view.c;
        int alone = s == segments - 1 ? end : end - LANES + 1; /* panels that begin before have no channels of another segment */
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

void HL_BLAS(winograd_gradient)(const hl_conv *conv, const hl_view *dout, int64_t tile, float *to, int64_t panel, int64_t plane) {
    place at = place_of(conv, tile);
    const hl_segment in = {.view = *dout};
    vector mid[PATCH * TILE];
    patch p = patch_of(&in, at.n, conv->out_h, conv->out_w, at.y, at.x, TILE);
    for (int c = 0; c < dout->c; c += LANES, to += panel) {
        await_planes(to, plane);
        read_patch(gradient_6, &p, TILE, c, dout->c - c, NULL, mid);
        rows_to_planes(gradient_6, TILE, mid, to, plane);
    }
}

/* Up to LANES channels, from `channel` on, of the outputs of a tile, of which `rows` and `columns` are in the map `out` from `pixel` on. */
static void finish_tile(const hl_finish *finish, const hl_view *out, int64_t pixel, int rows, int columns, int channel, int count, vector *y) {
    norm_vectors n = {0};
    const hl_view *add = finish->add;
    if (finish->terms) n = norm_vectors_of(&(hl_segment){.view.c = out->c, .norm = finish->terms}, 0, channel, count);
    for (int i = 0; i < TILE * TILE; i++) y[i] = activated(finish->act, finish->terms ? normed(&n, y[i]) : y[i]);
    for (int row = 0; row < rows && add; row++)
        for (int column = 0; column < columns; column++) {
            vector *value = &y[row * TILE + column];
            *value = with_added(out, add, pixel + row * out->w + column, channel, count, *value);
        }
}

/* A whole tile. */
INLINE void store_tile(const vector *y, bool past, const hl_view *out, int64_t pixel, int channel) {
#pragma GCC unroll 4
    for (int row = 0; row < TILE; row++) {
        void *to = hl_blas_cells(out, pixel + row * out->w);
#pragma GCC unroll 4
        for (int column = 0; column < TILE; column++) {
            int64_t at = column * out->stride + channel;
            if (past) vector_store_past((float *)to + at, y[row * TILE + column]);
            else cells_store(to, at, y[row * TILE + column], out->half);
        }
    }
}

/* What of a tile is in the map, and of its channels. */
static void store_cut(const vector *y, bool accumulate, int rows, int columns, int channel, int count, const hl_view *out, int64_t pixel) {
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++) {
            void *to = hl_blas_cells(out, pixel + row * out->w + column);
            vector value = y[row * TILE + column];
            if (accumulate) value += cells_load_some(to, channel, count, out->half);
            cells_store_some(to, channel, value, count, out->half);
        }
}

INLINE void output_columns(const float *m, int64_t plane, vector *mid) {
#pragma GCC unroll 6
    for (int x = 0; x < PATCH; x++) {
        vector column[PATCH];
#pragma GCC unroll 6
        for (int y = 0; y < PATCH; y++) column[y] = vector_load(m + (y * PATCH + x) * plane);
        output_4(column, 1, mid + x, PATCH);
    }
}

void HL_BLAS(winograd_output)(const hl_conv *conv, const float *m, int64_t panel, int64_t plane, int count, const float *bias,
                              const hl_finish *finish, bool accumulate, bool past, const hl_view *out, int channel, int64_t tile) {
    place at = place_of(conv, tile);
    int rows = conv->out_h - at.y < TILE ? conv->out_h - at.y : TILE, columns = conv->out_w - at.x < TILE ? conv->out_w - at.x : TILE;
    int64_t pixel = ((int64_t)at.n * conv->out_h + at.y) * conv->out_w + at.x;
    bool whole = rows == TILE && columns == TILE && !accumulate;
    for (int c = 0; c < count; c += LANES, m += panel) {
        vector mid[TILE * PATCH], y[TILE * TILE], add = bias ? vector_load_some(bias + channel + c, count - c) : (vector){0};
        output_columns(m, plane, mid);
        transform_rows(output_4, PATCH, TILE, mid, y);
        for (int i = 0; i < TILE * TILE; i++) y[i] += add;
        if (finish) finish_tile(finish, out, pixel, rows, columns, channel + c, count - c, y);
        if (whole && count - c >= LANES) store_tile(y, past, out, pixel, channel + c);
        else store_cut(y, accumulate, rows, columns, channel + c, count - c, out, pixel);
    }
}

INLINE void kernel_vectors(const vector *g, float *to, int64_t plane) {
    vector mid[PATCH * 3];
    await_planes(to, plane);
    transform_columns(kernel_6, 3, g, mid);
    rows_to_planes(kernel_6, 3, mid, to, plane);
}

/* Vectors of output channels lie so in the kernel already. */
static void turned_kernel(const hl_conv *conv, const float *kernel, int output, float *to, int64_t plane) {
    int64_t out = conv->out_c, count = out - output;
    for (int i = 0; i < conv->in_c; i++, kernel += TAPS * out, to += LANES) {
        vector g[TAPS];
        for (int t = 0; t < TAPS; t++) {
            g[t] = vector_load_some(kernel + (TAPS - 1 - t) * out + output, count < LANES ? (int)count : LANES);
            __builtin_prefetch(kernel + (TAPS + t) * out + output); /* no processor foresees so many strands */
        }
        kernel_vectors(g, to, plane);
    }
}

/* So do those of a kernel in panels. */
static void panel_kernel(const hl_conv *conv, const float *panel, float *to, int64_t plane) {
    int64_t tap = (int64_t)conv->in_c * LANES;
    for (int i = 0; i < conv->in_c; i++, panel += LANES, to += LANES) {
        vector g[TAPS];
        for (int t = 0; t < TAPS; t++) g[t] = vector_load(panel + t * tap);
        kernel_vectors(g, to, plane);
    }
}

static void plain_kernel(const hl_conv *conv, const float *kernel, int output, float *to, int64_t plane) {
    int64_t in = conv->in_c;
    for (int from = 0; from < in; from += LANES) {
        vector taps[TAPS][LANES];
        int count = in - from < LANES ? (int)in - from : LANES;
        for (int t = 0; t < TAPS; t++) {
            for (int o = 0; o < LANES; o++) {
                const float *row = kernel + ((int64_t)(output + o) * TAPS + t) * in + from;
                taps[t][o] = output + o < conv->out_c ? vector_load_some(row, count) : (vector){0};
                __builtin_prefetch(row + AHEAD);
            }
            vector_transpose(taps[t]);
        }
        for (int i = 0; i < count; i++, to += LANES) {
            vector g[TAPS];
            for (int t = 0; t < TAPS; t++) g[t] = taps[t][i];
            kernel_vectors(g, to, plane);
        }
    }
}

void HL_BLAS(winograd_kernel)(const hl_conv *conv, const float *kernel, winograd_kernel_order order, int output, float *to, int64_t plane) {
    if (order == WINOGRAD_TURNED) turned_kernel(conv, kernel, output, to, plane);
    else if (order == WINOGRAD_PANELS) panel_kernel(conv, kernel + (int64_t)output * TAPS * conv->in_c, to, plane);
    else plain_kernel(conv, kernel, output, to, plane);
}

void HL_BLAS(winograd_dkernel)(const float *du, int64_t plane, int count, float *dkernel, int64_t stride) {
    vector u[PLANES], mid[3 * PATCH], g[TAPS];
    for (int c = 0; c < count; c += LANES) {
        for (int k = 0; k < PLANES; k++) u[k] = vector_load(du + k * plane + c);
        transform_columns(dkernel_3, PATCH, u, mid);
        transform_rows(dkernel_3, PATCH, 3, mid, g);
        for (int t = 0; t < TAPS; t++) vector_store_some(dkernel + t * stride + c, g[t], count - c);
    }
}
