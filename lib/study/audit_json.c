/* An audit as JSON. */
#include "hilum/dataset.h"
#include "study/json.h"

static void put_range(hl_json *json, cJSON *to, const char *name, double least, double most) {
    hl_json_numbers(json, to, name, (const double[]){least, most}, 2);
}

static void put_fingerprint(hl_json *json, cJSON *to, const hl_fingerprint *f) {
    if (f->name) hl_json_text(json, to, "centre", f->name);
    hl_json_number(json, to, "patients", f->patients);
    hl_json_number(json, to, "cases", f->cases);
    hl_json_number(json, to, "slices", f->slices);
    hl_json_number(json, to, "labelled_slices", f->labelled);
    hl_json_number(json, to, "lesion_slices", f->lesion_slices);
    hl_json_number(json, to, "lesion_of_lung", f->burden);
    hl_json_number(json, to, "lesion_of_picture", f->lesion_share);
    static const char *const spacings[] = {"spacing_x", "spacing_y", "spacing_z"};
    for (int axis = 0; axis < 3; axis++) put_range(json, to, spacings[axis], f->spacing_least[axis], f->spacing_most[axis]);
    put_range(json, to, "width", f->width[0], f->width[1]);
    put_range(json, to, "height", f->height[0], f->height[1]);
    put_range(json, to, "values", f->least, f->most);
    hl_json_number(json, to, "value_p1", f->low);
    hl_json_number(json, to, "value_median", f->median);
    hl_json_number(json, to, "value_p99", f->high);
}

static void put_faults(hl_json *json, const hl_faults *faults) {
    cJSON *list = hl_json_array(json, json->root, "faults");
    for (int i = 0; i < faults->count; i++) {
        cJSON *fault = hl_json_object(json, list, NULL), *files;
        hl_json_text(json, fault, "kind", faults->items[i].kind);
        hl_json_text(json, fault, "text", faults->items[i].text);
        files = hl_json_array(json, fault, "files");
        for (int f = 0; f < faults->items[i].file_count; f++) hl_json_text(json, files, NULL, faults->items[i].files[f]);
    }
}

char *hl_audit_json(hl_context *hl, const hl_audit *audit, const hl_dataset *dataset) {
    hl_json json = hl_json_start(hl);
    if (dataset) hl_json_text(&json, json.root, "layout", dataset->layout), hl_json_number(&json, json.root, "classes", dataset->classes);
    hl_json_number(&json, json.root, "centres", audit->centre_count);
    put_fingerprint(&json, json.root, &audit->all);
    hl_json_number(&json, json.root, "suggested_size", audit->size);
    hl_json_number(&json, json.root, "suggested_batch", audit->batch);
    cJSON *centres = hl_json_array(&json, json.root, "fingerprints");
    for (int c = 0; c < audit->centre_count; c++) put_fingerprint(&json, hl_json_object(&json, centres, NULL), &audit->centres[c]);
    put_faults(&json, &audit->faults);
    return hl_json_print(&json, false);
}
