/* The transforms of Winograd's F(4x4, 3x3), a vector of channels at a time. */
#include "kernels/blas/normed.h"
#include "kernels/blas/transforms.h"
#include "kernels/blas/winograd.h"

/* A pointer that the compiler does not know for the same. */
static inline const float *hidden(const float *a) {
    __asm__("" : "+r"(a));
    return a;
}

/* One of transforms.h's. */
typedef void transform(const vector *d, int s, vector *to, int t);
enum {
    NARROW = 256, /* channels of a map up to which AMD's processors foresee too little of the next tile */
    AHEAD = 32,   /* floats of a kernel's row that are asked for before they are needed */
};

/* The first half of a transform: columns of size x size values are transformed. */
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

/* Asks for the lines that are written, before they are computed: on Intel's processors a store that misses holds up those behind it. On
 * AMD's asking takes longer. */
INLINE void await_planes(const float *to, int64_t plane) {
    if (is_amd()) return;
#pragma GCC unroll 36
    for (int k = 0; k < PLANES; k++) __builtin_prefetch(to + k * plane, 1, 3);
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

/* Rows a and b of a transform's 6 x 6 results, each to its planes, of size x size values: value (y, x) is at rows[y] + columns[x]. The 12 numbers between
 * stay in registers, where 36 would not. `ahead`: floats from a value to the next tile's, where that is to be asked for; or 0, a constant. */
INLINE void two_rows(transform *one, int size, int a, int b, const float *const *rows, const int64_t *columns, int64_t ahead, float *to, int64_t plane) {
    vector mid[2][PATCH];
#pragma GCC unroll 6
    for (int x = 0; x < size; x++) {
        vector column[PATCH], all[PATCH]; /* of which what is not needed is neither read nor made */
#pragma GCC unroll 6
        for (int y = 0; y < size; y++) {
            if (ahead && x >= size - TILE) __builtin_prefetch(rows[y] + columns[x] + ahead);
            column[y] = vector_load(rows[y] + columns[x]);
        }
        one(column, 1, all, 1);
        mid[0][x] = all[a], mid[1][x] = all[b];
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        vector line[PATCH];
        float *next = to + (i ? b : a) * PATCH * plane;
        one(mid[i], 1, line, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++, next = (float *)hidden(next + plane)) vector_store(next, line[x]);
    }
}

/* All of them, of values that lie `row` and `pixel` apart. Rows that have sums in common go together. Addresses are hidden from the compiler, which would
 * else make all 72 ahead of the loop over panels, and read them from the stack again. */
INLINE void to_planes(transform *one, int size, const float *values, int64_t row, int64_t pixel, int64_t ahead, float *to, int64_t plane) {
    const float *rows[PATCH];
    int64_t columns[PATCH];
#pragma GCC unroll 6
    for (int i = 0; i < size; i++) rows[i] = hidden(values + i * row), columns[i] = i * pixel;
    two_rows(one, size, 1, 2, rows, columns, ahead, to, plane);
    two_rows(one, size, 3, 4, rows, columns, 0, to, plane);
    two_rows(one, size, 0, 5, rows, columns, 0, to, plane);
}

/* The same of values side by side. */
INLINE void values_to_planes(transform *one, int size, const vector *values, float *to, int64_t plane) {
    to_planes(one, size, (const float *)values, size * LANES, LANES, 0, to, plane);
}

/* Whole panels of a segment's channels from `channel` on of the 6 x 6 pixels before which a tile's outputs begin, transformed as they are read. Returns where
 * the next would begin: at `channel` where pixels are not all in the map, or are read through something. */
INLINE int plain_panels(const hl_conv *conv, const hl_segment *in, place at, int channel, float *to, int64_t panel, int64_t plane) {
    int y = at.y - conv->pad_top, x = at.x - conv->pad_left;
    bool whole = y >= 0 && x >= 0 && y + PATCH <= conv->in_h && x + PATCH <= conv->in_w;
    if (!whole || in->up || in->view.half || is_through(in)) return channel;
    int64_t pixel = in->view.stride, row = in->view.w * pixel, ahead = is_amd() && in->view.c <= NARROW ? TILE * pixel : 0;
    const float *values = hl_blas_pixel(&in->view, ((int64_t)at.n * in->view.h + y) * in->view.w + x);
    for (; channel + LANES <= in->view.c; channel += LANES, to += panel) {
        await_planes(to, plane);
        if (ahead) to_planes(input_6, PATCH, values + channel, row, pixel, ahead, to, plane);
        else to_planes(input_6, PATCH, values + channel, row, pixel, 0, to, plane);
    }
    return channel;
}

void HL_BLAS(winograd_input)(const hl_conv *conv, const hl_segment *in, int segments, place at, float *to, int64_t panel, int64_t plane) {
    vector d[PLANES];
    int channel = 0, first = 0; /* of the panel, and of the segment */
    for (int s = 0; s < segments; first += in[s++].view.c) {
        int end = first + in[s].view.c;
        int alone = s == segments - 1 ? end : end - LANES + 1; /* panels that begin before have no channels of another segment */
        int next = plain_panels(conv, &in[s], at, channel - first, to, panel, plane) + first;
        to += (next - channel) / LANES * panel, channel = next;
        if (channel < alone) {
            patch p = input_patch(conv, &in[s], at);
            for (; channel < alone; channel += LANES, to += panel) input_panel(&in[s], at.n, &p, channel - first, end - channel, to, plane);
        }
        if (channel < end) { /* the rest of this one, and what follows it */
            gather_panel(conv, in, segments, at, channel, d);
            values_to_planes(input_6, PATCH, d, to, plane);
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

/* Rows a and b of a tile's 4 x 4 outputs, of products whose number (y, x) is at rows[y] + columns[x]. */
INLINE void two_outputs(int a, int b, const float *const *rows, const int64_t *columns, vector *y) {
    vector mid[2][PATCH];
#pragma GCC unroll 6
    for (int x = 0; x < PATCH; x++) {
        vector column[PATCH], all[TILE]; /* of which what is not needed is neither read nor made */
#pragma GCC unroll 6
        for (int k = 0; k < PATCH; k++) column[k] = vector_load(rows[k] + columns[x]);
        output_4(column, 1, all, 1);
        mid[0][x] = all[a], mid[1][x] = all[b];
    }
    output_4(mid[0], 1, y, 1);
    output_4(mid[1], 1, y + TILE, 1);
}

/* Where rows of products and their columns lie, and what becomes of a panel of a whole tile's outputs: all in registers. */
typedef struct whole_tile {
    const float *rows[PATCH];
    int64_t columns[PATCH];
    vector bias;
    norm_vectors norm;
    bool has_terms, relu, past, half;
    const float *add; /* NULL: none; the tile's first vector of it */
    int64_t add_row, add_pixel;
    void *out;
    int64_t row, pixel; /* elements */
} whole_tile;

INLINE void finish_rows(const whole_tile *t, int a, int b) {
    vector y[2 * TILE];
    two_outputs(a, b, t->rows, t->columns, y);
#pragma GCC unroll 8
    for (int i = 0; i < 2 * TILE; i++) y[i] += t->bias;
    if (t->has_terms)
#pragma GCC unroll 8
        for (int i = 0; i < 2 * TILE; i++) y[i] = normed(&t->norm, y[i]);
    if (t->relu)
#pragma GCC unroll 8
        for (int i = 0; i < 2 * TILE; i++) y[i] = vector_relu(y[i]);
    if (t->add)
#pragma GCC unroll 8
        for (int i = 0; i < 2 * TILE; i++) y[i] += vector_load(t->add + (i < TILE ? a : b) * t->add_row + i % TILE * t->add_pixel);
    if (t->past)
#pragma GCC unroll 8
        for (int i = 0; i < 2 * TILE; i++) vector_store_past((float *)t->out + (i < TILE ? a : b) * t->row + i % TILE * t->pixel, y[i]);
    else if (t->half)
#pragma GCC unroll 8
        for (int i = 0; i < 2 * TILE; i++) vector_narrow((uint16_t *)t->out + (i < TILE ? a : b) * t->row + i % TILE * t->pixel, y[i]);
    else
#pragma GCC unroll 8
        for (int i = 0; i < 2 * TILE; i++) vector_store((float *)t->out + (i < TILE ? a : b) * t->row + i % TILE * t->pixel, y[i]);
}

/* Whether a whole tile's outputs have nothing to go through but a norm, relu and a sum of floats. */
static bool is_plain(const hl_finish *finish, bool accumulate, const hl_view *out) {
    bool sums = accumulate || (finish && finish->add), half_sum = out->half || (finish && finish->add && finish->add->half);
    return !(finish && finish->act == HL_SWISH) && !(sums && half_sum) && !(accumulate && finish);
}

/* A panel of such a tile. */
static void whole_panel(const float *m, int64_t plane, const float *bias, const hl_finish *finish, bool accumulate, bool past, const hl_view *out,
                        int64_t pixel, int channel) {
    const hl_view *add = accumulate ? out : finish ? finish->add : NULL;
    whole_tile t = {.past = past, .half = out->half, .row = out->w * out->stride, .pixel = out->stride};
    t.out = (void *)cell_at(hl_blas_cells(out, pixel), channel, out->half);
    if (add) t.add = hl_blas_pixel(add, pixel) + channel, t.add_row = add->w * add->stride, t.add_pixel = add->stride;
#pragma GCC unroll 6
    for (int i = 0; i < PATCH; i++) t.rows[i] = hidden(m + i * PATCH * plane), t.columns[i] = i * plane;
    t.bias = bias ? vector_load(bias + channel) : (vector){0};
    if (finish) {
        t.has_terms = finish->terms, t.relu = finish->act == HL_RELU;
        if (t.has_terms) t.norm = norm_vectors_of(&(hl_segment){.view.c = out->c, .norm = finish->terms}, 0, channel, LANES);
    }
    /* Rows that have sums in common go together. */
    finish_rows(&t, 0, 2);
    finish_rows(&t, 1, 3);
}

/* Any panel. */
static void any_outputs(const float *m, int64_t plane, const float *bias, const hl_finish *finish, bool accumulate, int rows, int columns, const hl_view *out,
                        int64_t pixel, int channel, int count) {
    vector values[PLANES], mid[TILE * PATCH], y[TILE * TILE], add = bias ? vector_load_some(bias + channel, count) : (vector){0};
    for (int k = 0; k < PLANES; k++) values[k] = vector_load(m + k * plane);
    transform_columns(output_4, PATCH, values, mid);
    transform_rows(output_4, PATCH, TILE, mid, y);
    for (int i = 0; i < TILE * TILE; i++) y[i] += add;
    if (finish) finish_tile(finish, out, pixel, rows, columns, channel, count, y);
    store_cut(y, accumulate, rows, columns, channel, count, out, pixel);
}

void HL_BLAS(winograd_output)(const hl_conv *conv, const float *m, int64_t panel, int64_t plane, int count, const float *bias,
                              const hl_finish *finish, bool accumulate, bool past, const hl_view *out, int channel, place at) {
    int rows = conv->out_h - at.y < TILE ? conv->out_h - at.y : TILE, columns = conv->out_w - at.x < TILE ? conv->out_w - at.x : TILE;
    int64_t pixel = ((int64_t)at.n * conv->out_h + at.y) * conv->out_w + at.x;
    bool plain = rows == TILE && columns == TILE && is_plain(finish, accumulate, out);
    for (int c = 0; c < count; c += LANES, m += panel) {
        if (plain && count - c >= LANES) whole_panel(m, plane, bias, finish, accumulate, past, out, pixel, channel + c);
        else any_outputs(m, plane, bias, finish, accumulate, rows, columns, out, pixel, channel + c, count - c);
    }
}

INLINE void kernel_vectors(const vector *g, float *to, int64_t plane) {
    await_planes(to, plane);
    values_to_planes(kernel_6, 3, g, to, plane);
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

/* Tap row after tap row; of the last pair the middle one is zeros. */
INLINE void dkernel_pair(int pair, const float *du, int64_t plane, int count, bool accumulate, float *dkernel, int64_t stride) {
    for (int c = 0; c < count; c += LANES) {
        vector row[PATCH], a[3], b[3], g[TAPS];
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++) row[x] = vector_load(du + x * plane + c);
        dkernel_3(row, 1, a, 1);
#pragma GCC unroll 6
        for (int x = 0; x < PATCH; x++) row[x] = vector_load(du + (PATCH + x) * plane + c);
        dkernel_3(row, 1, b, 1);
        dkernel_rows(pair, a, b, g);
#pragma GCC unroll 9
        for (int t = 0; t < TAPS; t++) {
            if (pair == PAIRS - 1 && t / 3 == 1 && accumulate) continue;
            float *to = dkernel + t * stride + c;
            if (accumulate) g[t] += vector_load_some(to, count - c);
            vector_store_some(to, g[t], count - c);
        }
    }
}

void HL_BLAS(winograd_dkernel_pair)(const float *du, int64_t plane, int count, int pair, bool accumulate, float *dkernel, int64_t stride) {
    if (pair == 0) dkernel_pair(0, du, plane, count, accumulate, dkernel, stride);
    else if (pair == 1) dkernel_pair(1, du, plane, count, accumulate, dkernel, stride);
    else dkernel_pair(2, du, plane, count, accumulate, dkernel, stride);
}
