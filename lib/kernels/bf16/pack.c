/* A convolution's kernel in tiles of bf16 numbers. */
#include "kernels/bf16/conv.h"

#include "kernels/bf16/cells.h"

typedef struct pack_call {
    const hl_conv *conv;
    const float *kernel;
    bool turned;
    uint16_t *to;
} pack_call;

/* 16 output channels' numbers of one chunk lie side by side: pairs of them are a tile's columns. */
static void pack_chunk(const pack_call *call, int group, int row, int chunk, uint16_t *to) {
    const hl_conv *conv = call->conv;
    int64_t run = (int64_t)conv->kw * conv->in_c;
    int left = run - chunk * DEPTH < DEPTH ? (int)run - chunk * DEPTH : DEPTH;
    vector rows[LANES];
    for (int i = 0; i < TILE; i++) {
        uint16_t cells[DEPTH] = {0};
        int output = group * TILE + i;
        if (output < conv->out_c) cells_of(call->kernel + ((int64_t)output * conv->kh + row) * run + chunk * DEPTH, left, cells);
        memcpy(&rows[i], cells, sizeof rows[i]);
    }
    cells_transposed(rows, to, DEPTH);
}

/* Number `at` of a row's run for 16 output channels, which are the kernel's inputs. */
static vector turned_at(const pack_call *call, int group, int row, int64_t at) {
    const hl_conv *conv = call->conv;
    if (at >= (int64_t)conv->kw * conv->in_c) return (vector){0};
    int tap = (conv->kh - 1 - row) * conv->kw + conv->kw - 1 - (int)(at / conv->in_c);
    const float *from = call->kernel + (at % conv->in_c * conv->kh * conv->kw + tap) * conv->out_c + group * TILE;
    return vector_load_some(from, conv->out_c - group * TILE);
}

static void turn_chunk(const pack_call *call, int group, int row, int chunk, uint16_t *to) {
    for (int64_t i = 0, at = (int64_t)chunk * DEPTH; i < TILE; i++, at += 2)
        _mm512_storeu_si512(to + i * DEPTH, cells_paired(turned_at(call, group, row, at), turned_at(call, group, row, at + 1)));
}

/* A row of a group's kernel. */
static void pack_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const pack_call *call = arg;
    int chunks = bf16_chunks(call->conv), group = (int)(piece / call->conv->kh), row = (int)(piece % call->conv->kh);
    uint16_t *to = call->to + piece * chunks * TILE_CELLS;
    for (int chunk = 0; chunk < chunks; chunk++, to += TILE_CELLS) {
        if (call->turned) turn_chunk(call, group, row, chunk, to);
        else pack_chunk(call, group, row, chunk, to);
    }
}

void hl_bf16_pack(hl_context *hl, const hl_conv *conv, const float *kernel, bool turned, uint16_t *to) {
    pack_call call = {conv, kernel, turned, to};
    hl_parallel_for(hl, (int64_t)bf16_groups(conv->out_c) * conv->kh, pack_piece, &call);
}
