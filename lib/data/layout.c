/* The list of layouts, and a data set collected by the one that recognises its folder. */
#include "data/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/volume.h"

/* In the order in which they are tried: the more particular first. */
static const hl_layout *const layouts[] = {&hl_layout_manifest,  &hl_layout_covid_ct_seg, &hl_layout_mosmed, &hl_layout_nnunet,
                                           &hl_layout_decathlon, &hl_layout_pair,         &hl_layout_dicom};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

/* --- what the layouts share ----------------------------------------------------------------------------------------- */

hl_dataset_scan *hl_dataset_add(hl_context *hl, hl_dataset *dataset, const char *centre, const char *patient, const char *case_name) {
    hl_dataset_scan *wider = hl_grow(hl, dataset->scans, &dataset->capacity, (size_t)dataset->count + 1, sizeof *wider);
    if (!wider) return NULL;
    dataset->scans = wider;
    hl_dataset_scan *scan = &wider[dataset->count++];
    *scan = (hl_dataset_scan){
        .centre = hl_strdup(hl, centre), .patient = hl_strdup(hl, patient), .case_name = hl_strdup(hl, case_name), .slices = 1};
    return scan->centre && scan->patient && scan->case_name ? scan : NULL;
}

hl_status hl_scan_file(hl_context *hl, const hl_tree *tree, int file, char **path) {
    if (file < 0) return HL_OK;
    *path = hl_tree_path(hl, tree, file);
    return *path ? HL_OK : HL_NO_MEMORY;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* All mask files that scans name, sorted. Owner: the caller, free. */
static const char **named_files(hl_context *hl, const hl_dataset *dataset, size_t *count) {
    const char **named = hl_calloc(hl, (size_t)dataset->count * 3, sizeof *named);
    *count = 0;
    for (int i = 0; named && i < dataset->count; i++) {
        const char *files[] = {dataset->scans[i].mask, dataset->scans[i].lung, dataset->scans[i].combined};
        for (int f = 0; f < 3; f++)
            if (files[f]) named[(*count)++] = files[f];
    }
    if (named && *count) qsort(named, *count, sizeof *named, by_text);
    return named;
}

hl_status hl_dataset_orphans(hl_context *hl, hl_dataset *dataset, const hl_tree *tree, hl_folder masks, const char *what) {
    size_t count;
    const char **named = named_files(hl, dataset, &count);
    hl_status status = named ? HL_OK : HL_NO_MEMORY;
    for (int i = masks.first; i < masks.end && !status; i++) {
        if (hl_stem_length(tree->files[i]) < 0) continue;
        char *path = hl_tree_path(hl, tree, i);
        if (!path) status = HL_NO_MEMORY;
        else if (!bsearch(&path, named, count, sizeof *named, by_text)) {
            status = hl_faults_add(hl, &dataset->faults, HL_FAULT_ORPHAN, "%s %s has no image of its name", what, path);
            if (!status) status = hl_faults_file(hl, &dataset->faults, path);
        }
        free(path);
    }
    free(named);
    return status;
}

/* --- volumes ---------------------------------------------------------------------------------------------------------- */

/* A volume that cannot be read is told of and left out. */
static hl_status look_into(hl_context *hl, hl_dataset *dataset, hl_dataset_scan *scan, bool *whole) {
    *whole = true;
    if (!hl_volume_named(scan->image)) return HL_OK;
    hl_volume volume;
    hl_range range;
    hl_status status = hl_volume_read(hl, scan->image, &volume);
    if (!status) status = hl_window_range(hl, scan->image, &volume, &(hl_window){0}, HL_UNITS_UNKNOWN, &range);
    *whole = !status;
    if (!status) {
        scan->units = range.units;
        scan->slices = volume.slices;
        memcpy(scan->spacing, volume.spacing, sizeof scan->spacing);
    }
    hl_volume_free(&volume);
    if (status != HL_BAD_INPUT) return status;
    char text[1024];
    snprintf(text, sizeof text, "%s", hl_error(hl));
    status = hl_faults_add(hl, &dataset->faults, HL_FAULT_UNREADABLE, "%s", text);
    return status ? status : hl_faults_file(hl, &dataset->faults, scan->image);
}

static void free_scan(hl_dataset_scan *scan) {
    free(scan->centre), free(scan->patient), free(scan->case_name);
    free(scan->image), free(scan->mask), free(scan->lung), free(scan->combined);
}

static hl_status look_into_all(hl_context *hl, hl_dataset *dataset) {
    int kept = 0, i = 0;
    hl_status status = HL_OK;
    for (; i < dataset->count && !status; i++) {
        bool whole;
        status = look_into(hl, dataset, &dataset->scans[i], &whole);
        if (whole) dataset->scans[kept++] = dataset->scans[i];
        else free_scan(&dataset->scans[i]);
    }
    for (; i < dataset->count; i++) dataset->scans[kept++] = dataset->scans[i]; /* after a failure, for hl_dataset_free */
    dataset->count = kept;
    return status;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

static int by_place(const void *a, const void *b) {
    const hl_dataset_scan *x = a, *y = b;
    int order = strcmp(x->centre, y->centre);
    if (!order) order = strcmp(x->patient, y->patient);
    if (!order) order = strcmp(x->case_name, y->case_name);
    if (!order) order = (x->slice > y->slice) - (x->slice < y->slice);
    return order ? order : strcmp(x->image, y->image);
}

static hl_status refuse(hl_context *hl, const hl_tree *tree) {
    char known[900] = "";
    for (int i = 0; i < LAYOUTS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s (%s)", i ? "; " : "", layouts[i]->name, layouts[i]->looks);
    }
    return hl_fail(hl, HL_BAD_INPUT, "%s: the layout is not known, expected one of: %s", tree->root, known);
}

static hl_status refuse_empty(hl_context *hl, const hl_tree *tree, const hl_dataset *dataset) {
    const char *why = dataset->faults.count ? dataset->faults.items[0].text : "there is none";
    return hl_fail(hl, HL_BAD_INPUT, "%s: it looks like %s, but no image can be read: %.400s", tree->root, dataset->layout, why);
}

static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    for (int i = 0; i < LAYOUTS; i++) {
        if (!layouts[i]->recognise(tree)) continue;
        dataset->layout = layouts[i]->name;
        hl_status status = layouts[i]->collect(hl, tree, options, dataset);
        if (!status) status = look_into_all(hl, dataset);
        return status || dataset->count || dataset->manifest ? status : refuse_empty(hl, tree, dataset);
    }
    return refuse(hl, tree);
}

hl_dataset *hl_dataset_open(hl_context *hl, const char *folder, const hl_dataset_options *options) {
    hl_dataset *dataset = hl_calloc(hl, 1, sizeof *dataset);
    if (!dataset) return NULL;
    dataset->classes = 1;
    hl_tree tree;
    hl_status status = hl_tree_read(hl, folder, &tree);
    if (!status) status = collect(hl, &tree, options ? options : &(hl_dataset_options){0}, dataset);
    hl_tree_free(&tree);
    if (status) return hl_dataset_free(dataset), NULL;
    if (dataset->count) qsort(dataset->scans, (size_t)dataset->count, sizeof *dataset->scans, by_place);
    return dataset;
}

void hl_dataset_free(hl_dataset *dataset) {
    if (!dataset) return;
    for (int i = 0; i < dataset->count; i++) free_scan(&dataset->scans[i]);
    free(dataset->scans);
    free(dataset->manifest);
    hl_faults_free(&dataset->faults);
    free(dataset);
}
