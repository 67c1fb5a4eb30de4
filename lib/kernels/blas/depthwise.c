/* Depthwise convolution: every channel has a kernel of its own, and channels side by side are computed together. */
#include <limits.h>
#include <string.h>

#include "kernels/blas/lines.h"
#include "kernels/blas/moments.h"
#include "kernels/blas/through.h"
#include "kernels/blas/vector.h"

enum {
    STRIP = 16,    /* channels, */
    TARGETS = 4,   /* of so many pixels, whose sums stay in registers; */
    CHANNELS = 64, /* or, STRIP * TARGETS, of one pixel. A run of pixels has so many done before the next */
    BLOCK = 4096,  /* floats of a row of half outputs, about */
    PIECES = 32,   /* of backward-weights, at least, where there are rows enough */
};

/* All passes go over targets, each the sum of sources through taps: outputs and inputs, in backward-data the other way
 * round. Backward-weights goes as forward does, and adds to the kernel what target times source gives. */
typedef struct depthwise_call {
    const hl_conv *conv;
    bool back;
    const hl_segment *in; /* the sources */
    int segments;
    const hl_view *to; /* the targets */
    const float *kernel, *bias;
    const hl_finish *finish;
    bool accumulate;
    float *turned; /* (taps, channels): the kernel */
    float *parts;  /* (blocks, parts, taps, CHANNELS): its gradient, cut over channels and rows */
    float *dkernel;
    float *moments; /* each row's sums, NULL: not wanted */
    through_call through;
    float *rows, *sums; /* a worker's row of the gradient that goes through a norm, or of half outputs; of the former each row's sums */
    struct tap *taps; /* a list for each worker */
} depthwise_call;

/* A source, all its channels, and where the kernel's tap it is seen through lies. */
typedef struct tap {
    const void *source;
    int64_t kernel;
} tap;

/* Targets of a row that see a segment's channels from .. to through the same taps; sources and targets are so many elements
 * apart. */
typedef struct run {
    const depthwise_call *call;
    const hl_segment *in;
    int channel, from, to; /* the segment's first channel of all; the others count from there */
    tap *taps;
    int count, length;
    int64_t source_step, target_step;
    float *row; /* where its row's targets are, row_step apart; NULL: in the map */
    int64_t row_step;
    float *target;
    float *kernel; /* (taps, kernel_step), its first channel the segment's channel -kernel_shift */
    int64_t kernel_step, kernel_shift;
} run;

static int taps_of(const hl_conv *conv) { return conv->kh * conv->kw; }
static int64_t list_size(const hl_conv *conv) { return (taps_of(conv) + 3) / 4 * 4; } /* whole cache lines */
static int larger(int a, int b) { return a > b ? a : b; }
static int source_w(const depthwise_call *call) { return call->back ? call->conv->out_w : call->conv->in_w; }
static int source_h(const depthwise_call *call) { return call->back ? call->conv->out_h : call->conv->in_h; }

enum { NOWHERE = INT_MIN };

/* A target's source through a tap, along one axis: perhaps outside, and NOWHERE where a stride leaves the tap out. */
static int source_of(const depthwise_call *call, int target, int tap, int pad, int stride) {
    if (!call->back) return target * stride - pad + tap;
    int at = target + pad - tap;
    return at % stride ? NOWHERE : at / stride;
}

static int64_t pixel_step(const run *r) { return r->row ? r->row_step : r->call->to->stride; }
static float *pixel_of(const run *r, int64_t row, int x) {
    return r->row ? r->row + x * pixel_step(r) : hl_blas_pixel(r->call->to, row * r->call->to->w + x);
}

/* Lists the taps of target (y, x) of image n. */
static void find_taps(run *r, int n, int y, int x) {
    const depthwise_call *call = r->call;
    const hl_conv *conv = call->conv;
    const hl_segment *in = r->in;
    r->count = 0;
    for (int i = 0; i < conv->kh; i++) {
        int sy = source_of(call, y, i, conv->pad_top, conv->stride_h);
        if (sy < 0 || sy >= source_h(call)) continue;
        int64_t row = ((int64_t)n * in->view.h + (sy >> in->up)) * in->view.w;
        for (int j = 0; j < conv->kw; j++) {
            int sx = source_of(call, x, j, conv->pad_left, conv->stride_w);
            if (sx < 0 || sx >= source_w(call)) continue;
            r->taps[r->count++] =
                (tap){hl_blas_cells(&in->view, row + (sx >> in->up)), (i * conv->kw + j) * r->kernel_step + r->kernel_shift};
        }
    }
}

/* Of `count` targets from x on, `step` apart, those from *from to *to see through every tap; none do if these are the same. */
static void find_inside(const depthwise_call *call, int x, int count, int *from, int *to) {
    const hl_conv *conv = call->conv;
    int step = call->back ? 1 : conv->stride_w;
    *from = 0, *to = count;
    for (int j = 0; j < conv->kw; j++) {
        int first = source_of(call, x, j, conv->pad_left, conv->stride_w), end = source_w(call);
        if (first == NOWHERE) continue;
        if (first < 0) *from = larger(*from, (-first + step - 1) / step);
        *to = smaller(*to, first < end ? (end - first + step - 1) / step : 0);
    }
    if (*to < *from) *to = *from;
}

/* `targets` targets of a run from number j on, in `lanes` channels from c on. */
typedef void tile(const run *r, int j, int targets, int c, int lanes);

static void walk_run(const run *r, tile *act) {
    for (int block = r->from; block < r->to; block += CHANNELS) {
        int end = smaller(block + CHANNELS, r->to), j = 0;
        for (; j + TARGETS <= r->length; j += TARGETS)
            for (int c = block; c < end; c += STRIP) act(r, j, TARGETS, c, smaller(STRIP, end - c));
        int whole = (end - block) / STRIP * STRIP; /* channels */
        for (; j < r->length; j++) {
            if (whole) act(r, j, 1, block, whole);
            if (block + whole < end) act(r, j, 1, block + whole, end - block - whole);
        }
    }
}

static void walk_row(run *r, int64_t row, tile *act) {
    const depthwise_call *call = r->call;
    const hl_view *view = call->to;
    int step = call->back ? call->conv->stride_w : 1, n = (int)(row / view->h), y = (int)(row % view->h), first, end;
    r->source_step = (call->back ? 1 : call->conv->stride_w) * r->in->view.stride, r->target_step = step * pixel_step(r);
    for (int start = 0; start < smaller(step, view->w); start++) {
        int count = (view->w - start + step - 1) / step;
        find_inside(call, start, count, &first, &end);
        for (int j = 0; j < count; j += r->length) {
            int x = start + j * step;
            r->length = j == first && j < end && !r->in->up ? end - first : 1;
            r->target = pixel_of(r, row, x) + r->channel;
            find_taps(r, n, y, x);
            walk_run(r, act);
        }
    }
}

/* Rows whose targets lie side by side and see the sources through 3 or 5 columns. */
static bool has_lines(const run *r) {
    const hl_conv *conv = r->call->conv;
    bool near = r->call->back ? conv->stride_h == 1 && conv->stride_w == 1 : conv->stride_w <= 2;
    return near && (conv->kw == 3 || conv->kw == 5) && conv->kh <= LINE_ROWS && !r->in->up;
}

static depthwise_line line_of(const run *r, int64_t row) {
    const depthwise_call *call = r->call;
    const hl_conv *conv = call->conv;
    const hl_view *from = &r->in->view;
    int n = (int)(row / call->to->h), y = (int)(row % call->to->h);
    depthwise_line l = {.columns = conv->kw, .stride = call->back ? 1 : conv->stride_w, .back = call->back, .half = from->half, .sources = from->w, .targets = call->to->w,
                        .first = call->back ? conv->pad_left - conv->kw + 1 : -conv->pad_left, .source_step = from->stride, .target_step = pixel_step(r),
                        .kernel_step = r->kernel_step, .from = r->from, .to = r->to, .accumulate = call->accumulate};
    l.target = pixel_of(r, row, 0) + r->channel;
    l.bias = call->bias ? call->bias + r->channel : NULL;
    for (int i = 0; i < conv->kh; i++) {
        int sy = source_of(call, y, i, conv->pad_top, conv->stride_h);
        if (sy < 0 || sy >= source_h(call)) continue;
        l.rows[l.count] = hl_blas_cells(from, ((int64_t)n * from->h + sy) * from->w);
        l.kernels[l.count++] = r->kernel + i * conv->kw * r->kernel_step + r->kernel_shift;
    }
    return l;
}

static inline float number_at(const void *cells, int64_t at, bool half) {
    return half ? half_widen(((const uint16_t *)cells)[at]) : ((const float *)cells)[at];
}

/* `groups` times `lanes` sums, whose sources and factors lie so many floats apart. With numbers that the compiler knows, in a
 * function without other loops around, it keeps all of them in registers. */
static inline void sum_taps(const run *r, int64_t at, int c, int groups, int lanes, int64_t source_step, int64_t kernel_step,
                            bool half, float *restrict sums) {
    for (const tap *k = r->taps, *end = r->taps + r->count; k < end; k++) {
        const void *restrict source = cell_at(k->source, at, half);
        const float *restrict w = r->kernel + (k->kernel + c);
        for (int g = 0; g < groups; g++)
            for (int i = 0; i < lanes; i++) sums[g * STRIP + i] += number_at(source, g * source_step + i, half) * w[g * kernel_step + i];
    }
}

static const float zeros[CHANNELS];

/* Groups are targets, or channels of one target. */
static inline void sum_groups(const run *r, int j, int c, int groups, int lanes, bool one, bool half) {
    float sums[CHANNELS], *to = r->target + j * r->target_step + c;
    const float *before = r->call->accumulate ? to : r->call->bias ? r->call->bias + r->channel + c : zeros;
    int64_t step = one ? STRIP : r->target_step, before_step = one || r->call->accumulate ? step : 0;
    for (int g = 0; g < groups; g++)
        for (int i = 0; i < lanes; i++) sums[g * STRIP + i] = before[g * before_step + i];
    sum_taps(r, j * r->source_step + c, c, groups, lanes, one ? STRIP : r->source_step, one ? STRIP : 0, half, sums);
    for (int g = 0; g < groups; g++)
        for (int i = 0; i < lanes; i++) to[g * step + i] = sums[g * STRIP + i];
}

static inline __attribute__((always_inline)) void sum_tile_as(const run *r, int j, int targets, int c, int lanes, bool half) {
    if (targets == TARGETS && lanes == STRIP) sum_groups(r, j, c, TARGETS, STRIP, false, half);
    else if (lanes == CHANNELS) sum_groups(r, j, c, TARGETS, STRIP, true, half);
    else if (targets == 1 && lanes % STRIP == 0) sum_groups(r, j, c, lanes / STRIP, STRIP, true, half);
    else sum_groups(r, j, c, targets, lanes, false, half);
}

static __attribute__((noinline)) void sum_tile(const run *r, int j, int targets, int c, int lanes) { sum_tile_as(r, j, targets, c, lanes, false); }
static __attribute__((noinline)) void sum_half_tile(const run *r, int j, int targets, int c, int lanes) { sum_tile_as(r, j, targets, c, lanes, true); }

/* To the kernel's gradient: what `targets` targets give, all to the same sums, ... */
static inline void add_targets(const float *restrict d, const void *restrict source, int64_t step, int targets, int lanes, bool half,
                               float *restrict sums) {
    for (int i = 0; i < lanes; i++) {
        float sum = d[i] * number_at(source, i, half);
        for (int t = 1; t < targets; t++) sum += d[t * STRIP + i] * number_at(source, t * step + i, half);
        sums[i] += sum;
    }
}

/* ... and what one gives in `groups` times STRIP channels. */
static inline void add_groups(const float *restrict d, const void *restrict source, int groups, bool half, float *restrict sums) {
    for (int g = 0; g < groups; g++)
        for (int i = 0; i < STRIP; i++) sums[g * STRIP + i] += d[g * STRIP + i] * number_at(source, g * STRIP + i, half);
}

static inline __attribute__((always_inline)) void add_tile_as(const run *r, int j, int targets, int c, int lanes, bool half) {
    const float *to = r->target + j * r->target_step + c;
    int64_t at = j * r->source_step + c, step = r->source_step;
    float d[CHANNELS];
    for (int t = 0; t < targets; t++)
        for (int i = 0; i < lanes; i++) d[t * STRIP + i] = to[t * r->target_step + i];
    for (const tap *k = r->taps, *end = r->taps + r->count; k < end; k++) {
        float *sums = r->kernel + (k->kernel + c);
        const void *source = cell_at(k->source, at, half);
        if (targets == TARGETS && lanes == STRIP) add_targets(d, source, step, TARGETS, STRIP, half, sums);
        else if (lanes == CHANNELS) add_groups(d, source, TARGETS, half, sums);
        else if (targets == 1 && lanes % STRIP == 0) add_groups(d, source, lanes / STRIP, half, sums);
        else add_targets(d, source, step, targets, lanes, half, sums);
    }
}

static __attribute__((noinline)) void add_tile(const run *r, int j, int targets, int c, int lanes) { add_tile_as(r, j, targets, c, lanes, false); }
static __attribute__((noinline)) void add_half_tile(const run *r, int j, int targets, int c, int lanes) { add_tile_as(r, j, targets, c, lanes, true); }

/* Channels of half outputs that are done before the next, and floats of a worker's row of them. */
static int block_channels(const hl_conv *conv) { return larger(BLOCK / conv->out_w / CHANNELS, 1) * CHANNELS; }
static int64_t block_floats(const hl_conv *conv) { return (int64_t)conv->out_w * block_channels(conv); }
static int64_t row_floats(const hl_conv *conv) { return (int64_t)hl_blas_lines((int64_t)conv->in_w * conv->in_c); }
static int64_t row_sums_floats(const hl_conv *conv) { return (int64_t)hl_blas_lines((int64_t)conv->n * conv->in_h * 2 * conv->in_c); }

/* A row of a run's targets: summed, or what they give added to the kernel's gradient. */
static void do_row(run *r, int64_t row, bool add) {
    if (!has_lines(r)) {
        if (r->in->view.half) walk_row(r, row, add ? add_half_tile : sum_half_tile);
        else walk_row(r, row, add ? add_tile : sum_tile);
        return;
    }
    depthwise_line line = line_of(r, row);
    if (add) HL_BLAS(add_line)(&line);
    else HL_BLAS(sum_line)(&line);
}

/* A row of a run's half outputs: some channels at a time are summed, finished and measured in `block`, in the first cache. */
static void half_row(run *r, int64_t row, float *block) {
    const depthwise_call *call = r->call;
    const hl_view *to = call->to;
    for (r->from = 0; r->from < r->in->view.c; r->from = r->to) {
        r->to = smaller(r->from + block_channels(call->conv), r->in->view.c);
        int channel = r->channel + r->from, count = r->to - r->from;
        r->row = block - channel, r->row_step = count;
        do_row(r, row, false);
        hl_view line = {.data = r->row, .n = 1, .h = 1, .w = to->w, .c = to->c, .stride = count};
        HL_BLAS(finish_half)(call->finish, &line, to, row, channel, count);
        if (call->moments) HL_BLAS(moments)(&line, 0, to->w, channel, count, call->moments + row * hl_moments_floats(to->c));
    }
}

static void sum_row(void *arg, int64_t row, int worker) {
    const depthwise_call *call = arg;
    run r = {.call = call, .taps = call->taps + worker * list_size(call->conv), .kernel = call->turned};
    r.kernel_step = call->conv->in_c;
    for (int s = 0, channel = 0; s < call->segments; channel += call->in[s++].view.c) {
        r.in = &call->in[s], r.channel = channel, r.to = call->in[s].view.c, r.kernel_shift = channel;
        if (call->to->half) half_row(&r, row, call->rows + worker * block_floats(call->conv));
        else do_row(&r, row, false);
    }
    if (call->to->half) return;
    int64_t first = row * call->to->w, end = first + call->to->w;
    if (call->finish) HL_BLAS(finish)(call->finish, call->to, first, end, 0, call->to->c);
    if (call->moments) HL_BLAS(moments)(call->to, first, end, 0, call->to->c, call->moments + row * hl_moments_floats(call->to->c));
}

/* The same of a gradient that goes on through a norm. */
static void through_row(void *arg, int64_t row, int worker) {
    const depthwise_call *call = arg;
    int channels = call->conv->in_c, pixels = call->to->w;
    run r = {.call = call, .in = call->in, .to = channels, .taps = call->taps + worker * list_size(call->conv), .kernel = call->turned};
    r.kernel_step = channels, r.row = call->rows + worker * row_floats(call->conv), r.row_step = channels;
    do_row(&r, row, false);
    float *sums = call->sums + row * 2 * channels;
    memset(sums, 0, 2 * (size_t)channels * sizeof *sums);
    HL_BLAS(through)(&call->through, &(through_block){row * pixels, pixels, 0, channels}, r.row, channels, sums);
}

/* Turns CHANNELS channels of the kernel (channels, taps) into (taps, channels). */
static void turn_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const depthwise_call *call = arg;
    int channels = call->conv->in_c, taps = taps_of(call->conv), from = (int)piece * CHANNELS, to = smaller(from + CHANNELS, channels);
    for (int t = 0; t < taps; t++)
        for (int c = from; c < to; c++) call->turned[(int64_t)t * channels + c] = call->kernel[(int64_t)c * taps + t];
}

static int64_t blocks_of(const hl_conv *conv) { return hl_blas_pieces(conv->in_c, CHANNELS); }
static int64_t rows_of(const hl_conv *conv) { return (int64_t)conv->n * conv->out_h; }
/* Rows of outputs in a part, and how many parts there are. */
static int64_t part_rows(const hl_conv *conv) { return hl_blas_pieces(rows_of(conv), hl_blas_pieces(PIECES, blocks_of(conv))); }
static int64_t parts_of(const hl_conv *conv) { return hl_blas_pieces(rows_of(conv), part_rows(conv)); }

/* The kernel's gradient for a block of channels and a part of the rows. */
static void part_piece(void *arg, int64_t piece, int worker) {
    const depthwise_call *call = arg;
    const hl_conv *conv = call->conv;
    int64_t part = piece % parts_of(conv), size = (int64_t)taps_of(conv) * CHANNELS, end = (part + 1) * part_rows(conv);
    int block = (int)(piece / parts_of(conv)) * CHANNELS, block_end = smaller(block + CHANNELS, conv->in_c);
    run r = {.call = call, .taps = call->taps + worker * list_size(conv), .kernel = call->parts + piece * size};
    r.kernel_step = CHANNELS;
    memset(r.kernel, 0, (size_t)size * sizeof *r.kernel);
    for (int s = 0, channel = 0; s < call->segments; channel += call->in[s++].view.c) {
        r.in = &call->in[s], r.channel = channel, r.kernel_shift = channel - block;
        r.from = larger(block - channel, 0), r.to = smaller(block_end - channel, call->in[s].view.c);
        for (int64_t row = part * part_rows(conv); r.from < r.to && row < (end < rows_of(conv) ? end : rows_of(conv)); row++)
            do_row(&r, row, true);
    }
}

/* Adds up a block's parts. */
static void block_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const depthwise_call *call = arg;
    int taps = taps_of(call->conv), count = smaller(CHANNELS, call->conv->in_c - (int)piece * CHANNELS);
    int64_t size = (int64_t)taps * CHANNELS;
    const float *parts = call->parts + piece * parts_of(call->conv) * size;
    for (int t = 0; t < taps; t++) {
        double sums[CHANNELS] = {0};
        for (int64_t part = 0; part < parts_of(call->conv); part++)
            for (int c = 0; c < count; c++) sums[c] += (double)parts[part * size + t * CHANNELS + c];
        for (int c = 0; c < count; c++) call->dkernel[(piece * CHANNELS + c) * taps + t] = (float)sums[c];
    }
}


/* A product waits for loads where a matrix product's does not, and narrow maps leave lanes idle. */
static double cost(const hl_conv *conv, hl_pass pass) {
    (void)pass;
    return 4.0 * (double)hl_conv_pixels(conv) * (double)hl_blas_lines(conv->in_c) * taps_of(conv);
}

static size_t kernel_floats(const hl_conv *conv) { return hl_blas_lines((int64_t)taps_of(conv) * conv->in_c); }

static size_t parts_bytes(const hl_conv *conv) {
    return (size_t)(blocks_of(conv) * parts_of(conv) * taps_of(conv)) * CHANNELS * sizeof(float);
}

static size_t moments_floats(const hl_conv *conv) { return hl_blas_lines(rows_of(conv) * hl_moments_floats(conv->out_c)); }

static size_t workspace(const hl_conv *conv, hl_pass pass, int threads) {
    size_t lists = (size_t)(threads * list_size(conv)) * sizeof(tap);
    if (pass == HL_BACKWARD_WEIGHTS) return hl_conv_bias_bytes(conv) + parts_bytes(conv) + lists;
    size_t more = pass == HL_FORWARD ? moments_floats(conv) + (size_t)(threads * block_floats(conv))
                                     : (size_t)(row_sums_floats(conv) + threads * row_floats(conv));
    return (kernel_floats(conv) + more) * sizeof(float) + lists;
}

static void sum_all(hl_context *hl, depthwise_call *call, float *turned, void *memory) {
    call->turned = turned, call->taps = memory, call->rows = (float *)(call->taps + hl_threads(hl) * list_size(call->conv));
    hl_parallel_for(hl, (int64_t)call->to->n * call->to->h, sum_row, call);
}

static size_t kept_bytes(const hl_conv *conv) { return kernel_floats(conv) * sizeof(float); }

static void keep(hl_context *hl, const hl_conv *conv, const void *kernel, void *kept) {
    depthwise_call call = {.conv = conv, .kernel = kernel, .turned = kept};
    hl_parallel_for(hl, blocks_of(conv), turn_piece, &call);
}

static void turn_and_sum(hl_context *hl, depthwise_call *call, void *memory) {
    keep(hl, call->conv, call->kernel, memory);
    sum_all(hl, call, memory, (float *)memory + kernel_floats(call->conv));
}

static void forward_kept(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kept, const void *bias,
                         const hl_finish *finish, const hl_view *out, void *memory) {
    depthwise_call call = {.conv = conv, .in = in, .segments = segments, .to = out, .bias = bias, .finish = finish};
    sum_all(hl, &call, (float *)(uintptr_t)kept, memory); /* only read */
}

static void forward(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const void *kernel, const void *bias,
                    const hl_finish *finish, const hl_view *out, void *memory) {
    depthwise_call call = {.conv = conv, .in = in, .segments = segments, .to = out, .kernel = kernel, .bias = bias};
    if (hl_finish_changes(finish)) call.finish = finish;
    bool measures = finish && finish->mean;
    if (measures) call.moments = memory, memory = call.moments + moments_floats(conv);
    turn_and_sum(hl, &call, memory);
    if (measures) HL_BLAS(moments_total)(hl, call.moments, hl_conv_pixels(conv), conv->out_w, conv->out_c, finish->mean, finish->variance);
}

static void backward_data(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_view *din, bool accumulate,
                          void *memory) {
    hl_segment in = {.view = *dout};
    depthwise_call call = {.conv = conv, .back = true, .in = &in, .segments = 1, .to = din, .kernel = kernel};
    call.accumulate = accumulate;
    turn_and_sum(hl, &call, memory);
}

static void backward_through(hl_context *hl, const hl_conv *conv, const hl_view *dout, const void *kernel, const hl_segment *in, const hl_view *din,
                             bool accumulate, double *sums, void *memory) {
    hl_segment from = {.view = *dout};
    depthwise_call call = {.conv = conv, .back = true, .in = &from, .segments = 1, .to = din, .kernel = kernel, .through = {in, din, accumulate}};
    call.turned = memory, call.sums = call.turned + kernel_floats(conv), call.rows = call.sums + row_sums_floats(conv);
    call.taps = (tap *)(call.rows + hl_threads(hl) * row_floats(conv));
    keep(hl, conv, kernel, call.turned);
    hl_parallel_for(hl, (int64_t)conv->n * conv->in_h, through_row, &call);
    HL_BLAS(through_total)(hl, call.sums, (int64_t)conv->n * conv->in_h, 2 * conv->in_c, sums);
}

static void backward_weights(hl_context *hl, const hl_conv *conv, const hl_segment *in, int segments, const hl_view *dout, void *dkernel,
                             void *dbias, void *memory) {
    depthwise_call call = {.conv = conv, .in = in, .segments = segments, .to = dout, .dkernel = dkernel};
    call.parts = (float *)((char *)memory + hl_conv_bias_bytes(conv));
    call.taps = (tap *)((char *)call.parts + parts_bytes(conv));
    if (dbias) HL_BLAS(sums)(hl, dout, dbias, memory);
    hl_parallel_for(hl, blocks_of(conv) * parts_of(conv), part_piece, &call);
    hl_parallel_for(hl, blocks_of(conv), block_piece, &call);
}

const hl_conv_kernel HL_BLAS(depthwise) = {
    .name = "depthwise",
    .reads_half = true,
    .writes_half = true,
    .sums_rows = true,
    .gives_moments = true,
    .fits = hl_conv_is_depthwise,
    .cost = cost,
    .workspace = workspace,
    .forward = forward,
    .kept = kept_bytes,
    .keep = keep,
    .forward_kept = forward_kept,
    .backward_data = backward_data,
    .goes_through = hl_conv_is_depthwise,
    .backward_through = backward_through,
    .backward_weights = backward_weights,
};
