/* A convolution's gradient to its kernel on AMX tiles, at stride 1: the depth of a product runs over pixels. Output rows are walked as if they were as wide as
 * the input rows they see, with zeros for gradients past their own width, so that a tap is a fixed distance. Pixels go by pairs: what a kernel's odd columns
 * see is read into a copy of its own, one pixel further on. */
#include "kernels/amx/conv.h"

#include "kernels/blas/rows.h"

enum {
    INPUTS = 128,            /* input channels of a piece at most */
    RUN_FLOATS = 4 << 10,    /* of a row at a time in float, if three pixels have no more */
    BAND_CELLS = 512 << 10,  /* what a piece multiplies at a time: rows of an image, if one needs no more */
    PIECES = 16,             /* where there are rows enough, */
    PART_FLOATS = 4 << 20,   /* and their sums are no more */
    PAIRS = TILE,            /* of a tile's depth */
    PAIR_CELLS = 2 * TILE,   /* 16 channels of two pixels */
    SLACK = 2 * PAIRS,       /* pairs of zeros behind the last row: tiles read on */
};

typedef struct weights_call {
    const hl_conv *conv;
    const hl_segment *in;
    int segments;
    const hl_view *dout;
    float *dkernel, *parts;
    char *memory;
} weights_call;

/* Pixels of a row, an even number. */
static int row_pixels(const hl_conv *conv) { return (conv->out_w - 1 + conv->kw + 1) / 2 * 2; }
static int copies_of(const hl_conv *conv) { return conv->kw > 1 ? 2 : 1; }
static int in_blocks(const hl_conv *conv) { return (int)hl_blas_pieces(conv->in_c, INPUTS); }
static int block_inputs(const hl_conv *conv) { return amx_groups((int)hl_blas_pieces(conv->in_c, in_blocks(conv))) * TILE; }

/* A band: some output rows of an image, or some images, one after the other as they lie with the rows that their last ones see. */
static int64_t band_share(const hl_conv *conv) {
    int64_t position = (int64_t)amx_groups(conv->out_c) * TILE + (int64_t)copies_of(conv) * block_inputs(conv);
    int64_t room = BAND_CELLS / (position * row_pixels(conv)), share = (int64_t)conv->n * conv->out_h * in_blocks(conv) / PIECES;
    return room < share ? room : share;
}
static int band_rows(const hl_conv *conv) { return (int)hl_blas_clamp(band_share(conv), 1, conv->out_h); }
static int image_lines(const hl_conv *conv) { return conv->out_h + conv->kh - 1; }
static int band_images(const hl_conv *conv) { return (int)hl_blas_clamp(band_share(conv) / image_lines(conv), 1, conv->n); }
static int image_bands(const hl_conv *conv) { return (int)hl_blas_pieces(conv->out_h, band_rows(conv)); }
static int64_t bands_of(const hl_conv *conv) {
    int images = band_images(conv);
    return images > 1 ? hl_blas_pieces(conv->n, images) : (int64_t)conv->n * image_bands(conv);
}
/* Rows of input pixels of the largest band. */
static int64_t band_lines(const hl_conv *conv) {
    return band_images(conv) > 1 ? (int64_t)band_images(conv) * image_lines(conv) : band_rows(conv) + conv->kh - 1;
}

/* A part: the sums of some bands, one after the other. */
static int taps_of(const hl_conv *conv) { return conv->kh * conv->kw; }
static int64_t part_floats(const hl_conv *conv) {
    return (int64_t)amx_groups(conv->out_c) * taps_of(conv) * in_blocks(conv) * block_inputs(conv) * TILE;
}
static int64_t part_bands(const hl_conv *conv) {
    int64_t bands = bands_of(conv), parts = hl_blas_pieces(PIECES, in_blocks(conv)), room = PART_FLOATS / part_floats(conv);
    return hl_blas_pieces(bands, hl_blas_clamp(parts < room ? parts : room, 1, bands));
}
static int64_t parts_of(const hl_conv *conv) { return hl_blas_pieces(bands_of(conv), part_bands(conv)); }

/* A worker's memory: a run of a row in float, zeros in place of a pixel's gradients, tiles of gradients, pairs of input pixels. */
static int chunks_of(const hl_conv *conv, int64_t lines) { return (int)hl_blas_pieces((lines - conv->kh + 1) * row_pixels(conv), DEPTH); }
static int band_chunks(const hl_conv *conv) { return chunks_of(conv, band_lines(conv)); }
static int64_t panel_pairs(const hl_conv *conv) { return band_lines(conv) * row_pixels(conv) / 2 + SLACK; }
/* An even number of a row's pixels, behind which another is read for the second copy's last pair. */
static int run_pixels(const hl_conv *conv) { return (int)hl_blas_clamp(RUN_FLOATS / block_inputs(conv) / 2 * 2, 2, row_pixels(conv)); }
static size_t run_floats(const hl_conv *conv) { return hl_blas_lines((int64_t)(run_pixels(conv) + 1) * block_inputs(conv)); }
static size_t zero_floats(const hl_conv *conv) { return hl_blas_lines(conv->out_c); }
static size_t gradient_cells(const hl_conv *conv) { return (size_t)amx_groups(conv->out_c) * (size_t)band_chunks(conv) * TILE_CELLS; }
static size_t input_cells(const hl_conv *conv) {
    return (size_t)copies_of(conv) * (size_t)(block_inputs(conv) / TILE) * (size_t)panel_pairs(conv) * PAIR_CELLS;
}
static size_t worker_bytes(const hl_conv *conv) {
    return (run_floats(conv) + zero_floats(conv)) * sizeof(float) + (gradient_cells(conv) + input_cells(conv)) * sizeof(uint16_t);
}

size_t hl_amx_weights_workspace(const hl_conv *conv, int threads) {
    return hl_conv_bias_bytes(conv) + (size_t)(parts_of(conv) * part_floats(conv)) * sizeof(float) + (size_t)threads * worker_bytes(conv);
}

/* Rows y .. y + rows of some images, and a block of the input's channels. */
typedef struct band {
    int n, images, y, rows, channel, channels;
    int lines; /* rows of input pixels */
    float *run, *zeros;
    uint16_t *gradients, *inputs;
} band;

/* Tiles of gradients: rows are output channels. */
static void fill_gradients(const weights_call *call, const band *b) {
    const hl_conv *conv = call->conv;
    int wide = row_pixels(conv), chunks = band_chunks(conv), used = chunks_of(conv, b->lines), x = 0, y = 0, n = 0;
    for (int chunk = 0; chunk < used; chunk++) {
        const float *pixel[DEPTH];
        for (int i = 0; i < DEPTH; i++) {
            int64_t at = ((int64_t)(b->n + n) * conv->out_h + b->y + y) * conv->out_w + x;
            pixel[i] = x < conv->out_w && y < b->rows && n < b->images ? hl_blas_pixel(call->dout, at) : b->zeros;
            if (++x == wide) x = 0, y++;
            if (y == b->rows + conv->kh - 1) y = 0, n++;
        }
        for (int g = 0; g < amx_groups(conv->out_c); g++) {
            vector rows[LANES];
            int from = g * TILE, count = conv->out_c - from;
            for (int i = 0; i < PAIRS; i++) {
                vector even = vector_load_some(pixel[2 * i] + from, count), odd = vector_load_some(pixel[2 * i + 1] + from, count);
                rows[i] = (vector)cells_paired(even, odd);
            }
            cells_transposed(rows, b->gradients + ((int64_t)g * chunks + chunk) * TILE_CELLS, DEPTH);
        }
    }
}

static uint16_t *panel_of(const hl_conv *conv, const band *b, int copy, int group) {
    return b->inputs + ((int64_t)copy * (block_inputs(conv) / TILE) + group) * panel_pairs(conv) * PAIR_CELLS;
}

/* Pairs of a run's pixels, from its first or, for the second copy, its second pixel on. */
static void pair_run(const band *b, int copy, int group, int pixels, uint16_t *to) {
    int count = b->channels - group * TILE;
    const float *even = b->run + (int64_t)copy * b->channels + group * TILE, *odd = even + b->channels;
    for (int64_t x = 0; x < (int64_t)pixels * b->channels; x += 2 * b->channels, to += PAIR_CELLS)
        _mm512_storeu_si512(to, cells_paired(vector_load_some(even + x, count), vector_load_some(odd + x, count)));
}

static void fill_inputs(const weights_call *call, const band *b) {
    const hl_conv *conv = call->conv;
    int wide = row_pixels(conv), groups = amx_groups(b->channels), image = b->rows + conv->kh - 1;
    int64_t filled = (int64_t)b->lines * wide / 2;
    for (int line = 0; line < b->lines; line++)
        for (int x = 0, count; x < wide; x += count) {
            count = wide - x < run_pixels(conv) ? wide - x : run_pixels(conv);
            HL_BLAS(read_taps)(conv, call->in, call->segments, b->n + line / image, b->y - conv->pad_top + line % image, x - conv->pad_left, count + 1, b->channel, b->channels, b->run);
            for (int copy = 0; copy < copies_of(conv); copy++)
                for (int g = 0; g < groups; g++) pair_run(b, copy, g, count, panel_of(conv, b, copy, g) + ((int64_t)line * wide + x) / 2 * PAIR_CELLS);
        }
    for (int copy = 0; copy < copies_of(conv); copy++)
        for (int g = 0; g < groups; g++)
            memset(panel_of(conv, b, copy, g) + filled * PAIR_CELLS, 0, (size_t)(panel_pairs(conv) - filled) * PAIR_CELLS * sizeof(uint16_t));
}

/* Adds products of up to two tiles of gradients and two of inputs, constants, over `chunks` chunks to tiles of sums. */
static inline __attribute__((always_inline)) void multiply(const uint16_t *const *gradients, const uint16_t *const *inputs, int chunks, float *const *sums, bool add,
                                                           bool two_outputs, bool two_inputs) {
    tiles_clear();
    if (add) {
        _tile_loadd(0, sums[0], 64);
        if (two_outputs) _tile_loadd(1, sums[1], 64);
        if (two_inputs) _tile_loadd(2, sums[2], 64);
        if (two_outputs && two_inputs) _tile_loadd(3, sums[3], 64);
    }
    for (int64_t at = 0; at < (int64_t)chunks * TILE_CELLS; at += TILE_CELLS) {
        _tile_loadd(4, gradients[0] + at, 64);
        _tile_loadd(6, inputs[0] + at, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (two_outputs) {
            _tile_loadd(5, gradients[1] + at, 64);
            _tile_dpbf16ps(1, 5, 6);
        }
        if (!two_inputs) continue;
        _tile_loadd(7, inputs[1] + at, 64);
        _tile_dpbf16ps(2, 4, 7);
        if (two_outputs) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums[0], 64);
    if (two_outputs) _tile_stored(1, sums[1], 64);
    if (two_inputs) _tile_stored(2, sums[2], 64);
    if (two_outputs && two_inputs) _tile_stored(3, sums[3], 64);
}

/* Pairs that input block i, a tap's and a group's of channels, are read as. */
static const uint16_t *input_at(const hl_conv *conv, const band *b, int i) {
    int groups = amx_groups(b->channels), tap = i / groups, row = tap / conv->kw, column = tap % conv->kw;
    return panel_of(conv, b, column & 1, i % groups) + ((int64_t)row * row_pixels(conv) / 2 + column / 2) * PAIR_CELLS;
}

/* sums: a tile for each group of output channels and each input block. */
static void multiply_all(const hl_conv *conv, const band *b, bool add, float *sums) {
    int outputs = amx_groups(conv->out_c), inputs = taps_of(conv) * amx_groups(b->channels), chunks = band_chunks(conv);
    int used = chunks_of(conv, b->lines);
    for (int i = 0; i < inputs; i += 2)
        for (int o = 0; o < outputs; o += 2) {
            bool two_outputs = o + 1 < outputs, two_inputs = i + 1 < inputs;
            const uint16_t *gradient = b->gradients + (int64_t)o * chunks * TILE_CELLS;
            const uint16_t *gradients[] = {gradient, gradient + (int64_t)chunks * TILE_CELLS};
            const uint16_t *pairs[] = {input_at(conv, b, i), two_inputs ? input_at(conv, b, i + 1) : NULL};
            float *first = sums + ((int64_t)o * inputs + i) * TILE * TILE, *next = first + (int64_t)inputs * TILE * TILE;
            float *tiles[] = {first, next, first + TILE * TILE, next + TILE * TILE};
            if (two_outputs && two_inputs) multiply(gradients, pairs, used, tiles, add, true, true);
            else if (two_outputs) multiply(gradients, pairs, used, tiles, add, true, false);
            else if (two_inputs) multiply(gradients, pairs, used, tiles, add, false, true);
            else multiply(gradients, pairs, used, tiles, add, false, false);
        }
}

static void place_band(const hl_conv *conv, int64_t index, band *b) {
    int images = band_images(conv), rows = band_rows(conv), bands = image_bands(conv);
    b->n = images > 1 ? (int)index * images : (int)(index / bands), b->y = images > 1 ? 0 : (int)(index % bands) * rows;
    b->images = conv->n - b->n < images ? conv->n - b->n : images, b->rows = conv->out_h - b->y < rows ? conv->out_h - b->y : rows;
    b->lines = b->images * (b->rows + conv->kh - 1);
}

/* A part's bands for one block of input channels. */
static void piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t block = piece % in_blocks(conv), part = piece / in_blocks(conv), bands = bands_of(conv);
    band b = {.channel = (int)block * block_inputs(conv), .run = (float *)(void *)(call->memory + (size_t)worker * worker_bytes(conv))};
    b.channels = conv->in_c - b.channel < block_inputs(conv) ? conv->in_c - b.channel : block_inputs(conv);
    b.zeros = b.run + run_floats(conv);
    b.gradients = (uint16_t *)(void *)(b.zeros + zero_floats(conv)), b.inputs = b.gradients + gradient_cells(conv);
    memset(b.zeros, 0, zero_floats(conv) * sizeof *b.zeros);
    float *sums = call->parts + part * part_floats(conv) + block * (part_floats(conv) / in_blocks(conv));
    int64_t first = part * part_bands(conv), end = first + part_bands(conv) < bands ? first + part_bands(conv) : bands;
    for (int64_t i = first; i < end; i++) {
        place_band(conv, i, &b);
        fill_gradients(call, &b);
        fill_inputs(call, &b);
        tiles_begin();
        multiply_all(conv, &b, i > first, sums);
        tiles_end();
    }
}

/* 16 channels of a tap for one output channel: the parts' sums in order. */
static void add_parts(const weights_call *call, int output, int tap, int block, int group) {
    const hl_conv *conv = call->conv;
    int channel = block * block_inputs(conv) + group * TILE, left = conv->in_c - block * block_inputs(conv);
    int groups = amx_groups(left < block_inputs(conv) ? left : block_inputs(conv));
    int64_t inputs = (int64_t)taps_of(conv) * groups, tile = (int64_t)(output / TILE) * inputs + (int64_t)tap * groups + group;
    const float *from = call->parts + block * (part_floats(conv) / in_blocks(conv)) + (tile * TILE + output % TILE) * TILE;
    vector sum = vector_load(from);
    for (int64_t part = 1; part < parts_of(conv); part++) sum += vector_load(from + part * part_floats(conv));
    vector_store_some(call->dkernel + ((int64_t)output * taps_of(conv) + tap) * conv->in_c + channel, sum, conv->in_c - channel);
}

static void add_parts_piece(void *arg, int64_t output, int worker) {
    (void)worker;
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    for (int tap = 0; tap < taps_of(conv); tap++)
        for (int block = 0; block < in_blocks(conv); block++)
            for (int group = 0; group * TILE < block_inputs(conv) && block * block_inputs(conv) + group * TILE < conv->in_c; group++)
                add_parts(call, (int)output, tap, block, group);
}

void hl_amx_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel, void *dbias,
                    void *workspace) {
    weights_call call = {.conv = conv, .in = in, .segments = segments, .dout = dout, .dkernel = dkernel};
    call.parts = (float *)(void *)((char *)workspace + hl_conv_bias_bytes(conv));
    call.memory = (char *)(call.parts + parts_of(conv) * part_floats(conv));
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, workspace);
    hl_parallel_for(hl, parts_of(conv) * in_blocks(conv), piece, &call);
    hl_parallel_for(hl, conv->out_c, add_parts_piece, &call);
}
