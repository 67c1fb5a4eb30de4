/* Means and variances of a map's channels by ranges of pixels: in each about its first pixel's value, so that a large mean does not swallow the
 * variance; ranges are put together as Chan, Golub, LeVeque 1983 do (Algorithms for Computing the Sample Variance, equation 1.5). */
#include "kernels/blas/moments.h"

#include "kernels/blas/vector.h"

enum {
    BLOCK_PIXELS = 64, /* summed in one chain */
    CHANNELS = 64,     /* of a piece of the total */
};

/* Of `vectors` vectors of channels, of which one alone may not be full; that and whether x is half are constants. */
static inline __attribute__((always_inline)) void range_moments(const hl_view *x, bool half, int64_t first, int64_t end, int channel, int count,
                                                                int vectors, float *sums) {
    vector shift[VECTORS], sum[VECTORS] = {0}, square[VECTORS] = {0};
    int lanes = vectors > 1 ? LANES : count;
    for (int v = 0; v < vectors; v++) shift[v] = cells_load_some(x->data, first * x->stride + channel + v * LANES, lanes, half);
    for (int64_t from = first, to; from < end; from = to) {
        vector s[VECTORS] = {0}, q[VECTORS] = {0};
        to = from + BLOCK_PIXELS < end ? from + BLOCK_PIXELS : end;
        for (int64_t p = from; p < to; p++)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                vector d = cells_load_some(x->data, p * x->stride + channel + v * LANES, lanes, half) - shift[v];
                s[v] += d;
                q[v] = vector_fma(d, d, q[v]);
            }
        for (int v = 0; v < vectors; v++) sum[v] += s[v], square[v] += q[v];
    }
    for (int v = 0; v < vectors; v++, channel += LANES) {
        vector_store_some(sums + channel, shift[v], lanes);
        vector_store_some(sums + x->c + channel, sum[v], lanes);
        vector_store_some(sums + 2 * x->c + channel, square[v], lanes);
    }
}

static inline __attribute__((always_inline)) void moments_as(const hl_view *x, bool half, int64_t first, int64_t end, int channel, int count, float *sums) {
    for (int c = 0, step; c < count; c += step) {
        step = next_channels(count - c);
        if (step > LANES) range_moments(x, half, first, end, channel + c, step, VECTORS, sums);
        else range_moments(x, half, first, end, channel + c, step, 1, sums);
    }
}

void HL_BLAS(moments)(const hl_view *x, int64_t first, int64_t end, int channel, int count, float *sums) {
    if (x->half) moments_as(x, true, first, end, channel, count, sums);
    else moments_as(x, false, first, end, channel, count, sums);
}

typedef struct total_call {
    const float *sums;
    int64_t pixels, range;
    int channels;
    double *mean, *variance;
} total_call;

static void total_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    const total_call *call = arg;
    int from = (int)piece * CHANNELS, count = call->channels - from < CHANNELS ? call->channels - from : CHANNELS;
    double mean[CHANNELS] = {0}, away[CHANNELS] = {0}; /* away: sum of (x - mean)^2 */
    const float *shift = call->sums + from;
    for (int64_t done = 0; done < call->pixels; shift += hl_moments_floats(call->channels)) {
        const float *sum = shift + call->channels, *square = sum + call->channels;
        int64_t here = call->pixels - done < call->range ? call->pixels - done : call->range;
        double share = (double)here / (double)(done + here), both = (double)done * share, one = 1 / (double)here;
        for (int c = 0; c < count; c++) {
            double s = (double)sum[c], rest = (double)square[c] - s * s * one, apart = (double)shift[c] + s * one - mean[c];
            mean[c] += apart * share;
            away[c] += (rest < 0 ? 0 : rest) + apart * apart * both; /* a NaN stays one */
        }
        done += here;
    }
    for (int c = 0; c < count; c++) call->mean[from + c] = mean[c], call->variance[from + c] = away[c] / (double)call->pixels;
}

void HL_BLAS(moments_total)(hl_context *hl, const float *sums, int64_t pixels, int64_t range, int channels, double *mean, double *variance) {
    total_call call = {sums, pixels, range, channels, mean, variance};
    hl_parallel_for(hl, hl_blas_pieces(channels, CHANNELS), total_piece, &call);
}
