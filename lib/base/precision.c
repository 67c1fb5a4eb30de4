/* The precisions that plans compute in: their names, and whether this machine has what bf16 takes. */
#include <string.h>

#include "base/context.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static const char *const names[] = {[HL_FP32] = "fp32", [HL_BF16] = "bf16"};
enum { COUNT = sizeof names / sizeof *names };

const char *hl_precision_name(hl_precision precision) { return (unsigned)precision < COUNT ? names[precision] : NULL; }

int hl_precision_find(const char *name) {
    for (int i = 0; i < COUNT; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

static bool has_dots(void) {
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

#if defined(__x86_64__) && defined(__linux__)
/* Linux keeps tiles for processes that have asked; threads inherit it, to ask again changes nothing. */
static bool may_use_tiles(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    return !syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA);
}

static bool system_saves_tiles(void) {
    const unsigned tiles = 3u << 17; /* configuration and data */
    unsigned eax, ebx, ecx, edx, low, high;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE)) return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & tiles) == tiles;
}

static bool has_tiles(void) {
    const unsigned tiles = 1u << 24 | 1u << 22; /* AMX_TILE, AMX_BF16 */
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & tiles) == tiles && system_saves_tiles() && may_use_tiles();
}
#else
static bool has_tiles(void) { return false; }
#endif

hl_bf16_level hl_bf16_best(const hl_context *hl) {
    if (hl->isa < HL_ISA_AVX512 || !has_dots()) return HL_BF16_NONE;
    return has_tiles() ? HL_BF16_TILES : HL_BF16_DOTS;
}

const char *hl_bf16_lacks(const hl_context *hl) {
    static const char *const capped[] = {[HL_ISA_REF] = "kernels are capped at ref, below avx512",
                                         [HL_ISA_BLAS] = "kernels are capped at blas, below avx512",
                                         [HL_ISA_AVX2] = "kernels are capped at avx2, below avx512"};
    if (hl->isa < HL_ISA_AVX512) return hl->isa < hl_isa_best() ? capped[hl->isa] : "the processor has no AVX-512";
    return has_dots() ? NULL : "the processor has no AVX512_BF16";
}

hl_status hl_precision_check(hl_context *hl, hl_precision precision) {
    const char *lacks = precision == HL_BF16 ? hl_bf16_lacks(hl) : NULL;
    if (!hl_precision_name(precision)) return hl_fail(hl, HL_USAGE, "precision %d is unknown", (int)precision);
    return lacks ? hl_fail(hl, HL_USAGE, "bf16 cannot be computed here: %s; precision fp32 works everywhere", lacks) : HL_OK;
}
