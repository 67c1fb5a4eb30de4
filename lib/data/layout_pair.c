/* The layout of two folders, images and masks, with equal names in both; perhaps lungs beside them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/layout.h"
#include "hilum/volume.h"

/* How a file's name is read: images/CASE/NUMBER.png and images/CASE_NUMBER.png are slices, images/CASE.nii.gz is a scan. */
typedef struct name {
    char case_name[256];
    int64_t slice;
    bool numbered; /* by its own name, without a folder of its case */
} name;

static hl_folder images_of(const hl_tree *tree) { return hl_tree_folder(tree, "images"); }

static bool recognise(const hl_tree *tree) { return images_of(tree).end && hl_tree_folder(tree, "masks").end; }

/* Slashes become underscores: a case is a word. */
static void copy_case(char case_name[256], const char *text, int length) {
    snprintf(case_name, 256, "%.*s", length, text);
    for (char *c = case_name; *c; c++)
        if (*c == '/') *c = '_';
}

/* `rest` is the path below images, `stem` its length without the ending; the number is what digits stand at its end. */
static void read_name(const char *rest, int stem, name *is) {
    *is = (name){0};
    int number = stem;
    while (number > 0 && stem - number < 18 && rest[number - 1] >= '0' && rest[number - 1] <= '9') number--;
    bool volume = hl_volume_named(rest), alone = number > 0 && rest[number - 1] == '/',
         joined = number > 1 && (rest[number - 1] == '_' || rest[number - 1] == '-');
    if (volume || number == stem || !(alone || joined)) {
        copy_case(is->case_name, rest, stem);
        return;
    }
    copy_case(is->case_name, rest, number - 1);
    is->slice = strtoll(rest + number, NULL, 10);
    is->numbered = joined;
}

/* Whether numbered pictures tell cases apart by their words: where all have the same word, each is a case of its own. */
static bool words_differ(const hl_tree *tree, hl_folder images) {
    char first[256] = "";
    for (int i = images.first; i < images.end; i++) {
        const char *rest = tree->files[i] + images.length;
        int stem = hl_stem_length(rest);
        if (stem < 0) continue;
        name is;
        read_name(rest, stem, &is);
        if (*first && strcmp(first, is.case_name)) return true;
        snprintf(first, sizeof first, "%s", is.case_name);
    }
    return false;
}

static hl_status add(hl_context *hl, const hl_tree *tree, hl_dataset *dataset, hl_folder images, int file, bool differ) {
    const char *rest = tree->files[file] + images.length;
    int stem = hl_stem_length(rest);
    if (stem < 0) return HL_OK;
    name is;
    read_name(rest, stem, &is);
    if (is.numbered && !differ) copy_case(is.case_name, rest, stem), is.slice = 0;
    hl_dataset_scan *scan = hl_dataset_add(hl, dataset, hl_tree_name(tree), is.case_name, is.case_name);
    if (!scan) return HL_NO_MEMORY;
    scan->slice = is.slice;
    hl_status status = hl_scan_file(hl, tree, file, &scan->image);
    if (!status) status = hl_scan_file(hl, tree, hl_tree_stem(tree, hl_tree_folder(tree, "masks"), rest, (size_t)stem), &scan->mask);
    if (!status) status = hl_scan_file(hl, tree, hl_tree_stem(tree, hl_tree_folder(tree, "lungs"), rest, (size_t)stem), &scan->lung);
    return status;
}

static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    (void)options;
    hl_folder images = images_of(tree);
    bool differ = words_differ(tree, images);
    hl_status status = HL_OK;
    for (int i = images.first; i < images.end && !status; i++) status = add(hl, tree, dataset, images, i, differ);
    if (!status) status = hl_dataset_orphans(hl, dataset, tree, hl_tree_folder(tree, "masks"), "mask");
    return status ? status : hl_dataset_orphans(hl, dataset, tree, hl_tree_folder(tree, "lungs"), "lung mask");
}

const hl_layout hl_layout_pair = {
    .name = "pair of folders",
    .looks = "images beside masks, and perhaps lungs, with equal names",
    .recognise = recognise,
    .collect = collect,
};
