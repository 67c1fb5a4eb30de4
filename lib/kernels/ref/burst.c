/* Multiply-adds and nothing else, one after the other as plain loops have them. */
#include "kernels/ref/ref.h"

double HL_REF(burst)(int64_t rounds) {
    real sum = 1;
    for (int64_t k = 0; k < rounds; k++) sum = sum * (real)0.999 + (real)1e-3;
    return sum > 0 ? 2.0 * (double)rounds : 0;
}
