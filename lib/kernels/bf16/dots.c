/* Products by vdpbf16ps: a pair of a row times 16 pairs adds to 16 floats. Blocks of rows keep their sums in registers. */
#include <immintrin.h>
#include <string.h>

#include "kernels/bf16/products.h"

enum {
    ROWS = 8,           /* of a block, of two vectors, */
    TALL = 16,          /* or of one */
    CELLS = 8 * DEPTH,  /* of a row that all blocks are done with before the next: what they read stays in the first cache */
};

/* A block's rows and what they are multiplied by. */
typedef struct block {
    const uint16_t *left, *right[2];
    int64_t row, chunk; /* left: cells from a row, and from a chunk, to the next */
    float *sums[2];
    int64_t sums_row;
    bool add;
} block;

static inline __m512bh pair_of(const uint16_t *cells) {
    int pair;
    memcpy(&pair, cells, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

/* `rows` and `vectors` are constants wherever it is inlined. */
static inline __attribute__((always_inline)) void multiply(const block *b, int64_t depth, int rows, int vectors) {
    __m512 sum[TALL][2];
    const uint16_t *left = b->left;
    int64_t at = 0;
    __mmask16 there = b->add ? 0xffff : 0;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int n = 0; n < vectors; n++) sum[r][n] = _mm512_maskz_loadu_ps(there, b->sums[n] + r * b->sums_row);
    for (; depth > 0; depth -= DEPTH, left += b->chunk) {
        int end = depth < DEPTH ? (int)depth : DEPTH;
#pragma GCC unroll 2
        for (int i = 0; i < end; i += 2, at += DEPTH) {
            __m512bh pairs[2];
#pragma GCC unroll 2
            for (int n = 0; n < vectors; n++) pairs[n] = (__m512bh)_mm512_loadu_si512(b->right[n] + at);
#pragma GCC unroll 16
            for (int r = 0; r < rows; r++) {
                __m512bh pair = pair_of(left + r * b->row + i);
#pragma GCC unroll 2
                for (int n = 0; n < vectors; n++) sum[r][n] = _mm512_dpbf16_ps(sum[r][n], pair, pairs[n]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int n = 0; n < vectors; n++) _mm512_storeu_ps(b->sums[n] + r * b->sums_row, sum[r][n]);
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* All rows, and what fills up the last block. */
static inline __attribute__((always_inline)) void walk_pairs(block b, int64_t depth, int rows) {
    for (int r = 0; r < rows; r += ROWS, b.left += ROWS * b.row, b.sums[0] += ROWS * b.sums_row, b.sums[1] += ROWS * b.sums_row) multiply(&b, depth, ROWS, 2);
}
static inline __attribute__((always_inline)) void walk_single(block b, int64_t depth, int rows) {
    for (int r = 0; r < rows; r += TALL, b.left += TALL * b.row, b.sums[0] += TALL * b.sums_row) multiply(&b, depth, TALL, 1);
}

static void some_rows(const rows_product *p, int line, int cell) {
    int64_t kernel = (int64_t)line * chunks_in(p->depth) * TILE_CELLS + (int64_t)cell * TILE;
    block b = {.left = p->cells + line * p->line + cell, .right = {p->kernels[0] + kernel}, .row = p->row, .chunk = DEPTH};
    b.sums[0] = p->sums, b.sums_row = p->sums_row, b.add = line || cell;
    if (p->kernels[1]) {
        b.right[1] = p->kernels[1] + kernel, b.sums[1] = p->sums + TILE;
        walk_pairs(b, least(p->depth - cell, CELLS), p->rows);
    } else walk_single(b, least(p->depth - cell, CELLS), p->rows);
}

static void rows(const rows_product *p) {
    for (int line = 0; line < p->lines; line++)
        for (int cell = 0; cell < p->depth; cell += CELLS) some_rows(p, line, cell);
}

/* One column of gradients, from pixel `cell` on. */
static void some_pixels(const pixels_product *p, int column, int64_t cell) {
    int64_t at = cell * TILE;
    block b = {.left = p->gradients[column] + at, .right = {p->inputs[0] + at}, .row = DEPTH, .chunk = TILE_CELLS};
    b.sums[0] = p->sums[column][0], b.sums_row = p->sums_row, b.add = p->add || cell;
    if (p->inputs[1]) {
        b.right[1] = p->inputs[1] + at, b.sums[1] = p->sums[column][1];
        walk_pairs(b, least(p->chunks * DEPTH - cell, CELLS), TILE);
    } else walk_single(b, least(p->chunks * DEPTH - cell, CELLS), TILE);
}

static void pixels(const pixels_product *p) {
    for (int64_t cell = 0; cell < p->chunks * DEPTH; cell += CELLS)
        for (int column = 0; column < 2 && p->gradients[column]; column++) some_pixels(p, column, cell);
}

static void nothing(void) {}

const bf16_products hl_bf16_dots = {nothing, nothing, rows, pixels};
