/* PNG: every kind of file is read as documented, broken ones are refused, what was written comes back. */
#include <png.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "../harness.h"
#include "hilum/data.h"

typedef struct fixture {
    int width, height, colour, bits;
    bool interlaced, transparent;
} fixture;

typedef struct bytes {
    unsigned char *data;
    size_t count, capacity;
} bytes;

static void append(png_structp png, png_bytep from, size_t count) {
    bytes *b = png_get_io_ptr(png);
    while (b->count + count > b->capacity) b->data = realloc(b->data, b->capacity = b->capacity * 2 + 256);
    memcpy(b->data + b->count, from, count);
    b->count += count;
}
static void nothing(png_structp png) { (void)png; }

static unsigned sample(const fixture *f, int x, int y, int channel) {
    unsigned v = (unsigned)(x * 7919 + y * 104729 + channel * 1299709 + 12345) * 2654435761u >> 11;
    return v & ((1u << f->bits) - 1);
}

static png_color palette_colour(unsigned i) {
    return (png_color){.red = (png_byte)(i * 7 + 3), .green = (png_byte)(i * 13 + 5), .blue = (png_byte)(i * 29 + 11)};
}

static int channels_of(const fixture *f) {
    if (f->colour == PNG_COLOR_TYPE_RGB) return 3;
    if (f->colour == PNG_COLOR_TYPE_RGBA) return 4;
    return f->colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 2 : 1;
}

static void fill_row(const fixture *f, int y, unsigned char *row) {
    int channels = channels_of(f);
    memset(row, 0, (size_t)f->width * 8);
    for (int i = 0; i < f->width * channels; i++) {
        unsigned v = sample(f, i / channels, y, i % channels);
        if (f->bits == 16) row[2 * i] = (unsigned char)(v >> 8), row[2 * i + 1] = (unsigned char)v;
        else row[i * f->bits / 8] |= (unsigned char)(v << (8 - f->bits - i * f->bits % 8));
    }
}

/* Writes the fixture through libpng itself. */
static bytes make_png(const fixture *f) {
    bytes b = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &b, append, nothing);
    png_set_IHDR(png, info, (png_uint_32)f->width, (png_uint_32)f->height, f->bits, f->colour,
                 f->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    png_color palette[256];
    for (unsigned i = 0; i < 256; i++) palette[i] = palette_colour(i);
    if (f->colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 1 << f->bits);
    png_byte alphas[2] = {0, 100};
    if (f->transparent) png_set_tRNS(png, info, alphas, 2, &(png_color_16){.gray = 1, .red = 1, .green = 1, .blue = 1});
    png_write_info(png, info);
    unsigned char *rows[64];
    for (int y = 0; y < f->height; y++) fill_row(f, y, rows[y] = malloc((size_t)f->width * 8));
    png_set_interlace_handling(png);
    png_write_image(png, rows);
    png_write_end(png, info);
    for (int y = 0; y < f->height; y++) free(rows[y]);
    png_destroy_write_struct(&png, &info);
    return b;
}

static unsigned expected(const fixture *f, int x, int y) {
    unsigned v = sample(f, x, y, 0);
    if (f->colour == PNG_COLOR_TYPE_PALETTE) {
        png_color c = palette_colour(v);
        return (unsigned)((double)(c.red + c.green + c.blue) / 3 + 0.5);
    }
    if (channels_of(f) >= 3) return (unsigned)((double)(v + sample(f, x, y, 1) + sample(f, x, y, 2)) / 3 + 0.5);
    return f->bits < 8 ? v * (255u / ((1u << f->bits) - 1)) : v;
}

static void check_fixture(hl_context *hl, const fixture *f) {
    bytes b = make_png(f);
    hl_picture picture;
    ck_ok(hl, hl_png_decode(hl, "fixture", b.data, b.count, &picture));
    ck_assert_int_eq(picture.width, f->width);
    ck_assert_int_eq(picture.height, f->height);
    ck_assert_int_eq(picture.maximum, f->bits == 16 ? 65535 : 255);
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++)
            ck_assert_msg(picture.pixels[y * f->width + x] == expected(f, x, y), "colour %d, %d bits, interlaced %d, at %d,%d: %u, not %u",
                          f->colour, f->bits, f->interlaced, x, y, picture.pixels[y * f->width + x], expected(f, x, y));
    free(picture.pixels);
    for (size_t n = 0; n < b.count; n++) {
        ck_assert_int_eq(hl_png_decode(hl, "cut.png", b.data, n, &picture), HL_BAD_INPUT);
        ck_assert_ptr_null(picture.pixels);
        ck_assert_ptr_nonnull(strstr(hl_error(hl), "cut.png"));
    }
    free(b.data);
}

/* Every colour type and depth the format has, plain, interlaced and with a tRNS chunk; and each cut at every byte. */
START_TEST(every_kind) {
    static const int kinds[][2] = {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {3, 1},
                                   {3, 2}, {3, 4}, {3, 8}, {4, 8}, {4, 16}, {6, 8}, {6, 16}};
    hl_context *hl = hl_open(NULL);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int interlaced = 0; interlaced < 2; interlaced++)
            for (int transparent = 0; transparent < (kinds[k][0] < 4 ? 2 : 1); transparent++)
                check_fixture(hl, &(fixture){13, 11, kinds[k][0], kinds[k][1], interlaced, transparent});
    check_fixture(hl, &(fixture){1, 1, PNG_COLOR_TYPE_GRAY, 1, true, false});
    hl_close(hl);
}
END_TEST

/* A wrong bit anywhere breaks a checksum or the signature. */
START_TEST(flipped_bits) {
    hl_context *hl = hl_open(NULL);
    bytes b = make_png(&(fixture){13, 11, PNG_COLOR_TYPE_GRAY, 8, false, false});
    for (size_t at = 0; at < b.count * 8; at++) {
        b.data[at / 8] ^= (unsigned char)(1u << at % 8);
        hl_picture picture;
        ck_assert_msg(hl_png_decode(hl, "flipped", b.data, b.count, &picture) == HL_BAD_INPUT, "bit %zu", at);
        ck_assert_ptr_null(picture.pixels);
        b.data[at / 8] ^= (unsigned char)(1u << at % 8);
    }
    free(b.data);
    hl_close(hl);
}
END_TEST

static void put32(unsigned char *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* Says another size in the header, with a right checksum. */
static void claim_size(bytes *b, uint32_t width, uint32_t height) {
    put32(b->data + 16, width), put32(b->data + 20, height);
    put32(b->data + 29, (uint32_t)crc32(0, b->data + 12, 17));
}

START_TEST(sizes_that_do_not_fit) {
    static const uint32_t sizes[][2] = {{13, 12}, {13, 200},        {14, 11},        {0, 11},
                                        {13, 0},  {100000, 100000}, {1000000, 1000}, {0x7fffffff, 1}};
    hl_context *hl = hl_open(NULL);
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        bytes b = make_png(&(fixture){13, 11, PNG_COLOR_TYPE_GRAY, 8, interlaced, false});
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            claim_size(&b, sizes[i][0], sizes[i][1]);
            hl_picture picture;
            ck_assert_msg(hl_png_decode(hl, "claims", b.data, b.count, &picture) == HL_BAD_INPUT, "%ux%u", sizes[i][0], sizes[i][1]);
            ck_assert_ptr_null(picture.pixels);
        }
        free(b.data);
    }
    hl_close(hl);
}
END_TEST

/* What was written comes back, in every layout, and the same pixels are the same bytes. */
START_TEST(round_trips) {
    static const int layouts[][2] = {{1, 8}, {3, 8}, {1, 16}};
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/picture.png", folder);
    unsigned char pixels[17 * 9 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * 2654435761u >> 24);
    for (int k = 0; k < 3; k++) {
        int channels = layouts[k][0], bits = layouts[k][1];
        ck_ok(hl, hl_png_write(hl, path, 17, 9, channels, bits, pixels));
        hl_picture picture;
        ck_ok(hl, hl_png_read(hl, path, &picture));
        ck_assert_int_eq(picture.width, 17);
        ck_assert_int_eq(picture.height, 9);
        ck_assert_int_eq(picture.maximum, bits == 16 ? 65535 : 255);
        for (int i = 0; i < 17 * 9; i++) {
            uint16_t wide;
            memcpy(&wide, pixels + 2 * i, 2);
            unsigned mean = (unsigned)((pixels[3 * i] + pixels[3 * i + 1] + pixels[3 * i + 2]) / 3.0 + 0.5);
            ck_assert_uint_eq(picture.pixels[i], bits == 16 ? wide : channels == 3 ? mean : pixels[i]);
        }
        free(picture.pixels);
        unsigned char *first, *second;
        size_t first_bytes, second_bytes;
        ck_ok(hl, hl_png_encode(hl, 17, 9, channels, bits, pixels, &first, &first_bytes));
        ck_ok(hl, hl_png_encode(hl, 17, 9, channels, bits, pixels, &second, &second_bytes));
        ck_assert_mem_eq(first, second, first_bytes);
        ck_assert_uint_eq(first_bytes, second_bytes);
        free(first), free(second);
    }
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

/* A mask drawn in the faintest colour there is: still a mask. */
START_TEST(faint_colours_stay) {
    hl_context *hl = hl_open(NULL);
    static const unsigned char rgb[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 2, 0, 0};
    unsigned char *data;
    size_t bytes;
    hl_picture picture;
    ck_ok(hl, hl_png_encode(hl, 6, 1, 3, 8, rgb, &data, &bytes));
    ck_ok(hl, hl_png_decode(hl, "faint", data, bytes, &picture));
    ck_assert_uint_eq(picture.pixels[0], 0);
    for (int i = 1; i < 6; i++) ck_assert_uint_eq(picture.pixels[i], 1);
    free(data);
    free(picture.pixels);
    hl_close(hl);
}
END_TEST

START_TEST(files_that_are_none) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    hl_picture picture;
    snprintf(path, sizeof path, "%s/missing.png", folder);
    ck_assert_int_eq(hl_png_read(hl, path, &picture), HL_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), path));
    ck_assert_int_eq(hl_png_read(hl, folder, &picture), HL_BAD_INPUT);
    ck_assert_int_eq(hl_png_decode(hl, "text", "this is no picture at all", 25, &picture), HL_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "text"));
    snprintf(path, sizeof path, "%s/no/folder.png", folder);
    ck_assert_int_eq(hl_png_write(hl, path, 1, 1, 1, 8, "x"), HL_FAILED);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), path));
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

START_TEST(layouts_that_are_none) {
    static const int layouts[][4] = {{1, 1, 2, 8}, {1, 1, 3, 16}, {1, 1, 4, 8},          {1, 1, 1, 4},
                                     {0, 1, 1, 8}, {1, -1, 1, 8}, {100000, 100000, 1, 8}};
    hl_context *hl = hl_open(NULL);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        unsigned char *data;
        size_t count;
        ck_assert_int_eq(hl_png_encode(hl, layouts[i][0], layouts[i][1], layouts[i][2], layouts[i][3], "pixels", &data, &count), HL_USAGE);
        ck_assert_ptr_null(data);
    }
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("png");
    TCase *tcase = slow_case(suite, "png");
    tcase_add_test(tcase, every_kind);
    tcase_add_test(tcase, flipped_bits);
    tcase_add_test(tcase, sizes_that_do_not_fit);
    tcase_add_test(tcase, round_trips);
    tcase_add_test(tcase, files_that_are_none);
    tcase_add_test(tcase, faint_colours_stay);
    tcase_add_test(tcase, layouts_that_are_none);
    return run_suite(suite);
}
