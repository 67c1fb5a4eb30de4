/* A PNG file's chunks (RFC 2083, 3.2): is it whole, and how large is the picture? */
#include "data/probe.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

typedef struct chunk {
    uint32_t bytes;
    const unsigned char *type, *data;
    uint32_t checksum; /* over type and data */
} chunk;

static uint32_t big_endian(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

/* The chunk at an offset; false when it reaches beyond the file. */
static bool chunk_at(const unsigned char *file, size_t bytes, size_t at, chunk *c) {
    if (bytes - at < 12) return false;
    c->bytes = big_endian(file + at);
    if (c->bytes > bytes - at - 12) return false;
    c->type = file + at + 4;
    c->data = file + at + 8;
    c->checksum = big_endian(c->data + c->bytes);
    return true;
}

static bool is(const chunk *c, const char *type) { return !memcmp(c->type, type, 4); }

/* Chunks whose name starts with a small letter may be passed over, broken or not. */
static bool broken(const chunk *c) { return !(c->type[0] & 0x20) && crc32(0, c->type, (uInt)c->bytes + 4) != c->checksum; }

hl_status hl_png_probe(hl_context *hl, const char *name, const char *data, size_t bytes, int *width, int *height) {
    const unsigned char *file = (const unsigned char *)data;
    if (bytes < 8 || memcmp(file, "\x89PNG\r\n\x1a\n", 8)) return hl_fail(hl, HL_BAD_INPUT, "%s: this is no PNG file", name);
    chunk c = {0};
    for (size_t at = 8;; at += (size_t)c.bytes + 12) {
        if (!chunk_at(file, bytes, at, &c))
            return hl_fail(hl, HL_BAD_INPUT, "%s: the PNG file is truncated: the chunk at byte %zu reaches beyond its %zu bytes", name, at,
                           bytes);
        if (broken(&c)) return hl_fail(hl, HL_BAD_INPUT, "%s: the PNG chunk at byte %zu is broken: its checksum differs", name, at);
        if (at == 8) {
            if (!is(&c, "IHDR") || c.bytes != 13) return hl_fail(hl, HL_BAD_INPUT, "%s: the PNG file does not start with a header", name);
            uint32_t w = big_endian(c.data), h = big_endian(c.data + 4);
            if (!w || !h || w > INT_MAX || h > INT_MAX) return hl_fail(hl, HL_BAD_INPUT, "%s: the PNG's size is %ux%u", name, w, h);
            *width = (int)w, *height = (int)h;
        }
        if (is(&c, "IEND")) return HL_OK;
    }
}
