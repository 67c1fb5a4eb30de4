/* PNG pictures to and from memory and files, over libpng. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/file.h"
#include "hilum/data.h"

static const int64_t most_pixels = (int64_t)1 << 28;
static const int longest_side = 1000000; /* libpng's own limit */

/* What libpng's callbacks share, and all that must be given back whichever way the work ends. The function that calls
 * setjmp keeps everything here and nothing in locals, which a longjmp would leave undefined. */
typedef struct codec {
    hl_context *hl;
    png_structp png;
    png_infop info;
    const unsigned char *input; /* reading */
    size_t input_bytes, at;
    unsigned char *output; /* writing */
    size_t output_bytes, capacity;
    unsigned char *raw; /* the decoded rows as libpng gives them */
    size_t row_bytes;
    hl_picture picture;
    hl_status status; /* set where the cause is known better than by libpng's text */
    char text[160];   /* libpng's error text */
} codec;

static void on_error(png_structp png, png_const_charp message) {
    codec *c = png_get_error_ptr(png);
    snprintf(c->text, sizeof c->text, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) { (void)png, (void)message; }

static void on_read(png_structp png, png_bytep to, size_t bytes) {
    codec *c = png_get_io_ptr(png);
    if (bytes > c->input_bytes - c->at) {
        c->at = c->input_bytes;
        png_error(png, "the file ends too early");
    }
    memcpy(to, c->input + c->at, bytes);
    c->at += bytes;
}

static void on_write(png_structp png, png_bytep from, size_t bytes) {
    codec *c = png_get_io_ptr(png);
    unsigned char *wider = hl_grow(c->hl, c->output, &c->capacity, c->output_bytes + bytes, 1);
    if (!wider) {
        c->status = HL_NO_MEMORY;
        png_error(png, "no memory");
    }
    c->output = wider;
    memcpy(c->output + c->output_bytes, from, bytes);
    c->output_bytes += bytes;
}

static void on_flush(png_structp png) { (void)png; }

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* Reads the header, asks for grey or RGB of 8 or 16 bits, and finds memory. A refusal is told in c->status and c->text. */
static bool prepare(codec *c, const char *name) {
    png_read_info(c->png, c->info);
    png_uint_32 width = png_get_image_width(c->png, c->info), height = png_get_image_height(c->png, c->info);
    if ((int64_t)width * (int64_t)height > most_pixels) {
        c->status = hl_fail(c->hl, HL_BAD_INPUT, "%s: a picture of %lux%lu pixels is too large: expected at most %lld", name,
                            (unsigned long)width, (unsigned long)height, (long long)most_pixels);
        return false;
    }
    png_set_palette_to_rgb(c->png);
    png_set_expand_gray_1_2_4_to_8(c->png);
    png_set_strip_alpha(c->png);
    (void)png_set_interlace_handling(c->png);
    png_read_update_info(c->png, c->info);
    c->row_bytes = png_get_rowbytes(c->png, c->info);
    c->picture.width = (int)width, c->picture.height = (int)height;
    c->picture.maximum = png_get_bit_depth(c->png, c->info) == 16 ? 65535 : 255;
    c->raw = hl_calloc(c->hl, height, c->row_bytes);
    c->picture.pixels = c->raw ? hl_calloc(c->hl, (size_t)width * height, sizeof *c->picture.pixels) : NULL;
    if (!c->picture.pixels) c->status = HL_NO_MEMORY;
    return c->picture.pixels;
}

/* One row of 1 to 4 channels becomes grey: the first channel, or the mean of the first three, rounded, but never 0 unless all
 * three are: a mask's non-zero pixel stays one. */
static void row_to_grey(const unsigned char *raw, int width, int channels, bool wide, uint16_t *grey) {
    int colours = channels >= 3 ? 3 : 1;
    for (int x = 0; x < width; x++) {
        unsigned sum = 0;
        for (int k = 0; k < colours; k++) {
            size_t i = (size_t)x * (size_t)channels + (size_t)k;
            sum += wide ? (unsigned)raw[2 * i] << 8 | raw[2 * i + 1] : raw[i];
        }
        grey[x] = (uint16_t)(colours == 1 ? sum : sum == 1 ? 1 : (sum + 1) / 3);
    }
}

/* Everything that may longjmp while reading. */
static bool read_all(codec *c, const char *name) {
    if (setjmp(png_jmpbuf(c->png))) return false;
    png_set_read_fn(c->png, c, on_read);
    if (!prepare(c, name)) return false;
    int passes = png_get_interlace_type(c->png, c->info) == PNG_INTERLACE_ADAM7 ? 7 : 1;
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < c->picture.height; y++) png_read_row(c->png, c->raw + (size_t)y * c->row_bytes, NULL);
    png_read_end(c->png, NULL);
    int channels = png_get_channels(c->png, c->info);
    for (int y = 0; y < c->picture.height; y++)
        row_to_grey(c->raw + (size_t)y * c->row_bytes, c->picture.width, channels, c->picture.maximum > 255,
                    c->picture.pixels + (size_t)y * (size_t)c->picture.width);
    return true;
}

hl_status hl_png_decode(hl_context *hl, const char *name, const void *data, size_t bytes, hl_picture *picture) {
    *picture = (hl_picture){0};
    if (bytes < 8 || png_sig_cmp(data, 0, 8))
        return hl_fail(hl, HL_BAD_INPUT, "%s: no PNG: expected a PNG signature in its first 8 bytes of %zu", name, bytes);
    codec c = {.hl = hl, .input = data, .input_bytes = bytes};
    c.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning);
    c.info = c.png ? png_create_info_struct(c.png) : NULL;
    hl_status status = HL_OK;
    if (!c.info) status = hl_fail(hl, HL_NO_MEMORY, "%s: no memory for a PNG reader", name);
    else if (!read_all(&c, name)) {
        status = c.status;
        if (!status) status = hl_fail(hl, HL_BAD_INPUT, "%s: broken PNG at byte %zu of %zu: %s", name, c.at, bytes, c.text);
    }
    if (c.png) png_destroy_read_struct(&c.png, &c.info, NULL);
    free(c.raw);
    if (status) free(c.picture.pixels);
    else *picture = c.picture;
    return status;
}

hl_status hl_png_read(hl_context *hl, const char *path, hl_picture *picture) {
    char *data;
    size_t bytes;
    *picture = (hl_picture){0};
    hl_status status = hl_file_read(hl, path, &data, &bytes);
    if (status) return status;
    status = hl_png_decode(hl, path, data, bytes, picture);
    free(data);
    return status;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

typedef struct layout {
    int width, height, channels, bits;
    const unsigned char *pixels;
} layout;

static bool little_endian(void) {
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

/* Everything that may longjmp while writing. */
static bool write_all(codec *c, const layout *l) {
    if (setjmp(png_jmpbuf(c->png))) return false;
    png_set_write_fn(c->png, c, on_write, on_flush);
    int colour = l->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY;
    png_set_IHDR(c->png, c->info, (png_uint_32)l->width, (png_uint_32)l->height, l->bits, colour, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(c->png, 6);
    png_write_info(c->png, c->info);
    if (l->bits == 16 && little_endian()) png_set_swap(c->png); /* the file's order is big-endian */
    size_t row_bytes = (size_t)l->width * (size_t)l->channels * (size_t)l->bits / 8;
    for (int y = 0; y < l->height; y++) png_write_row(c->png, l->pixels + (size_t)y * row_bytes);
    png_write_end(c->png, c->info);
    return true;
}

static bool writable(const layout *l) {
    if (l->width < 1 || l->height < 1 || l->width > longest_side || l->height > longest_side) return false;
    if ((int64_t)l->width * l->height > most_pixels) return false;
    return (l->bits == 8 && (l->channels == 1 || l->channels == 3)) || (l->bits == 16 && l->channels == 1);
}

hl_status hl_png_encode(hl_context *hl, int width, int height, int channels, int bits, const void *pixels, unsigned char **data,
                        size_t *bytes) {
    *data = NULL, *bytes = 0;
    layout l = {width, height, channels, bits, pixels};
    if (!writable(&l))
        return hl_fail(hl, HL_USAGE,
                       "a PNG of %dx%d pixels, %d channels and %d bits cannot be written: "
                       "expected 1 or 3 channels of 8 bits or 1 of 16, and at most %lld pixels",
                       width, height, channels, bits, (long long)most_pixels);
    codec c = {.hl = hl};
    c.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning);
    c.info = c.png ? png_create_info_struct(c.png) : NULL;
    hl_status status = HL_OK;
    if (!c.info) status = hl_fail(hl, HL_NO_MEMORY, "no memory for a PNG writer");
    else if (!write_all(&c, &l)) {
        status = c.status;
        if (!status) status = hl_fail(hl, HL_FAILED, "a PNG of %dx%d pixels cannot be made: %s", width, height, c.text);
    }
    if (c.png) png_destroy_write_struct(&c.png, &c.info);
    if (status) free(c.output);
    else *data = c.output, *bytes = c.output_bytes;
    return status;
}

hl_status hl_png_write(hl_context *hl, const char *path, int width, int height, int channels, int bits, const void *pixels) {
    unsigned char *data;
    size_t bytes;
    hl_status status = hl_png_encode(hl, width, height, channels, bits, pixels, &data, &bytes);
    if (status) return status;
    status = hl_file_write(hl, path, data, bytes);
    free(data);
    return status;
}
