/* Scoring anyone's masks: two folders of PNG files with equal names. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base.h"
#include "hilum/study.h"

/* The files of a folder that end in .png, sorted. */
typedef struct listing {
    const char *folder;
    struct dirent **entries;
    int count;
} listing;

/* Which case a file belongs to. */
typedef struct place {
    const char *name;
    size_t case_length; /* of the name's part that names the case */
    uint64_t slice;
} place;

static int is_png(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && !strcasecmp(entry->d_name + length - 4, ".png");
}

/* Byte by byte, in every locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static hl_status list_folder(hl_context *hl, const char *folder, listing *list) {
    *list = (listing){.folder = folder};
    list->count = scandir(folder, &list->entries, is_png, by_bytes);
    if (list->count > 0) return HL_OK;
    if (list->count == 0) return hl_fail(hl, HL_BAD_INPUT, "%s: the folder holds no PNG file", folder);
    list->count = 0;
    return hl_fail(hl, HL_BAD_INPUT, "%s: cannot be read: %s", folder, strerror(errno));
}

static void free_listing(listing *list) {
    for (int i = 0; i < list->count; i++) free(list->entries[i]);
    free(list->entries);
}

static hl_status compare_listings(hl_context *hl, const listing *a, const listing *b) {
    for (int i = 0; i < a->count || i < b->count; i++) {
        const char *left = i < a->count ? a->entries[i]->d_name : NULL, *right = i < b->count ? b->entries[i]->d_name : NULL;
        int order = !left ? 1 : !right ? -1 : strcmp(left, right);
        if (!order) continue;
        const listing *has = order < 0 ? a : b, *lacks = order < 0 ? b : a;
        return hl_fail(hl, HL_BAD_INPUT, "%s/%s has no counterpart in %s: file names must be equal", has->folder, order < 0 ? left : right,
                       lacks->folder);
    }
    return HL_OK;
}

/* STEM_12.png and STEM-12.png are slice 12 of case STEM; any other file is a case of its own. */
static place place_of(const char *name) {
    size_t length = strlen(name) - 4, digits = length;
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') digits--;
    bool numbered = digits < length && digits > 1 && (name[digits - 1] == '_' || name[digits - 1] == '-');
    return (place){.name = name, .case_length = numbered ? digits - 1 : length, .slice = numbered ? strtoull(name + digits, NULL, 10) : 0};
}

static int compare_case(const place *a, const place *b) {
    size_t shorter = a->case_length < b->case_length ? a->case_length : b->case_length;
    int order = memcmp(a->name, b->name, shorter);
    return order ? order : (a->case_length > b->case_length) - (a->case_length < b->case_length);
}

static int by_place(const void *left, const void *right) {
    const place *a = left, *b = right;
    int order = compare_case(a, b);
    if (!order) order = (a->slice > b->slice) - (a->slice < b->slice);
    return order ? order : strcmp(a->name, b->name);
}

static hl_status read_from(hl_context *hl, const char *folder, const char *name, hl_picture *picture) {
    char *path = hl_format(hl, "%s/%s", folder, name);
    hl_status status = path ? hl_png_read(hl, path, picture) : HL_NO_MEMORY;
    free(path);
    return status;
}

/* A picture's values as labels: not 0, or with more than one class the class. */
static hl_status to_labels(hl_context *hl, const char *folder, const char *name, const hl_picture *picture, int classes, uint8_t *labels) {
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < pixels; i++) {
        int value = picture->pixels[i];
        if (classes > 1 && value >= classes)
            return hl_fail(hl, HL_BAD_INPUT, "%s/%s holds the value %d, expected a class from 0 to %d", folder, name, value, classes - 1);
        labels[i] = classes > 1 ? (uint8_t)value : value != 0;
    }
    return HL_OK;
}

/* `probabilities` is scratch for a number a pixel. */
static void count_labels(const uint8_t *predicted, const uint8_t *labels, size_t pixels, float *probabilities, hl_score *score) {
    score->slices++;
    for (size_t i = 0; i < pixels; i++) score->lesion_pixels += labels[i] != 0;
    if (score->classes > 1) {
        hl_confusion slice[HL_CLASSES_MOST] = {{0}};
        for (size_t i = 0; i < pixels; i++) score->class_pixels[labels[i]]++;
        hl_classes_count(predicted, labels, pixels, score->classes, slice);
        hl_classes_count(predicted, labels, pixels, score->classes, score->counts);
        score->slice_dice_sum += hl_classes_dice(slice, score->classes);
        return;
    }
    for (size_t i = 0; i < pixels; i++) probabilities[i] = predicted[i];
    hl_histogram slice;
    hl_histogram_clear(&slice, score->histogram.threshold);
    hl_histogram_add(&slice, probabilities, labels, pixels);
    hl_confusion confusion = hl_histogram_confusion(&slice, slice.threshold);
    score->slice_dice_sum += hl_dice(&confusion);
    hl_histogram_merge(&score->histogram, &slice);
}

static hl_status count_file(hl_context *hl, const char *predicted, const char *truth, const char *name, hl_score *score) {
    hl_picture ours = {0}, theirs = {0};
    hl_status status = read_from(hl, predicted, name, &ours);
    if (!status) status = read_from(hl, truth, name, &theirs);
    if (!status && (ours.width != theirs.width || ours.height != theirs.height))
        status = hl_fail(hl, HL_BAD_INPUT, "%s/%s is %dx%d, expected the %dx%d of %s/%s", predicted, name, ours.height, ours.width,
                         theirs.height, theirs.width, truth, name);
    size_t pixels = (size_t)theirs.width * (size_t)theirs.height;
    uint8_t *labels = status ? NULL : hl_calloc(hl, pixels, 2);
    float *probabilities = labels ? hl_calloc(hl, pixels, sizeof *probabilities) : NULL;
    if (!status && !probabilities) status = HL_NO_MEMORY;
    if (!status) status = to_labels(hl, predicted, name, &ours, score->classes, labels);
    if (!status) status = to_labels(hl, truth, name, &theirs, score->classes, labels + pixels);
    if (!status) count_labels(labels, labels + pixels, pixels, probabilities, score);
    free(ours.pixels), free(theirs.pixels), free(labels), free(probabilities);
    return status;
}

/* The scores and, in the same block behind them, their names. */
static hl_score *allocate_scores(hl_context *hl, const place *places, int files, int classes, int *cases) {
    size_t text = 1;
    *cases = 0;
    for (int i = 0; i < files; i++) {
        if (i && !compare_case(&places[i], &places[i - 1])) continue;
        text += places[i].case_length + 1;
        ++*cases;
    }
    size_t bytes = (size_t)*cases * sizeof(hl_score);
    hl_score *scores = hl_calloc(hl, 1, bytes + text);
    char *room = scores ? (char *)scores + bytes : NULL;
    int at = 0;
    for (int i = 0; i < files && scores; i++) {
        if (i && !compare_case(&places[i], &places[i - 1])) continue;
        memcpy(room, places[i].name, places[i].case_length);
        hl_score *score = &scores[at++];
        score->case_name = score->patient = room;
        room += places[i].case_length + 1;
        score->centre = (char *)scores + bytes + text - 1; /* "" */
        score->classes = classes;
        hl_histogram_clear(&score->histogram, 0.5);
    }
    return scores;
}

static hl_status score_listing(hl_context *hl, const listing *predicted, const listing *truth, int classes, hl_score **scores, int *count) {
    place *places = hl_calloc(hl, (size_t)truth->count, sizeof *places);
    if (!places) return HL_NO_MEMORY;
    for (int i = 0; i < truth->count; i++) places[i] = place_of(truth->entries[i]->d_name);
    qsort(places, (size_t)truth->count, sizeof *places, by_place);
    *scores = allocate_scores(hl, places, truth->count, classes, count);
    hl_status status = *scores ? HL_OK : HL_NO_MEMORY;
    for (int i = 0, at = -1; i < truth->count && !status; i++) {
        at += i == 0 || compare_case(&places[i], &places[i - 1]);
        status = count_file(hl, predicted->folder, truth->folder, places[i].name, &(*scores)[at]);
    }
    free(places);
    return status;
}

hl_status hl_evaluate_masks(hl_context *hl, const char *predicted, const char *truth, int classes, hl_figures *figures, hl_score **scores,
                            int *count) {
    listing ours = {0}, theirs = {0};
    *scores = NULL, *count = 0;
    *figures = (hl_figures){0};
    if (classes < 1 || classes > HL_CLASSES_MOST) return hl_fail(hl, HL_USAGE, "%d classes: expected 1 to %d", classes, HL_CLASSES_MOST);
    hl_status status = list_folder(hl, predicted, &ours);
    if (!status) status = list_folder(hl, truth, &theirs);
    if (!status) status = compare_listings(hl, &ours, &theirs);
    if (!status) status = score_listing(hl, &ours, &theirs, classes, scores, count);
    if (!status) status = hl_figures_compute(hl, *scores, *count, 0.5, NAN, figures);
    free_listing(&ours), free_listing(&theirs);
    if (status) free(*scores), *scores = NULL, *count = 0;
    return status;
}
