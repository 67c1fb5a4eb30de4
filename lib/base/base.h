/* What every room stands on: errors, memory, strings, threads, the clock. */
#ifndef HL_BASE_H
#define HL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hilum/context.h"

#if defined(__GNUC__)
#define HL_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define HL_PRINTF(format, first)
#endif

/* Sets the context's error text and returns `status`, so that a failing function ends in `return hl_fail(...)`.
 * May be called from any thread. */
hl_status hl_fail(hl_context *hl, hl_status status, const char *format, ...) HL_PRINTF(3, 4);

/* By what bf16 numbers are multiplied here, the best that there is. AMX tiles are asked of the system for the process. */
typedef enum hl_bf16_level { HL_BF16_NONE, HL_BF16_DOTS, HL_BF16_TILES, HL_BF16_LEVELS } hl_bf16_level; /* DOTS: vdpbf16ps */
hl_bf16_level hl_bf16_best(const hl_context *hl);

/* HL_USAGE where a plan cannot compute in it on this machine, with what it lacks. */
hl_status hl_precision_check(hl_context *hl, hl_precision precision);

/* Memory. All of it is given back with free(). NULL sets HL_NO_MEMORY with the number of bytes. */
void *hl_calloc(hl_context *hl, size_t count, size_t size);   /* zeroed */
void *hl_aligned(hl_context *hl, size_t bytes);               /* zeroed, aligned to 64 bytes */
/* Grows an array to hold at least `need` elements of `size` bytes (amortised); the new part is not zeroed.
 * Returns the array, perhaps moved, or NULL with the old one still valid. */
void *hl_grow(hl_context *hl, void *array, size_t *capacity, size_t need, size_t size);
char *hl_strdup(hl_context *hl, const char *text);
char *hl_format(hl_context *hl, const char *format, ...) HL_PRINTF(2, 3);

/* "%.17g" cut to the digits needed, with a point in every locale. `text` holds at least 32 bytes. */
void hl_number_text(char *text, double value);

/* Runs fn(arg, piece, worker) for piece = 0 .. pieces-1, each once, in any order, on the context's threads; returns
 * when all are done. worker is in 0 .. hl_threads(hl)-1 and names scratch memory, nothing else. The number of pieces
 * is a function of the shape alone, so that results are the same bits on any number of threads. */
void hl_parallel_for(hl_context *hl, int64_t pieces, void (*fn)(void *arg, int64_t piece, int worker), void *arg);

/* Runs fn(arg) on the calling thread while the context's others stand by: hl_parallel_for, called by fn on that thread, then begins and
 * ends within a microsecond or so. For a whole step of a network. Threads without work turn in place for some 100 microseconds, then
 * sleep. Only one such region exists at a time in a context; a second runs without. */
void hl_with_team(hl_context *hl, void (*fn)(void *arg), void *arg);

/* Seconds of a monotonic clock. For timing.json and progress only: no figure depends on it. */
double hl_seconds(void);

#endif
