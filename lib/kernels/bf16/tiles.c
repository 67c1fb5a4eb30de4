/* Products on AMX tiles (Intel's Architecture Instruction Set Extensions, chapter 3): a tile of 16 rows by 32 numbers times one of 16 rows of 16 pairs adds to
 * 16 rows by 16 floats. This file alone is built for AMX. */
#include <immintrin.h>

#include "kernels/bf16/products.h"

/* All eight tiles whole. */
static void begin(void) {
    static const struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } whole = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
}
static void end(void) { _tile_release(); }

/* The first four, which are summed in. */
static inline void clear(void) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

/* `two` is a constant wherever it is inlined. */
static inline __attribute__((always_inline)) void multiply_rows(const rows_product *p, bool two) {
    const uint16_t *cells = p->cells, *kernel = p->kernels[0], *next = p->kernels[1];
    int64_t row = p->row * 2, sums_row = p->sums_row * 4;
    int chunks = chunks_in(p->depth);
    clear();
    for (int line = 0; line < p->lines; line++, cells += p->line) {
        const uint16_t *first = cells, *second = cells + TILE * p->row;
        for (int chunk = 0; chunk < chunks; chunk++, first += DEPTH, second += DEPTH, kernel += TILE_CELLS) {
            _tile_loadd(4, first, row);
            _tile_loadd(6, kernel, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(5, second, row);
            _tile_dpbf16ps(1, 5, 6);
            if (!two) continue;
            _tile_loadd(7, next, 64);
            _tile_dpbf16ps(2, 4, 7);
            _tile_dpbf16ps(3, 5, 7);
            next += TILE_CELLS;
        }
    }
    _tile_stored(0, p->sums, sums_row);
    _tile_stored(1, p->sums + TILE * p->sums_row, sums_row);
    if (!two) return;
    _tile_stored(2, p->sums + TILE, sums_row);
    _tile_stored(3, p->sums + TILE * p->sums_row + TILE, sums_row);
}

static void rows(const rows_product *p) {
    if (p->kernels[1]) multiply_rows(p, true);
    else multiply_rows(p, false);
}

/* Whether there are two of either is a constant. */
static inline __attribute__((always_inline)) void multiply_pixels(const pixels_product *p, bool two_gradients, bool two_inputs) {
    int64_t row = p->sums_row * 4;
    clear();
    if (p->add) {
        _tile_loadd(0, p->sums[0][0], row);
        if (two_gradients) _tile_loadd(1, p->sums[1][0], row);
        if (two_inputs) _tile_loadd(2, p->sums[0][1], row);
        if (two_gradients && two_inputs) _tile_loadd(3, p->sums[1][1], row);
    }
    for (int64_t at = 0; at < p->chunks * TILE_CELLS; at += TILE_CELLS) {
        _tile_loadd(4, p->gradients[0] + at, 64);
        _tile_loadd(6, p->inputs[0] + at, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (two_gradients) {
            _tile_loadd(5, p->gradients[1] + at, 64);
            _tile_dpbf16ps(1, 5, 6);
        }
        if (!two_inputs) continue;
        _tile_loadd(7, p->inputs[1] + at, 64);
        _tile_dpbf16ps(2, 4, 7);
        if (two_gradients) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, p->sums[0][0], row);
    if (two_gradients) _tile_stored(1, p->sums[1][0], row);
    if (two_inputs) _tile_stored(2, p->sums[0][1], row);
    if (two_gradients && two_inputs) _tile_stored(3, p->sums[1][1], row);
}

static void pixels(const pixels_product *p) {
    if (p->gradients[1] && p->inputs[1]) multiply_pixels(p, true, true);
    else if (p->gradients[1]) multiply_pixels(p, true, false);
    else if (p->inputs[1]) multiply_pixels(p, false, true);
    else multiply_pixels(p, false, false);
}

const bf16_products hl_bf16_tiles = {begin, end, rows, pixels};
