/* A small checker of tags for SVG and HTML. */
#ifndef HL_TEST_MARKUP_H
#define HL_TEST_MARKUP_H

#include <stdbool.h>
#include <string.h>

#include "../harness.h"

static inline int count_of(const char *text, const char *part) {
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) count++;
    return count;
}

typedef struct open_tags {
    char names[64][16];
    int depth;
} open_tags;

static inline size_t name_length(const char *at) { return strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789"); }

/* Passes over the attributes, each name="value"; returns where the tag ends, at > or />. */
static inline const char *skip_attributes(const char *at) {
    while (*at == ' ') {
        size_t name = strspn(++at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
        ck_assert_msg(name > 0 && at[name] == '=' && at[name + 1] == '"', "not an attribute: %.40s", at);
        const char *end = strchr(at + name + 2, '"');
        ck_assert_ptr_nonnull(end);
        ck_assert_msg(!memchr(at, '<', (size_t)(end - at)), "a < in an attribute: %.40s", at);
        at = end + 1;
    }
    return at;
}

static inline const char *read_tag(open_tags *tags, const char *at) {
    bool closing = at[1] == '/';
    const char *name = at + 1 + closing;
    size_t length = name_length(name);
    ck_assert_msg(length > 0 && length < 16, "not a tag: %.40s", at);
    const char *end = skip_attributes(name + length);
    bool empty = *end == '/' || (length == 4 && !strncmp(name, "meta", 4)) || (length == 3 && !strncmp(name, "img", 3));
    end += *end == '/';
    ck_assert_msg(*end == '>', "a tag does not end: %.40s", at);
    if (closing) {
        ck_assert_msg(tags->depth > 0, "nothing is open: %.40s", at);
        const char *open = tags->names[--tags->depth];
        ck_assert_msg(strlen(open) == length && !strncmp(open, name, length), "%s is open, found %.20s", open, at);
    } else if (!empty) {
        ck_assert_int_lt(tags->depth, 64);
        snprintf(tags->names[tags->depth++], 16, "%.*s", (int)length, name);
    }
    return end + 1;
}

static inline void check_tags(const char *at) {
    open_tags tags = {.depth = 0};
    if (!strncmp(at, "<!DOCTYPE html>", 15)) at += 15;
    while ((at = strpbrk(at, "<>&"))) {
        ck_assert_msg(*at != '>', "a bare >: %.40s", at);
        if (*at == '<') {
            at = read_tag(&tags, at);
            continue;
        }
        const char *end = strchr(at, ';');
        ck_assert_msg(end && end - at < 7, "a bare &: %.40s", at);
        at = end;
    }
    ck_assert_int_eq(tags.depth, 0);
}

#endif
