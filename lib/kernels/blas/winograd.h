/* Winograd's F(4x4, 3x3): its transforms, and how calls share their geometry.
 *
 * Lavin, Gray 2016, Fast Algorithms for Convolutional Neural Networks: Y = A^T [(G g G^T) . (B^T d B)] A over tiles of
 * 4 x 4 outputs and 6 x 6 inputs. Transformed data lie in 36 planes, one for each place in a tile, and in a plane in panels of LANES
 * channels; lanes past the last channel hold zeros. */
#ifndef HL_BLAS_WINOGRAD_H
#define HL_BLAS_WINOGRAD_H

#include "kernels/blas/product.h"

enum { TILE = 4, PATCH = 6, PLANES = PATCH * PATCH, TAPS = 9 };

/* Floats from a plane to the next: a cache line more than `vectors` of data, so that a tile's 36 places do not share a cache set. */
static inline int64_t plane_floats(int64_t vectors) { return (int64_t)hl_blas_lines(vectors * LANES) + 16; }

/* The tiles of a map of conv's output size, image by image, row by row. */
typedef struct tiling {
    int h, w; /* tiles in an image */
    int64_t count;
} tiling;
static inline tiling tiles_of(const hl_conv *conv) {
    int h = (conv->out_h + TILE - 1) / TILE, w = (conv->out_w + TILE - 1) / TILE;
    return (tiling){h, w, (int64_t)conv->n * h * w};
}

/* Where a tile's outputs begin: pixel (y, x) of image n. */
typedef struct place {
    int n, y, x;
} place;
static inline place place_of(const hl_conv *conv, int64_t tile) {
    tiling tiles = tiles_of(conv);
    /* 64 bits take longer to divide, and tiles are no more than 32 can count. */
    unsigned index = (unsigned)tile, row = index / (unsigned)tiles.w, image = row / (unsigned)tiles.h;
    return (place){(int)image, (int)(row - image * (unsigned)tiles.h) * TILE, (int)(index - row * (unsigned)tiles.w) * TILE};
}
/* The place `tiles` further, in the same row or where the next begins: whoever goes through tiles divides once. */
static inline place place_after(const hl_conv *conv, place at, int tiles) {
    if ((at.x += tiles * TILE) < conv->out_w) return at;
    if ((at.y += TILE) < conv->out_h) return (place){at.n, at.y, 0};
    return (place){at.n + 1, 0, 0};
}

/* Tiles side by side, and where their transforms go: panel p of place k of tile t to to[k * plane + p * panel + t * LANES]. */
typedef struct tile_run {
    place at;
    int count;
    float *to;
    int64_t panel, plane;
} tile_run;
/* Goes on to the next tiles side by side, of `most` that follow; before the first count is 0. Returns how many they are. */
static inline int next_run(const hl_conv *conv, tile_run *run, int64_t most) {
    run->to += (int64_t)run->count * LANES, run->at = place_after(conv, run->at, run->count);
    return run->count = (int)smaller(tiles_of(conv).w - run->at.x / TILE, most);
}

/* B^T d B of tiles' 6 x 6 inputs, `count` channels of the joined segments from `from` on, whole panels or up to the last. */
void HL_BLAS(winograd_input)(const hl_conv *conv, const hl_segment *in, int segments, const tile_run *tiles, int from, int count);
/* A d A^T of tiles' 4 x 4 gradients to the output, 0 beyond the map. */
void HL_BLAS(winograd_gradient)(const hl_conv *conv, const hl_view *dout, const tile_run *tiles);
/* A^T M A, with G's factors: `count` channels, to a tile of `out` from `channel` on, cut to the map. bias (of all channels) and finish may be NULL.
 * `past`: the output is written past the caches, which needs whole aligned vectors and no accumulation. */
void HL_BLAS(winograd_output)(const hl_conv *conv, const float *m, int64_t panel, int64_t plane, int count, const float *bias,
                              const hl_finish *finish, bool accumulate, bool past, const hl_view *out, int channel, place at);
/* How a kernel lies in memory: (out, 3, 3, in), (in, 3, 3, out) to be read with its taps backwards, or in panels (panels.h). */
typedef enum winograd_kernel_order { WINOGRAD_PLAIN, WINOGRAD_TURNED, WINOGRAD_PANELS } winograd_kernel_order;
/* G g G^T, without G's factors (transforms.h), of up to LANES output channels from `output` on, all input channels: input channel i of place k goes
 * to to[k * plane + i * LANES]. */
void HL_BLAS(winograd_kernel)(const hl_conv *conv, const float *kernel, winograd_kernel_order order, int output, float *to, int64_t plane);
/* Products of a few tiles, in groups of `tiles` (up to WINOGRAD_FEW), with a panel of a kernel in panels (panels.h), which is transformed as it is
 * read. */
enum { WINOGRAD_FEW = LANES == 16 ? 8 : 0 }; /* 0: there are too few registers */
typedef struct winograd_few {
    const float *v; /* transformed tiles: number (tile, channel c) of place k is v[k * v_plane + (c / LANES * tiles + tile) * LANES + c % LANES] */
    const float *kernel;
    float *m;                /* gets the vector of (place k, tile) at m[k * m_plane + tile * LANES] */
    int64_t v_plane, m_plane, v_group; /* v_group: floats from a group's tiles to the next one's; in m they lie side by side */
    int groups, tiles, depth; /* depth: input channels */
} winograd_few;
void HL_BLAS(winograd_few)(const winograd_few *f);
/* dkernel[tap * stride + c] = G^T dU G for `count` input channels. */
void HL_BLAS(winograd_dkernel)(const float *du, int64_t plane, int count, float *dkernel, int64_t stride);

/* What two rows of dU, one of PAIRS pairs (transforms.h), add to that: PAIR_PLANES planes, row after row. The first pair's is stored, where accumulate is
 * not set. */
enum { PAIRS = PATCH / 2, PAIR_PLANES = 2 * PATCH };
void HL_BLAS(winograd_dkernel_pair)(const float *du, int64_t plane, int count, int pair, bool accumulate, float *dkernel, int64_t stride);

/* The gradient to the kernel (winograd_weights.c). */
size_t HL_BLAS(winograd_weights_workspace)(const hl_conv *conv, int threads);
void HL_BLAS(winograd_weights)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                               void *dbias, void *workspace);

#endif
