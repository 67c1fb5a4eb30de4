/* A growing text, with what SVG and HTML need: escapes, numbers, base64. */
#include "report/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_bytes(hl_text *text, const char *bytes, size_t count) {
    if (text->failed) return;
    char *data = hl_grow(text->hl, text->data, &text->capacity, text->length + count + 1, 1);
    if (!data) {
        text->failed = true;
        return;
    }
    text->data = data;
    memcpy(data + text->length, bytes, count);
    text->length += count;
    data[text->length] = '\0';
}

void hl_text_put(hl_text *text, const char *string) { put_bytes(text, string, strlen(string)); }

void hl_text_format(hl_text *text, const char *format, ...) {
    char small[512];
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int length = vsnprintf(small, sizeof small, format, list);
    char *large = length >= (int)sizeof small ? malloc((size_t)length + 1) : NULL;
    if (large) vsnprintf(large, (size_t)length + 1, format, again);
    if (length >= 0 && length < (int)sizeof small) put_bytes(text, small, (size_t)length);
    else if (large) put_bytes(text, large, (size_t)length);
    else if (!text->failed) {
        text->failed = true;
        hl_fail(text->hl, HL_NO_MEMORY, "no memory for a text of %d bytes", length);
    }
    free(large);
    va_end(again);
    va_end(list);
}

static const char *entity(unsigned char c) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return c < 0x20 || c == 0x7F ? " " : NULL;
    }
}

void hl_text_escape(hl_text *text, const char *string) {
    const char *plain = string;
    for (const char *c = string; *c; c++) {
        const char *instead = entity((unsigned char)*c);
        if (!instead) continue;
        put_bytes(text, plain, (size_t)(c - plain));
        hl_text_put(text, instead);
        plain = c + 1;
    }
    hl_text_put(text, plain);
}

void hl_text_number(hl_text *text, double value, int decimals) {
    int64_t unit = 1;
    for (int i = 0; i < decimals; i++) unit *= 10;
    double scaled = fabs(value) * (double)unit;
    if (!(scaled < 9e15)) { /* too large for a fraction to matter */
        hl_text_format(text, "%.0f", value);
        return;
    }
    int64_t whole = llround(scaled);
    if (value < 0 && whole) hl_text_put(text, "-");
    hl_text_format(text, "%lld", (long long)(whole / unit));
    if (decimals > 0) hl_text_format(text, ".%0*lld", decimals, (long long)(whole % unit));
}

void hl_text_base64(hl_text *text, const unsigned char *data, size_t bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        uint32_t three = (uint32_t)data[i] << 16;
        if (left > 1) three |= (uint32_t)data[i + 1] << 8;
        if (left > 2) three |= data[i + 2];
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63], '=', '='};
        if (left > 1) four[2] = digits[three >> 6 & 63];
        if (left > 2) four[3] = digits[three & 63];
        put_bytes(text, four, sizeof four);
    }
}
