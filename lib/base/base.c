/* The context, its errors, memory, strings and the clock. */
#include "base/base.h"

#include <errno.h>
#include <omp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/context.h"

hl_isa_level hl_isa_best(void) {
#if defined(__x86_64__) || defined(__i386__)
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (wide && __builtin_cpu_supports("fma")) return HL_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return HL_ISA_AVX2;
#endif
    return HL_ISA_BLAS;
}

/* The level an instruction set's name allows; -1 for an unknown name. */
static int isa_cap(const char *name) {
    static const struct {
        const char *name;
        hl_isa_level level;
    } caps[] = {{"ref", HL_ISA_REF}, {"blas", HL_ISA_BLAS}, {"avx2", HL_ISA_AVX2}, {"avx512", HL_ISA_AVX512}};
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
        if (!strcmp(name, caps[i].name)) return (int)caps[i].level;
    return -1;
}

static void choose_isa(hl_context *hl, const char *name) {
    hl->isa = hl_isa_best();
    if (!name || !*name) return;
    int cap = isa_cap(name);
    if (cap < 0) hl_fail(hl, HL_USAGE, "instruction set \"%s\" is unknown: expected ref, blas, avx2 or avx512", name), hl->refused = true;
    else if (cap < (int)hl->isa) hl->isa = (hl_isa_level)cap;
}

hl_context *hl_open(const hl_options *options) {
    hl_context *hl = calloc(1, sizeof *hl);
    if (!hl) return NULL;
    if (pthread_mutex_init(&hl->error_lock, NULL)) return free(hl), NULL;
    hl->threads = options && options->threads > 0 ? options->threads : omp_get_num_procs();
    choose_isa(hl, options && options->isa ? options->isa : getenv("HILUM_ISA"));
    return hl;
}

void hl_close(hl_context *hl) {
    if (!hl) return;
    pthread_mutex_destroy(&hl->error_lock);
    free(hl);
}

hl_status hl_fail(hl_context *hl, hl_status status, const char *format, ...) {
    va_list list;
    va_start(list, format);
    pthread_mutex_lock(&hl->error_lock);
    hl->status = status;
    vsnprintf(hl->error, sizeof hl->error, format, list);
    pthread_mutex_unlock(&hl->error_lock);
    va_end(list);
    return status;
}

const char *hl_error(const hl_context *hl) { return hl->error; }
hl_status hl_error_status(const hl_context *hl) { return hl->status; }
int hl_threads(const hl_context *hl) { return hl->threads; }
const char *hl_isa(const hl_context *hl) {
    static const char *const names[] = {[HL_ISA_REF] = "ref", [HL_ISA_BLAS] = "blas", [HL_ISA_AVX2] = "avx2", [HL_ISA_AVX512] = "avx512"};
    return names[hl->isa];
}
const char *hl_version(void) { return HL_VERSION; }

void *hl_calloc(hl_context *hl, size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory) hl_fail(hl, HL_NO_MEMORY, "no memory for %zu times %zu bytes", count, size);
    return memory;
}

/* What is large asks for huge pages: strides through many planes find their addresses then. */
void *hl_aligned(hl_context *hl, size_t bytes) {
    const size_t huge = (size_t)2 << 20;
    size_t unit = bytes < 2 * huge ? 64 : huge, rounded = (bytes + 63) / 64 * 64;
    void *memory = rounded < bytes || rounded > SIZE_MAX - huge ? NULL : aligned_alloc(unit, rounded ? (rounded + unit - 1) / unit * unit : unit);
    if (!memory) return hl_fail(hl, HL_NO_MEMORY, "no memory for %zu bytes", bytes), NULL;
#ifdef MADV_HUGEPAGE
    if (unit == huge) (void)madvise(memory, rounded / huge * huge, MADV_HUGEPAGE); /* a wish */
#endif
    return memset(memory, 0, rounded ? rounded : 64);
}

void *hl_grow(hl_context *hl, void *array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity && array) return array;
    size_t wider = *capacity * 2 > need ? *capacity * 2 : need;
    if (wider < 16) wider = 16;
    void *moved = wider > SIZE_MAX / size ? NULL : realloc(array, wider * size);
    if (!moved) return hl_fail(hl, HL_NO_MEMORY, "no memory for %zu times %zu bytes", wider, size), NULL;
    *capacity = wider;
    return moved;
}

char *hl_strdup(hl_context *hl, const char *text) {
    char *copy = strdup(text);
    if (!copy) hl_fail(hl, HL_NO_MEMORY, "no memory for %zu bytes", strlen(text) + 1);
    return copy;
}

char *hl_format(hl_context *hl, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    else hl_fail(hl, HL_NO_MEMORY, "no memory for a text of %d bytes", length);
    va_end(again);
    va_end(list);
    return text;
}

double hl_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void hl_number_text(char *text, double value) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    for (char *at = text; *at; at++) {
        if (*at == ',') *at = '.';
    }
}
