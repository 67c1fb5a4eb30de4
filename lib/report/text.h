/* A growing text, with what SVG and HTML need: escapes, numbers, base64. */
#ifndef HL_REPORT_TEXT_H
#define HL_REPORT_TEXT_H

#include "base/base.h"

typedef struct hl_text {
    hl_context *hl;
    char *data; /* ends in a NUL once anything was put; owner: whoever started it, free */
    size_t length, capacity;
    bool failed; /* no memory: nothing more is put */
} hl_text;

void hl_text_put(hl_text *text, const char *string);
/* For numbers with a fraction use hl_text_number: printf's follow the locale. */
void hl_text_format(hl_text *text, const char *format, ...) HL_PRINTF(2, 3);
/* As character data or a quoted attribute; control characters, which XML forbids, become spaces. */
void hl_text_escape(hl_text *text, const char *string);
/* With a point and `decimals` (0 to 9) digits after it, in every locale; never "-0". */
void hl_text_number(hl_text *text, double value, int decimals);
void hl_text_base64(hl_text *text, const unsigned char *data, size_t bytes);

#endif
