/* What all pictures are drawn with: colours, lines, labels, markers. */
#ifndef HL_REPORT_DRAW_H
#define HL_REPORT_DRAW_H

#include "report/text.h"

enum { HL_TICK_FONT = 11, HL_LABEL_FONT = 12, HL_TITLE_FONT = 13 };

/* Colours by index, any whole number: Okabe and Ito's, which readers with any colour vision can tell apart. */
const char *hl_colour(int index);
bool hl_present(const char *string); /* neither NULL nor empty */
/* About how wide it is in a font of that size. */
double hl_text_width(const char *string, int font);

/* Writes name="value" with two decimals. */
void hl_draw_attribute(hl_text *text, const char *name, double value);
/* Elements; style: more attributes. */
void hl_draw_line(hl_text *text, double x1, double y1, double x2, double y2, const char *style);
void hl_draw_box(hl_text *text, double x, double y, double width, double height, const char *style);
/* A <text> without its content and end. anchor: start, middle or end. */
void hl_draw_open_label(hl_text *text, double x, double y, const char *anchor, int font, const char *more);
void hl_draw_label(hl_text *text, double x, double y, const char *anchor, int font, const char *string);
/* Lines of a text one under the other, the first's base line at y. */
void hl_draw_note(hl_text *text, double x, double y, const char *anchor, const char *lines);
/* A marker about x, y whose form and colour go with the index: circle, square, triangle, diamond. */
void hl_draw_marker(hl_text *text, double x, double y, int index);
/* The attributes of a curve, and one of its dots. */
void hl_draw_stroke(hl_text *text, int colour, bool dashed, bool faint);
void hl_draw_dot(hl_text *text, double x, double y, int colour, bool faint);
/* A box of a light shade with an edge. */
void hl_draw_shade(hl_text *text, double x, double y, double width, double height, int colour);
/* The start of a picture: <svg> (`alone`: with the namespace that a file of its own needs) and its white ground. */
void hl_draw_open(hl_text *text, const char *title, double width, double height, bool alone);
/* The text when all went well, else NULL with its memory freed. */
char *hl_draw_finish(hl_text *text);

#endif
