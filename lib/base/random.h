/* Random numbers as functions of (seed, purpose, a, b): the same whatever was drawn before, on any thread. */
#ifndef HL_RANDOM_H
#define HL_RANDOM_H

#include <stdint.h>

/* What a draw is for. Two purposes never share numbers. Add at the end: the values are part of every run's bits. */
typedef enum hl_purpose {
    HL_RANDOM_FOLDS = 1,
    HL_RANDOM_VALIDATION = 2,
    HL_RANDOM_INIT = 3,
    HL_RANDOM_SHUFFLE = 4,
    HL_RANDOM_AUGMENT = 5,
    HL_RANDOM_PHANTOM = 6,
    HL_RANDOM_CALIBRATE = 7,
    HL_RANDOM_DROP = 8,
    HL_RANDOM_BOOTSTRAP = 9,
} hl_purpose;

/* 64 bits: SplitMix64's finaliser (Steele, Lea, Flood 2014) applied to seed, purpose, a and b in turn. */
uint64_t hl_random_u64(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b);
double hl_random_uniform(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b); /* [0, 1), 53 bits */
double hl_random_normal(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b);  /* mean 0, deviation 1 (Box-Muller) */
/* FNV-1a of a name: for draws that depend on what they are for, not on its place. */
uint64_t hl_name_hash(const char *name);
/* order[0 .. count-1] becomes a random order of 0 .. count-1 (Fisher-Yates on draws b = 0 .. count-1). */
void hl_random_order(uint64_t seed, uint64_t purpose, uint64_t a, int count, int *order);

#endif
