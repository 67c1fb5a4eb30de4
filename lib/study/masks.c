/* Scoring anyone's masks: which files of two folders make which case, and what comes of all cases. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hilum/volume.h"
#include "study/masks.h"

/* The masks in a folder, sorted. */
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

static int is_mask(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    bool png = length > 4 && !strcasecmp(entry->d_name + length - 4, ".png");
    return entry->d_name[0] != '.' && (png || hl_volume_named(entry->d_name));
}

/* Byte by byte, in every locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static hl_status list_folder(hl_context *hl, const char *folder, listing *list) {
    *list = (listing){.folder = folder};
    list->count = scandir(folder, &list->entries, is_mask, by_bytes);
    if (list->count > 0) return HL_OK;
    if (list->count == 0) return hl_fail(hl, HL_BAD_INPUT, "%s: the folder holds no PNG file and no volume", folder);
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
    size_t length = strlen(name), ending = 4;
    if (length > 7 && !strcasecmp(name + length - 7, ".nii.gz")) ending = 7;
    length -= ending;
    if (hl_volume_named(name)) return (place){.name = name, .case_length = length};
    size_t digits = length;
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

/* What is counted of every case, until conventions have read it. */
typedef struct tally {
    hl_convention_case *cases; /* shape by shape */
    hl_confusion **counts;     /* a block for each case */
} tally;

static void free_tally(tally *t, int cases) {
    for (int i = 0; i < cases && t->counts; i++) free(t->counts[i]);
    free(t->counts), free(t->cases);
}

/* Hands what was counted of a case to the conventions. */
static void tally_case(const hl_masks_result *r, int at, int slices, const hl_confusion *counts, hl_convention_case *cases) {
    for (int k = 0; k < r->shapes; k++) {
        const hl_mask_geometry *g = &r->geometry[at * r->shapes + k];
        cases[k * r->case_count + at] = (hl_convention_case){counts + k * slices, slices, g->has_surfaces, g->elements, g->voxels};
    }
}

/* One case: its files are places[0 .. files-1]. */
static hl_status score_case(hl_context *hl, const hl_masks_options *options, const place *places, int files, hl_masks_result *r, int at,
                            tally *t) {
    hl_mask_case c = {.classes = r->scores[at].classes};
    memcpy(c.spacing, options->spacing, sizeof c.spacing);
    hl_status status = HL_OK;
    for (int i = 0; i < files && !status; i++) {
        if (files > 1 && hl_volume_named(places[i].name))
            status = hl_fail(hl, HL_BAD_INPUT, "%s/%s: another file belongs to the same case, expected a volume to be one alone",
                             options->truth, places[i].name);
        else status = hl_mask_case_read(hl, options->predicted, options->truth, places[i].name, places[i].slice, &c);
    }
    if (!status) {
        t->counts[at] = hl_calloc(hl, (size_t)c.slice_count * (size_t)r->shapes, sizeof **t->counts);
        if (!t->counts[at]) status = HL_NO_MEMORY;
    }
    if (!status) status = hl_mask_case_score(hl, &c, r->tolerance, &r->scores[at], &r->geometry[at * r->shapes], t->counts[at]);
    if (!status) tally_case(r, at, c.slice_count, t->counts[at], t->cases);
    hl_mask_case_free(&c);
    return status;
}

static hl_status allocate_result(hl_context *hl, const place *places, int files, int classes, hl_masks_result *r, tally *t) {
    r->scores = allocate_scores(hl, places, files, classes, &r->case_count);
    size_t cases = (size_t)r->case_count, shapes = (size_t)r->shapes;
    r->geometry = r->scores ? hl_calloc(hl, cases * shapes, sizeof *r->geometry) : NULL;
    r->conventions = r->geometry ? hl_calloc(hl, shapes * HL_CONVENTIONS, sizeof *r->conventions) : NULL;
    t->cases = r->conventions ? hl_calloc(hl, cases * shapes, sizeof *t->cases) : NULL;
    t->counts = t->cases ? hl_calloc(hl, cases, sizeof *t->counts) : NULL;
    return t->counts ? HL_OK : HL_NO_MEMORY;
}

static hl_status score_places(hl_context *hl, const hl_masks_options *options, const place *places, int files, hl_masks_result *r) {
    tally t = {NULL, NULL};
    hl_status status = allocate_result(hl, places, files, options->classes > 1 ? options->classes : 1, r, &t);
    for (int first = 0, at = 0, next; first < files && !status; first = next, at++) {
        next = first + 1;
        while (next < files && !compare_case(&places[first], &places[next])) next++;
        status = score_case(hl, options, places + first, next - first, r, at, &t);
    }
    for (int k = 0; k < r->shapes && !status; k++)
        status = hl_conventions_score(hl, t.cases + k * r->case_count, r->case_count, r->conventions + k * HL_CONVENTIONS);
    free_tally(&t, r->case_count);
    return status;
}

static hl_status score_listing(hl_context *hl, const hl_masks_options *options, const listing *truth, hl_masks_result *r) {
    place *places = hl_calloc(hl, (size_t)truth->count, sizeof *places);
    if (!places) return HL_NO_MEMORY;
    for (int i = 0; i < truth->count; i++) places[i] = place_of(truth->entries[i]->d_name);
    qsort(places, (size_t)truth->count, sizeof *places, by_place);
    hl_status status = score_places(hl, options, places, truth->count, r);
    free(places);
    return status;
}

static hl_status check_options(hl_context *hl, const hl_masks_options *o, const listing *truth) {
    bool given = o->spacing[0] != 0 || o->spacing[1] != 0 || o->spacing[2] != 0, pictures = false;
    for (int i = 0; i < truth->count; i++) pictures = pictures || !hl_volume_named(truth->entries[i]->d_name);
    if (given && !(o->spacing[0] > 0 && o->spacing[1] > 0 && o->spacing[2] > 0))
        return hl_fail(hl, HL_USAGE, "a spacing of %g, %g, %g mm: expected three numbers above 0", o->spacing[0], o->spacing[1],
                       o->spacing[2]);
    if (given && !pictures) return hl_fail(hl, HL_USAGE, "%s holds volumes alone, which have their own spacing", o->truth);
    return HL_OK;
}

hl_status hl_evaluate_masks(hl_context *hl, const hl_masks_options *options, hl_masks_result *result) {
    listing ours = {0}, theirs = {0};
    int classes = options->classes > 0 ? options->classes : 1;
    *result = (hl_masks_result){.shapes = classes > 1 ? classes - 1 : 1};
    result->tolerance = options->tolerance > 0 ? options->tolerance : classes > 1 ? 1 : 3;
    if (options->classes < 0 || classes > HL_CLASSES_MOST)
        return hl_fail(hl, HL_USAGE, "%d classes: expected 1 to %d", options->classes, HL_CLASSES_MOST);
    hl_status status = list_folder(hl, options->predicted, &ours);
    if (!status) status = list_folder(hl, options->truth, &theirs);
    if (!status) status = compare_listings(hl, &ours, &theirs);
    if (!status) status = check_options(hl, options, &theirs);
    if (!status) status = score_listing(hl, options, &theirs, result);
    if (!status) status = hl_figures_compute(hl, result->scores, result->case_count, 0.5, NAN, &result->figures);
    free_listing(&ours), free_listing(&theirs);
    if (status) hl_masks_free(result);
    return status;
}

void hl_masks_free(hl_masks_result *result) {
    hl_figures_free(&result->figures);
    free(result->scores), free(result->geometry), free(result->conventions);
    *result = (hl_masks_result){0};
}
