/* One self-contained HTML page: headings, tables, plots, pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "hilum/data.h"
#include "hilum/plots.h"
#include "report/plot.h"
#include "report/table.h"

static const char style[] =
    ":root{color-scheme:light}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:#fff;color:#1a1a1a;font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:2.5rem 1.5rem 4rem}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:0}\n"
    ".subtitle{margin:.4rem 0 0;color:#5a5a5a;font-size:1.05rem}\n"
    "header{border-bottom:2px solid #1a1a1a;padding-bottom:1.1rem;margin-bottom:1.6rem}\n"
    "h2{font-size:1.3rem;margin:2.6rem 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid #d8d8d8}\n"
    "p{max-width:46rem;margin:.7rem 0}\n"
    "figure{margin:1.4rem 0}\n"
    "figcaption,caption{color:#444;font-size:.9rem;text-align:left}\n"
    "figcaption{margin-top:.5rem;max-width:46rem}\n"
    ".row{display:flex;flex-wrap:wrap;gap:1.2rem;align-items:flex-start}\n"
    ".row svg{max-width:100%;height:auto}\n"
    ".scroll{overflow-x:auto;margin:1.2rem 0}\n"
    "table{border-collapse:collapse;font-size:.91rem;border-top:2px solid #1a1a1a;border-bottom:2px solid #1a1a1a}\n"
    "caption{caption-side:top;padding-bottom:.5rem}\n"
    "th,td{padding:.34rem .62rem;text-align:left;vertical-align:top}\n"
    "thead th{border-bottom:1px solid #1a1a1a;font-weight:600;vertical-align:bottom}\n"
    "td:first-child{white-space:nowrap}\n"
    "tbody tr+tr td{border-top:1px solid #ebebeb}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    ".picture{margin:0}\n"
    ".picture img{display:block;max-width:100%;height:auto;border:1px solid #d8d8d8}\n"
    ".picture figcaption{font-size:.82rem;margin-top:.3rem;overflow-wrap:anywhere}\n"
    ".enlarged{image-rendering:pixelated}\n"
    "@media print{body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}figure,tr{break-inside:avoid}"
    ".scroll{overflow:visible}}\n";

struct hl_page {
    hl_context *hl;
    hl_text text;
    hl_status status; /* of the first failure; `error` is its text */
    char error[512];
};

static void note_failure(hl_page *page, hl_status status) {
    if (page->status) return;
    page->status = status;
    snprintf(page->error, sizeof page->error, "%s", hl_error(page->hl));
}

/* May more be written? */
static bool writable(const hl_page *page) { return page && !page->status; }

static void check_text(hl_page *page) {
    if (page->text.failed) note_failure(page, HL_NO_MEMORY);
}

static void element(hl_text *text, const char *open, const char *content, const char *close) {
    hl_text_put(text, open);
    hl_text_escape(text, content);
    hl_text_put(text, close);
}

hl_page *hl_page_start(hl_context *hl, const char *title, const char *subtitle) {
    hl_page *page = hl_calloc(hl, 1, sizeof *page);
    if (!page) return NULL;
    page->hl = hl;
    page->text.hl = hl;
    hl_text *text = &page->text;
    hl_text_put(text, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    element(text, "<title>", title, "</title>\n");
    hl_text_put(text, "<style>\n");
    hl_text_put(text, style);
    hl_text_put(text, "</style>\n</head>\n<body>\n<main>\n<header>\n");
    element(text, "<h1>", title, "</h1>\n");
    if (subtitle && *subtitle) element(text, "<p class=\"subtitle\">", subtitle, "</p>\n");
    hl_text_put(text, "</header>\n");
    check_text(page);
    return page;
}

void hl_page_heading(hl_page *page, const char *string) {
    if (!writable(page)) return;
    element(&page->text, "<h2>", string, "</h2>\n");
    check_text(page);
}

void hl_page_paragraph(hl_page *page, const char *string) {
    if (!writable(page)) return;
    element(&page->text, "<p>", string, "</p>\n");
    check_text(page);
}

/* --- tables --- */

static void table_row(hl_text *text, const char *const *cells, const bool *numeric, int columns, int row) {
    const char *tag = row ? "td" : "th";
    hl_text_put(text, "<tr>");
    for (int c = 0; c < columns; c++) {
        const char *cell = hl_table_cell(cells, columns, row, c);
        hl_text_format(text, "<%s%s%s>", tag, row ? "" : " scope=\"col\"", numeric[c] ? " class=\"n\"" : "");
        hl_text_escape(text, cell);
        hl_text_format(text, "</%s>", tag);
    }
    hl_text_put(text, "</tr>\n");
}

void hl_page_table(hl_page *page, const char *caption, const char *const *cells, int rows, int columns) {
    if (!writable(page) || rows < 1 || columns < 1) return;
    hl_text *text = &page->text;
    bool *numeric = hl_calloc(page->hl, (size_t)columns, sizeof *numeric);
    if (!numeric) {
        note_failure(page, HL_NO_MEMORY);
        return;
    }
    for (int c = 0; c < columns; c++) numeric[c] = hl_table_is_numeric(cells, rows, columns, c);
    hl_text_put(text, "<div class=\"scroll\">\n<table>\n");
    if (caption) element(text, "<caption>", caption, "</caption>\n");
    hl_text_put(text, "<thead>\n");
    table_row(text, cells, numeric, columns, 0);
    hl_text_put(text, "</thead>\n<tbody>\n");
    for (int r = 1; r < rows; r++) table_row(text, cells, numeric, columns, r);
    hl_text_put(text, "</tbody>\n</table>\n</div>\n");
    free(numeric);
    check_text(page);
}

/* --- plots and pictures --- */

static void close_figure(hl_page *page, const char *caption) {
    hl_text_put(&page->text, "</div>\n");
    if (caption) element(&page->text, "<figcaption>", caption, "</figcaption>\n");
    hl_text_put(&page->text, "</figure>\n");
    check_text(page);
}

void hl_page_plots(hl_page *page, const char *caption, const hl_plot *plots, int count) {
    if (!writable(page)) return;
    hl_text_put(&page->text, "<figure>\n<div class=\"row\">\n");
    for (int i = 0; i < count; i++) hl_plot_draw(&page->text, &plots[i], false);
    close_figure(page, caption);
}

void hl_page_svgs(hl_page *page, const char *caption, const char *const *svgs, int count) {
    if (!writable(page)) return;
    hl_text_put(&page->text, "<figure>\n<div class=\"row\">\n");
    for (int i = 0; i < count && !page->status; i++) {
        if (svgs[i]) hl_text_put(&page->text, svgs[i]);
        else note_failure(page, HL_NO_MEMORY);
    }
    close_figure(page, caption);
}

/* Small pictures are enlarged by a whole number to about 250 pixels, large ones shown at 340 at most. */
static void put_picture(hl_page *page, const hl_page_picture *picture) {
    unsigned char *png = NULL;
    size_t bytes = 0;
    hl_status status = hl_png_encode(page->hl, picture->width, picture->height, 3, 8, picture->rgb, &png, &bytes);
    if (status) {
        note_failure(page, status);
        return;
    }
    const int usual = 250, largest = 340;
    int factor = usual / picture->width > 1 ? usual / picture->width : 1;
    int width = picture->width * factor > largest ? largest : picture->width * factor;
    int height = (int)(((int64_t)picture->height * width + picture->width / 2) / picture->width);
    hl_text *text = &page->text;
    hl_text_format(text, "<figure class=\"picture\" style=\"width:%dpx\"><img%s width=\"%d\" height=\"%d\" alt=\"", width + 2,
                   factor > 1 ? " class=\"enlarged\"" : "", width, height);
    hl_text_escape(text, picture->caption ? picture->caption : "");
    hl_text_put(text, "\" src=\"data:image/png;base64,");
    hl_text_base64(text, png, bytes);
    hl_text_put(text, "\">");
    if (picture->caption) element(text, "<figcaption>", picture->caption, "</figcaption>");
    hl_text_put(text, "</figure>\n");
    free(png);
}

void hl_page_pictures(hl_page *page, const char *caption, const hl_page_picture *pictures, int count) {
    if (!writable(page)) return;
    hl_text_put(&page->text, "<figure>\n<div class=\"row\">\n");
    for (int i = 0; i < count && !page->status; i++) put_picture(page, &pictures[i]);
    close_figure(page, caption);
}

hl_status hl_page_write(hl_page *page, const char *path) {
    if (!page) return HL_NO_MEMORY;
    hl_text_put(&page->text, "</main>\n</body>\n</html>\n");
    check_text(page);
    hl_status status = page->status;
    if (status) hl_fail(page->hl, status, "%s", page->error);
    else status = hl_file_write(page->hl, path, page->text.data, page->text.length);
    hl_page_free(page);
    return status;
}

void hl_page_free(hl_page *page) {
    if (!page) return;
    free(page->text.data);
    free(page);
}
