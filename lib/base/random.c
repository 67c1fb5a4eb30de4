/* Counter-based random numbers. */
#include "base/random.h"

#include <math.h>

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t hl_random_u64(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b) {
    const uint64_t golden = 0x9E3779B97F4A7C15u; /* 2^64 over the golden ratio, SplitMix64's increment */
    uint64_t h = mix(seed + golden);
    h = mix((h ^ purpose) + golden);
    h = mix((h ^ a) + golden);
    return mix((h ^ b) + golden);
}

double hl_random_uniform(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b) {
    return (double)(hl_random_u64(seed, purpose, a, b) >> 11) * 0x1p-53;
}

double hl_random_normal(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b) {
    uint64_t bits = hl_random_u64(seed, purpose, a, b);
    double u = ((double)(bits >> 32) + 1) * 0x1p-32; /* (0, 1] */
    double v = (double)(bits & 0xFFFFFFFFu) * 0x1p-32;
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t hl_name_hash(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

void hl_random_order(uint64_t seed, uint64_t purpose, uint64_t a, int count, int *order) {
    for (int i = 0; i < count; i++) order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        uint64_t high = hl_random_u64(seed, purpose, a, (uint64_t)i) >> 32;
        int j = (int)((high * (uint64_t)(i + 1)) >> 32);
        int t = order[i];
        order[i] = order[j], order[j] = t;
    }
}
