/* Winograd's F(4x4, 3x3): tiles of products become outputs, a vector of channels at a time. */
#include "kernels/blas/normed.h"
#include "kernels/blas/transforms.h"
#include "kernels/blas/winograd.h"

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

/* Rows a and b of a tile's 4 x 4 outputs, of products that lie `plane` apart. Addresses are hidden from the compiler, which would else make all of them
 * before it begins and read them from the stack. */
INLINE void two_outputs(int a, int b, const float *m, int64_t plane, vector *y) {
    vector mid[2][PATCH];
    m = hidden(m);
#pragma GCC unroll 6
    for (int x = 0; x < PATCH; x++, m = hidden(m + plane)) {
        vector column[PATCH], all[TILE]; /* of which what is not needed is neither read nor made */
#pragma GCC unroll 6
        for (int k = 0; k < PATCH; k++) column[k] = vector_load(m + k * PATCH * plane);
        output_4(column, 1, all, 1);
        mid[0][x] = all[a], mid[1][x] = all[b];
    }
    output_4(mid[0], 1, y, 1);
    output_4(mid[1], 1, y + TILE, 1);
}

/* A panel of a whole tile's products, and what becomes of its outputs: all in registers. */
typedef struct whole_tile {
    const float *m;
    int64_t plane;
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
    two_outputs(a, b, t->m, t->plane, y);
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
    whole_tile t = {.m = m, .plane = plane, .past = past, .half = out->half, .row = out->w * out->stride, .pixel = out->stride};
    t.out = (void *)cell_at(hl_blas_cells(out, pixel), channel, out->half);
    if (add) t.add = hl_blas_pixel(add, pixel) + channel, t.add_row = add->w * add->stride, t.add_pixel = add->stride;
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

