/* The context every other call hangs on: threads, instruction set, the last error. */
#ifndef HILUM_CONTEXT_H
#define HILUM_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a call. The values are the exit codes of the program, but for HL_NO_MEMORY, which ends it with 1. */
typedef enum hl_status {
    HL_OK = 0,
    HL_FAILED = 1,        /* the machine's fault: disk full, a file that cannot be written */
    HL_USAGE = 2,         /* the caller's fault: an option that makes no sense */
    HL_BAD_INPUT = 3,     /* the data's fault: a file missing, truncated, of another shape */
    HL_NO_MEMORY = 4,
    HL_INTERRUPTED = 130, /* somebody asked to stop; what was reached is saved */
} hl_status;

typedef enum hl_dtype { HL_F32 = 0, HL_F64 = 1 } hl_dtype;

/* What a plan in float multiplies and keeps: floats; or bf16 numbers (8 bits of sign and exponent more than 7 of fraction), with sums, statistics, losses,
 * gradients and weights in float all the same. */
typedef enum hl_precision { HL_FP32 = 0, HL_BF16 = 1 } hl_precision;

typedef struct hl_context hl_context;

typedef struct hl_options {
    int threads; /* worker threads; 0: as many as the process may run on. Results do not depend on it.
                      * Where other work shares the cores, run with OMP_WAIT_POLICY=passive in the environment (hilum does). */
    /* The highest kernels that may be used: "ref" (plain loops), "blas" (any processor), "avx2" (one with AVX2 and FMA) or
     * "avx512" (the best there are). NULL: the environment's HILUM_ISA, else the best the processor can run. */
    const char *isa;
} hl_options;

/* Opens a context. `options` may be NULL (all defaults). Never NULL but for want of memory: what else may be wrong
 * (an unknown isa) is kept and told by hl_error and by the first call that fails for it. Owner: the caller, hl_close.
 * One context is used by one calling thread at a time. */
hl_context *hl_open(const hl_options *options);
void hl_close(hl_context *hl);

/* The last failure in one sentence, naming file, line or offset, what was found and what was expected; "" when none.
 * Valid until the next failing call. */
const char *hl_error(const hl_context *hl);
hl_status hl_error_status(const hl_context *hl);

int hl_threads(const hl_context *hl);
const char *hl_isa(const hl_context *hl); /* the kernels in force: "ref", "blas", "avx2" or "avx512" */

const char *hl_precision_name(hl_precision precision); /* "fp32" or "bf16"; NULL: there is no such precision */
int hl_precision_find(const char *name);               /* -1: none is called so */
/* What a plan in bf16 lacks here, for a sentence: "the processor has no AVX512_BF16"; NULL: nothing. It takes the avx512 kernels and AVX512_BF16;
 * AMX, where the system lets the process use its tiles, makes it faster. */
const char *hl_bf16_lacks(const hl_context *hl);

const char *hl_version(void); /* "MAJOR.MINOR.PATCH" */

#ifdef __cplusplus
}
#endif
#endif
