/* JSON: building without losing anything quietly, and reading with one sentence for what is wrong. */
#include "study/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

hl_json hl_json_start(hl_context *hl) {
    hl_json json = {.hl = hl, .root = cJSON_CreateObject()};
    json.failed = !json.root;
    return json;
}

cJSON *hl_json_put(hl_json *json, cJSON *to, const char *name, cJSON *item) {
    bool added = item && to && (name ? cJSON_AddItemToObject(to, name, item) : cJSON_AddItemToArray(to, item));
    if (added) return item;
    cJSON_Delete(item);
    json->failed = true;
    return NULL;
}

cJSON *hl_json_object(hl_json *json, cJSON *to, const char *name) { return hl_json_put(json, to, name, cJSON_CreateObject()); }
cJSON *hl_json_array(hl_json *json, cJSON *to, const char *name) { return hl_json_put(json, to, name, cJSON_CreateArray()); }

void hl_json_number(hl_json *json, cJSON *to, const char *name, double value) {
    char text[32];
    if (!isfinite(value)) {
        hl_json_put(json, to, name, cJSON_CreateNull());
        return;
    }
    hl_number_text(text, value == 0 ? 0 : value); /* no -0 */
    hl_json_put(json, to, name, cJSON_CreateRaw(text));
}

void hl_json_numbers(hl_json *json, cJSON *to, const char *name, const double *values, int count) {
    cJSON *array = hl_json_array(json, to, name);
    for (int i = 0; i < count; i++) hl_json_number(json, array, NULL, values[i]);
}

void hl_json_text(hl_json *json, cJSON *to, const char *name, const char *text) {
    hl_json_put(json, to, name, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void hl_json_bool(hl_json *json, cJSON *to, const char *name, bool value) { hl_json_put(json, to, name, cJSON_CreateBool(value)); }

char *hl_json_print(hl_json *json, bool pretty) {
    char *text = NULL;
    if (!json->failed) text = pretty ? cJSON_Print(json->root) : cJSON_PrintUnformatted(json->root);
    cJSON_Delete(json->root);
    json->root = NULL;
    if (!text) hl_fail(json->hl, HL_NO_MEMORY, "no memory for a JSON text");
    if (!text || !pretty) return text;
    char *line = hl_format(json->hl, "%s\n", text);
    free(text);
    return line;
}

hl_status hl_json_write(hl_json *json, const char *path) {
    char *text = hl_json_print(json, true);
    if (!text) return HL_NO_MEMORY;
    hl_status status = hl_file_write(json->hl, path, text, strlen(text));
    free(text);
    return status;
}

hl_status hl_json_read(hl_context *hl, const char *path, cJSON **root) {
    char *text;
    size_t bytes;
    *root = NULL;
    hl_status status = hl_file_read(hl, path, &text, &bytes);
    if (status) return status;
    const char *end = text;
    *root = cJSON_ParseWithOpts(text, &end, true);
    if (!cJSON_IsObject(*root)) {
        size_t offset = *root ? 0 : (size_t)(end - text);
        cJSON_Delete(*root);
        *root = NULL;
        status = hl_fail(hl, HL_BAD_INPUT, "%s: byte %zu of %zu is not JSON, expected one object", path, offset, bytes);
    }
    free(text);
    return status;
}

static const cJSON *get(hl_json_reader *reader, const char *name, cJSON_bool (*is)(const cJSON *), const char *expected) {
    if (reader->status) return NULL;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(reader->root, name);
    if (item && is(item)) return item;
    const char *found = item ? "is of another kind" : "is missing";
    reader->status = hl_fail(reader->hl, HL_BAD_INPUT, "%s: \"%s\" %s, expected %s", reader->path, name, found, expected);
    return NULL;
}

double hl_json_get_number(hl_json_reader *reader, const char *name) {
    const cJSON *item = get(reader, name, cJSON_IsNumber, "a number");
    return item ? item->valuedouble : 0;
}

int hl_json_get_integer(hl_json_reader *reader, const char *name, int least, int most) {
    const cJSON *item = get(reader, name, cJSON_IsNumber, "a whole number");
    if (!item) return 0;
    double value = item->valuedouble;
    if (value == floor(value) && value >= least && value <= most) return (int)value;
    reader->status = hl_fail(reader->hl, HL_BAD_INPUT, "%s: \"%s\" is %g, expected a whole number from %d to %d", reader->path, name, value,
                             least, most);
    return 0;
}

const char *hl_json_get_text(hl_json_reader *reader, const char *name) {
    const cJSON *item = get(reader, name, cJSON_IsString, "a text");
    return item ? item->valuestring : "";
}

bool hl_json_get_bool(hl_json_reader *reader, const char *name) {
    const cJSON *item = get(reader, name, cJSON_IsBool, "true or false");
    return item && cJSON_IsTrue(item);
}

const cJSON *hl_json_get_array(hl_json_reader *reader, const char *name) { return get(reader, name, cJSON_IsArray, "a list"); }
