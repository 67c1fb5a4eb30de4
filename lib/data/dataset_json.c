/* Data sets with imagesTr, labelsTr, imagesTs and a dataset.json that names the labels. */
#include "data/dataset_json.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static bool has_channel(const char *rest, int stem, const char *tail) {
    size_t length = strlen(tail);
    return stem > (int)length && !strncmp(rest + stem - length, tail, length);
}

bool hl_dataset_json_folders(const hl_tree *tree, bool *channels) {
    hl_folder images = hl_tree_folder(tree, "imagesTr");
    *channels = images.end != 0;
    for (int i = images.first; i < images.end; i++) {
        const char *rest = tree->files[i] + images.length;
        int stem = hl_stem_length(rest);
        if (stem < 0) continue;
        bool numbered = stem > 5 && rest[stem - 5] == '_' && strspn(rest + stem - 4, "0123456789") >= 4;
        *channels = *channels && numbered;
    }
    return images.end && hl_tree_folder(tree, "labelsTr").end;
}

/* --- dataset.json ----------------------------------------------------------------------------------------------------- */

/* A label's value: nnU-Net 2 has {"lesion": 1}, nnU-Net 1 and the Decathlon {"1": "lesion"}. -1: regions and the like. */
static int label_value(const cJSON *label) {
    if (cJSON_IsNumber(label)) return label->valueint;
    char *end;
    long value = strtol(label->string, &end, 10);
    return cJSON_IsString(label) && end != label->string && !*end && value >= 0 && value < HL_CLASSES_MOST ? (int)value : -1;
}

static hl_status take_labels(hl_context *hl, const char *path, const cJSON *root, hl_dataset *dataset) {
    const cJSON *label, *labels = cJSON_GetObjectItemCaseSensitive(root, "labels");
    int highest = 0;
    cJSON_ArrayForEach(label, labels) {
        int value = label_value(label);
        if (!strcmp(label->string, "ignore")) continue;
        if (value < 0 || value >= HL_CLASSES_MOST)
            return hl_fail(hl, HL_BAD_INPUT, "%s: the label \"%s\" is no value from 0 to %d", path, label->string, HL_CLASSES_MOST - 1);
        if (value > highest) highest = value;
    }
    dataset->classes = highest > 1 ? highest + 1 : 1;
    return HL_OK;
}

/* Owner of *centre: the caller, free. */
static hl_status read_json(hl_context *hl, const hl_tree *tree, hl_dataset *dataset, char **centre) {
    char *text, *path = NULL;
    for (int i = 0; i < tree->count && !path; i++) {
        const char *slash = strrchr(tree->files[i], '/');
        if (!strcmp(slash ? slash + 1 : tree->files[i], "dataset.json")) path = hl_tree_path(hl, tree, i);
    }
    *centre = hl_strdup(hl, hl_tree_name(tree));
    hl_status status = !*centre ? HL_NO_MEMORY : path ? hl_file_read(hl, path, &text, NULL) : HL_OK;
    if (status || !path) return free(path), status;
    cJSON *root = cJSON_Parse(text);
    free(text);
    if (!cJSON_IsObject(root)) status = hl_fail(hl, HL_BAD_INPUT, "%s: it holds no JSON object", path);
    else status = take_labels(hl, path, root, dataset);
    const cJSON *name = status ? NULL : cJSON_GetObjectItemCaseSensitive(root, "name");
    if (cJSON_IsString(name) && *name->valuestring) {
        free(*centre);
        if (!(*centre = hl_strdup(hl, name->valuestring))) status = HL_NO_MEMORY;
    }
    cJSON_Delete(root);
    free(path);
    return status;
}

/* --- scans -------------------------------------------------------------------------------------------------------------- */

static hl_status add_images(hl_context *hl, const hl_tree *tree, const char *folder, const char *tail, const char *centre,
                            hl_dataset *dataset) {
    hl_folder images = hl_tree_folder(tree, folder), masks = hl_tree_folder(tree, "labelsTr");
    bool labelled = !strcmp(folder, "imagesTr");
    hl_status status = HL_OK;
    for (int i = images.first; i < images.end && !status; i++) {
        const char *rest = tree->files[i] + images.length;
        int stem = hl_stem_length(rest);
        if (stem < 0 || !has_channel(rest, stem, tail)) continue; /* other channels: one is read */
        char name[256];
        snprintf(name, sizeof name, "%.*s", stem - (int)strlen(tail), rest);
        hl_dataset_scan *scan = hl_dataset_add(hl, dataset, centre, name, name);
        if (!scan) return HL_NO_MEMORY;
        status = hl_scan_file(hl, tree, i, &scan->image);
        if (!status && labelled) status = hl_scan_file(hl, tree, hl_tree_stem(tree, masks, rest, strlen(name)), &scan->mask);
    }
    return status;
}

hl_status hl_dataset_json_collect(hl_context *hl, const hl_tree *tree, const char *tail, hl_dataset *dataset) {
    char *centre = NULL;
    hl_status status = read_json(hl, tree, dataset, &centre);
    if (!status) status = add_images(hl, tree, "imagesTr", tail, centre, dataset);
    if (!status) status = add_images(hl, tree, "imagesTs", tail, centre, dataset);
    free(centre);
    return status ? status : hl_dataset_orphans(hl, dataset, tree, hl_tree_folder(tree, "labelsTr"), "mask");
}
