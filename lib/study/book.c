/* A report's tables and pictures, each written onto the page and into files of its own. */
#include "study/book.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/text.h"

static const double png_scale = 3; /* dots a CSS pixel: 288 dpi */

static void note(hl_book *book, hl_status status) { book->status = book->status ? book->status : status; }

void *hl_book_keep(hl_book *book, void *memory) {
    void **wider = memory ? hl_grow(book->hl, book->kept, &book->kept_capacity, (size_t)book->kept_count + 1, sizeof *wider) : NULL;
    if (!wider) return free(memory), note(book, HL_NO_MEMORY), NULL;
    book->kept = wider;
    return wider[book->kept_count++] = memory;
}

double *hl_book_doubles(hl_book *book, int count) { return hl_book_keep(book, hl_calloc(book->hl, (size_t)count + 1, sizeof(double))); }

static char *format_text(hl_context *hl, const char *format, va_list list) {
    char *text = NULL;
    if (vasprintf(&text, format, list) < 0) return hl_fail(hl, HL_NO_MEMORY, "no memory for a text"), NULL;
    return text;
}

const char *hl_book_text(hl_book *book, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const char *text = hl_book_keep(book, format_text(book->hl, format, list));
    va_end(list);
    return text ? text : "";
}

void hl_book_heading(hl_book *book, const char *text) { hl_page_heading(book->page, text); }

void hl_book_say(hl_book *book, const char *format, ...) {
    va_list list;
    va_start(list, format);
    char *text = format_text(book->hl, format, list);
    va_end(list);
    if (text) hl_page_paragraph(book->page, text);
    else note(book, HL_NO_MEMORY);
    free(text);
}

bool hl_book_skipped(hl_book *book, const char *id, const cJSON *result) {
    const char *why = !result ? "this part has not been run yet" : hl_result_text(result, "skipped");
    if (!*why) return false;
    hl_book_say(book, "Not there: %s.", why);
    hl_json_text(&book->metrics, hl_json_object(&book->metrics, book->tables, id), "reason", why);
    return true;
}

/* --- tables ----------------------------------------------------------------------------------------------------------- */

void hl_sheet_start(hl_sheet *sheet, hl_book *book, const char *id, const char *caption, const char *const *heads, int columns) {
    *sheet = (hl_sheet){.book = book, .id = id, .caption = caption, .columns = columns, .cells = {.hl = book->hl}};
    cJSON *table = hl_json_object(&book->metrics, book->tables, id);
    hl_json_text(&book->metrics, table, "caption", caption);
    cJSON *names = hl_json_array(&book->metrics, table, "columns");
    for (int i = 0; i < columns; i++) hl_json_text(&book->metrics, names, NULL, heads[i]), hl_cells_add(&sheet->cells, "%s", heads[i]);
    sheet->rows = hl_json_array(&book->metrics, table, "rows");
}

/* The next cell's place in metrics.json; a row begins with its first. */
static cJSON *next_cell(hl_sheet *sheet) {
    hl_json *json = &sheet->book->metrics;
    if (sheet->cells.count % sheet->columns == 0) sheet->row = hl_json_array(json, sheet->rows, NULL);
    return hl_json_object(json, sheet->row, NULL);
}

void hl_sheet_text(hl_sheet *sheet, const char *format, ...) {
    va_list list;
    va_start(list, format);
    char *text = format_text(sheet->book->hl, format, list);
    va_end(list);
    hl_json_text(&sheet->book->metrics, next_cell(sheet), "text", text);
    hl_cells_add(&sheet->cells, "%s", text ? text : "");
    free(text);
}

static void remember(hl_sheet *sheet, const char *reason) {
    for (int i = 0; i < sheet->reason_count; i++) {
        if (!strcmp(sheet->reasons[i], reason)) return;
    }
    if (sheet->reason_count < 8) snprintf(sheet->reasons[sheet->reason_count++], sizeof sheet->reasons[0], "%s", reason);
}

static void put_value(hl_sheet *sheet, cJSON *cell, double value, const char *reason) {
    hl_json *json = &sheet->book->metrics;
    hl_json_number(json, cell, "value", value);
    if (isfinite(value)) return;
    hl_json_text(json, cell, "reason", reason);
    remember(sheet, reason);
}

static const char *number_text(char *text, size_t size, double value, int decimals) {
    snprintf(text, size, "%.*f", decimals, value);
    for (char *at = text; *at; at++) {
        if (*at == ',') *at = '.';
    }
    return text;
}

void hl_sheet_number(hl_sheet *sheet, double value, int decimals, const char *reason) {
    put_value(sheet, next_cell(sheet), value, reason);
    hl_cells_number(&sheet->cells, isfinite(value) ? value : NAN, decimals);
}

void hl_sheet_probability(hl_sheet *sheet, double value, const char *reason) {
    char text[64];
    if (!(value < 1e-4)) {
        hl_sheet_number(sheet, value, 4, reason);
        return;
    }
    put_value(sheet, next_cell(sheet), value, reason);
    snprintf(text, sizeof text, "%.1e", value);
    hl_cells_add(&sheet->cells, "%s", text);
}

void hl_sheet_pair(hl_sheet *sheet, double value, double deviation, int decimals, const char *reason) {
    char first[64], second[64];
    cJSON *cell = next_cell(sheet);
    put_value(sheet, cell, value, reason);
    hl_json_number(&sheet->book->metrics, cell, "sd", deviation);
    if (isfinite(value) && !isfinite(deviation))
        hl_json_text(&sheet->book->metrics, cell, "sd_reason", "fewer than two models have a value");
    if (!isfinite(value)) hl_cells_add(&sheet->cells, "-");
    else if (!isfinite(deviation)) hl_cells_add(&sheet->cells, "%s", number_text(first, sizeof first, value, decimals));
    else
        hl_cells_add(&sheet->cells, "%s ± %s", number_text(first, sizeof first, value, decimals),
                     number_text(second, sizeof second, deviation, decimals));
}

void hl_sheet_interval(hl_sheet *sheet, double value, double low, double high, int decimals, const char *reason) {
    char text[3][64];
    cJSON *cell = next_cell(sheet);
    put_value(sheet, cell, value, reason);
    hl_json_number(&sheet->book->metrics, cell, "low", low), hl_json_number(&sheet->book->metrics, cell, "high", high);
    number_text(text[0], 64, value, decimals), number_text(text[1], 64, low, decimals), number_text(text[2], 64, high, decimals);
    if (!isfinite(value)) hl_cells_add(&sheet->cells, "-");
    else if (!isfinite(low) || !isfinite(high)) hl_cells_add(&sheet->cells, "%s", text[0]);
    else hl_cells_add(&sheet->cells, "%s (%s to %s)", text[0], text[1], text[2]);
}

void hl_sheet_end(hl_sheet *sheet) {
    hl_book *book = sheet->book;
    const char *const *cells = (const char *const *)sheet->cells.texts;
    int rows = sheet->cells.count / sheet->columns;
    char *csv = hl_session_path(book->s, "tables/%s.csv", sheet->id), *tex = hl_session_path(book->s, "tables/%s.tex", sheet->id);
    if (sheet->cells.failed || !csv || !tex) note(book, HL_NO_MEMORY);
    if (!book->status) hl_page_table(book->page, sheet->caption, cells, rows, sheet->columns);
    if (!book->status) note(book, hl_table_csv(book->hl, csv, cells, rows, sheet->columns));
    if (!book->status) note(book, hl_table_latex(book->hl, tex, sheet->caption, sheet->id, cells, rows, sheet->columns));
    const char *why = "";
    for (int i = 0; i < sheet->reason_count; i++) why = hl_book_text(book, "%s%s%s", why, i ? "; " : "", sheet->reasons[i]);
    if (*why) hl_book_say(book, "A dash: %s.", why);
    free(csv), free(tex);
    hl_cells_free(&sheet->cells);
}

/* --- pictures --------------------------------------------------------------------------------------------------------- */

char *hl_book_plot(hl_book *book, const hl_plot *plot) { return hl_plot_svg(book->hl, plot); }

/* figures/ID.svg, or of several ID-N.svg. */
static char *figure_path(const hl_book *book, const char *id, int index, int count, const char *ending) {
    if (count == 1) return hl_session_path(book->s, "figures/%s.%s", id, ending);
    return hl_session_path(book->s, "figures/%s-%d.%s", id, index + 1, ending);
}

static void write_svg(hl_book *book, const char *id, const char *svg, int index, int count) {
    char *path = figure_path(book, id, index, count, "svg"), *png = figure_path(book, id, index, count, "png");
    if (!path || !png || !svg) note(book, HL_NO_MEMORY);
    if (!book->status) note(book, hl_file_write(book->hl, path, svg, strlen(svg)));
    if (!book->status) note(book, hl_svg_png(book->hl, svg, png_scale, png));
    free(path), free(png);
}

void hl_book_figure(hl_book *book, const char *id, const char *caption, char *const *svgs, int count) {
    for (int i = 0; i < count; i++) write_svg(book, id, svgs[i], i, count);
    if (!book->status) hl_page_svgs(book->page, caption, (const char *const *)svgs, count);
    for (int i = 0; i < count; i++) free(svgs[i]);
}

/* A picture within an SVG, so that it can be set and scaled as the plots are. */
static hl_status write_picture_svg(hl_book *book, const char *path, const hl_page_picture *picture) {
    unsigned char *png = NULL;
    size_t bytes = 0;
    hl_text text = {.hl = book->hl};
    hl_status status = hl_png_encode(book->hl, picture->width, picture->height, 3, 8, picture->rgb, &png, &bytes);
    if (status) return status;
    hl_text_format(&text,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"><image width=\"%d\" height=\"%d\" "
                   "href=\"data:image/png;base64,",
                   picture->width, picture->height, picture->width, picture->height);
    hl_text_base64(&text, png, bytes);
    hl_text_put(&text, "\"/></svg>\n");
    status = text.failed ? HL_NO_MEMORY : hl_file_write(book->hl, path, text.data, text.length);
    free(text.data), free(png);
    return status;
}

void hl_book_pictures(hl_book *book, const char *id, const char *caption, const hl_page_picture *pictures, int count) {
    for (int i = 0; i < count && !book->status; i++) {
        char *path = figure_path(book, id, i, count, "png"), *svg = figure_path(book, id, i, count, "svg");
        if (!path || !svg) note(book, HL_NO_MEMORY);
        if (!book->status) note(book, hl_png_write(book->hl, path, pictures[i].width, pictures[i].height, 3, 8, pictures[i].rgb));
        if (!book->status) note(book, write_picture_svg(book, svg, &pictures[i]));
        free(path), free(svg);
    }
    if (!book->status) hl_page_pictures(book->page, caption, pictures, count);
}
