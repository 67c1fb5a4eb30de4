/* Products of bf16 numbers, by AMX tiles (tiles.c) or by vdpbf16ps (dots.c), of operands that lie alike for both: a row of 32 numbers, 16 pairs, times 16 rows
 * of 16 pairs adds to 16 floats. What is kept so: `cells`, uint16_t. */
#ifndef HL_BF16_PRODUCTS_H
#define HL_BF16_PRODUCTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TILE = 16,                 /* rows of a tile; floats of a row of sums */
    DEPTH = 32,                /* cells of a row */
    TILE_CELLS = TILE * DEPTH, /* 1 KB */
    POSITIONS = 2 * TILE,      /* rows of a product over rows */
};

/* sums (rows x TILE, or x 2 TILE where there are two kernels) = what rows of cells see, `depth` of them in each of some lines, . kernel. Tiles, whole ones, see
 * what follows too, times zeros, and give all of POSITIONS. */
typedef struct rows_product {
    const uint16_t *cells;
    int64_t row, line; /* cells from a row, and from a line, to the next */
    int rows, lines, depth;
    const uint16_t *kernels[2]; /* of 16 output channels each: in each line tiles for its depth; the second NULL: there is one */
    float *sums;
    int64_t sums_row; /* floats from a row to the next */
} rows_product;

static inline int chunks_in(int depth) { return (depth + DEPTH - 1) / DEPTH; }

/* Tiles of sums = or, to add, += products of one or two columns of tiles of gradients and one or two of inputs, `chunks` deep; a second NULL: there is one. */
typedef struct pixels_product {
    const uint16_t *gradients[2], *inputs[2];
    int64_t chunks;
    float *sums[2][2]; /* by gradients, by inputs */
    int64_t sums_row;
    bool add;
} pixels_product;

/* Between begin and end a thread may multiply; a switch to another thread does no harm. */
typedef struct bf16_products {
    void (*begin)(void), (*end)(void);
    void (*rows)(const rows_product *p);
    void (*pixels)(const pixels_product *p);
} bf16_products;
extern const bf16_products hl_bf16_tiles, hl_bf16_dots;

#endif
