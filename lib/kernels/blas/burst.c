/* Multiply-adds on registers and nothing else: how fast the processor could be. */
#include "kernels/blas/blas.h"
#include "kernels/blas/vector.h"

enum { CHAINS = 12 }; /* enough for two units of a latency of four or five */

double HL_BLAS(burst)(int64_t rounds) {
    vector sum[CHAINS], a = vector_of(0.999f), b = vector_of(1e-3f);
    for (int i = 0; i < CHAINS; i++) sum[i] = vector_of((float)i);
    for (int64_t k = 0; k < rounds; k++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sum[i] = vector_fma(sum[i], a, b);
    float total = 0;
    for (int i = 0; i < CHAINS; i++) total += sum[i][0];
    return total > 0 ? 2.0 * LANES * CHAINS * (double)rounds : 0; /* always: the sums have to be there */
}
