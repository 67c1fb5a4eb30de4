/* Tables as CSV and as LaTeX. */
#include "report/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/csv.h"
#include "hilum/plots.h"
#include "report/text.h"

/* Digits with signs, units of share, ranges and exponents, such as -1.5, 45 %, 0.71 (0.65 to 0.80), 3e-4. */
static bool is_number(const char *cell) {
    static const char *const words[] = {"to", "±", "−", "–", "e", NULL};
    bool digits = false;
    for (const char *c = cell; *c;) {
        size_t skip = strspn(c, " +-.,%()[]/");
        if (*c >= '0' && *c <= '9') digits = true, skip = 1;
        for (int w = 0; !skip && words[w]; w++) skip = strncmp(c, words[w], strlen(words[w])) ? 0 : strlen(words[w]);
        if (!skip) return false;
        c += skip;
    }
    return digits;
}

static bool is_blank(const char *cell) {
    static const char *const blanks[] = {"", "-", "–", "—", "null", "n/a", NULL};
    for (int i = 0; blanks[i]; i++) {
        if (!strcmp(cell, blanks[i])) return true;
    }
    return false;
}

const char *hl_table_cell(const char *const *cells, int columns, int row, int column) {
    const char *cell = cells[(size_t)row * (size_t)columns + (size_t)column];
    return cell ? cell : "";
}

/* Are most of a column's cells, blanks aside, numbers, or is there nothing but blanks? */
bool hl_table_is_numeric(const char *const *cells, int rows, int columns, int column) {
    int numbers = 0, words = 0;
    for (int r = 1; r < rows; r++) {
        const char *cell = hl_table_cell(cells, columns, r, column);
        if (is_number(cell)) numbers++;
        else if (!is_blank(cell)) words++;
    }
    return numbers > words || !words;
}

/* --- files -------------------------------------------------------------------------------------------------------------- */

hl_status hl_table_csv(hl_context *hl, const char *path, const char *const *cells, int rows, int columns) {
    hl_new_file file;
    hl_status status = hl_file_create(hl, &file, path);
    if (status) return status;
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
            if (c) fputc(',', file.stream);
            hl_csv_put(file.stream, hl_table_cell(cells, columns, r, c));
        }
        fputc('\n', file.stream);
    }
    return hl_file_commit(hl, &file);
}

/* What stands for a sign in LaTeX; NULL: itself. *length: its bytes. */
static const char *in_latex(const char *at, size_t *length) {
    static const char *const signs[][2] = {
        {"&", "\\&"},
        {"%", "\\%"},
        {"$", "\\$"},
        {"#", "\\#"},
        {"_", "\\_"},
        {"{", "\\{"},
        {"}", "\\}"},
        {"~", "\\textasciitilde{}"},
        {"^", "\\textasciicircum{}"},
        {"\\", "\\textbackslash{}"},
        {"<", "$<$"},
        {">", "$>$"},
        {"|", "\\textbar{}"},
        {"\"", "\\textquotedbl{}"},
        {"±", "$\\pm$"},
        {"×", "$\\times$"},
        {"≤", "$\\leq$"},
        {"≥", "$\\geq$"},
        {"−", "$-$"},
        {"–", "--"},
        {"—", "---"},
        {"µ", "$\\mu$"},
        {"κ", "$\\kappa$"},
        {"ρ", "$\\rho$"},
        {"χ²", "$\\chi^2$"},
        {"²", "$^2$"},
        {"³", "$^3$"},
        {"\n", " "},
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        *length = strlen(signs[i][0]);
        if (!strncmp(at, signs[i][0], *length)) return signs[i][1];
    }
    *length = 1;
    return NULL;
}

static void put_latex(hl_text *text, const char *string) {
    size_t length;
    for (const char *at = string; *at; at += length) {
        const char *instead = in_latex(at, &length);
        char one[] = {*at, '\0'};
        hl_text_put(text, instead ? instead : (unsigned char)*at < 0x20 ? " " : one);
    }
}

static void latex_row(hl_text *text, const char *const *cells, int columns, int row) {
    for (int c = 0; c < columns; c++) {
        const char *cell = hl_table_cell(cells, columns, row, c);
        bool indented = !strncmp(cell, "  ", 2);
        hl_text_put(text, c ? " & " : "");
        if (indented) hl_text_put(text, "\\quad ");
        put_latex(text, cell + strspn(cell, " "));
    }
    hl_text_put(text, " \\\\\n");
}

hl_status hl_table_latex(hl_context *hl, const char *path, const char *caption, const char *label, const char *const *cells, int rows,
                         int columns) {
    hl_text text = {.hl = hl};
    hl_text_put(&text, "\\begin{table}\n\\centering\n");
    if (caption) hl_text_put(&text, "\\caption{"), put_latex(&text, caption), hl_text_put(&text, "}\n");
    if (label) hl_text_format(&text, "\\label{%s}\n", label);
    hl_text_put(&text, "\\begin{tabular}{");
    for (int c = 0; c < columns; c++) hl_text_put(&text, hl_table_is_numeric(cells, rows, columns, c) ? "r" : "l");
    hl_text_put(&text, "}\n\\toprule\n");
    for (int r = 0; r < rows; r++) {
        latex_row(&text, cells, columns, r);
        if (r == 0) hl_text_put(&text, "\\midrule\n");
    }
    hl_text_put(&text, "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    hl_status status = text.failed ? HL_NO_MEMORY : hl_file_write(hl, path, text.data, text.length);
    free(text.data);
    return status;
}
