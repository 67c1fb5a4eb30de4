/* Captions in pictures: letters drawn as strokes. */
#ifndef HL_REPORT_LETTERS_H
#define HL_REPORT_LETTERS_H

/* A picture of 3 bytes a pixel that is drawn on. */
typedef struct hl_paper {
    unsigned char *rgb;
    int height, width;
} hl_paper;

/* Letters lie on a grid of `unit` pixels: capitals and digits are 6 units high, what hangs below the line 2 more. */
double hl_letters_width(const char *text, double unit); /* in pixels */
/* Draws small letters, digits, space and some of the signs, dark and smooth, from (left, top) on; others are left blank. */
void hl_letters_draw(const hl_paper *paper, const char *text, double left, double top, double unit);

#endif
