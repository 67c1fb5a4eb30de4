/* 3x3 convolution by Winograd's F(4x4, 3x3): forward and backward-data, which is forward with the kernel turned about. */
#include "kernels/blas/panels.h"
#include "kernels/blas/winograd_cut.h"

enum {
    LEAST_TILES = 20,      /* what reading the kernel's transform costs, in tiles: by tiles, */
    LEAST_ELSE = 5,        /* and otherwise */
    PIECE_TILES = 4,       /* tiles of a piece that transforms those of all */
    PAST_FLOATS = 1 << 20, /* an output so large is out of the caches before anyone reads it */
};

typedef struct winograd_call {
    const hl_conv *conv; /* with backward-data's input and output exchanged */
    const hl_segment *in;
    int segments;
    const float *kernel, *bias;
    winograd_kernel_order order;
    const hl_finish *finish;
    const hl_view *out;
    bool accumulate, past; /* past the caches */
    int64_t tiles;
    int64_t first, count;   /* the tiles of a chunk */
    int block;              /* tiles of a piece by tiles */
    float *shared, *memory; /* one for all, and one for each worker */
    const float *transform; /* the kernel's, NULL: it is yet to be made, */
    float *kernels;         /* here */
    float *products;        /* of a chunk, where they are for all */
    int64_t worker, own;    /* floats of the latter, and of it what is made once */
} winograd_call;

static bool fits(const hl_conv *conv) {
    return conv->kh == 3 && conv->kw == 3 && conv->stride_h == 1 && conv->stride_w == 1 && conv->pad_top == 1 && conv->pad_left == 1 &&
           conv->groups == 1 && conv->in_h == conv->out_h && conv->in_w == conv->out_w;
}

static hl_conv exchanged(const hl_conv *conv) {
    hl_conv other = *conv;
    other.in_c = conv->out_c, other.out_c = conv->in_c;
    return other;
}

/* However few the tiles, their products take the time to read the kernel's transform. */
static double cost(const hl_conv *conv, hl_pass pass) {
    hl_conv other = pass == HL_BACKWARD_DATA ? exchanged(conv) : *conv;
    int64_t count = tiles_of(conv).count, least = cut_of(&other) == BY_TILES ? LEAST_TILES : LEAST_ELSE;
    if (pass == HL_BACKWARD_WEIGHTS) least = 0;
    double in = panels_of(conv->in_c) * LANES, out = panels_of(conv->out_c) * LANES, tiles = (double)count;
    return (double)(count < least ? least : count) * PLANES * in * out * 1.15 + tiles * (in + out) * 500 + in * out * 350;
}

static size_t workspace(const hl_conv *conv, hl_pass pass, int threads) {
    if (pass == HL_BACKWARD_WEIGHTS) return HL_BLAS(winograd_weights_workspace)(conv, threads);
    hl_conv other = pass == HL_FORWARD ? *conv : exchanged(conv);
    int64_t made = shared_floats(&other, threads, false) + threads * worker_floats(&other, threads, false);
    int64_t kept = shared_floats(&other, threads, true) + threads * worker_floats(&other, threads, true);
    return (size_t)(made > kept ? made : kept) * sizeof(float);
}

/* `count` tiles from `first` on as rows from `row` on of a plane of `tiles`. */
static void transform_tiles(const winograd_call *call, int64_t first, int64_t count, int64_t row, int64_t tiles, float *v) {
    const hl_conv *conv = call->conv;
    groups g = groups_of(conv, tiles);
    int64_t plane = tile_plane(conv, tiles), in_group = row % g.rows, group = group_floats(panels_of(conv->in_c), g);
    tile_run run = {.at = place_of(conv, first), .to = v + row / g.rows * group + in_group * LANES, .panel = g.rows * LANES, .plane = plane};
    for (; count > 0; count -= run.count) {
        next_run(conv, &run, smaller(count, g.rows - in_group));
        HL_BLAS(winograd_input)(conv, call->in, call->segments, &run, 0, conv->in_c);
        in_group += run.count;
        if (in_group == g.rows) in_group = 0, run.to += group - run.panel;
    }
}

/* What is asked of the memory beside the product of group i with panels n, n + 1 of the kernel: the next two, which after the last are the next
 * plane's. */
static const float *next_panel(const hl_conv *conv, int n, int i, const float *u) {
    return i == 1 || i == 2 ? u + (int64_t)(n + 1 + i) * conv->in_c * LANES : NULL;
}

/* A plane's product of `tiles` transformed tiles with panels of the transformed kernel. */
static void multiply_plane(const hl_conv *conv, int64_t tiles, int panels, const float *v, const float *u, float *m) {
    groups g = groups_of(conv, tiles);
    int64_t group = group_floats(panels_of(conv->in_c), g), panel = (int64_t)conv->in_c * LANES;
    for (int n = 0; n < panels; n += 2) /* two panels of the kernel stay in the first cache */
        for (int i = 0; i < g.count; i++) {
            int64_t row = (int64_t)i * g.rows;
            HL_BLAS(product)(&(hl_product){.a = v + i * group,
                           .a_panel = g.rows * LANES,
                           .b = u + n * panel,
                           .b_panel = panel,
                           .c = m + (n * tiles + row) * LANES,
                           .c_row = LANES,
                           .c_panel = tiles * LANES,
                           .rows = (int)(tiles - row < g.rows ? tiles - row : g.rows),
                           .panels = panels - n < 2 ? 1 : 2,
                           .depth = conv->in_c,
                           .next = next_panel(conv, n, i, u),
                           .next_row = conv->in_c});
        }
}

/* The same of all planes. */
static void multiply(const hl_conv *conv, int64_t tiles, int panels, const float *v, const float *u, int64_t u_plane, float *m,
                     int64_t m_plane) {
    int64_t v_plane = tile_plane(conv, tiles);
    for (int k = 0; k < PLANES; k++) multiply_plane(conv, tiles, panels, v + k * v_plane, u + k * u_plane, m + k * m_plane);
}

/* Where products of tiles lie: those of tile t, panel n and place k are the vector at m[t / rows * group + t % rows * LANES + n * panel + k * plane]. */
typedef struct products {
    const float *m;
    int64_t panel, plane, rows, group;
} products;
/* Tiles side by side. */
static products side_by_side(const float *m, int64_t tiles, int64_t panel, int64_t plane) { return (products){m, panel, plane, tiles, 0}; }

/* Tiles from `first` on, panels of output channels from `channel` on. */
static void output_tiles(const winograd_call *call, int64_t first, int64_t tiles, int channel, int panels, products p) {
    const hl_conv *conv = call->conv;
    int left = conv->out_c - channel, count = left < panels * LANES ? left : panels * LANES;
    place at = place_of(conv, first);
    for (int64_t t = 0, row = 0; t < tiles; t++, at = place_after(conv, at, 1)) {
        HL_BLAS(winograd_output)(conv, p.m + row * LANES, p.panel, p.plane, count, call->bias, call->finish, call->accumulate, call->past, call->out, channel, at);
        if (++row == p.rows) row = 0, p.m += p.group;
    }
    if (call->past) vector_fence();
}

static void kernel_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const winograd_call *call = arg;
    float *to = call->kernels + piece * call->conv->in_c * LANES;
    HL_BLAS(winograd_kernel)(call->conv, call->kernel, call->order, (int)piece * LANES, to, kernel_plane(call->conv));
}

/* A plane's products of a block of tiles with `panels` panels of the transformed kernel, group by group: m, in groups of `m_group` floats, may be v where
 * the block's products are in place. */
static void multiply_block(const hl_conv *conv, int64_t tiles, int panels, const float *v, const float *u, float *m, int64_t m_group) {
    groups g = groups_of(conv, tiles);
    int whole = (int)(tiles / g.rows), rest = (int)(tiles % g.rows);
    int64_t panel = (int64_t)g.rows * LANES, group = group_floats(panels_of(conv->in_c), g);
    for (int n = 0; n < panels; n += WHOLE_PANELS) {
        hl_product p = {.a = v,
                        .a_panel = panel,
                        .b = u + (int64_t)n * conv->in_c * LANES,
                        .b_panel = (int64_t)conv->in_c * LANES,
                        .c = m + n * panel,
                        .c_row = LANES,
                        .c_panel = panel,
                        .rows = g.rows,
                        .panels = smaller_panels(panels - n),
                        .depth = conv->in_c,
                        .groups = whole,
                        .a_group = group,
                        .c_group = m_group};
        HL_BLAS(product_whole)(&p);
        if (!rest) continue;
        p.a += whole * group, p.c += whole * m_group, p.rows = rest, p.groups = 1;
        HL_BLAS(product_whole)(&p);
    }
}

/* The kernel's transform, all workers' or this one's; it has further memory from *left on. */
static const float *all_kernel(const winograd_call *call, int worker, float **left) {
    const hl_conv *conv = call->conv;
    float *own = call->memory + worker * call->worker, *u = own + LANES;
    *left = own + call->own;
    if (call->transform) return call->transform;
    if (!*own)
        for (int c = 0; c < conv->out_c; c += LANES)
            HL_BLAS(winograd_kernel)(conv, call->kernel, call->order, c, u + (int64_t)c * conv->in_c, kernel_plane(conv));
    *own = 1;
    return u;
}

/* A block of tiles. */
static void tiles_piece(void *arg, int64_t piece, int worker) {
    const winograd_call *call = arg;
    const hl_conv *conv = call->conv;
    int all = panels_of(conv->out_c), most = block_panels(conv);
    int64_t first = piece * call->block, tiles = smaller(call->block, call->tiles - first);
    groups g = groups_of(conv, tiles);
    float *v;
    const float *transform = all_kernel(call, worker, &v);
    float *m = in_place(conv) ? v : v + PLANES * tile_plane(conv, call->block);
    products p = {m, g.rows * LANES, groups_plane(most, g), g.rows, group_floats(most, g)};
    if (in_place(conv)) p.plane = tile_plane(conv, tiles), p.group = group_floats(panels_of(conv->in_c), g);
    transform_tiles(call, first, tiles, 0, tiles, v);
    for (int from = 0; from < all; from += most) {
        int panels = all - from < most ? all - from : most;
        const float *u = transform + (int64_t)from * conv->in_c * LANES;
        for (int k = 0; k < PLANES; k++)
            multiply_block(conv, tiles, panels, v + k * tile_plane(conv, tiles), u + k * kernel_plane(conv), m + k * p.plane, p.group);
        output_tiles(call, first, tiles, from * LANES, panels, p);
    }
}

/* A few of a chunk's tiles. */
static void input_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const winograd_call *call = arg;
    int64_t row = piece * PIECE_TILES;
    transform_tiles(call, call->first + row, smaller(PIECE_TILES, call->count - row), row, call->count, call->shared);
}

static int plane_pieces(const hl_conv *conv) { return (int)hl_blas_pieces(panels_of(conv->out_c), PIECE_PANELS); }

/* A plane's products of a chunk with PIECE_PANELS panels of the kernel: in the second cache. */
static void plane_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const winograd_call *call = arg;
    const hl_conv *conv = call->conv;
    int pieces = plane_pieces(conv), from = (int)(piece % pieces) * PIECE_PANELS, left = panels_of(conv->out_c) - from;
    int64_t k = piece / pieces, tiles = call->count;
    multiply_plane(conv, tiles, left < PIECE_PANELS ? left : PIECE_PANELS, call->shared + k * tile_plane(conv, tiles),
                   call->transform + k * kernel_plane(conv) + (int64_t)from * conv->in_c * LANES,
                   call->products + k * product_plane(conv, tiles) + from * tiles * LANES);
}

static void output_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const winograd_call *call = arg;
    int64_t row = piece * PIECE_TILES;
    output_tiles(call, call->first + row, smaller(PIECE_TILES, call->count - row), 0, panels_of(call->conv->out_c),
                 side_by_side(call->products + row * LANES, call->count, call->count * LANES, product_plane(call->conv, call->count)));
}

/* A chunk of a worker's own, plane by plane. */
static void chunk_piece(void *arg, int64_t piece, int worker) {
    const winograd_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t first = piece * call->block, tiles = smaller(call->block, call->tiles - first), plane = product_plane(conv, tiles);
    int panels = panels_of(conv->out_c);
    float *v = call->memory + worker * call->worker, *m = v + PLANES * tile_plane(conv, call->block);
    transform_tiles(call, first, tiles, 0, tiles, v);
    multiply(conv, tiles, panels, v, call->transform, kernel_plane(conv), m, plane);
    output_tiles(call, first, tiles, 0, panels, side_by_side(m, tiles, tiles * LANES, plane));
}

/* All tiles, transformed by all or by this worker; it has further memory from *left on. */
static const float *all_tiles(const winograd_call *call, int worker, float **left) {
    float *own = call->memory + worker * call->worker, *v = own + LANES;
    *left = own + call->own;
    if (!has_own_tiles(call->conv)) return call->shared;
    if (!*own) transform_tiles(call, 0, call->tiles, 0, call->tiles, v);
    *own = 1;
    return v;
}

/* All tiles' products with a panel of output channels. */
static void unstored_piece(void *arg, int64_t piece, int worker) {
    const winograd_call *call = arg;
    const hl_conv *conv = call->conv;
    groups g = groups_of(conv, call->tiles);
    int64_t m_plane = groups_plane(1, g);
    float *m;
    const float *v = all_tiles(call, worker, &m);
    float *packed = m + PLANES * m_plane;
    bool is_packed = call->order == WINOGRAD_PANELS;
    if (!is_packed) HL_BLAS(pack_panel)(conv, call->kernel, call->order == WINOGRAD_TURNED, piece, packed);
    HL_BLAS(winograd_few)(&(winograd_few){.v = v,
                        .kernel = is_packed ? call->kernel + piece * panel_taps_floats(conv) : packed,
                        .m = m,
                        .v_plane = tile_plane(conv, call->tiles),
                        .m_plane = m_plane,
                        .v_group = group_floats(panels_of(conv->in_c), g),
                        .groups = g.count,
                        .tiles = g.rows,
                        .depth = conv->in_c});
    output_tiles(call, 0, call->tiles, (int)piece * LANES, 1, side_by_side(m, call->tiles, 0, m_plane));
}

static void panels_piece(void *arg, int64_t piece, int worker) {
    const winograd_call *call = arg;
    const hl_conv *conv = call->conv;
    int most = few_panels(conv), from = (int)piece * most, left = panels_of(conv->out_c) - from, panels = left < most ? left : most;
    int64_t u_plane = plane_floats((int64_t)most * conv->in_c), m_plane = plane_floats(call->tiles * most);
    float *u;
    const float *v = all_tiles(call, worker, &u);
    float *m = u + PLANES * u_plane;
    for (int p = 0; p < panels; p++)
        HL_BLAS(winograd_kernel)(conv, call->kernel, call->order, (from + p) * LANES, u + (int64_t)p * conv->in_c * LANES, u_plane);
    multiply(conv, call->tiles, panels, v, u, u_plane, m, m_plane);
    output_tiles(call, 0, call->tiles, from * LANES, panels, side_by_side(m, call->tiles, call->tiles * LANES, m_plane));
}

/* Half lines would leave the processor one by one. */
static bool writes_past(const winograd_call *call) {
    const hl_view *out = call->out;
    bool aligned = LANES == 16 && (uintptr_t)out->data % (LANES * sizeof(float)) == 0 && out->stride % LANES == 0 && out->c % LANES == 0;
    return aligned && !out->half && !call->accumulate && hl_view_pixels(out) * out->c >= PAST_FLOATS;
}

static void make_kernels(hl_context *hl, winograd_call *call) {
    if (call->transform) return;
    hl_parallel_for(hl, panels_of(call->conv->out_c), kernel_piece, call);
    call->transform = call->kernels;
}

/* Every plane of the kernel's transform is read once for a chunk of tiles. */
static void run_planes(hl_context *hl, winograd_call *call) {
    const hl_conv *conv = call->conv;
    int64_t chunk = chunk_tiles(conv);
    call->products = call->shared + PLANES * tile_plane(conv, chunk), call->kernels = call->products + PLANES * product_plane(conv, chunk);
    make_kernels(hl, call);
    for (call->first = 0; call->first < call->tiles; call->first += chunk) {
        call->count = smaller(chunk, call->tiles - call->first);
        hl_parallel_for(hl, hl_blas_pieces(call->count, PIECE_TILES), input_piece, call);
        hl_parallel_for(hl, (int64_t)PLANES * plane_pieces(conv), plane_piece, call);
        hl_parallel_for(hl, hl_blas_pieces(call->count, PIECE_TILES), output_piece, call);
    }
}

static void run(hl_context *hl, winograd_call *call, float *memory) {
    const hl_conv *conv = call->conv;
    call->tiles = tiles_of(conv).count;
    int threads = hl_threads(hl);
    bool kept = call->transform != NULL;
    call->shared = memory, call->memory = memory + shared_floats(conv, threads, kept);
    call->worker = worker_floats(conv, threads, kept), call->own = own_floats(conv, threads, kept);
    call->count = call->tiles, call->kernels = memory;
    for (int w = 0; call->own && w < threads; w++) call->memory[w * call->worker] = 0;
    if (by_channels(conv) && !has_own_tiles(conv)) hl_parallel_for(hl, hl_blas_pieces(call->tiles, PIECE_TILES), input_piece, call);
    if (cut_of(conv) == UNSTORED) {
        hl_parallel_for(hl, panels_of(conv->out_c), unstored_piece, call);
        return;
    }
    if (cut_of(conv) == BY_CHANNELS) {
        hl_parallel_for(hl, hl_blas_pieces(panels_of(conv->out_c), few_panels(conv)), panels_piece, call);
        return;
    }
    call->past = writes_past(call);
    if (has_own_chunks(conv, threads, kept)) {
        call->block = (int)own_chunk_tiles(conv, threads);
        make_kernels(hl, call);
        hl_parallel_for(hl, hl_blas_pieces(call->tiles, call->block), chunk_piece, call);
        return;
    }
    if (cut_of(conv) == BY_PLANES) {
        run_planes(hl, call);
        return;
    }
    call->block = block_tiles(conv);
    if (!has_own_kernel(conv, threads, kept)) make_kernels(hl, call);
    hl_parallel_for(hl, hl_blas_pieces(call->tiles, call->block), tiles_piece, call);
}

static void forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_finish *finish, const hl_view *out, void *memory) {
    winograd_call call = {.conv = conv, .in = in, .segments = segments, .kernel = kernel, .bias = bias, .finish = finish, .out = out};
    run(hl, &call, memory);
}

/* A kernel is kept as its transform where one image's products, and so those of more, read one transform for all tiles. */
static bool keeps_transform(const hl_conv *conv) {
    hl_conv one = *conv;
    one.n = 1;
    return cut_of(&one) == BY_PLANES || cut_of(&one) == BY_TILES;
}

static size_t kept_bytes(const hl_conv *conv) {
    return keeps_transform(conv) ? (size_t)(PLANES * kernel_plane(conv)) * sizeof(float) : HL_BLAS(kept_bytes)(conv);
}

static void keep(hl_context *hl, const hl_conv *conv, const void *kernel, void *kept) {
    winograd_call call = {.conv = conv, .kernel = kernel, .kernels = kept};
    if (keeps_transform(conv)) hl_parallel_for(hl, panels_of(conv->out_c), kernel_piece, &call);
    else HL_BLAS(keep)(hl, conv, kernel, kept);
}

static void forward_kept(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kept, const void *bias,
                         const hl_finish *finish, const hl_view *out, void *memory) {
    winograd_call call = {
        .conv = conv, .in = in, .segments = segments, .kernel = kept, .order = WINOGRAD_PANELS, .bias = bias, .finish = finish, .out = out};
    if (keeps_transform(conv)) call.transform = kept;
    run(hl, &call, memory);
}

static void backward_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate,
                          void *memory) {
    hl_conv other = exchanged(conv);
    hl_segment in = {.view = *dout};
    winograd_call call = {
        .conv = &other, .in = &in, .segments = 1, .kernel = kernel, .order = WINOGRAD_TURNED, .out = din, .accumulate = accumulate};
    run(hl, &call, memory);
}

const hl_conv_kernel HL_BLAS(winograd) = {
    .name = "winograd",
    .reads_half = true,
    .writes_half = true,
    .fits = fits,
    .cost = cost,
    .workspace = workspace,
    .forward = forward,
    .kept = kept_bytes,
    .keep = keep,
    .forward_kept = forward_kept,
    .backward_data = backward_data,
    .backward_weights = HL_BLAS(winograd_weights),
};
