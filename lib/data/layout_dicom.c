/* The layout of a hospital's folder: DICOM series, made into volumes by dcm2niix. */
#include <cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/layout.h"
#include "hilum/volume.h"

enum { LOOKED_AT = 200 };

/* "DICM" after 128 bytes (DICOM PS3.10, section 7.1). */
static bool is_dicom(const char *root, const char *file) {
    char path[4096], start[132] = "";
    if (snprintf(path, sizeof path, "%s/%s", root, file) >= (int)sizeof path) return false;
    FILE *stream = fopen(path, "rb");
    bool found = stream && fread(start, 1, sizeof start, stream) == sizeof start && !memcmp(start + 128, "DICM", 4);
    if (stream) fclose(stream);
    return found;
}

static bool recognise(const hl_tree *tree) {
    for (int i = 0; i < tree->count && i < LOOKED_AT; i++)
        if (is_dicom(tree->root, tree->files[i])) return true;
    return false;
}

/* dcm2niix adds volumes of its own making where slices lie unevenly or slanted: NAME_Eq_1, NAME_Tilt_1. The series itself is NAME. */
static bool is_resampled(const char *stem, int length) {
    static const char *const marks[] = {"_Eq", "_Tilt"};
    for (int m = 0; m < 2; m++) {
        const char *at = strstr(stem, marks[m]);
        if (at && at < stem + length) return true;
    }
    return false;
}

/* Letters, digits and -._ of a tag's text, so that it can stand as a name; `standard` where nothing is left. */
static void copy_name(char name[128], const cJSON *tag, const char *standard) {
    const char *text = cJSON_IsString(tag) ? tag->valuestring : "";
    size_t used = 0;
    for (; *text && used < 127; text++)
        if (isalnum((unsigned char)*text) || strchr("-._", *text)) name[used++] = *text;
    name[used] = 0;
    if (used == 0) snprintf(name, 128, "%s", standard);
}

/* The patient's ID from the sidecar, which is then removed: it holds more of the patient than is needed. */
static hl_status read_patient(hl_context *hl, const char *sidecar, const char *standard, char patient[128]) {
    char *text;
    if (!hl_file_exists(sidecar)) return snprintf(patient, 128, "%s", standard), HL_OK;
    hl_status status = hl_file_read(hl, sidecar, &text, NULL);
    if (status) return status;
    cJSON *root = cJSON_Parse(text);
    copy_name(patient, cJSON_GetObjectItemCaseSensitive(root, "PatientID"), standard);
    cJSON_Delete(root);
    free(text);
    unlink(sidecar);
    return HL_OK;
}

static hl_status add(hl_context *hl, const hl_tree *made, int file, const char *centre, hl_dataset *dataset) {
    const char *name = made->files[file];
    int stem = hl_stem_length(name);
    char series[128], patient[128], *sidecar = hl_format(hl, "%s/%.*s.json", made->root, stem, name);
    if (!sidecar) return HL_NO_MEMORY;
    snprintf(series, sizeof series, "%.*s", stem, name);
    hl_status status = read_patient(hl, sidecar, series, patient);
    free(sidecar);
    if (status || is_resampled(name, stem)) return status;
    hl_dataset_scan *scan = hl_dataset_add(hl, dataset, centre, patient, series);
    return scan ? hl_scan_file(hl, made, file, &scan->image) : HL_NO_MEMORY;
}

static hl_status collect(hl_context *hl, const hl_tree *tree, const hl_dataset_options *options, hl_dataset *dataset) {
    if (!options->work) return hl_fail(hl, HL_USAGE, "%s: DICOM files need a folder for the volumes that are made of them", tree->root);
    hl_tree made = {0};
    hl_status status = hl_folder_make(hl, options->work);
    char *out = status ? NULL : realpath(options->work, NULL);
    if (!status && !out) status = hl_fail(hl, HL_FAILED, "%s: the folder cannot be used", options->work);
    if (!status) status = hl_tree_read(hl, out, &made);
    if (!status && made.count) status = hl_fail(hl, HL_FAILED, "%s: the folder, meant for new volumes, holds files already", out);
    hl_tree_free(&made);
    if (!status) status = hl_dcm2niix(hl, tree->root, out);
    if (!status) status = hl_tree_read(hl, out, &made);
    for (int i = 0; i < made.count && !status; i++)
        if (hl_volume_named(made.files[i])) status = add(hl, &made, i, hl_tree_name(tree), dataset);
    hl_tree_free(&made);
    free(out);
    return status;
}

const hl_layout hl_layout_dicom = {
    .name = "DICOM",
    .looks = "DICOM series, in whatever folders",
    .recognise = recognise,
    .collect = collect,
};
