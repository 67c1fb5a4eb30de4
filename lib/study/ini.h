/* A study's file: sections of keys and values, with the line of each for what is wrong. */
#ifndef HL_STUDY_INI_H
#define HL_STUDY_INI_H

#include "base/base.h"

typedef struct hl_ini_entry {
    char *section, *key, *value;
    int line;
    bool read; /* somebody asked for it */
} hl_ini_entry;

/* A file read; the first failure of a question sticks in `status`. */
typedef struct hl_ini {
    hl_context *hl;
    char *path, *text; /* the file as it is */
    size_t bytes;
    hl_ini_entry *entries;
    int count;
    size_t capacity;
    hl_status status;
} hl_ini;

/* Reads a file. What is no section, key or comment, a line of over 190 bytes or a key given twice is HL_BAD_INPUT with its line. Owner: the
 * caller, hl_ini_free, after a failure too. */
hl_status hl_ini_read(hl_context *hl, const char *path, hl_ini *ini);
void hl_ini_free(hl_ini *ini);

bool hl_ini_has_section(const hl_ini *ini, const char *section);
/* The value, or `otherwise` where the key is not there. A value that is none of what was asked for is HL_BAD_INPUT with its line. */
const char *hl_ini_text(hl_ini *ini, const char *section, const char *key, const char *otherwise);
int hl_ini_integer(hl_ini *ini, const char *section, const char *key, int otherwise, int least, int most);
double hl_ini_number(hl_ini *ini, const char *section, const char *key, double otherwise, double least, double most);
bool hl_ini_bool(hl_ini *ini, const char *section, const char *key, bool otherwise); /* yes or no */
/* The index of the value among `choices` (NULL after the last). */
int hl_ini_choice(hl_ini *ini, const char *section, const char *key, int otherwise, const char *const *choices);
/* A value's parts between commas, each in turn cut out of the value in place, white space around them removed; names: room for `most`.
 * Returns how many; 0 where the key is not there. */
int hl_ini_list(hl_ini *ini, const char *section, const char *key, const char **names, int most);
/* Sets the sticking failure to a sentence about the key: FILE:LINE: KEY = VALUE: `why`. */
void hl_ini_refuse(hl_ini *ini, const char *section, const char *key, const char *why);
/* The sticking failure, or HL_BAD_INPUT for the first key that nobody asked for. */
hl_status hl_ini_finish(hl_ini *ini);

#endif
