/* The one home of OpenMP: pieces of work over the context's threads. */
#include <omp.h>

#include "base/base.h"

void hl_parallel_for(hl_context *hl, int64_t pieces, void (*fn)(void *arg, int64_t piece, int worker), void *arg) {
    int threads = hl_threads(hl);
    if (threads <= 1 || pieces <= 1) {
        for (int64_t piece = 0; piece < pieces; piece++) fn(arg, piece, 0);
        return;
    }
    /* Always the same number of threads: OpenMP keeps the team of the last loop and allocates a new one for another size. */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int64_t piece = 0; piece < pieces; piece++) fn(arg, piece, omp_get_thread_num());
}
