/* JSON on top of cJSON: a builder and a reader whose first failure sticks. */
#ifndef HL_STUDY_JSON_H
#define HL_STUDY_JSON_H

#include <cJSON.h>

#include "base/base.h"

/* A tree being built. What cannot be added for want of memory makes hl_json_print fail, so that nothing is lost quietly. */
typedef struct hl_json {
    hl_context *hl;
    cJSON *root;
    bool failed;
} hl_json;

hl_json hl_json_start(hl_context *hl); /* an object; freed by hl_json_print */
/* Adds `item` to the object (or, with name NULL, the array) `to` and returns it. */
cJSON *hl_json_put(hl_json *json, cJSON *to, const char *name, cJSON *item);
cJSON *hl_json_object(hl_json *json, cJSON *to, const char *name);
cJSON *hl_json_array(hl_json *json, cJSON *to, const char *name);
/* The shortest digits that read back as the same double; what is no number becomes null. */
void hl_json_number(hl_json *json, cJSON *to, const char *name, double value);
void hl_json_numbers(hl_json *json, cJSON *to, const char *name, const double *values, int count);
void hl_json_text(hl_json *json, cJSON *to, const char *name, const char *text); /* NULL becomes null */
void hl_json_bool(hl_json *json, cJSON *to, const char *name, bool value);
/* The text, on one line or pretty with a line feed at its end, and frees the tree. Owner: the caller, free. */
char *hl_json_print(hl_json *json, bool pretty);
/* The same, pretty, into a file. */
hl_status hl_json_write(hl_json *json, const char *path);

/* An object being read. */
typedef struct hl_json_reader {
    hl_context *hl;
    const char *path;
    const cJSON *root;
    hl_status status;
} hl_json_reader;

/* Reads a file that holds one object. Owner of *root: the caller, cJSON_Delete. */
hl_status hl_json_read(hl_context *hl, const char *path, cJSON **root);
/* What is missing or of another kind is HL_BAD_INPUT in reader->status; then 0, "" or NULL comes back. */
double hl_json_get_number(hl_json_reader *reader, const char *name);
int hl_json_get_integer(hl_json_reader *reader, const char *name, int least, int most);
const char *hl_json_get_text(hl_json_reader *reader, const char *name);
bool hl_json_get_bool(hl_json_reader *reader, const char *name);
const cJSON *hl_json_get_array(hl_json_reader *reader, const char *name);

#endif
