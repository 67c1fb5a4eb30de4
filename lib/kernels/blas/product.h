/* Matrix products of small blocks that lie in panels: what Winograd's convolution and products over pixels are made of. */
#ifndef HL_BLAS_PRODUCT_H
#define HL_BLAS_PRODUCT_H

#include "kernels/blas/blas.h"
#include "kernels/blas/vector.h"

/* c rows x (panels x LANES) of which each row and panel is a vector: (+)= a . b. */
typedef struct hl_product {
    const float *a, *b;
    float *c;
    int64_t a_panel; /* element (row, k) of a is a[k / LANES * a_panel + row * LANES + k % LANES] */
    int64_t b_panel; /* vector (k, panel) of b is at b[panel * b_panel + k * LANES] */
    int64_t c_row, c_panel; /* vector (row, panel) of c is at c[row * c_row + panel * c_panel] */
    int rows, panels, depth;
    int groups; /* of so many rows, one after the other, times the same b (not outer_product); 0: one */
    int64_t a_group, c_group; /* floats from one's a and c to the next's */
    bool accumulate;
    /* Asked of the memory meanwhile, beside the first two panels and beside the two after those: LANES rows of `depth` floats, next_row and after_row
     * apart; NULL: nothing. */
    const float *next, *after;
    int64_t next_row, after_row;
} hl_product;

enum { PRODUCT_ROWS = LANES == 16 ? 13 : 6 }; /* most rows; two panels at a time fill the registers */
void HL_BLAS(product)(const hl_product *p);

/* The same of up to WHOLE_PANELS panels at once, so that c may be a: with at most so many rows. */
enum { WHOLE_PANELS = LANES == 16 ? 4 : 2 };
static inline int whole_rows(int panels) { return panels <= 2 ? PRODUCT_ROWS : panels == 3 ? 8 : 6; }
void HL_BLAS(product_whole)(const hl_product *p);

/* The same with a's rows side by side: element (row, k) of a is a[row / LANES * a_panel + k * LANES + row % LANES]; any number of rows. */
void HL_BLAS(outer_product)(const hl_product *p);

#endif
