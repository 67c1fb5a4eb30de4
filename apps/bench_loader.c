/* `hilum bench --loader`: images a second of the loader alone, and what each kind of augmentation costs. */
#include "bench_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "common.h"
#include "figures.h"
#include "program.h"
#include "progress.h"

enum { COUNTED_LEAST = 512 }; /* images a pass over warm slices takes at least */

/* What was measured: images a second, and microseconds an image. */
typedef struct result {
    int slices, images; /* of the first pass; of each further one */
    double first, plain, augmented;
    double kinds[HL_AUGMENT_MOST];
} result;

typedef struct session {
    hl_context *hl;
    const loader_words *words;
    hl_manifest *manifest;
    hl_cohort *cohort;
    int *rows, count, batch; /* the labelled ones */
} session;

option loader_threads_option(int *target) {
    option row = integer_option("loader-threads", target, 0, 64, "threads of the loader");
    row.standard = "as in training";
    return row;
}

static hl_status open_cohort(session *s, const int size[2]) {
    s->manifest = hl_manifest_read(s->hl, s->words->manifest, NULL);
    if (s->manifest) s->cohort = hl_cohort_open(s->hl, s->manifest, &(hl_cohort_options){.height = size[0], .width = size[1]});
    if (!s->cohort) return hl_error_status(s->hl);
    int rows = hl_manifest_count(s->manifest);
    s->rows = malloc((size_t)(rows ? rows : 1) * sizeof *s->rows);
    if (!s->rows) return HL_NO_MEMORY;
    for (int row = 0; row < rows; row++) {
        if (hl_cohort_info(s->cohort, row)->labelled) s->rows[s->count++] = row;
    }
    return s->count ? HL_OK : hl_fail(s->hl, HL_BAD_INPUT, "%s: no slice has a mask", s->words->manifest);
}

/* Images a second of a loader whose batches are thrown away. */
static hl_status pass(const session *s, int images, const hl_augmentation *augmentation, double *rate) {
    int batches = (images + s->batch - 1) / s->batch, count = 1;
    hl_sample *samples = malloc((size_t)images * sizeof *samples);
    int *starts = malloc(((size_t)batches + 1) * sizeof *starts);
    hl_status status = samples && starts ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < images && !status; i++) samples[i] = (hl_sample){s->rows[i % s->count], (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15)};
    for (int b = 0; b <= batches && !status; b++) starts[b] = (int)((int64_t)b * images / batches);
    hl_loader_options options = {.channels = 3, .augmentation = *augmentation, .workers = s->words->threads};
    double start = clock_seconds();
    hl_loader *loader = status ? NULL : hl_loader_start(s->cohort, samples, starts, batches, &options);
    if (!status && !loader) status = hl_error_status(s->hl);
    for (const float *pictures, *masks; !status && count;) {
        status = hl_loader_next(loader, &pictures, &masks, &count);
        if (!status && *stop_flag()) status = HL_INTERRUPTED;
    }
    *rate = images / (clock_seconds() - start);
    hl_loader_free(loader);
    free(samples), free(starts);
    return status;
}

/* Microseconds that one kind costs on a slice, applied each time, by one thread. */
static hl_status time_kind(const session *s, int kind, float *image, uint8_t *mask, double *microseconds) {
    enum { TIMES = 100 };
    int height = hl_cohort_height(s->cohort), width = hl_cohort_width(s->cohort);
    hl_augmentation alone = {0};
    alone.strength[kind] = kind ? hl_augment_get_kind(kind)->standard : 1,
    alone.chance[kind] = 1; /* the first is the flip, of every slice here */
    hl_augmenter *augmenter = hl_augmenter_new(s->hl, &alone, height, width, 1);
    hl_status status = augmenter ? hl_cohort_slice(s->cohort, s->rows[s->count / 2], image, mask, NULL, NULL) : hl_error_status(s->hl);
    double start = 0;
    for (int i = -5; i < TIMES && !status; i++) { /* some to warm up */
        if (i == 0) start = clock_seconds();
        hl_augment(augmenter, (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15), image, mask, false, &(hl_placement){0, 0, height, width});
    }
    *microseconds = 1e6 * (clock_seconds() - start) / TIMES;
    hl_augmenter_free(augmenter);
    return status;
}

static hl_status measure(const session *s, result *r) {
    static const hl_augmentation none;
    r->slices = s->count, r->images = s->count < COUNTED_LEAST ? (COUNTED_LEAST + s->count - 1) / s->count * s->count : s->count;
    hl_status status = pass(s, r->slices, &none, &r->first);
    if (!status) status = pass(s, r->images, &none, &r->plain);
    if (!status) status = pass(s, r->images, &s->words->augmentation, &r->augmented);
    size_t pixels = (size_t)hl_cohort_height(s->cohort) * (size_t)hl_cohort_width(s->cohort);
    float *image = malloc(pixels * sizeof *image);
    uint8_t *mask = malloc(pixels);
    if (!status && (!image || !mask)) status = HL_NO_MEMORY;
    for (int k = 0; k < hl_augment_count() && !status; k++) status = time_kind(s, k, image, mask, &r->kinds[k]);
    free(image), free(mask);
    return status;
}

static void print_result(const session *s, const result *r) {
    printf("%s, %d slices, %dx%d, batch %d\n", s->words->manifest, r->slices, hl_cohort_height(s->cohort), hl_cohort_width(s->cohort),
           s->batch);
    printf("%-34s%14s%14s\n", "", "images/s", "us an image");
    printf("%-34s%14.0f%14.0f\n", "first pass: decoded and resized", r->first, 1e6 / r->first);
    printf("%-34s%14.0f%14.0f\n", "further ones, not augmented", r->plain, 1e6 / r->plain);
    printf("%-34s%14.0f%14.0f\n", "augmented", r->augmented, 1e6 / r->augmented);
    for (int k = 0; k < hl_augment_count(); k++) printf("  %-32s%14s%14.0f\n", hl_augment_get_kind(k)->name, "", r->kinds[k]);
}

static void print_object(const session *s, const result *r, const char *augment) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "manifest", s->words->manifest);
    cJSON_AddItemToObject(root, "size", cJSON_CreateIntArray((int[]){hl_cohort_height(s->cohort), hl_cohort_width(s->cohort)}, 2));
    cJSON_AddNumberToObject(root, "batch", s->batch);
    cJSON_AddNumberToObject(root, "slices", r->slices);
    cJSON_AddStringToObject(root, "augment", augment);
    cJSON_AddNumberToObject(root, "images_per_second_first", r->first);
    cJSON_AddNumberToObject(root, "images_per_second_plain", r->plain);
    cJSON_AddNumberToObject(root, "images_per_second_augmented", r->augmented);
    cJSON *kinds = cJSON_AddObjectToObject(root, "us_per_image");
    for (int k = 0; k < hl_augment_count(); k++) cJSON_AddNumberToObject(kinds, hl_augment_get_kind(k)->name, r->kinds[k]);
    print_json(root);
    cJSON_Delete(root);
}

hl_status bench_loader(hl_context *hl, const loader_words *words, const int size[2], int batch, bool json) {
    session s = {.hl = hl, .words = words, .batch = batch};
    result r = {0};
    char *augment = hl_augmentation_text(hl, &words->augmentation);
    hl_status status = augment ? open_cohort(&s, size) : HL_NO_MEMORY;
    if (!status) status = measure(&s, &r);
    if (!status && json) print_object(&s, &r, augment);
    else if (!status) print_result(&s, &r);
    if (s.cohort) hl_cohort_free(s.cohort);
    if (s.manifest) hl_manifest_free(s.manifest);
    free(s.rows), free(augment);
    return status;
}
