/* Reading and writing safetensors files. */
#include "interop/safetensors.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

typedef enum element { E_F64, E_F32, E_F16, E_BF16 } element;

typedef struct tensor {
    const char *name; /* in the header's JSON */
    element type;
    int rank;
    int64_t shape[8], count;
    const unsigned char *bytes;
} tensor;

struct hl_safetensors {
    char *data;
    cJSON *header;
    tensor *tensors;
    int count;
};

/* --- writing ------------------------------------------------------------------------------------------------------- */

static int64_t entry_count(const hl_tensor_entry *t) {
    int64_t count = 1;
    for (int i = 0; i < t->rank; i++) count *= t->shape[i];
    return count;
}

/* The header's JSON, padded with spaces to a multiple of 8. Owner: the caller, cJSON_free. */
static char *make_header(const hl_tensor_entry *tensors, int count, const hl_metadata *metadata, int metadata_count) {
    cJSON *root = cJSON_CreateObject(), *meta = cJSON_AddObjectToObject(root, "__metadata__");
    for (int i = 0; i < metadata_count; i++) cJSON_AddStringToObject(meta, metadata[i].key, metadata[i].value);
    double offset = 0;
    for (int i = 0; i < count; i++) {
        cJSON *object = cJSON_AddObjectToObject(root, tensors[i].name);
        cJSON_AddStringToObject(object, "dtype", tensors[i].half ? "F16" : "F32");
        cJSON *shape = cJSON_AddArrayToObject(object, "shape"), *range = cJSON_AddArrayToObject(object, "data_offsets");
        for (int k = 0; k < tensors[i].rank; k++) cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)tensors[i].shape[k]));
        cJSON_AddItemToArray(range, cJSON_CreateNumber(offset));
        offset += (tensors[i].half ? 2.0 : 4.0) * (double)entry_count(&tensors[i]);
        cJSON_AddItemToArray(range, cJSON_CreateNumber(offset));
    }
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

/* The bits of a value as IEEE 754 binary16: five bits of exponent, ten of mantissa. */
static uint16_t half_bits(float value) {
    unsigned sign = signbit(value) ? 0x8000 : 0;
    double size = fabs((double)value);
    int exponent;
    if (isnan(value)) return 0x7E00;
    if (size >= 65520) return (uint16_t)(sign | 0x7C00);
    if (size < 0x1p-14) return (uint16_t)(sign | (unsigned)nearbyint(size * 0x1p24)); /* one that rounds up to 2^-14 is right too */
    double fraction = frexp(size, &exponent); /* size = fraction 2^exponent, fraction from 0.5 on */
    return (uint16_t)(sign | (((unsigned)(exponent + 13) << 10) + (unsigned)nearbyint(fraction * 2048)));
}

/* Short writes show in ferror, which commit reads. */
static hl_status write_half(hl_context *hl, FILE *stream, const char *path, const hl_tensor_entry *t, const float *values) {
    for (int64_t i = 0; i < entry_count(t); i++) {
        uint16_t bits = half_bits(values[i]);
        if ((bits & 0x7FFF) == 0x7C00) return hl_fail(hl, HL_USAGE, "%s: tensor %s holds %g, half precision ends at 65504", path, t->name, (double)values[i]);
        (void)!fwrite(&bits, 2, 1, stream);
    }
    return HL_OK;
}

/* The tensors' bytes; `room` is for the largest that has to be filled. */
static hl_status write_values(hl_context *hl, FILE *stream, const char *path, const hl_tensor_entry *tensors, int count, float *room) {
    hl_status status = HL_OK;
    for (int i = 0; i < count && !status; i++) {
        const float *values = tensors[i].values ? tensors[i].values : room;
        if (!tensors[i].values) tensors[i].fill(&tensors[i], room);
        if (tensors[i].half) status = write_half(hl, stream, path, &tensors[i], values);
        else (void)!fwrite(values, 4, (size_t)entry_count(&tensors[i]), stream);
    }
    return status;
}

hl_status hl_safetensors_write(hl_context *hl, const char *path, const hl_tensor_entry *tensors, int count, const hl_metadata *metadata, int metadata_count) {
    char *header = make_header(tensors, count, metadata, metadata_count);
    if (!header) return hl_fail(hl, HL_NO_MEMORY, "%s: no memory for the header", path);
    int64_t largest = 1;
    for (int i = 0; i < count; i++)
        if (!tensors[i].values && entry_count(&tensors[i]) > largest) largest = entry_count(&tensors[i]);
    float *room = hl_calloc(hl, (size_t)largest, sizeof *room);
    hl_new_file file = {0};
    hl_status status = room ? hl_file_create(hl, &file, path) : HL_NO_MEMORY;
    if (!status) {
        size_t length = strlen(header), padded = (length + 7) / 8 * 8;
        unsigned char prefix[8];
        for (int i = 0; i < 8; i++) prefix[i] = (unsigned char)((uint64_t)padded >> (8 * i));
        (void)!fwrite(prefix, 1, 8, file.stream); /* short writes show in ferror, which commit reads */
        (void)!fwrite(header, 1, length, file.stream);
        (void)!fwrite("       ", 1, padded - length, file.stream);
        status = write_values(hl, file.stream, path, tensors, count, room);
        if (status) hl_file_discard(&file);
        else status = hl_file_commit(hl, &file);
    }
    free(room);
    cJSON_free(header);
    return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static bool whole_number(const cJSON *item, int64_t *value) {
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 0x1p53 || item->valuedouble != floor(item->valuedouble)) return false;
    *value = (int64_t)item->valuedouble;
    return true;
}

static bool parse_type(const cJSON *item, element *type) {
    static const char *const names[] = {"F64", "F32", "F16", "BF16"};
    for (int i = 0; i < 4; i++)
        if (cJSON_IsString(item) && !strcmp(item->valuestring, names[i])) return *type = (element)i, true;
    return false;
}

static int64_t element_bytes(element type) { return type == E_F64 ? 8 : type == E_F32 ? 4 : 2; }

/* One tensor of the header; NULL, or what is wrong with it. */
static const char *parse_tensor(const cJSON *item, const unsigned char *data, size_t bytes, tensor *t) {
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape"), *range = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    *t = (tensor){.name = item->string, .count = 1, .rank = cJSON_GetArraySize(shape)};
    if (!parse_type(cJSON_GetObjectItemCaseSensitive(item, "dtype"), &t->type)) return "dtype is not one of F64, F32, F16, BF16";
    if (!cJSON_IsArray(shape) || t->rank > 8) return "shape is not a list of at most 8 sizes";
    for (int i = 0; i < t->rank; i++) {
        if (!whole_number(cJSON_GetArrayItem(shape, i), &t->shape[i])) return "shape has an entry that is no size";
        if (t->shape[i] && t->count > INT64_MAX / 8 / t->shape[i]) return "shape is too large";
        t->count *= t->shape[i];
    }
    int64_t from, to;
    if (cJSON_GetArraySize(range) != 2 || !whole_number(cJSON_GetArrayItem(range, 0), &from) || !whole_number(cJSON_GetArrayItem(range, 1), &to))
        return "data_offsets are not two offsets";
    if (from > to || (uint64_t)to > bytes) return "data lie beyond the end of the file";
    if (to - from != t->count * element_bytes(t->type)) return "data_offsets do not fit the shape";
    t->bytes = data + from;
    return NULL;
}

static hl_status parse(hl_context *hl, hl_safetensors *file, const char *path, size_t bytes) {
    const unsigned char *data = (const unsigned char *)file->data;
    uint64_t length = 0;
    for (int i = 7; i >= 0 && bytes >= 8; i--) length = length << 8 | data[i];
    if (bytes < 8 || length > bytes - 8)
        return hl_fail(hl, HL_BAD_INPUT, "%s: %zu bytes, but the header alone says %" PRIu64 ": not a safetensors file, or cut short", path, bytes, length);
    file->header = cJSON_ParseWithLength(file->data + 8, (size_t)length);
    if (!cJSON_IsObject(file->header)) return hl_fail(hl, HL_BAD_INPUT, "%s: the header is not a JSON object: not a safetensors file", path);
    file->tensors = hl_calloc(hl, (size_t)cJSON_GetArraySize(file->header), sizeof *file->tensors);
    if (!file->tensors) return HL_NO_MEMORY;
    const cJSON *item;
    cJSON_ArrayForEach(item, file->header) {
        if (!strcmp(item->string, "__metadata__")) continue;
        const char *wrong = parse_tensor(item, data + 8 + length, bytes - 8 - (size_t)length, &file->tensors[file->count++]);
        if (wrong) return hl_fail(hl, HL_BAD_INPUT, "%s: tensor %s: %s", path, item->string, wrong);
    }
    return HL_OK;
}

hl_safetensors *hl_safetensors_read(hl_context *hl, const char *path) {
    hl_safetensors *file = hl_calloc(hl, 1, sizeof *file);
    size_t bytes;
    if (!file) return NULL;
    if (hl_file_read(hl, path, &file->data, &bytes) || parse(hl, file, path, bytes)) return hl_safetensors_free(file), NULL;
    return file;
}

void hl_safetensors_free(hl_safetensors *file) {
    if (!file) return;
    cJSON_Delete(file->header);
    free(file->tensors);
    free(file->data);
    free(file);
}

int hl_safetensors_count(const hl_safetensors *file) { return file->count; }
const char *hl_safetensors_name(const hl_safetensors *file, int index) { return file->tensors[index].name; }
int hl_safetensors_rank(const hl_safetensors *file, int index) { return file->tensors[index].rank; }
int64_t hl_safetensors_dim(const hl_safetensors *file, int index, int axis) { return file->tensors[index].shape[axis]; }

int hl_safetensors_find(const hl_safetensors *file, const char *name) {
    for (int i = 0; i < file->count; i++)
        if (!strcmp(file->tensors[i].name, name)) return i;
    return -1;
}

static double half(unsigned bits) {
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 1023;
    double value = exponent == 31 ? (mantissa ? NAN : INFINITY) : exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return bits & 0x8000 ? -value : value;
}

void hl_safetensors_get(const hl_safetensors *file, int index, double *values) {
    const tensor *t = &file->tensors[index];
    for (int64_t i = 0; i < t->count; i++) {
        const unsigned char *at = t->bytes + i * element_bytes(t->type);
        uint64_t bits = 0;
        for (int64_t k = element_bytes(t->type) - 1; k >= 0; k--) bits = bits << 8 | at[k];
        float single;
        uint32_t low = (uint32_t)(t->type == E_BF16 ? bits << 16 : bits);
        memcpy(&single, &low, 4);
        if (t->type == E_F64) memcpy(&values[i], &bits, 8);
        else values[i] = t->type == E_F16 ? half((unsigned)bits) : (double)single;
    }
}

const char *hl_safetensors_metadata(const hl_safetensors *file, const char *key) {
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__");
    const cJSON *item = meta ? cJSON_GetObjectItemCaseSensitive(meta, key) : NULL;
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

char *hl_safetensors_peek(hl_context *hl, const char *path, const char *key) {
    FILE *stream = fopen(path, "rb");
    unsigned char prefix[8];
    char *found = NULL, *text = NULL;
    uint64_t length = 0;
    if (stream && fread(prefix, 1, 8, stream) == 8)
        for (int i = 7; i >= 0; i--) length = length << 8 | prefix[i];
    if (length > 0 && length < 1u << 28) text = hl_calloc(hl, (size_t)length + 1, 1);
    if (text && fread(text, 1, (size_t)length, stream) == length) {
        cJSON *header = cJSON_ParseWithLength(text, (size_t)length);
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(header, "__metadata__"), key);
        if (cJSON_IsString(item)) found = hl_strdup(hl, item->valuestring);
        cJSON_Delete(header);
    }
    if (stream) fclose(stream);
    free(text);
    return found;
}
