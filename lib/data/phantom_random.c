/* The phantom's random numbers: runs of draws and smooth noise in space. */
#include <math.h>

#include "base/random.h"
#include "data/phantom.h"

double hl_phantom_draw(hl_phantom_stream *stream, double low, double high) {
    return low + (high - low) * hl_random_uniform(stream->seed, HL_RANDOM_PHANTOM, stream->key, stream->next++);
}

double hl_phantom_smoothstep(double low, double high, double x) {
    double t = fmin(fmax((x - low) / (high - low), 0), 1);
    return t * t * (3 - 2 * t);
}

/* Value noise: random numbers on the integer lattice, joined by smoothsteps. */
double hl_phantom_noise(uint64_t seed, uint64_t key, double x, double y, double z) {
    double at[3] = {x, y, z}, share[3];
    int64_t corner[3];
    for (int i = 0; i < 3; i++) {
        double low = floor(at[i]);
        corner[i] = (int64_t)low;
        share[i] = at[i] - low;
        share[i] *= share[i] * (3 - 2 * share[i]);
    }
    double sum = 0;
    for (int k = 0; k < 8; k++) {
        double weight = 1;
        uint64_t name = 0;
        for (int i = 0; i < 3; i++) {
            int high = k >> i & 1;
            weight *= high ? share[i] : 1 - share[i];
            name = name << 20 | ((uint64_t)(corner[i] + high) & 0xFFFFF);
        }
        sum += weight * (2 * hl_random_uniform(seed, HL_RANDOM_PHANTOM, key, name) - 1);
    }
    return sum;
}
