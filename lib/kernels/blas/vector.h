/* Vectors of as many floats as a register holds: 16, 8 or 4, by what the file is built for. */
#ifndef HL_BLAS_VECTOR_H
#define HL_BLAS_VECTOR_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined __x86_64__ || defined __i386__
#include <immintrin.h>
#endif

#if defined HL_KERNELS_AVX512
enum { LANES = 16, REGISTERS = 32 };
#elif defined HL_KERNELS_AVX2
enum { LANES = 8, REGISTERS = 16 };
#else
enum { LANES = 4, REGISTERS = 16 };
#endif
typedef float vector __attribute__((vector_size(4 * LANES), may_alias));
typedef int vector_mask __attribute__((vector_size(4 * LANES)));

/* Panels of LANES channels that hold so many. */
static inline int panels_of(int channels) { return (channels + LANES - 1) / LANES; }

/* Vectors of channels that are done side by side, with sums and terms of each in registers; how many of the channels that are left are next: so
 * many, or a vector's. */
enum { VECTORS = REGISTERS == 32 ? 4 : 2 };
static inline int next_channels(int left) { return left >= VECTORS * LANES ? VECTORS * LANES : left < LANES ? left : LANES; }

/* What is best asked of the memory, and by which instructions, is not the same on AMD's processors and on Intel's. No bit of a result hangs on it. */
static inline bool is_amd(void) {
#if defined __x86_64__ || defined __i386__
    return __builtin_cpu_is("amd");
#else
    return false;
#endif
}

/* A pointer that the compiler does not know for the same. */
static inline const float *hidden(const float *a) {
    __asm__("" : "+r"(a));
    return a;
}

static inline vector vector_load(const float *from) {
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void vector_store(float *to, vector v) { memcpy(to, &v, sizeof v); }
/* To aligned memory, past the caches where the processor can. Whoever has written so calls vector_fence before others read. */
static inline void vector_store_past(float *to, vector v) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    _mm512_stream_ps(to, (__m512)v);
#elif defined HL_KERNELS_AVX2 && defined __AVX__
    _mm256_stream_ps(to, (__m256)v);
#else
    vector_store(to, v);
#endif
}

static inline void vector_fence(void) {
#if defined HL_KERNELS_AVX512 || defined HL_KERNELS_AVX2
    _mm_sfence();
#endif
}

static inline vector vector_of(float value) { return value - (vector){0}; }

/* Square roots. */
static inline vector vector_root(vector v) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_sqrt_ps((__m512)v);
#elif defined HL_KERNELS_AVX2 && defined __AVX__
    return (vector)_mm256_sqrt_ps((__m256)v);
#else
    for (int i = 0; i < LANES; i++) v[i] = sqrtf(v[i]);
    return v;
#endif
}

/* The first `count` floats, zeros behind them. */
static inline vector vector_load_some(const float *from, int count) {
    if (count >= LANES) return vector_load(from);
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#else
    vector v = {0};
    memcpy(&v, from, (size_t)count * sizeof *from);
    return v;
#endif
}

static inline void vector_store_some(float *to, vector v, int count) {
    if (count >= LANES) {
        vector_store(to, v);
        return;
    }
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)v);
#else
    memcpy(to, &v, (size_t)count * sizeof *to);
#endif
}

/* bf16 numbers, the upper halves of floats. Narrowing rounds to the nearest, ties to even; a NaN stays one, quiet. */
static inline float half_widen(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t half_narrow(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline vector vector_widen(const uint16_t *from) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    __m256i halves = _mm256_loadu_si256((const __m256i *)from);
    return (vector)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
#else
    vector v;
    for (int i = 0; i < LANES; i++) v[i] = half_widen(from[i]);
    return v;
#endif
}

/* The first `count`, zeros behind them. */
static inline vector vector_widen_some(const uint16_t *from, int count) {
    if (count >= LANES) return vector_widen(from);
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    __m256i some = _mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), from);
    return (vector)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(some), 16));
#else
    uint16_t halves[LANES] = {0};
    memcpy(halves, from, (size_t)count * sizeof *from);
    return vector_widen(halves);
#endif
}

#if defined HL_KERNELS_AVX512 && defined __AVX512F__
static inline __m256i vector_halves(vector v) {
    __m512i bits = _mm512_castps_si512((__m512)v), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 nan = _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q);
    rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}
#endif

static inline void vector_narrow(uint16_t *to, vector v) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    _mm256_storeu_si256((__m256i *)to, vector_halves(v));
#else
    for (int i = 0; i < LANES; i++) to[i] = half_narrow(v[i]);
#endif
}

static inline void vector_narrow_some(uint16_t *to, vector v, int count) {
    if (count >= LANES) {
        vector_narrow(to, v);
        return;
    }
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    _mm256_mask_storeu_epi16(to, (__mmask16)((1u << count) - 1), vector_halves(v));
#else
    uint16_t halves[LANES];
    vector_narrow(halves, v);
    memcpy(to, halves, (size_t)count * sizeof *to);
#endif
}

/* As it would be read again. */
static inline vector vector_rounded(vector v) {
    uint16_t halves[LANES];
    vector_narrow(halves, v);
    return vector_widen(halves);
}

/* An element of a map that may be half (hl_view): loads widen, stores narrow. */
static inline const void *cell_at(const void *cells, int64_t at, bool half) { return (const char *)cells + at * (half ? 2 : 4); }
static inline vector cells_load(const void *cells, int64_t at, bool half) {
    return half ? vector_widen((const uint16_t *)cells + at) : vector_load((const float *)cells + at);
}
static inline vector cells_load_some(const void *cells, int64_t at, int count, bool half) {
    return half ? vector_widen_some((const uint16_t *)cells + at, count) : vector_load_some((const float *)cells + at, count);
}
static inline void cells_store(void *cells, int64_t at, vector v, bool half) {
    if (half) vector_narrow((uint16_t *)cells + at, v);
    else vector_store((float *)cells + at, v);
}
static inline void cells_store_some(void *cells, int64_t at, vector v, int count, bool half) {
    if (half) vector_narrow_some((uint16_t *)cells + at, v, count);
    else vector_store_some((float *)cells + at, v, count);
}

/* a b + c, rounded once where the processor can. */
static inline vector vector_fma(vector a, vector b, vector c) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined HL_KERNELS_AVX2 && defined __FMA__
    return (vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* a where it is larger than b; b elsewhere, with a NaN too. */
static inline vector vector_larger(vector a, vector b) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_max_ps((__m512)a, (__m512)b); /* of two where one is a NaN the second */
#elif defined HL_KERNELS_AVX2 && defined __AVX__
    return (vector)_mm256_max_ps((__m256)a, (__m256)b);
#else
    vector_mask larger = (vector_mask)(a > b);
    return (vector)((larger & (vector_mask)a) | (~larger & (vector_mask)b));
#endif
}

/* 0 where it is below; a NaN stays one. */
static inline vector vector_relu(vector x) { return vector_larger((vector){0}, x); }

/* x where a and b are equal, else 0. */
static inline vector vector_where_equal(vector a, vector b, vector x) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    return (vector)_mm512_maskz_mov_ps(_mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ), (__m512)x);
#else
    return (vector)((vector_mask)x & (vector_mask)(a == b));
#endif
}

/* One step of a transposition: blocks of `size` lanes, a constant, of a and b change places across. */
static inline __attribute__((always_inline)) void vector_exchange(vector *a, vector *b, int size) {
#if defined HL_KERNELS_AVX512 && defined __AVX512F__
    __m512 x = (__m512)*a, y = (__m512)*b;
    __m512d p = (__m512d)x, q = (__m512d)y;
    if (size == 1) *a = (vector)_mm512_mask_moveldup_ps(x, 0xaaaa, y), *b = (vector)_mm512_mask_movehdup_ps(y, 0x5555, x);
    else if (size == 2) *a = (vector)_mm512_unpacklo_pd(p, q), *b = (vector)_mm512_unpackhi_pd(p, q);
    else if (size == 4) *a = (vector)_mm512_mask_permutex_pd(p, 0xcc, q, 0x44), *b = (vector)_mm512_mask_permutex_pd(q, 0x33, p, 0xee);
    else *a = (vector)_mm512_shuffle_f64x2(p, q, 0x44), *b = (vector)_mm512_shuffle_f64x2(p, q, 0xee);
#elif defined HL_KERNELS_AVX2 && defined __AVX__
    __m256 x = (__m256)*a, y = (__m256)*b;
    __m256d p = (__m256d)x, q = (__m256d)y;
    if (size == 1) *a = (vector)_mm256_blend_ps(x, _mm256_moveldup_ps(y), 0xaa), *b = (vector)_mm256_blend_ps(y, _mm256_movehdup_ps(x), 0x55);
    else if (size == 2) *a = (vector)_mm256_unpacklo_pd(p, q), *b = (vector)_mm256_unpackhi_pd(p, q);
    else *a = (vector)_mm256_permute2f128_ps(x, y, 0x20), *b = (vector)_mm256_permute2f128_ps(x, y, 0x31);
#else
    vector x = *a, y = *b;
    for (int i = 0; i < LANES; i++) (*a)[i] = i & size ? y[i - size] : x[i], (*b)[i] = i & size ? y[i] : x[i + size];
#endif
}

/* rows[i] lane j becomes rows[j] lane i. */
static inline __attribute__((always_inline)) void vector_transpose(vector rows[LANES]) {
#pragma GCC unroll 4
    for (int size = 1; size < LANES; size *= 2)
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (!(i & size)) vector_exchange(&rows[i], &rows[i + size], size);
}

#endif
