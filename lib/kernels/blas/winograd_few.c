/* Winograd's products of a few tiles: the kernel is transformed in registers as it is read, and is never stored. */
#include "kernels/blas/transforms.h"
#include "kernels/blas/winograd.h"

enum {
    CHUNK = 64, /* input channels, whose taps stay in the first cache until all places have read them */
    SUMS = 24,  /* that stay in registers */
};

/* Places (y, x) .. (y, x + places) of some tiles: their sums over `count` input channels from `first` on. Meanwhile row y asks for its share of the
 * taps of the chunk behind, or of the next panel's first. y, x, places and tiles are constants wherever it is inlined. */
INLINE void add_places(const winograd_few *f, int y, int x, int places, int tiles, int first, int count, const float *v, float *m) {
    int64_t tap = (int64_t)f->depth * LANES;
    const float *kernel = f->kernel + (int64_t)first * LANES;
    const float *ask = kernel + (int64_t)(first + CHUNK < f->depth ? CHUNK : TAPS * f->depth - first) * LANES;
    vector sum[SUMS];
    v += (y * PATCH + x) * f->v_plane + (int64_t)first * tiles, m += (y * PATCH + x) * f->m_plane;
#pragma GCC unroll 24
    for (int s = 0; s < places * tiles; s++) sum[s] = first ? vector_load(m + s / tiles * f->m_plane + s % tiles * LANES) : (vector){0};
    for (int k = 0; k < count; k += LANES, v += tiles * LANES) {
        int end = count - k < LANES ? count - k : LANES;
#pragma GCC unroll 2
        for (int i = 0; i < end; i++, kernel += LANES, ask += LANES) {
            if (x == 0) __builtin_prefetch(ask + y * tap, 0, 2);
            if (x == 0 && y < 3) __builtin_prefetch(ask + (PATCH + y) * tap, 0, 2);
            vector g[TAPS], column[PATCH], row[3], u[PATCH]; /* of which what is not read is not made */
#pragma GCC unroll 9
            for (int t = 0; t < TAPS; t++) g[t] = vector_load(kernel + t * tap);
#pragma GCC unroll 3
            for (int c = 0; c < 3; c++) kernel_6(g + c, 3, column, 1), row[c] = column[y];
            kernel_6(row, 1, u, 1);
#pragma GCC unroll 24
            for (int s = 0; s < places * tiles; s++)
                sum[s] = vector_fma(vector_of(v[s / tiles * f->v_plane + s % tiles * LANES + i]), u[x + s / tiles], sum[s]);
        }
    }
#pragma GCC unroll 24
    for (int s = 0; s < places * tiles; s++) vector_store(m + s / tiles * f->m_plane + s % tiles * LANES, sum[s]);
}

INLINE void add_row(const winograd_few *f, int y, int tiles, int first, int count, const float *v, float *m) {
    if (PATCH * tiles <= SUMS) {
        add_places(f, y, 0, PATCH, tiles, first, count, v, m);
        return;
    }
    add_places(f, y, 0, PATCH / 2, tiles, first, count, v, m);
    add_places(f, y, PATCH / 2, PATCH / 2, tiles, first, count, v, m);
}

INLINE void add_tiles(const winograd_few *f, int tiles, int first, int count, const float *v, float *m) {
    add_row(f, 0, tiles, first, count, v, m);
    add_row(f, 1, tiles, first, count, v, m);
    add_row(f, 2, tiles, first, count, v, m);
    add_row(f, 3, tiles, first, count, v, m);
    add_row(f, 4, tiles, first, count, v, m);
    add_row(f, 5, tiles, first, count, v, m);
}

static void add_group(const winograd_few *f, int first, int count, const float *v, float *m) {
    switch (f->tiles) {
    case 1: add_tiles(f, 1, first, count, v, m); return;
    case 2: add_tiles(f, 2, first, count, v, m); return;
    case 3: add_tiles(f, 3, first, count, v, m); return;
    case 4: add_tiles(f, 4, first, count, v, m); return;
    case 5: add_tiles(f, 5, first, count, v, m); return;
    case 6: add_tiles(f, 6, first, count, v, m); return;
    case 7: add_tiles(f, 7, first, count, v, m); return;
    default: add_tiles(f, 8, first, count, v, m); return;
    }
}

void HL_BLAS(winograd_few)(const winograd_few *f) {
    if (!WINOGRAD_FEW) return; /* and nothing above is built */
    for (int first = 0; first < f->depth; first += CHUNK) {
        int count = f->depth - first < CHUNK ? f->depth - first : CHUNK;
        for (int group = 0; group < f->groups; group++) add_group(f, first, count, f->v + group * f->v_group, f->m + group * f->tiles * LANES);
    }
}
