/* The loader: a thread that prepares batches while the consumer works on those before. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "data/cohort.h"

enum { BUFFERS = 2 };

struct hl_loader {
    hl_cohort *cohort;
    hl_sample *samples;
    int *starts; /* batches + 1 */
    int batches, channels;
    bool context;
    float *images[BUFFERS], *masks[BUFFERS]; /* of the largest batch */
    float *image;                            /* one slice, or with context three, as the cohort gives it */
    uint8_t *mask;

    pthread_t thread;
    bool running; /* the thread was started and not joined */
    atomic_bool stop;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t moved;
    bool synchronised;   /* lock and moved were made */
    int ready, released; /* batches that are prepared; that the consumer has given back */
    int given;           /* batches handed out: released or released + 1 */
    hl_status status;    /* of the thread */
    char error[1024];
};

static size_t pixels_of(const hl_loader *loader) {
    return (size_t)hl_cohort_height(loader->cohort) * (size_t)hl_cohort_width(loader->cohort);
}

/* Column x of the slice becomes column width - 1 - x when flipped, and the left one of a pair the right one; a grey value is repeated
 * over the channels, or each neighbour has a channel. */
static void place(const hl_loader *loader, bool flip, float *image, float *mask) {
    int height = hl_cohort_height(loader->cohort), width = hl_cohort_width(loader->cohort), channels = loader->channels;
    size_t next = loader->context ? pixels_of(loader) : 0;
    bool swap = flip && hl_cohort_sided(loader->cohort);
    for (int y = 0; y < height; y++) {
        const float *grey = loader->image + (size_t)y * (size_t)width;
        const uint8_t *label = loader->mask + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) {
            int from = flip ? width - 1 - x : x;
            for (int c = 0; c < channels; c++) *image++ = grey[(size_t)c * next + (size_t)from];
            *mask++ = (float)(swap && label[from] ? 3 - label[from] : label[from]);
        }
    }
}

static hl_status prepare(hl_loader *loader, int batch) {
    size_t pixels = pixels_of(loader);
    float *image = loader->images[batch % BUFFERS], *mask = loader->masks[batch % BUFFERS];
    for (int s = loader->starts[batch]; s < loader->starts[batch + 1] && !atomic_load(&loader->stop); s++) {
        int row = loader->samples[s].row;
        hl_status status = hl_cohort_image(loader->cohort, row, loader->context, loader->image);
        if (!status) status = hl_cohort_slice(loader->cohort, row, NULL, loader->mask, NULL, NULL);
        if (status) return status;
        place(loader, loader->samples[s].flip, image, mask);
        image += pixels * (size_t)loader->channels, mask += pixels;
    }
    return HL_OK;
}

/* Waits until a buffer is free; false when the work is to stop. */
static bool wait_for_buffer(hl_loader *loader, int batch) {
    pthread_mutex_lock(&loader->lock);
    while (!atomic_load(&loader->stop) && batch - loader->released >= BUFFERS) pthread_cond_wait(&loader->moved, &loader->lock);
    pthread_mutex_unlock(&loader->lock);
    return !atomic_load(&loader->stop);
}

static void *run(void *arg) {
    hl_loader *loader = arg;
    for (int batch = 0; batch < loader->batches && wait_for_buffer(loader, batch); batch++) {
        hl_status status = prepare(loader, batch);
        pthread_mutex_lock(&loader->lock);
        loader->status = status;
        if (status) snprintf(loader->error, sizeof loader->error, "%s", hl_error(hl_cohort_context(loader->cohort)));
        else loader->ready = batch + 1;
        pthread_cond_signal(&loader->moved);
        pthread_mutex_unlock(&loader->lock);
        if (status) break;
    }
    return NULL;
}

/* --- starting --------------------------------------------------------------------------------------------------------- */

static hl_status check(hl_cohort *cohort, const hl_sample *samples, const int *starts, int batches, int channels, bool context) {
    hl_context *hl = hl_cohort_context(cohort);
    int rows = hl_manifest_count(hl_cohort_manifest(cohort));
    if (batches < 0 || channels < 1) return hl_fail(hl, HL_USAGE, "%d batches of %d channels were asked for", batches, channels);
    if (context && channels != 3) return hl_fail(hl, HL_USAGE, "neighbouring slices fill 3 channels, %d were asked for", channels);
    for (int b = 0; b < batches; b++)
        if (starts[b] < 0 || starts[b + 1] <= starts[b])
            return hl_fail(hl, HL_USAGE, "batch %d goes from sample %d to %d, expected at least one", b, starts[b], starts[b + 1]);
    for (int s = batches ? starts[0] : 0; s < (batches ? starts[batches] : 0); s++)
        if (samples[s].row < 0 || samples[s].row >= rows)
            return hl_fail(hl, HL_USAGE, "sample %d is slice %d of a cohort of %d", s, samples[s].row, rows);
    return HL_OK;
}

static hl_status find_memory(hl_loader *loader) {
    hl_context *hl = hl_cohort_context(loader->cohort);
    size_t pixels = pixels_of(loader), largest = 1;
    for (int b = 0; b < loader->batches; b++) {
        size_t count = (size_t)(loader->starts[b + 1] - loader->starts[b]);
        if (count > largest) largest = count;
    }
    loader->image = hl_calloc(hl, pixels * (loader->context ? 3 : 1), sizeof *loader->image);
    loader->mask = hl_calloc(hl, pixels, sizeof *loader->mask);
    bool found = loader->image && loader->mask;
    for (int i = 0; i < BUFFERS && found; i++) {
        loader->images[i] = hl_aligned(hl, largest * pixels * (size_t)loader->channels * sizeof(float));
        loader->masks[i] = hl_aligned(hl, largest * pixels * sizeof(float));
        found = loader->images[i] && loader->masks[i];
    }
    return found ? HL_OK : HL_NO_MEMORY;
}

static hl_status copy_plan(hl_loader *loader, const hl_sample *samples, const int *starts) {
    hl_context *hl = hl_cohort_context(loader->cohort);
    size_t batches = (size_t)loader->batches, count = batches ? (size_t)starts[batches] : 0;
    loader->samples = hl_calloc(hl, count, sizeof *samples);
    loader->starts = hl_calloc(hl, batches + 1, sizeof *starts);
    if (!loader->samples || !loader->starts) return HL_NO_MEMORY;
    if (count) memcpy(loader->samples, samples, count * sizeof *samples);
    if (batches) memcpy(loader->starts, starts, (batches + 1) * sizeof *starts);
    return HL_OK;
}

/* Signals are the calling threads' matter, so all are blocked in this one. */
static hl_status start_thread(hl_loader *loader) {
    hl_context *hl = hl_cohort_context(loader->cohort);
    if (pthread_mutex_init(&loader->lock, NULL)) return hl_fail(hl, HL_FAILED, "no lock can be made for the loader");
    if (pthread_cond_init(&loader->moved, NULL)) {
        pthread_mutex_destroy(&loader->lock);
        return hl_fail(hl, HL_FAILED, "no condition can be made for the loader");
    }
    loader->synchronised = true;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    loader->running = pthread_create(&loader->thread, NULL, run, loader) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return loader->running ? HL_OK : hl_fail(hl, HL_FAILED, "the loader's thread cannot be started");
}

hl_loader *hl_loader_start(hl_cohort *cohort, const hl_sample *samples, const int *starts, int batches, int channels, bool context) {
    if (check(cohort, samples, starts, batches, channels, context)) return NULL;
    hl_loader *loader = hl_calloc(hl_cohort_context(cohort), 1, sizeof *loader);
    if (!loader) return NULL;
    loader->cohort = cohort, loader->batches = batches, loader->channels = channels, loader->context = context;
    hl_status status = copy_plan(loader, samples, starts);
    if (!status) status = find_memory(loader);
    if (!status) status = start_thread(loader);
    if (!status) return loader;
    hl_loader_free(loader);
    return NULL;
}

/* --- the consumer's side ------------------------------------------------------------------------------------------------ */

hl_status hl_loader_next(hl_loader *loader, const float **images, const float **masks, int *count) {
    *images = *masks = NULL, *count = 0;
    pthread_mutex_lock(&loader->lock);
    loader->released = loader->given;
    pthread_cond_signal(&loader->moved);
    int batch = loader->given;
    while (batch < loader->batches && loader->ready <= batch && !loader->status) pthread_cond_wait(&loader->moved, &loader->lock);
    bool prepared = loader->ready > batch;
    if (prepared) loader->given = batch + 1;
    pthread_mutex_unlock(&loader->lock);
    if (batch == loader->batches) return HL_OK;
    if (!prepared) return hl_fail(hl_cohort_context(loader->cohort), loader->status, "%s", loader->error); /* the thread has ended */
    *images = loader->images[batch % BUFFERS], *masks = loader->masks[batch % BUFFERS];
    *count = loader->starts[batch + 1] - loader->starts[batch];
    return HL_OK;
}

static void stop_thread(hl_loader *loader) {
    pthread_mutex_lock(&loader->lock);
    atomic_store(&loader->stop, true);
    pthread_cond_signal(&loader->moved);
    pthread_mutex_unlock(&loader->lock);
    pthread_join(loader->thread, NULL);
}

void hl_loader_free(hl_loader *loader) {
    if (!loader) return;
    if (loader->running) stop_thread(loader);
    if (loader->synchronised) pthread_cond_destroy(&loader->moved), pthread_mutex_destroy(&loader->lock);
    for (int i = 0; i < BUFFERS; i++) free(loader->images[i]), free(loader->masks[i]);
    free(loader->image);
    free(loader->mask);
    free(loader->samples);
    free(loader->starts);
    free(loader);
}
