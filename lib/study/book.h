/* The report of a study being written: tables, each also as CSV, LaTeX and in metrics.json, and pictures, each also as SVG and PNG. */
#ifndef HL_STUDY_BOOK_H
#define HL_STUDY_BOOK_H

#include "hilum/plots.h"
#include "hilum/report.h"
#include "study/tables.h"
#include "study/whole.h"

enum { HL_SHEET_COLUMNS = 24 };

typedef struct hl_book {
    hl_context *hl;
    hl_session *s;
    hl_page *page;
    hl_json metrics;
    cJSON *tables;          /* in metrics */
    struct hl_shelf *shelf; /* results read so far */
    void **kept;            /* memory that lives as long as the book is written */
    int kept_count;
    size_t kept_capacity;
    hl_status status; /* the first failure sticks */
} hl_book;

/* A table being filled cell by cell, row by row. */
typedef struct hl_sheet {
    hl_book *book;
    const char *id, *caption; /* "table1" */
    int columns;
    hl_cells cells;
    cJSON *rows, *row; /* in metrics.json */
    char reasons[8][200];
    int reason_count;
} hl_sheet;

/* Memory and texts that are freed with the book; NULL (or "") without memory. */
void *hl_book_keep(hl_book *book, void *memory);
double *hl_book_doubles(hl_book *book, int count);
const char *hl_book_text(hl_book *book, const char *format, ...) HL_PRINTF(2, 3);
void hl_book_heading(hl_book *book, const char *text);
void hl_book_say(hl_book *book, const char *format, ...) HL_PRINTF(2, 3);
/* The result of another part, where it is there; NULL where it is not. Kept with the book. */
const cJSON *hl_book_result(hl_book *book, const char *part);

void hl_sheet_start(hl_sheet *sheet, hl_book *book, const char *id, const char *caption, const char *const *heads, int columns);
void hl_sheet_text(hl_sheet *sheet, const char *format, ...) HL_PRINTF(2, 3);
/* A value with so many decimals. NaN: a dash, and null with the reason, which is told under the table once. */
void hl_sheet_number(hl_sheet *sheet, double value, int decimals, const char *reason);
/* A probability: four decimals, and below 0.0001 as 3.1e-07. */
void hl_sheet_probability(hl_sheet *sheet, double value, const char *reason);
/* "0.812 ± 0.034"; a deviation that has no value is left out and its reason told. */
void hl_sheet_pair(hl_sheet *sheet, double value, double deviation, int decimals, const char *reason);
/* "0.812 (0.790 to 0.834)". */
void hl_sheet_interval(hl_sheet *sheet, double value, double low, double high, int decimals, const char *reason);
void hl_sheet_end(hl_sheet *sheet);

/* SVG texts (taken and freed) beside one another; files figures/ID.svg and ID.png, of several ID-1, ID-2, ... */
void hl_book_figure(hl_book *book, const char *id, const char *caption, char *const *svgs, int count);
/* A plot as an SVG text. */
char *hl_book_plot(hl_book *book, const hl_plot *plot);
/* RGB pictures (borrowed) side by side, each with a caption; files figures/ID-1.png, ID-1.svg, ... */
void hl_book_pictures(hl_book *book, const char *id, const char *caption, const hl_page_picture *pictures, int count);

/* Why there is nothing: told on the page and in metrics.json as the reason of a table that has no rows. */
bool hl_book_skipped(hl_book *book, const char *id, const cJSON *result);

/* Tables and pictures that take from several parts (book_front.c). */
hl_status hl_book_front(hl_book *book); /* Figures 1 and 2 */
hl_status hl_book_table2(hl_book *book);
hl_status hl_book_appendix(hl_book *book); /* cohorts, lung masks, the paper's own figures, times */
/* A drawing of one of the two decoders (figure_nets.c). Owner: the caller, free. */
char *hl_figure_net(hl_context *hl, bool unet);
/* What the part statistics shows (statistics_show.c). */
hl_status hl_statistics_show(hl_book *book, const cJSON *result);

#endif
