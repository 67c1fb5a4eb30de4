/* Whether a PNG file is whole, and its size, without decoding it. */
#ifndef HL_DATA_PROBE_H
#define HL_DATA_PROBE_H

#include "base/base.h"

/* Walks the chunks: signature, IHDR first, IEND last, the checksums of those that matter. `name` stands in error texts. */
hl_status hl_png_probe(hl_context *hl, const char *name, const char *data, size_t bytes, int *width, int *height);

#endif
