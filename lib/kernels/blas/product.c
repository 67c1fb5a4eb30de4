/* Products of panels: up to PRODUCT_ROWS x 2 vectors of sums stay in registers while the depth runs. */
#include "kernels/blas/product.h"

enum {
    OUTER_ROWS = LANES == 16 ? 8 : 4,
    OUTER_PANELS = LANES >= 8 ? 3 : 2,
    SUM_PANELS = LANES == 16 ? WHOLE_PANELS : OUTER_PANELS, /* the larger */
    TALL_ROWS = LANES, /* of one panel of b: a whole panel of a */
    AHEAD = 16, /* vectors of b that are asked for before they are needed */
};

/* What is there is added last: a sum of block sums is rounded less than one long chain. */
static inline void store_sum(const hl_product *p, float *c, vector sum) {
    if (p->accumulate) sum += vector_load(c);
    vector_store(c, sum);
}

/* Adds to rows x panels sums a column of a, `step` apart, times vectors right. `twin`: a, or hidden, so that of most rows a second panel's multiply-add
 * reads the number from memory again: one instruction less than a broadcast for both, and instructions are what a core has too few of when another thread
 * shares it. */
static inline __attribute__((always_inline)) void add_column(const float *a, const float *twin, int step, const vector *right, int rows, int panels,
                                                             vector (*sum)[SUM_PANELS]) {
    int twice = LANES == 16 && panels == 2 ? rows * 3 / 4 : 0;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        vector left = vector_of(a[r * step]);
#pragma GCC unroll 4
        for (int n = 0; n < panels; n++) sum[r][n] = vector_fma(n && r < twice ? vector_of(twin[r * step]) : left, right[n], sum[r][n]);
    }
}

/* One group. `rows`, `panels` and `twins` are constants wherever it is inlined. */
static inline __attribute__((always_inline)) void group(const hl_product *p, const float *a, const float *b, float *c, int rows, int panels, bool twins,
                                                        const float *next, int64_t next_row) {
    vector sum[PRODUCT_ROWS][SUM_PANELS];
    bool asks = next != NULL;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int n = 0; n < panels; n++) sum[r][n] = (vector){0};
    int64_t b_panel = p->b_panel;
    for (int k = 0; k < p->depth; k += LANES, a += p->a_panel) {
        const float *ask = next, *twin = twins ? hidden(a) : a;
        int end = p->depth - k < LANES ? p->depth - k : LANES;
#pragma GCC unroll 2
        for (int i = 0; i < end; i++, b += LANES) {
            vector right[SUM_PANELS];
            if (asks) __builtin_prefetch(ask, 0, 2), ask += next_row;
#pragma GCC unroll 4
            for (int n = 0; n < panels; n++) right[n] = vector_load(b + n * b_panel), __builtin_prefetch(b + n * b_panel + AHEAD * LANES);
            if (panels > 1) __builtin_prefetch(a + p->a_panel + i * LANES);
            add_column(a + i, twin + i, LANES, right, rows, panels, sum);
        }
        if (asks) next += LANES;
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int n = 0; n < panels; n++) store_sum(p, c + r * p->c_row + n * p->c_panel, sum[r][n]);
}

/* `next`: asked for beside these panels. */
static inline __attribute__((always_inline)) void block(const hl_product *p, int panel, int rows, int panels, bool twins, const float *next, int64_t next_row) {
    const float *a = p->a, *b = p->b + panel * p->b_panel;
    float *c = p->c + panel * p->c_panel;
    int left = p->groups;
    do group(p, a, b, c, rows, panels, twins, next, next_row), a += p->a_group, c += p->c_group;
    while (--left > 0);
}

static inline __attribute__((always_inline)) void rows_of(const hl_product *p, int panel, int panels, bool twins, const float *next, int64_t next_row) {
    switch (p->rows) {
    case 1: block(p, panel, 1, panels, twins, next, next_row); return;
    case 2: block(p, panel, 2, panels, twins, next, next_row); return;
    case 3: block(p, panel, 3, panels, twins, next, next_row); return;
    case 4: block(p, panel, 4, panels, twins, next, next_row); return;
    case 5: block(p, panel, 5, panels, twins, next, next_row); return;
    case 6: block(p, panel, 6, panels, twins, next, next_row); return;
#ifdef HL_KERNELS_AVX512
    case 7: block(p, panel, 7, panels, twins, next, next_row); return;
    case 8: block(p, panel, 8, panels, twins, next, next_row); return;
    case 9: block(p, panel, 9, panels, twins, next, next_row); return;
    case 10: block(p, panel, 10, panels, twins, next, next_row); return;
    case 11: block(p, panel, 11, panels, twins, next, next_row); return;
    case 12: block(p, panel, 12, panels, twins, next, next_row); return;
    case 13: block(p, panel, 13, panels, twins, next, next_row); return;
#endif
    default: return;
    }
}

static void one_panel(const hl_product *p, int panel) { rows_of(p, panel, 1, false, NULL, 0); }
static void two_panels(const hl_product *p, int panel, bool twins) {
    if (twins) rows_of(p, panel, 2, true, NULL, 0);
    else rows_of(p, panel, 2, false, NULL, 0);
}
__attribute__((nonnull)) static void two_panels_asking(const hl_product *p, int panel, bool twins, const float *next, int64_t next_row) {
    if (twins) rows_of(p, panel, 2, true, next, next_row);
    else rows_of(p, panel, 2, false, next, next_row);
}

/* AMD's processors have instructions to spare, but no more loads than multiply-adds. */
static bool has_twins(void) { return LANES == 16 && !is_amd(); }

void HL_BLAS(product)(const hl_product *p) {
    bool twins = has_twins();
    for (int panel = 0; panel < p->panels; panel += 2) {
        if (p->panels - panel < 2) one_panel(p, panel);
        else if (panel == 0 && p->next) two_panels_asking(p, panel, twins, p->next, p->next_row);
        else if (panel == 2 && p->after) two_panels_asking(p, panel, twins, p->after, p->after_row);
        else two_panels(p, panel, twins);
    }
}

#ifdef HL_KERNELS_AVX512
/* Three panels or four at once, a constant. */
static inline __attribute__((always_inline)) void few_rows(const hl_product *p, int panels) {
    switch (p->rows) {
    case 1: block(p, 0, 1, panels, false, NULL, 0); return;
    case 2: block(p, 0, 2, panels, false, NULL, 0); return;
    case 3: block(p, 0, 3, panels, false, NULL, 0); return;
    case 4: block(p, 0, 4, panels, false, NULL, 0); return;
    case 5: block(p, 0, 5, panels, false, NULL, 0); return;
    case 6: block(p, 0, 6, panels, false, NULL, 0); return;
    case 7: block(p, 0, 7, 3, false, NULL, 0); return; /* of three alone: whole_rows */
    case 8: block(p, 0, 8, 3, false, NULL, 0); return;
    default: return;
    }
}
#endif

void HL_BLAS(product_whole)(const hl_product *p) {
    if (p->panels == 1) one_panel(p, 0);
    else if (p->panels == 2) two_panels(p, 0, has_twins());
#ifdef HL_KERNELS_AVX512
    else if (p->panels == 3) few_rows(p, 3);
    else few_rows(p, 4);
#endif
}

static inline __attribute__((always_inline)) void outer_block(const hl_product *p, int row, int panel, int rows, int panels, bool twins) {
    vector sum[TALL_ROWS][SUM_PANELS];
    const float *a = p->a + row / LANES * p->a_panel + row % LANES, *b = p->b + panel * p->b_panel;
    float *c = p->c + row * p->c_row + panel * p->c_panel;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int n = 0; n < panels; n++) sum[r][n] = (vector){0};
    int64_t b_panel = p->b_panel;
    const float *twin = twins ? hidden(a) : a;
#pragma GCC unroll 2
    for (int k = 0; k < p->depth; k++, a += LANES, twin += LANES, b += LANES) {
        vector right[OUTER_PANELS];
#pragma GCC unroll 4
        for (int n = 0; n < panels; n++) right[n] = vector_load(b + n * b_panel);
        add_column(a, twin, 1, right, rows, panels, sum);
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int n = 0; n < panels; n++) store_sum(p, c + r * p->c_row + n * p->c_panel, sum[r][n]);
}

/* All rows for some panels: whole blocks, then one by one. */
static void outer_rows(const hl_product *p, int panel, int panels, bool twins) {
    int row = 0;
    for (; panels == 1 && row + TALL_ROWS <= p->rows; row += TALL_ROWS) outer_block(p, row, panel, TALL_ROWS, 1, false);
    for (; row + OUTER_ROWS <= p->rows; row += OUTER_ROWS) {
        if (panels == 1) outer_block(p, row, panel, OUTER_ROWS, 1, false);
        else if (panels == 2 && twins) outer_block(p, row, panel, OUTER_ROWS, 2, true);
        else if (panels == 2) outer_block(p, row, panel, OUTER_ROWS, 2, false);
        else outer_block(p, row, panel, OUTER_ROWS, OUTER_PANELS, false);
    }
    for (; row < p->rows; row++) {
        if (panels == 1) outer_block(p, row, panel, 1, 1, false);
        else if (panels == 2) outer_block(p, row, panel, 1, 2, false);
        else outer_block(p, row, panel, 1, OUTER_PANELS, false);
    }
}

/* Threes where they leave no single one over. */
static int next_panels(int left) { return OUTER_PANELS == 3 && (left == 3 || left >= 5) ? 3 : left >= 2 ? 2 : 1; }

void HL_BLAS(outer_product)(const hl_product *p) {
    for (int panel = 0, panels; panel < p->panels; panel += panels) {
        panels = next_panels(p->panels - panel);
        outer_rows(p, panel, panels, has_twins());
    }
}
