/* The loader: threads that prepare batches while the consumer works on those before. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "data/cohort.h"

enum { BUFFERS = 2, WORKERS_MOST = 64 };

/* A thread and what it works on, one sample at a time. */
typedef struct worker {
    hl_loader *loader;
    pthread_t thread;
    bool running; /* the thread was started and not joined */
    float *image; /* one slice, or with context three, as the cohort gives it */
    uint8_t *mask;
    hl_augmenter *augmenter; /* NULL: nothing to be changed */
} worker;

struct hl_loader {
    hl_cohort *cohort;
    hl_sample *samples;
    int *starts; /* batches + 1 */
    int batches;
    hl_loader_options options;
    float *images[BUFFERS], *masks[BUFFERS]; /* of the largest batch */
    worker *workers;
    int worker_count;
    double waited;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t moved;
    bool synchronised; /* lock and moved were made */
    bool stop;
    int next, batch;     /* the sample that is to be begun next, and its batch */
    int busy;            /* samples begun and not ended */
    int left[BUFFERS];   /* samples that a buffer's batch still lacks */
    int ready, released; /* batches that are prepared; that the consumer has given back */
    int given;           /* batches handed out: released or released + 1 */
    int failed;          /* the first sample that could not be prepared; INT_MAX: none */
};

static size_t pixels_of(const hl_loader *loader) {
    return (size_t)hl_cohort_height(loader->cohort) * (size_t)hl_cohort_width(loader->cohort);
}

/* A grey value is repeated over the channels, or each neighbour has a channel. */
static void place(const worker *w, float *image, float *mask) {
    size_t pixels = pixels_of(w->loader), channels = (size_t)w->loader->options.channels, next = w->loader->options.context ? pixels : 0;
    for (size_t c = 0; c < channels; c++) {
        const float *grey = w->image + c * next;
        for (size_t i = 0; i < pixels; i++) image[i * channels + c] = grey[i];
    }
    for (size_t i = 0; i < pixels; i++) mask[i] = (float)w->mask[i];
}

/* A sample's slice, or three, and its mask, not yet changed. */
static hl_status load(worker *w, int sample) {
    const hl_loader *loader = w->loader;
    int row = loader->samples[sample].row;
    hl_status status = hl_cohort_image(loader->cohort, row, loader->options.context, w->image);
    return status ? status : hl_cohort_slice(loader->cohort, row, NULL, w->mask, NULL, NULL);
}

/* Where a slice lies on the grid, as far as it does: with a given mm per pixel it may reach beyond. */
static hl_placement visible(const hl_cohort *cohort, int row) {
    hl_placement p = hl_cohort_placement(cohort, row);
    int bottom = p.top + p.height, right = p.left + p.width;
    if (p.top < 0) p.top = 0;
    if (p.left < 0) p.left = 0;
    p.height = (bottom < hl_cohort_height(cohort) ? bottom : hl_cohort_height(cohort)) - p.top;
    p.width = (right < hl_cohort_width(cohort) ? right : hl_cohort_width(cohort)) - p.left;
    return p;
}

static hl_status prepare(worker *w, int batch, int sample) {
    const hl_loader *loader = w->loader;
    hl_status status = load(w, sample);
    if (status) return status;
    if (w->augmenter) {
        hl_placement inside = visible(loader->cohort, loader->samples[sample].row);
        hl_augment(w->augmenter, loader->samples[sample].draw, w->image, w->mask, hl_cohort_sided(loader->cohort), &inside);
    }
    size_t pixels = pixels_of(loader), at = (size_t)(sample - loader->starts[batch]) * pixels;
    place(w, loader->images[batch % BUFFERS] + at * (size_t)loader->options.channels, loader->masks[batch % BUFFERS] + at);
    return HL_OK;
}

/* --- the threads ------------------------------------------------------------------------------------------------------- */

/* Takes the next sample, once its batch has a buffer; false when there is nothing more to do. The lock is held. */
static bool take_sample(hl_loader *loader, int *batch, int *sample) {
    bool done;
    while (!(done = loader->stop || loader->failed < INT_MAX || loader->batch == loader->batches) &&
           loader->batch - loader->released >= BUFFERS)
        pthread_cond_wait(&loader->moved, &loader->lock);
    if (done) return false;
    *batch = loader->batch, *sample = loader->next;
    if (*sample == loader->starts[*batch]) loader->left[*batch % BUFFERS] = loader->starts[*batch + 1] - *sample;
    if (++loader->next == loader->starts[*batch + 1]) loader->batch++;
    loader->busy++;
    return true;
}

/* Batches are ready one after the other, in whichever order their samples end. The lock is held. */
static void end_sample(hl_loader *loader, int batch, int sample, hl_status status) {
    loader->busy--;
    if (status && sample < loader->failed) loader->failed = sample;
    if (!status) loader->left[batch % BUFFERS]--;
    while (loader->ready < loader->batch && !loader->left[loader->ready % BUFFERS]) loader->ready++;
    pthread_cond_broadcast(&loader->moved);
}

static void *run(void *arg) {
    worker *w = arg;
    hl_loader *loader = w->loader;
    int batch, sample;
    pthread_mutex_lock(&loader->lock);
    while (take_sample(loader, &batch, &sample)) {
        pthread_mutex_unlock(&loader->lock);
        hl_status status = prepare(w, batch, sample);
        pthread_mutex_lock(&loader->lock);
        end_sample(loader, batch, sample, status);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* --- starting --------------------------------------------------------------------------------------------------------- */

static hl_status check(hl_cohort *cohort, const hl_sample *samples, const int *starts, int batches, const hl_loader_options *o) {
    hl_context *hl = hl_cohort_context(cohort);
    int rows = hl_manifest_count(hl_cohort_manifest(cohort));
    if (batches < 0 || o->channels < 1) return hl_fail(hl, HL_USAGE, "%d batches of %d channels were asked for", batches, o->channels);
    if (o->workers < 0 || o->workers > WORKERS_MOST)
        return hl_fail(hl, HL_USAGE, "%d loader threads: expected 0 (by the context's) to %d", o->workers, WORKERS_MOST);
    if (o->context && o->channels != 3) return hl_fail(hl, HL_USAGE, "neighbouring slices fill 3 channels, %d were asked for", o->channels);
    for (int b = 0; b < batches; b++)
        if (starts[b] < 0 || starts[b + 1] <= starts[b])
            return hl_fail(hl, HL_USAGE, "batch %d goes from sample %d to %d, expected at least one", b, starts[b], starts[b + 1]);
    for (int s = batches ? starts[0] : 0; s < (batches ? starts[batches] : 0); s++)
        if (samples[s].row < 0 || samples[s].row >= rows)
            return hl_fail(hl, HL_USAGE, "sample %d is slice %d of a cohort of %d", s, samples[s].row, rows);
    return HL_OK;
}

static hl_status find_buffers(hl_loader *loader) {
    hl_context *hl = hl_cohort_context(loader->cohort);
    size_t pixels = pixels_of(loader), largest = 1;
    for (int b = 0; b < loader->batches; b++) {
        size_t count = (size_t)(loader->starts[b + 1] - loader->starts[b]);
        if (count > largest) largest = count;
    }
    for (int i = 0; i < BUFFERS; i++) {
        loader->images[i] = hl_aligned(hl, largest * pixels * (size_t)loader->options.channels * sizeof(float));
        loader->masks[i] = hl_aligned(hl, largest * pixels * sizeof(float));
        if (!loader->images[i] || !loader->masks[i]) return HL_NO_MEMORY;
    }
    return HL_OK;
}

static hl_status make_workers(hl_loader *loader) {
    hl_context *hl = hl_cohort_context(loader->cohort);
    const hl_loader_options *o = &loader->options;
    int threads = hl_threads(hl), planes = o->context ? 3 : 1;
    loader->worker_count = o->workers ? o->workers : threads <= 8 ? 1 : threads >= 64 ? 8 : threads / 8;
    loader->workers = hl_calloc(hl, (size_t)loader->worker_count, sizeof *loader->workers);
    if (!loader->workers) return HL_NO_MEMORY;
    for (int i = 0; i < loader->worker_count; i++) {
        worker *w = &loader->workers[i];
        w->loader = loader;
        w->image = hl_calloc(hl, pixels_of(loader) * (size_t)planes, sizeof *w->image);
        w->mask = hl_calloc(hl, pixels_of(loader), sizeof *w->mask);
        if (!w->image || !w->mask) return HL_NO_MEMORY;
        if (!hl_augmentation_any(&o->augmentation)) continue;
        w->augmenter = hl_augmenter_new(hl, &o->augmentation, hl_cohort_height(loader->cohort), hl_cohort_width(loader->cohort), planes);
        if (!w->augmenter) return hl_error_status(hl);
    }
    return HL_OK;
}

static hl_status copy_plan(hl_loader *loader, const hl_sample *samples, const int *starts) {
    hl_context *hl = hl_cohort_context(loader->cohort);
    size_t batches = (size_t)loader->batches, count = batches ? (size_t)starts[batches] : 0;
    loader->samples = hl_calloc(hl, count, sizeof *samples);
    loader->starts = hl_calloc(hl, batches + 1, sizeof *starts);
    if (!loader->samples || !loader->starts) return HL_NO_MEMORY;
    if (count) memcpy(loader->samples, samples, count * sizeof *samples);
    if (batches) memcpy(loader->starts, starts, (batches + 1) * sizeof *starts);
    loader->next = loader->starts[0];
    return HL_OK;
}

/* Signals are the calling threads' matter, so all are blocked in these. */
static hl_status start_threads(hl_loader *loader) {
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
    bool started = true;
    for (int i = 0; i < loader->worker_count && started; i++) {
        worker *w = &loader->workers[i];
        started = w->running = pthread_create(&w->thread, NULL, run, w) == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started ? HL_OK : hl_fail(hl, HL_FAILED, "a thread of the loader cannot be started");
}

hl_loader *hl_loader_start(hl_cohort *cohort, const hl_sample *samples, const int *starts, int batches, const hl_loader_options *options) {
    if (check(cohort, samples, starts, batches, options)) return NULL;
    hl_loader *loader = hl_calloc(hl_cohort_context(cohort), 1, sizeof *loader);
    if (!loader) return NULL;
    loader->cohort = cohort, loader->batches = batches, loader->options = *options, loader->failed = INT_MAX;
    hl_status status = copy_plan(loader, samples, starts);
    if (!status) status = find_buffers(loader);
    if (!status) status = make_workers(loader);
    if (!status) status = start_threads(loader);
    if (!status) return loader;
    hl_loader_free(loader);
    return NULL;
}

/* --- the consumer's side ------------------------------------------------------------------------------------------------ */

/* The first failure, told in its own words whatever other threads said since: it is met once more. */
static hl_status tell_failure(hl_loader *loader) {
    hl_status status = load(&loader->workers[0], loader->failed);
    if (status) return status;
    const hl_row *row = hl_manifest_row(hl_cohort_manifest(loader->cohort), loader->samples[loader->failed].row);
    return hl_fail(hl_cohort_context(loader->cohort), HL_FAILED, "%s: could not be read at first, then it could", row->image);
}

/* Until the batch is ready, or never will be and no thread is at work. The lock is held. */
static void wait_for(hl_loader *loader, int batch) {
    double start = hl_seconds();
    bool waited = false;
    while (batch < loader->batches && loader->ready <= batch && (loader->failed == INT_MAX || loader->busy)) {
        waited = true;
        pthread_cond_wait(&loader->moved, &loader->lock);
    }
    if (waited) loader->waited += hl_seconds() - start;
}

hl_status hl_loader_next(hl_loader *loader, const float **images, const float **masks, int *count) {
    *images = *masks = NULL, *count = 0;
    pthread_mutex_lock(&loader->lock);
    loader->released = loader->given;
    pthread_cond_broadcast(&loader->moved);
    int batch = loader->given;
    wait_for(loader, batch);
    bool prepared = loader->ready > batch;
    if (prepared) loader->given = batch + 1;
    pthread_mutex_unlock(&loader->lock);
    if (batch == loader->batches) return HL_OK;
    if (!prepared) return tell_failure(loader); /* the threads have ended */
    *images = loader->images[batch % BUFFERS], *masks = loader->masks[batch % BUFFERS];
    *count = loader->starts[batch + 1] - loader->starts[batch];
    return HL_OK;
}

double hl_loader_waited(const hl_loader *loader) { return loader->waited; }

static void stop_threads(hl_loader *loader) {
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->moved);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->worker_count; i++) {
        if (loader->workers[i].running) pthread_join(loader->workers[i].thread, NULL);
    }
}

static void free_workers(hl_loader *loader) {
    for (int i = 0; loader->workers && i < loader->worker_count; i++) {
        free(loader->workers[i].image);
        free(loader->workers[i].mask);
        hl_augmenter_free(loader->workers[i].augmenter);
    }
    free(loader->workers);
}

void hl_loader_free(hl_loader *loader) {
    if (!loader) return;
    if (loader->synchronised) {
        stop_threads(loader);
        pthread_cond_destroy(&loader->moved), pthread_mutex_destroy(&loader->lock);
    }
    free_workers(loader);
    for (int i = 0; i < BUFFERS; i++) free(loader->images[i]), free(loader->masks[i]);
    free(loader->samples);
    free(loader->starts);
    free(loader);
}
