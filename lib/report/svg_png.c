/* An SVG text as a PNG file, drawn by librsvg. */
#include <librsvg/rsvg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hilum/data.h"
#include "hilum/plots.h"

/* Takes cairo's pixels, 32 bits each with blue lowest, apart. Owner: the caller, free. */
static unsigned char *take_rgb(hl_context *hl, cairo_surface_t *surface) {
    int width = cairo_image_surface_get_width(surface), height = cairo_image_surface_get_height(surface);
    unsigned char *rgb = hl_calloc(hl, (size_t)width * (size_t)height, 3), *to = rgb;
    cairo_surface_flush(surface);
    const unsigned char *data = cairo_image_surface_get_data(surface);
    for (int y = 0; rgb && y < height; y++) {
        const unsigned char *row = data + (size_t)y * (size_t)cairo_image_surface_get_stride(surface);
        for (int x = 0; x < width; x++, to += 3) {
            uint32_t pixel;
            memcpy(&pixel, row + 4 * (size_t)x, 4);
            to[0] = pixel >> 16 & 255, to[1] = pixel >> 8 & 255, to[2] = pixel & 255;
        }
    }
    return rgb;
}

/* Draws on white. */
static hl_status draw(hl_context *hl, RsvgHandle *handle, double width, double height, cairo_surface_t *surface) {
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    GError *error = NULL;
    bool drawn = rsvg_handle_render_document(handle, cairo, &(RsvgRectangle){0, 0, width, height}, &error);
    hl_status status = HL_OK;
    if (!drawn) status = hl_fail(hl, HL_BAD_INPUT, "an SVG text that cannot be drawn: %s", error ? error->message : "no reason given");
    else if (cairo_status(cairo))
        status = hl_fail(hl, HL_NO_MEMORY, "drawing an SVG text: %s", cairo_status_to_string(cairo_status(cairo)));
    g_clear_error(&error);
    cairo_destroy(cairo);
    return status;
}

static hl_status write_scaled(hl_context *hl, RsvgHandle *handle, double scale, const char *path) {
    double width, height;
    const double most = 16384;
    if (!rsvg_handle_get_intrinsic_size_in_pixels(handle, &width, &height))
        return hl_fail(hl, HL_BAD_INPUT, "an SVG text without a width and height in pixels");
    width = ceil(width * scale), height = ceil(height * scale);
    if (!(width >= 1 && height >= 1 && width <= most && height <= most))
        return hl_fail(hl, HL_USAGE, "a picture of %.0f x %.0f pixels: expected 1 to %.0f a side", width, height, most);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    hl_status status = HL_OK;
    if (cairo_surface_status(surface)) status = hl_fail(hl, HL_NO_MEMORY, "no memory for a picture of %.0f x %.0f pixels", width, height);
    if (!status) status = draw(hl, handle, width, height, surface);
    unsigned char *rgb = status ? NULL : take_rgb(hl, surface);
    cairo_surface_destroy(surface);
    if (!status) status = rgb ? hl_png_write(hl, path, (int)width, (int)height, 3, 8, rgb) : HL_NO_MEMORY;
    free(rgb);
    return status;
}

hl_status hl_svg_png(hl_context *hl, const char *svg, double scale, const char *path) {
    if (!(scale >= 0.1 && scale <= 16)) return hl_fail(hl, HL_USAGE, "a picture enlarged %g times: expected 0.1 to 16", scale);
    GError *error = NULL;
    RsvgHandle *handle = rsvg_handle_new_from_data((const guint8 *)svg, strlen(svg), &error);
    hl_status status;
    if (handle) status = write_scaled(hl, handle, scale, path);
    else status = hl_fail(hl, HL_BAD_INPUT, "not an SVG text: %s", error ? error->message : "no reason given");
    g_clear_error(&error);
    if (handle) g_object_unref(handle);
    return status;
}
