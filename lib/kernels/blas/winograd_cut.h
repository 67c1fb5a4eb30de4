/* How a 3x3 convolution by Winograd is cut into pieces, and what memory they take: by its shape, and, where no bit hangs on it, by threads and processor. */
#ifndef HL_BLAS_WINOGRAD_CUT_H
#define HL_BLAS_WINOGRAD_CUT_H

#include "kernels/blas/winograd.h"

enum {
    FEW_TILES = 16,           /* up to so many, pieces are output channels, */
    FEW_PANELS = 2,           /* so many panels of them, */
    FEW_PIECES = 4,           /* if there are so many pieces; */
    PANEL_FLOATS = 400 << 10, /* but one panel if the transform of more is larger than this: it is to stay in the second cache */
    OWN_FLOATS = 512 << 10,   /* up to so many floats of all transformed tiles each worker has its own by channels, where they take less time to make than to
                                 read from another core; */
    OWN_KERNELS = 4 << 20,    /* up to so many floats in all each has its own transform of the kernel by tiles, for the same reason */
    HUGE_KERNEL = 256 << 10,  /* input times output channels beyond which four times as many tiles are few: the whole transform would take
                                 too much memory; */
    LARGE_KERNEL = 32 << 10,  /* beyond which blocks of tiles would read all of the kernel's transform from the third cache, */
    MIDDLE_KERNEL = 16 << 10, /* or from which on it is dear */
    MIDDLE_TILES = 256,       /* up to so many tiles: pieces are planes */
    CHUNK_FLOATS = 4 << 20,   /* transformed data and products of a chunk of tiles that such pieces take together */
    PIECE_PANELS = 8,         /* panels of output channels of such a piece; */
    OWN_TILES = 32,           /* but on AMD's processors each worker has chunks of its own, of about so many tiles, if it has four such chunks */
    OWN_ROUNDS = 4,           /* or the kernel's transform is kept, */
    OWN_KERNEL = 128 << 10,   /* with up to so many input times output channels, */
    OWN_CHUNKS = 4 << 20,     /* and up to so many floats of all workers' chunks */
    BLOCK_ROWS = 6,           /* tiles that make a product worth while */
    BLOCK_GROUPS = 8,         /* most groups of a block of tiles, */
    BLOCK_FLOATS = 140 << 10, /* its transformed data and products, */
    BLOCK_PANELS = 4,         /* and the panels of output channels whose products it holds at a time */
};


/* A panel of output channels' kernel, transformed and not. */
static inline int64_t panel_kernel_floats(const hl_conv *conv) { return (int64_t)PLANES * conv->in_c * LANES; }
static inline int64_t panel_taps_floats(const hl_conv *conv) { return (int64_t)TAPS * conv->in_c * LANES; }

/* Transformed tiles lie in groups of rows as many as a product takes, of even size: panel after panel, row after row. */
typedef struct groups {
    int count, rows; /* the last may hold fewer */
} groups;
static inline groups groups_by(int64_t tiles, int most) {
    int count = (int)hl_blas_pieces(tiles, most), rows = (int)hl_blas_pieces(tiles, count);
    return (groups){(int)hl_blas_pieces(tiles, rows), rows};
}

/* What a piece of the products is; unstored: a panel of output channels, whose kernel is transformed anew for each group of tiles. */
typedef enum cut { BY_TILES, BY_CHANNELS, UNSTORED, BY_PLANES } cut;

static inline cut cut_of(const hl_conv *conv) {
    int64_t tiles = tiles_of(conv).count, size = (int64_t)conv->in_c * conv->out_c;
    bool wide = panels_of(conv->out_c) >= FEW_PANELS * FEW_PIECES;
    bool stays = panel_kernel_floats(conv) <= PANEL_FLOATS; /* a panel's transform, in the second cache */
    if (wide && tiles <= FEW_TILES && groups_by(tiles, PRODUCT_ROWS).rows <= WINOGRAD_FEW) return UNSTORED;
    if (wide && stays && tiles <= FEW_TILES * (size > HUGE_KERNEL ? 4 : 1)) return BY_CHANNELS;
    return size > LARGE_KERNEL || (size >= MIDDLE_KERNEL && tiles <= MIDDLE_TILES) ? BY_PLANES : BY_TILES;
}

/* Panels of output channels whose products a block of tiles holds at a time: nearly as many each time. */
static inline int block_panels(const hl_conv *conv) {
    int all = panels_of(conv->out_c);
    return (int)hl_blas_pieces(all, hl_blas_pieces(all, BLOCK_PANELS));
}
static inline int smaller_panels(int panels) { return panels < WHOLE_PANELS ? panels : WHOLE_PANELS; }
static inline int block_rows(const hl_conv *conv) { return whole_rows(smaller_panels(block_panels(conv))); }

/* A block's products take the place of its transformed tiles where all of a group's are made before the next group: a smaller block stays in the second cache,
 * and what is written is in the first. */
static inline bool in_place(const hl_conv *conv) {
    int panels = panels_of(conv->out_c);
    return panels <= WHOLE_PANELS && panels <= panels_of(conv->in_c);
}

static inline groups groups_of(const hl_conv *conv, int64_t tiles) {
    return groups_by(tiles, cut_of(conv) == BY_TILES ? block_rows(conv) : PRODUCT_ROWS);
}
static inline int64_t group_floats(int panels, groups g) { return (int64_t)panels * g.rows * LANES; }
static inline int64_t groups_plane(int panels, groups g) { return plane_floats((int64_t)g.count * g.rows * panels); }
static inline int64_t tile_plane(const hl_conv *conv, int64_t tiles) { return groups_plane(panels_of(conv->in_c), groups_of(conv, tiles)); }

static inline int block_tiles(const hl_conv *conv) {
    int rows = block_rows(conv), panels = panels_of(conv->in_c) + (in_place(conv) ? 0 : block_panels(conv));
    int64_t most = hl_blas_clamp(BLOCK_FLOATS / (PLANES * LANES * panels * rows), 1, BLOCK_GROUPS) * rows;
    int64_t count = tiles_of(conv).count, pieces = hl_blas_clamp(count / BLOCK_ROWS, 2, 8);
    return (int)hl_blas_clamp(hl_blas_pieces(count, pieces), 1, most);
}

/* Chunks of workers' own, as many for each. What a core has made is far from the other where they share no third cache, but all of the kernel's transform,
 * `kept` or not, is read for each chunk: measured on AMD's alone. */
static inline int64_t own_chunk_tiles(const hl_conv *conv, int threads) {
    int64_t tiles = tiles_of(conv).count, rounds = (tiles + threads * OWN_TILES / 2) / (threads * OWN_TILES);
    return hl_blas_pieces(tiles, threads * (rounds > 1 ? rounds : 1));
}
static inline bool has_own_chunks(const hl_conv *conv, int threads, bool kept) {
    int64_t least = (int64_t)threads * OWN_TILES * (kept ? 1 : OWN_ROUNDS);
    int64_t floats = PLANES * LANES * own_chunk_tiles(conv, threads) * (panels_of(conv->in_c) + panels_of(conv->out_c));
    return is_amd() && cut_of(conv) == BY_PLANES && (int64_t)conv->in_c * conv->out_c <= OWN_KERNEL && tiles_of(conv).count >= least &&
           threads * floats <= OWN_CHUNKS;
}

/* Panels of output channels of a piece by channels. */
static inline int few_panels(const hl_conv *conv) {
    return panel_kernel_floats(conv) * FEW_PANELS > PANEL_FLOATS ? 1 : FEW_PANELS;
}

/* Tiles of a chunk: chunks are of nearly one size. */
static inline int64_t chunk_tiles(const hl_conv *conv) {
    int64_t tiles = tiles_of(conv).count, most = CHUNK_FLOATS / (PLANES * LANES * (panels_of(conv->in_c) + panels_of(conv->out_c)));
    return hl_blas_pieces(tiles, hl_blas_pieces(tiles, hl_blas_clamp(most, MIDDLE_TILES / 4, 4 * MIDDLE_TILES)));
}

static inline int64_t kernel_plane(const hl_conv *conv) { return plane_floats((int64_t)panels_of(conv->out_c) * conv->in_c); }
static inline int64_t product_plane(const hl_conv *conv, int64_t tiles) { return plane_floats(tiles * panels_of(conv->out_c)); }

static inline bool by_channels(const hl_conv *conv) { return cut_of(conv) == BY_CHANNELS || cut_of(conv) == UNSTORED; }
static inline int64_t all_tiles_floats(const hl_conv *conv) { return PLANES * tile_plane(conv, tiles_of(conv).count); }
static inline bool has_own_tiles(const hl_conv *conv) { return by_channels(conv) && all_tiles_floats(conv) <= OWN_FLOATS; }

static inline int64_t all_kernel_floats(const hl_conv *conv) { return PLANES * kernel_plane(conv); }
static inline bool has_own_kernel(const hl_conv *conv, int threads, bool kept) {
    return !kept && cut_of(conv) == BY_TILES && threads * all_kernel_floats(conv) <= OWN_KERNELS;
}

/* By channels all share the transformed tiles, or each worker has them; it has the kernels and products of its output channels, unstored the kernel in
 * panels. By tiles all share the transformed kernel, or each worker has it; a worker has its tiles. By planes all is shared, or each worker has its chunk.
 * `kept`: the kernel's transform is elsewhere. */
static inline int64_t shared_floats(const hl_conv *conv, int threads, bool kept) {
    int64_t chunk = chunk_tiles(conv);
    if (by_channels(conv)) return has_own_tiles(conv) ? 0 : all_tiles_floats(conv);
    int64_t kernel = kept || has_own_kernel(conv, threads, kept) ? 0 : all_kernel_floats(conv);
    if (cut_of(conv) == BY_TILES || has_own_chunks(conv, threads, kept)) return kernel;
    return kernel + PLANES * (tile_plane(conv, chunk) + product_plane(conv, chunk));
}

/* Of a worker's memory what holds tiles or a kernel of its own, behind whether they are there. */
static inline int64_t own_floats(const hl_conv *conv, int threads, bool kept) {
    if (has_own_tiles(conv)) return LANES + all_tiles_floats(conv);
    return has_own_kernel(conv, threads, kept) ? LANES + all_kernel_floats(conv) : 0;
}

static inline int64_t worker_floats(const hl_conv *conv, int threads, bool kept) {
    int64_t own = own_floats(conv, threads, kept), panels = few_panels(conv), tiles = tiles_of(conv).count;
    if (has_own_chunks(conv, threads, kept)) {
        int64_t chunk = own_chunk_tiles(conv, threads);
        return PLANES * (tile_plane(conv, chunk) + product_plane(conv, chunk));
    }
    if (cut_of(conv) == BY_PLANES) return 0;
    if (cut_of(conv) == UNSTORED) return own + PLANES * groups_plane(1, groups_of(conv, tiles)) + panel_taps_floats(conv);
    if (cut_of(conv) == BY_CHANNELS) return own + PLANES * (plane_floats(panels * conv->in_c) + plane_floats(tiles * panels));
    int block = block_tiles(conv);
    return own + PLANES * (tile_plane(conv, block) + (in_place(conv) ? 0 : groups_plane(block_panels(conv), groups_of(conv, block))));
}

#endif
