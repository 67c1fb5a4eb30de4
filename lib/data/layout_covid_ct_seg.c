/* The layout of COVID-19-CT-Seg (Zenodo 3757476), with the names that Kaggle's copy gives its files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/layout.h"

enum { NAME = 128 };
static const char *const image_folders[] = {"COVID-19-CT-Seg_20cases", "ct_scans"};

/* A scan's short name and whose it is: radiopaedia_29_86490_1 and radiopaedia_29_86491_1 are two scans of patient radiopaedia_29. */
typedef struct identity {
    char centre[NAME], patient[NAME], case_name[NAME];
} identity;

static const char *after(const char *text, const char *start) {
    size_t length = strlen(start);
    return !strncmp(text, start, length) ? text + length : NULL;
}

static size_t digits_of(const char *text) { return strspn(text, "0123456789"); }

/* coronacases_NNN, coronacases_org_NNN, coronacases_org_caseNNN; `rest` is NNN and the ending. */
static bool take_coronacases(const char *rest, size_t left, identity *is) {
    size_t digits = digits_of(rest);
    if (digits == 0 || digits != left || digits > 32) return false;
    snprintf(is->centre, NAME, "coronacases");
    snprintf(is->case_name, NAME, "coronacases_%.*s", (int)digits, rest);
    snprintf(is->patient, NAME, "%s", is->case_name);
    return true;
}

/* radiopaedia_A_B_C, radiopaedia_org_covid-19-pneumonia-A_B_C-dcm; `rest` is A_B_C, perhaps -dcm, and the ending. */
static bool take_radiopaedia(const char *rest, size_t left, identity *is) {
    size_t length = left > 4 && !strncmp(rest + left - 4, "-dcm", 4) ? left - 4 : left, a = digits_of(rest);
    if (a == 0 || rest[a] != '_' || length > 64) return false;
    size_t b = digits_of(rest + a + 1);
    if (b == 0 || rest[a + 1 + b] != '_') return false;
    size_t c = digits_of(rest + a + b + 2);
    if (c == 0 || a + b + c + 2 != length) return false;
    snprintf(is->centre, NAME, "radiopaedia");
    snprintf(is->case_name, NAME, "radiopaedia_%.*s", (int)length, rest);
    snprintf(is->patient, NAME, "radiopaedia_%.*s", (int)a, rest);
    return true;
}

/* Whose a file is, by its name alone. */
static bool identify(const char *file, identity *is) {
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *rest;
    int stem = hl_stem_length(name);
    if (stem < 0) return false;
    size_t all = (size_t)stem;
    static const char *const corona[] = {"coronacases_org_case", "coronacases_org_", "coronacases_"};
    static const char *const radio[] = {"radiopaedia_org_covid-19-pneumonia-", "radiopaedia_"};
    for (size_t i = 0; i < sizeof corona / sizeof *corona; i++)
        if ((rest = after(name, corona[i])) && take_coronacases(rest, all - (size_t)(rest - name), is)) return true;
    for (size_t i = 0; i < sizeof radio / sizeof *radio; i++)
        if ((rest = after(name, radio[i])) && take_radiopaedia(rest, all - (size_t)(rest - name), is)) return true;
    return false;
}

static hl_folder images_of(const hl_tree *tree) {
    hl_folder folder = hl_tree_folder(tree, image_folders[0]);
    return folder.end ? folder : hl_tree_folder(tree, image_folders[1]);
}

static bool recognise(const hl_tree *tree) {
    hl_folder images = images_of(tree);
    identity is;
    for (int i = images.first; i < images.end; i++)
        if (identify(tree->files[i], &is)) return true;
    return false;
}

/* The file of a folder that belongs to a case, whichever of its names it bears; -1: none. */
static int find(const hl_tree *tree, hl_folder folder, const char *case_name) {
    identity is;
    for (int i = folder.first; i < folder.end; i++)
        if (identify(tree->files[i], &is) && !strcmp(is.case_name, case_name)) return i;
    return -1;
}

static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    (void)options;
    hl_folder images = images_of(tree), lesions = hl_tree_folder(tree, "Infection_Mask"), lungs = hl_tree_folder(tree, "Lung_Mask"),
              both = hl_tree_folder(tree, "Lung_and_Infection_Mask");
    hl_status status = HL_OK;
    for (int i = images.first; i < images.end && !status; i++) {
        identity is;
        if (!identify(tree->files[i], &is)) continue;
        hl_dataset_scan *scan = hl_dataset_add(hl, dataset, is.centre, is.patient, is.case_name);
        if (!scan) return HL_NO_MEMORY;
        status = hl_scan_file(hl, tree, i, &scan->image);
        if (!status) status = hl_scan_file(hl, tree, find(tree, lesions, is.case_name), &scan->mask);
        if (!status) status = hl_scan_file(hl, tree, find(tree, lungs, is.case_name), &scan->lung);
        if (!status && (!scan->mask || !scan->lung)) status = hl_scan_file(hl, tree, find(tree, both, is.case_name), &scan->combined);
    }
    if (!status) status = hl_dataset_orphans(hl, dataset, tree, lesions, "lesion mask");
    return status ? status : hl_dataset_orphans(hl, dataset, tree, lungs, "lung mask");
}

const hl_layout hl_layout_covid_ct_seg = {
    .name = "COVID-19-CT-Seg",
    .looks = "COVID-19-CT-Seg_20cases or ct_scans beside Lung_Mask, Infection_Mask, Lung_and_Infection_Mask",
    .recognise = recognise,
    .collect = collect,
};
