/* Files that a run leaves, read whole and as JSON. */
#ifndef HL_TEST_STUDY_FILES_H
#define HL_TEST_STUDY_FILES_H

#include <cJSON.h>
#include <stdlib.h>

#include "../harness.h"
#include "base/file.h"

/* Owner: the caller, free. */
static inline char *slurp(const char *path) {
    hl_context *hl = hl_open(NULL);
    char *text;
    ck_ok(hl, hl_file_read(hl, path, &text, NULL));
    hl_close(hl);
    return text;
}

/* Owner: the caller, cJSON_Delete. */
static inline cJSON *parse(const char *path) {
    char *text = slurp(path);
    cJSON *root = cJSON_Parse(text);
    ck_assert_msg(cJSON_IsObject(root), "%s is not JSON", path);
    free(text);
    return root;
}

#endif
