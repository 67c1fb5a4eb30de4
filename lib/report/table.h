/* What tables on the page and in files share. */
#ifndef HL_REPORT_TABLE_H
#define HL_REPORT_TABLE_H

#include <stdbool.h>

/* The cell's text, "" for NULL. */
const char *hl_table_cell(const char *const *cells, int columns, int row, int column);
/* Are most of a column's cells, the head and blanks aside, numbers? */
bool hl_table_is_numeric(const char *const *cells, int rows, int columns, int column);

#endif
