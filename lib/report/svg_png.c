/* An SVG text as a PNG file, drawn by rsvg-convert: a program, so that nothing of it is loaded where nothing is drawn. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/program.h"
#include "hilum/plots.h"

static hl_status refuse(hl_context *hl, const char *path, const char *log, int code) {
    if (code == HL_NOT_INSTALLED)
        return hl_fail(hl, HL_FAILED, "%s: drawing it needs the program rsvg-convert (Debian's package librsvg2-bin), which is not installed", path);
    char *words = hl_program_last_words(hl, log);
    hl_status status = hl_fail(hl, HL_BAD_INPUT, "%s: an SVG text that cannot be drawn: %.300s", path, words ? words : "");
    free(words);
    return status;
}

/* `beside`: the SVG's file, the PNG's until it is whole, and the log's. */
static hl_status draw(hl_context *hl, const char *svg, double scale, const char *path, char *const *beside) {
    char zoom[32];
    snprintf(zoom, sizeof zoom, "%.6g", scale);
    hl_status status = hl_file_write(hl, beside[0], svg, strlen(svg));
    if (status) return status;
    char *const words[] = {"rsvg-convert", "--background-color", "white", "--zoom", zoom, "--output", beside[1], beside[0], NULL};
    int code;
    status = hl_program_run(hl, words, beside[2], &code);
    if (!status && code) status = refuse(hl, path, beside[2], code);
    if (!status && rename(beside[1], path)) status = hl_fail(hl, HL_FAILED, "%s: cannot be written: %s", path, strerror(errno));
    for (int i = 0; i < 3; i++) unlink(beside[i]);
    return status;
}

hl_status hl_svg_png(hl_context *hl, const char *svg, double scale, const char *path) {
    if (!(scale >= 0.1 && scale <= 16)) return hl_fail(hl, HL_USAGE, "a picture enlarged %g times: expected 0.1 to 16", scale);
    char *beside[3];
    for (int i = 0; i < 3; i++) beside[i] = hl_format(hl, "%s.%s.part%ld", path, (const char *[]){"svg", "png", "log"}[i], (long)getpid());
    hl_status status = beside[0] && beside[1] && beside[2] ? draw(hl, svg, scale, path, beside) : HL_NO_MEMORY;
    for (int i = 0; i < 3; i++) free(beside[i]);
    return status;
}
