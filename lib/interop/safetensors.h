/* The safetensors format: an 8-byte little-endian length, a JSON header of that length, then the tensors' bytes. */
#ifndef HL_SAFETENSORS_H
#define HL_SAFETENSORS_H

#include "base/base.h"

typedef struct hl_tensor_entry {
    const char *name;
    int rank;
    int64_t shape[4];
    bool half;           /* F16 rather than F32 */
    const float *values; /* to write; count is the shape's product. NULL: */
    void (*fill)(const struct hl_tensor_entry *entry, float *values); /* gives them */
    const void *source;  /* for `fill` */
} hl_tensor_entry;

typedef struct hl_metadata {
    const char *key, *value;
} hl_metadata;

/* Writes tensors in the order given; whole or not at all. The same input gives the same bytes. What an F16 cannot hold (beyond
 * 65504) is HL_USAGE, naming the tensor; what lies between two is rounded to the nearer, a tie to the even one. */
hl_status hl_safetensors_write(hl_context *hl, const char *path, const hl_tensor_entry *tensors, int count, const hl_metadata *metadata, int metadata_count);

/* A file that was read: checked, all in memory. */
typedef struct hl_safetensors hl_safetensors;
/* Missing, truncated, not safetensors, offsets out of range, dtypes other than F64, F32, F16, BF16: HL_BAD_INPUT with the
 * file's name. Owner: the caller, hl_safetensors_free. */
hl_safetensors *hl_safetensors_read(hl_context *hl, const char *path);
void hl_safetensors_free(hl_safetensors *file);
int hl_safetensors_count(const hl_safetensors *file);
const char *hl_safetensors_name(const hl_safetensors *file, int index);
int hl_safetensors_find(const hl_safetensors *file, const char *name); /* -1: not there */
int hl_safetensors_rank(const hl_safetensors *file, int index);
int64_t hl_safetensors_dim(const hl_safetensors *file, int index, int axis);
/* Converts a tensor to double, in the file's (C) order. `values` holds the shape's product. */
void hl_safetensors_get(const hl_safetensors *file, int index, double *values);
/* One metadata text of a file without reading its tensors; NULL: not there. Owner: the caller, free. */
char *hl_safetensors_peek(hl_context *hl, const char *path, const char *key);
/* A metadata text, or NULL. */
const char *hl_safetensors_metadata(const hl_safetensors *file, const char *key);

#endif
