/* The gradient to a 3x3 kernel by Winograd's F(4x4, 3x3): dg = G^T [sum over tiles of (A dY A^T) . (B^T d B)] G. */
#include "kernels/blas/transforms.h"
#include "kernels/blas/winograd.h"

enum {
    PARTS = 8,                /* a small kernel is summed in so many parts at most, cut over tiles, of */
    PART_TILES = 64,          /* so many at least, or half of that, ... */
    PART_FLOATS = 1 << 18,    /* if one part's sums are no more, */
    MOST_FLOATS = 640 << 10,  /* or no more than this */
    TILE_FLOATS = 300,        /* and than this a tile */
    BLOCK_FLOATS = 300 << 10, /* transformed data of a block of a part's tiles, */
    LARGE_BLOCK = 600 << 10,  /* or where sums are read and written once for each block that are more than */
    LARGE_SUMS = 128 << 10,   /* so many floats: past the second cache then */
    INPUT_TILES = 128,        /* up to so many tiles it is cut over input channels, */
    INPUT_PIECES = 4,         /* into so many pieces */
    CHUNK_FLOATS = 3 << 20,   /* transformed data of a large kernel's tiles, held at a time */
    OUT_PANELS = 4,           /* panels of output channels, */
    IN_PANELS = 8,            /* and of input channels, of a piece by channels, whose sums of two rows of planes are in the second cache: */
    FEW_TILES = 16,           /* up to so many tiles a large kernel is cut so, */
    MANY_TILES = 64,          /* or up to so many */
    HUGE_FLOATS = 3 << 20,    /* where all sums would be more than this; */
    PLANE_PANELS = 8,         /* panels of output channels of a piece by planes */
    TILES = 4,                /* tiles transformed in a piece */
};

typedef struct weights_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const hl_view *dout;
    float *dkernel, *sums, *memory; /* sums of parts or of workers; transformed tiles */
    int64_t sum_plane, sum_size;    /* floats of a plane of sums, and of all 36 */
    int64_t first, count;           /* the chunk's tiles */
} weights_call;

static int64_t padded_in(const hl_conv *conv) { return (int64_t)panels_of(conv->in_c) * LANES; }
static int64_t all_sums(const hl_conv *conv) { return plane_floats((int64_t)conv->out_c * panels_of(conv->in_c)); }
static int64_t floats_a_tile(const hl_conv *conv) { return PLANES * LANES * (int64_t)(panels_of(conv->in_c) + panels_of(conv->out_c)); }
static int64_t block_tiles(const hl_conv *conv) {
    return hl_blas_clamp((PLANES * all_sums(conv) > LARGE_SUMS ? LARGE_BLOCK : BLOCK_FLOATS) / floats_a_tile(conv), 16, 128);
}
/* Parts of one size; an even number, so that two threads have as many. */
static int64_t part_tiles(const hl_conv *conv) {
    int64_t tiles = tiles_of(conv).count, pairs = hl_blas_clamp(hl_blas_pieces(tiles, 2 * PART_TILES), 1, PARTS / 2);
    return hl_blas_pieces(tiles, 2 * pairs);
}

/* What a piece is: a part of the tiles, with sums of all channels, or of all tiles the sums of some channels or planes. By inputs a worker transforms all
 * it reads itself, by channels all have the transformed input in common. */
typedef enum cut { IN_PARTS, BY_INPUTS, BY_CHANNELS, BY_PLANES } cut;

static cut cut_of(const hl_conv *conv) {
    int64_t floats = PLANES * all_sums(conv), tiles = tiles_of(conv).count;
    if (floats <= PART_FLOATS || (floats <= MOST_FLOATS && floats <= TILE_FLOATS * tiles))
        return tiles <= INPUT_TILES && panels_of(conv->in_c) > 1 ? BY_INPUTS : IN_PARTS;
    return tiles <= (floats > HUGE_FLOATS ? MANY_TILES : FEW_TILES) ? BY_CHANNELS : BY_PLANES;
}
static int64_t parts_of(const hl_conv *conv) { return cut_of(conv) == IN_PARTS ? hl_blas_pieces(tiles_of(conv).count, part_tiles(conv)) : 1; }

/* By inputs or channels: panels of output and of input channels of a piece. */
static bool by_channels(const hl_conv *conv) { return cut_of(conv) == BY_INPUTS || cut_of(conv) == BY_CHANNELS; }
static int piece_outputs(const hl_conv *conv) { return cut_of(conv) == BY_INPUTS ? panels_of(conv->out_c) : OUT_PANELS; }
static int piece_inputs(const hl_conv *conv) { return cut_of(conv) == BY_INPUTS ? (int)hl_blas_pieces(panels_of(conv->in_c), INPUT_PIECES) : IN_PANELS; }

static int64_t sum_plane(const hl_conv *conv) { return by_channels(conv) ? plane_floats((int64_t)piece_outputs(conv) * LANES * piece_inputs(conv)) : all_sums(conv); }
static int64_t sum_row(const hl_conv *conv) { return by_channels(conv) ? piece_inputs(conv) * LANES : padded_in(conv); }

/* Chunks of a size. */
static int64_t chunk_tiles(const hl_conv *conv) {
    int64_t count = tiles_of(conv).count, most = hl_blas_clamp(CHUNK_FLOATS / floats_a_tile(conv), 256, count > 256 ? count : 256);
    return hl_blas_pieces(count, hl_blas_pieces(count, most));
}

static int64_t held_tiles(const hl_conv *conv) { return cut_of(conv) == IN_PARTS ? block_tiles(conv) : chunk_tiles(conv); }
static int64_t in_plane(const hl_conv *conv) { return plane_floats(held_tiles(conv) * (cut_of(conv) == BY_INPUTS ? piece_inputs(conv) : panels_of(conv->in_c))); }
static int64_t out_plane(const hl_conv *conv) { return plane_floats(held_tiles(conv) * panels_of(conv->out_c)); }
/* Of a worker's own, by inputs or channels: the gradient's planes, of the output channels it is at (what another core has made takes longer to read than to
 * make); by inputs the input's too. */
static int64_t own_plane(const hl_conv *conv) { return plane_floats(held_tiles(conv) * piece_outputs(conv)); }
static int64_t own_inputs(const hl_conv *conv) { return cut_of(conv) == BY_INPUTS ? PLANES * in_plane(conv) : 0; }

static int64_t worker_floats(const hl_conv *conv) { return LANES + PAIR_PLANES * sum_plane(conv) + PLANES * own_plane(conv) + own_inputs(conv); }
static int64_t sums_floats(const hl_conv *conv, int threads) {
    return by_channels(conv) ? threads * worker_floats(conv) : parts_of(conv) * PLANES * sum_plane(conv);
}

/* Transformed tiles of a worker in parts, of all otherwise. */
static int64_t held_floats(const hl_conv *conv) {
    return cut_of(conv) == BY_INPUTS ? 0 : PLANES * (in_plane(conv) + (by_channels(conv) ? 0 : out_plane(conv)));
}

size_t HL_BLAS(winograd_weights_workspace)(const hl_conv *conv, int threads) {
    int64_t held = (cut_of(conv) == IN_PARTS ? threads : 1) * held_floats(conv);
    return hl_conv_bias_bytes(conv) + (size_t)(sums_floats(conv, threads) + held) * sizeof(float);
}

/* `count` tiles from `first` on as rows from `row` on of planes: of `channels` channels of the input from `channel` on, */
static void transform_input(const weights_call *call, int64_t first, int64_t count, int channel, int channels, int64_t row, float *v) {
    const hl_conv *conv = call->conv;
    tile_run run = {.at = place_of(conv, first), .to = v + row * LANES, .panel = held_tiles(conv) * LANES, .plane = in_plane(conv)};
    for (; count > 0; count -= run.count) {
        next_run(conv, &run, count);
        HL_BLAS(winograd_input)(conv, call->in, call->segments, &run, channel, channels);
    }
}

/* and of channels of the gradient. */
static void transform_gradient(const weights_call *call, const hl_view *dout, int64_t first, int64_t count, int64_t row, float *v, int64_t plane) {
    const hl_conv *conv = call->conv;
    tile_run run = {.at = place_of(conv, first), .to = v + row * LANES, .panel = held_tiles(conv) * LANES, .plane = plane};
    for (; count > 0; count -= run.count) {
        next_run(conv, &run, count);
        HL_BLAS(winograd_gradient)(conv, dout, &run);
    }
}

/* All of one operand, then all of the other: by turns they are a quarter slower. */
static void transform_tiles(const weights_call *call, int64_t first, int64_t count, int64_t row, float *v) {
    transform_input(call, first, count, 0, call->conv->in_c, row, v);
    transform_gradient(call, call->dout, first, count, row, v + PLANES * in_plane(call->conv), out_plane(call->conv));
}

/* Channels of a product: output and input panels from which on, and how many channels. */
typedef struct range {
    int out, outputs, in, inputs;
} range;
static range range_of(const hl_conv *conv, int out, int out_panels, int in, int in_panels) {
    int outputs = conv->out_c - out * LANES, inputs = conv->in_c - in * LANES;
    return (range){out, outputs < out_panels * LANES ? outputs : out_panels * LANES, in, inputs < in_panels * LANES ? inputs : in_panels * LANES};
}
static range all_channels(const hl_conv *conv) { return (range){0, conv->out_c, 0, conv->in_c}; }

/* A plane's sums (+)= the products of `tiles` transformed tiles of the gradient, a, and of the input, b, both from a range's channels on. */
static void multiply_plane(const weights_call *call, int64_t tiles, range r, const float *a, const float *b, bool accumulate, float *sums) {
    const hl_conv *conv = call->conv;
    int64_t panel = held_tiles(conv) * LANES;
    HL_BLAS(outer_product)(&(hl_product){.a = a,
                   .a_panel = panel,
                   .b = b,
                   .b_panel = panel,
                   .c = sums,
                   .c_row = sum_row(conv),
                   .c_panel = LANES,
                   .rows = r.outputs,
                   .panels = panels_of(r.inputs),
                   .depth = (int)tiles,
                   .accumulate = accumulate});
}

/* The same of plane k of what transform_tiles has made. */
static void multiply_held(const weights_call *call, int k, int64_t tiles, range r, const float *v, bool accumulate, float *sums) {
    const hl_conv *conv = call->conv;
    int64_t panel = held_tiles(conv) * LANES;
    multiply_plane(call, tiles, r, v + PLANES * in_plane(conv) + k * out_plane(conv) + r.out * panel, v + k * in_plane(conv) + r.in * panel, accumulate, sums);
}

/* A small kernel: a piece is a part of the tiles, with sums of its own. */
static void part_piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t all = tiles_of(conv).count, first = piece * part_tiles(conv),
            end = first + part_tiles(conv) < all ? first + part_tiles(conv) : all;
    float *v = call->memory + worker * held_floats(conv), *sums = call->sums + piece * call->sum_size;
    for (int64_t t = first, count; t < end; t += count) {
        count = end - t < block_tiles(conv) ? end - t : block_tiles(conv);
        transform_tiles(call, t, count, 0, v);
        for (int k = 0; k < PLANES; k++) multiply_held(call, k, count, all_channels(conv), v, t > first, sums + k * call->sum_plane);
    }
}

/* The parts' sums of one output channel, added in order, and turned back into the kernel's gradient. */
static void back_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    int64_t in = padded_in(call->conv), parts = parts_of(call->conv);
    float *sums = call->sums + piece * in;
    for (int64_t part = 1; part < parts; part++)
        for (int k = 0; k < PLANES; k++) {
            float *to = sums + k * call->sum_plane;
            const float *more = to + part * call->sum_size;
            for (int64_t i = 0; i < in; i += LANES) vector_store(to + i, vector_load(to + i) + vector_load(more + i));
        }
    HL_BLAS(winograd_dkernel)(sums, call->sum_plane, call->conv->in_c, call->dkernel + piece * TAPS * call->conv->in_c, call->conv->in_c);
}

static void tiles_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    int64_t row = piece * TILES, left = call->count - row, count = left < TILES ? left : TILES;
    if (by_channels(call->conv)) transform_input(call, call->first + row, count, 0, call->conv->in_c, row, call->memory);
    else transform_tiles(call, call->first + row, count, row, call->memory);
}

static int plane_pieces(const hl_conv *conv) { return (int)hl_blas_pieces(panels_of(conv->out_c), PLANE_PANELS); }

/* A large kernel: a piece is some output channels' sums of a plane, over the chunk: in the second cache. */
static void plane_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int pieces = plane_pieces(conv), k = (int)piece / pieces;
    range r = range_of(conv, (int)piece % pieces * PLANE_PANELS, PLANE_PANELS, 0, panels_of(conv->in_c));
    float *sums = call->sums + k * call->sum_plane + r.out * LANES * padded_in(conv);
    multiply_held(call, k, call->count, r, call->memory, call->first > 0, sums);
}

static int in_pieces(const hl_conv *conv) { return (int)hl_blas_pieces(panels_of(conv->in_c), piece_inputs(conv)); }
static int64_t channel_pieces(const hl_conv *conv) { return in_pieces(conv) * hl_blas_pieces(panels_of(conv->out_c), piece_outputs(conv)); }

/* A worker's planes of the gradient's channels in r, made where it has not yet; `*at`: one more than the panel they begin with, or 0. */
static void own_gradient(const weights_call *call, range r, float *at, float *v) {
    if (*at == (float)(r.out + 1)) return;
    hl_view some = *call->dout;
    some.data = (void *)cell_at(some.data, r.out * LANES, some.half), some.c = r.outputs;
    transform_gradient(call, &some, 0, call->count, 0, v, own_plane(call->conv));
    *at = (float)(r.out + 1);
}

/* With few tiles, which are one chunk, a piece is output and input channels: their sums in two rows of planes at a time, and what those give. */
static void channels_piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int pieces = in_pieces(conv), outputs = piece_outputs(conv), inputs = piece_inputs(conv);
    range r = range_of(conv, (int)(piece / pieces) * outputs, outputs, (int)(piece % pieces) * inputs, inputs);
    float *mine = call->sums + worker * worker_floats(conv), *sums = mine + LANES, *gradient = sums + PAIR_PLANES * call->sum_plane;
    own_gradient(call, r, mine, gradient);
    float *own = gradient + PLANES * own_plane(conv);
    if (cut_of(conv) == BY_INPUTS) transform_input(call, 0, call->count, r.in * LANES, r.inputs, 0, own);
    const float *input = cut_of(conv) == BY_INPUTS ? own : call->memory + r.in * held_tiles(conv) * LANES;
    for (int pair = 0; pair < PAIRS; pair++) {
        for (int i = 0; i < PAIR_PLANES; i++) {
            int k = pair_row(pair, i / PATCH) * PATCH + i % PATCH;
            multiply_plane(call, call->count, r, gradient + k * own_plane(conv), input + k * in_plane(conv), false, sums + i * call->sum_plane);
        }
        for (int o = 0; o < r.outputs; o++) {
            float *dkernel = call->dkernel + (int64_t)(r.out * LANES + o) * TAPS * conv->in_c + r.in * LANES;
            HL_BLAS(winograd_dkernel_pair)(sums + o * sum_row(conv), call->sum_plane, r.inputs, pair, pair > 0, dkernel, conv->in_c);
        }
    }
}

void HL_BLAS(winograd_weights)(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                               void *dbias, void *workspace) {
    weights_call call = {.conv = conv, .in = in, .segments = segments, .dout = dout, .dkernel = dkernel};
    call.sum_plane = sum_plane(conv), call.sum_size = PLANES * call.sum_plane;
    call.sums = (float *)((char *)workspace + hl_conv_bias_bytes(conv));
    call.memory = call.sums + sums_floats(conv, hl_threads(hl));
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, workspace);
    if (cut_of(conv) == IN_PARTS) {
        hl_parallel_for(hl, parts_of(conv), part_piece, &call);
        hl_parallel_for(hl, conv->out_c, back_piece, &call);
        return;
    }
    for (int w = 0; by_channels(conv) && w < hl_threads(hl); w++) call.sums[w * worker_floats(conv)] = 0;
    int64_t tiles = tiles_of(conv).count, chunk = chunk_tiles(conv);
    for (call.first = 0; call.first < tiles; call.first += chunk) {
        call.count = tiles - call.first < chunk ? tiles - call.first : chunk;
        if (cut_of(conv) != BY_INPUTS) hl_parallel_for(hl, hl_blas_pieces(call.count, TILES), tiles_piece, &call);
        if (by_channels(conv)) hl_parallel_for(hl, channel_pieces(conv), channels_piece, &call);
        else hl_parallel_for(hl, (int64_t)PLANES * plane_pieces(conv), plane_piece, &call);
    }
    if (!by_channels(conv)) hl_parallel_for(hl, conv->out_c, back_piece, &call);
}
