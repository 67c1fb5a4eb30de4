/* `hilum bench --loader`: what it is told, and its one function. */
#ifndef HL_APPS_BENCH_LOADER_H
#define HL_APPS_BENCH_LOADER_H

#include "hilum/data.h"
#include "options.h"

typedef struct loader_words {
    const char *manifest, *augment;
    hl_augmentation augmentation; /* what the text comes to */
    int threads;                  /* of the loader; 0: as in training */
} loader_words;

option loader_threads_option(int *target);

/* Times loading the manifest's labelled slices, and each kind of augmentation, and prints it. */
hl_status bench_loader(hl_context *hl, const loader_words *words, const int size[2], int batch, bool json);

#endif
