/* A convolution's gradient to its kernel by products of bf16 numbers, at stride 1: the depth of a product runs over pixels. Output rows are walked as if they
 * were as wide as the input rows they see, with zeros for gradients past their own width, so that a tap is a fixed distance. Pixels go by pairs: what a
 * kernel's odd columns see is read into a copy of its own, one pixel further on. */
#include "kernels/bf16/conv.h"

#include "kernels/bf16/cells.h"
#include "kernels/blas/rows.h"

enum {
    INPUTS = 128,            /* input channels of a piece at most */
    RUN_FLOATS = 4 << 10,    /* of a row at a time in float, if three pixels have no more */
    BAND_CELLS = 512 << 10,  /* what a piece multiplies at a time: rows of an image, if one needs no more */
    PIECES = 16,             /* by blocks of input channels, */
    PART_PIXELS = 512,       /* and by pixels, no fewer than these */
    SUM_COST = 5,            /* of a number of a part, beside reading one of the gradient's for one more block */
    PAIR_CELLS = 2 * TILE,   /* 16 channels of two pixels */
    SLACK = 2 * TILE,        /* pairs of zeros behind the last row: tiles read on */
};

/* How a shape is cut. A band: some output rows of an image, or some images, one after the other as they lie with the rows that their last ones see. A part:
 * some bands, whose sums are one; a piece: a part for one block of input channels. */
typedef struct cut {
    int taps, outputs;      /* groups of output channels */
    int wide, copies;       /* pixels of a row, an even number; of input pixels */
    int blocks, inputs;     /* of input channels; channels of one, whole groups */
    int rows, images, row_bands;
    int64_t bands, part_bands, parts;
    int64_t lines, chunks, pairs; /* of the largest band: rows of input pixels, tiles of gradients, pairs of a panel of input pixels */
    int run;                /* pixels of a row that are read at a time, and one more */
    int64_t part_floats;
    size_t run_floats, zero_floats, gradient_cells, input_cells, worker_bytes;
} cut;

typedef struct weights_call {
    const bf16_products *products;
    const hl_conv *conv;
    const cut *cut;
    const hl_segment *in;
    int segments;
    const hl_view *dout;
    float *dkernel, *parts; /* parts: NULL where tiles of sums are dkernel's own */
    char *memory;
} weights_call;

static int64_t parts_wanted(const hl_conv *conv, int blocks) {
    return hl_blas_clamp(hl_conv_pixels(conv) / PART_PIXELS, 1, hl_blas_pieces(PIECES, blocks));
}

/* Each block reads all gradients again, each part has sums of its own: the number of blocks for which both together are the least. */
static int best_blocks(const hl_conv *conv) {
    int groups = bf16_groups(conv->in_c), best = 0;
    double least = 0;
    for (int blocks = (int)hl_blas_pieces(conv->in_c, INPUTS); blocks <= groups && blocks <= PIECES; blocks++) {
        int64_t parts = parts_wanted(conv, blocks);
        double sums = (double)(parts > 1 ? parts : 0) * conv->kh * conv->kw * conv->in_c * conv->out_c;
        double idle = PIECES / (double)(parts * blocks < PIECES ? parts * blocks : PIECES); /* threads without a piece */
        double cost = ((double)hl_conv_pixels(conv) * conv->out_c * blocks + sums * SUM_COST) * idle;
        if (!best || cost < least) best = blocks, least = cost;
    }
    return best ? best : (int)hl_blas_pieces(conv->in_c, INPUTS);
}

static int64_t chunks_of(const hl_conv *conv, const cut *c, int64_t lines) { return hl_blas_pieces((lines - conv->kh + 1) * c->wide, DEPTH); }

static void cut_bands(const hl_conv *conv, cut *c) {
    int64_t position = (int64_t)c->outputs * TILE + (int64_t)c->copies * c->inputs, image = conv->out_h + conv->kh - 1;
    int64_t room = BAND_CELLS / (position * c->wide), share = (int64_t)conv->n * conv->out_h / parts_wanted(conv, c->blocks);
    int64_t rows = room < share ? room : share;
    c->rows = (int)hl_blas_clamp(rows, 1, conv->out_h), c->images = (int)hl_blas_clamp(rows / image, 1, conv->n);
    c->row_bands = (int)hl_blas_pieces(conv->out_h, c->rows);
    c->bands = c->images > 1 ? hl_blas_pieces(conv->n, c->images) : (int64_t)conv->n * c->row_bands;
    c->part_bands = hl_blas_pieces(c->bands, parts_wanted(conv, c->blocks));
    c->parts = hl_blas_pieces(c->bands, c->part_bands);
    c->lines = c->images > 1 ? c->images * image : c->rows + conv->kh - 1;
}

static cut cut_of(const hl_conv *conv) {
    cut c = {.taps = conv->kh * conv->kw, .outputs = bf16_groups(conv->out_c), .wide = (conv->out_w + conv->kw) / 2 * 2, .copies = conv->kw > 1 ? 2 : 1};
    c.inputs = (int)hl_blas_pieces(bf16_groups(conv->in_c), best_blocks(conv)) * TILE;
    c.blocks = (int)hl_blas_pieces(conv->in_c, c.inputs);
    cut_bands(conv, &c);
    c.chunks = chunks_of(conv, &c, c.lines), c.pairs = c.lines * c.wide / 2 + SLACK;
    c.run = (int)hl_blas_clamp(RUN_FLOATS / c.inputs / 2 * 2, 2, c.wide);
    c.part_floats = (int64_t)c.outputs * c.taps * c.blocks * c.inputs * TILE;
    c.run_floats = hl_blas_lines((int64_t)(c.run + 1) * c.inputs), c.zero_floats = hl_blas_lines(conv->out_c);
    c.gradient_cells = (size_t)c.outputs * (size_t)c.chunks * TILE_CELLS;
    c.input_cells = (size_t)c.copies * (size_t)(c.inputs / TILE) * (size_t)c.pairs * PAIR_CELLS;
    c.worker_bytes = (c.run_floats + c.zero_floats) * sizeof(float) + (c.gradient_cells + c.input_cells) * sizeof(uint16_t);
    return c;
}

static bool in_place(const hl_conv *conv, const cut *c) { return c->parts == 1 && conv->in_c % TILE == 0 && conv->out_c % TILE == 0; }

size_t hl_bf16_weights_workspace(const hl_conv *conv, int threads) {
    cut c = cut_of(conv);
    size_t parts = in_place(conv, &c) ? 0 : (size_t)(c.parts * c.part_floats) * sizeof(float);
    return hl_conv_bias_bytes(conv) + parts + (size_t)threads * c.worker_bytes;
}

/* Rows y .. y + rows of some images, and a block of the input's channels. */
typedef struct band {
    int n, images, y, rows, channel, channels;
    int lines; /* rows of input pixels */
    float *run, *zeros;
    uint16_t *gradients, *inputs;
    float *sums; /* its first tile's */
} band;

/* Tiles of gradients: rows are output channels. */
static void fill_gradients(const weights_call *call, const band *b) {
    const hl_conv *conv = call->conv;
    const cut *c = call->cut;
    int64_t used = chunks_of(conv, c, b->lines);
    for (int64_t chunk = 0, x = 0, y = 0, n = 0; chunk < used; chunk++) {
        const float *pixel[DEPTH];
        for (int i = 0; i < DEPTH; i++) {
            int64_t at = ((b->n + n) * conv->out_h + b->y + y) * conv->out_w + x;
            pixel[i] = x < conv->out_w && y < b->rows && n < b->images ? hl_blas_pixel(call->dout, at) : b->zeros;
            if (++x == c->wide) x = 0, y++;
            if (y == b->rows + conv->kh - 1) y = 0, n++;
        }
        for (int g = 0; g < c->outputs; g++) {
            vector rows[LANES];
            int from = g * TILE, count = conv->out_c - from;
            for (int i = 0; i < TILE; i++) {
                vector even = vector_load_some(pixel[2 * i] + from, count), odd = vector_load_some(pixel[2 * i + 1] + from, count);
                rows[i] = (vector)cells_paired(even, odd);
            }
            cells_transposed(rows, b->gradients + (g * c->chunks + chunk) * TILE_CELLS, DEPTH);
        }
    }
}

static uint16_t *panel_of(const cut *c, const band *b, int copy, int group) {
    return b->inputs + ((int64_t)copy * (c->inputs / TILE) + group) * c->pairs * PAIR_CELLS;
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
    const cut *c = call->cut;
    int groups = bf16_groups(b->channels), image = b->rows + conv->kh - 1;
    int64_t filled = (int64_t)b->lines * c->wide / 2;
    for (int line = 0; line < b->lines; line++)
        for (int x = 0, count; x < c->wide; x += count) {
            count = c->wide - x < c->run ? c->wide - x : c->run;
            HL_BLAS(read_taps)(conv, call->in, call->segments, b->n + line / image, b->y - conv->pad_top + line % image, x - conv->pad_left, count + 1, b->channel,
                               b->channels, b->run);
            for (int copy = 0; copy < c->copies; copy++)
                for (int g = 0; g < groups; g++) pair_run(b, copy, g, count, panel_of(c, b, copy, g) + ((int64_t)line * c->wide + x) / 2 * PAIR_CELLS);
        }
    for (int copy = 0; copy < c->copies; copy++)
        for (int g = 0; g < groups; g++) memset(panel_of(c, b, copy, g) + filled * PAIR_CELLS, 0, (size_t)(c->pairs - filled) * PAIR_CELLS * sizeof(uint16_t));
}

/* What a tap and a group of a block's channels, numbered together, are read as. */
static const uint16_t *input_at(const weights_call *call, const band *b, int i) {
    int groups = bf16_groups(b->channels), tap = i / groups, row = tap / call->conv->kw, column = tap % call->conv->kw;
    return panel_of(call->cut, b, column & 1, i % groups) + ((int64_t)row * call->cut->wide / 2 + column / 2) * PAIR_CELLS;
}

/* Their tile of sums with group o of output channels: a part's lie one after the other, dkernel's as it does. */
static float *sums_at(const weights_call *call, const band *b, int o, int i) {
    int groups = bf16_groups(b->channels);
    if (call->parts) return b->sums + ((int64_t)o * call->cut->taps * groups + i) * TILE * TILE;
    return b->sums + ((int64_t)o * TILE * call->cut->taps + i / groups) * call->conv->in_c + i % groups * TILE;
}

static void multiply_all(const weights_call *call, const band *b, bool add) {
    const cut *c = call->cut;
    int inputs = c->taps * bf16_groups(b->channels);
    pixels_product product = {.chunks = chunks_of(call->conv, c, b->lines), .sums_row = call->parts ? TILE : (int64_t)c->taps * call->conv->in_c, .add = add};
    for (int i = 0; i < inputs; i += 2)
        for (int o = 0; o < c->outputs; o += 2) {
            for (int k = 0; k < 2; k++) {
                product.gradients[k] = o + k < c->outputs ? b->gradients + (o + k) * c->chunks * TILE_CELLS : NULL;
                product.inputs[k] = i + k < inputs ? input_at(call, b, i + k) : NULL;
            }
            for (int k = 0; k < 2 && product.gradients[k]; k++)
                for (int n = 0; n < 2 && product.inputs[n]; n++) product.sums[k][n] = sums_at(call, b, o + k, i + n);
            call->products->pixels(&product);
        }
}

static void place_band(const hl_conv *conv, const cut *c, int64_t index, band *b) {
    bool images = c->images > 1;
    b->n = images ? (int)index * c->images : (int)(index / c->row_bands), b->y = images ? 0 : (int)(index % c->row_bands) * c->rows;
    b->images = conv->n - b->n < c->images ? conv->n - b->n : c->images, b->rows = conv->out_h - b->y < c->rows ? conv->out_h - b->y : c->rows;
    b->lines = b->images * (b->rows + conv->kh - 1);
}

/* A part's bands for one block of input channels. */
static void piece(void *arg, int64_t piece, int worker) {
    const weights_call *call = arg;
    const hl_conv *conv = call->conv;
    const cut *c = call->cut;
    int64_t block = piece % c->blocks, part = piece / c->blocks;
    band b = {.channel = (int)block * c->inputs, .run = (float *)(void *)(call->memory + (size_t)worker * c->worker_bytes)};
    b.channels = conv->in_c - b.channel < c->inputs ? conv->in_c - b.channel : c->inputs;
    b.zeros = b.run + c->run_floats;
    b.gradients = (uint16_t *)(void *)(b.zeros + c->zero_floats), b.inputs = b.gradients + c->gradient_cells;
    memset(b.zeros, 0, c->zero_floats * sizeof *b.zeros);
    b.sums = call->parts ? call->parts + part * c->part_floats + block * (c->part_floats / c->blocks) : call->dkernel + b.channel;
    int64_t first = part * c->part_bands, end = first + c->part_bands < c->bands ? first + c->part_bands : c->bands;
    for (int64_t i = first; i < end; i++) {
        place_band(conv, c, i, &b);
        fill_gradients(call, &b);
        fill_inputs(call, &b);
        call->products->begin();
        multiply_all(call, &b, i > first);
        call->products->end();
    }
}

/* 16 channels of a tap for one output channel: the parts' sums in order. */
static void add_parts(const weights_call *call, int output, int tap, int channel) {
    const cut *c = call->cut;
    int block = channel / c->inputs, group = channel % c->inputs / TILE, left = call->conv->in_c - block * c->inputs;
    int groups = bf16_groups(left < c->inputs ? left : c->inputs);
    int64_t tile = ((int64_t)(output / TILE) * c->taps + tap) * groups + group;
    const float *from = call->parts + block * (c->part_floats / c->blocks) + (tile * TILE + output % TILE) * TILE;
    vector sum = vector_load(from);
    for (int64_t part = 1; part < c->parts; part++) sum += vector_load(from + part * c->part_floats);
    vector_store_some(call->dkernel + ((int64_t)output * c->taps + tap) * call->conv->in_c + channel, sum, call->conv->in_c - channel);
}

static void add_parts_piece(void *arg, int64_t output, int worker) {
    (void)worker;
    const weights_call *call = arg;
    for (int tap = 0; tap < call->cut->taps; tap++)
        for (int channel = 0; channel < call->conv->in_c; channel += TILE) add_parts(call, (int)output, tap, channel);
}

void hl_bf16_weights(hl_context *hl, const bf16_products *products, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout,
                     void *dkernel, void *dbias, void *workspace) {
    cut c = cut_of(conv);
    weights_call call = {.products = products, .conv = conv, .cut = &c, .in = in, .segments = segments, .dout = dout, .dkernel = dkernel};
    float *parts = (float *)(void *)((char *)workspace + hl_conv_bias_bytes(conv));
    if (!in_place(conv, &c)) call.parts = parts;
    call.memory = (char *)(parts + (call.parts ? c.parts * c.part_floats : 0));
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, workspace);
    hl_parallel_for(hl, c.parts * c.blocks, piece, &call);
    if (call.parts) hl_parallel_for(hl, conv->out_c, add_parts_piece, &call);
}
