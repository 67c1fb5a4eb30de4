/* The inside of a context. Only base and the choice of kernels look at it. */
#ifndef HL_BASE_CONTEXT_H
#define HL_BASE_CONTEXT_H

#include <pthread.h>

#include "base/base.h"

#define HL_VERSION "0.1.0"

typedef enum hl_isa_level { HL_ISA_REF, HL_ISA_BLAS, HL_ISA_AVX2, HL_ISA_AVX512 } hl_isa_level; /* each may use the ones before */
hl_isa_level hl_isa_best(void); /* that the processor has */

struct hl_team; /* parallel.c */

struct hl_context {
    int threads;
    struct hl_team *_Atomic team; /* the threads that stand by for hl_parallel_for; NULL: none do */
    hl_isa_level isa; /* in force: what the processor has, up to what was asked for */
    bool refused;     /* the options named an unknown instruction set: compiling a plan fails with that error */
    hl_status status;
    pthread_mutex_t error_lock;
    char error[1024];
};

#endif
