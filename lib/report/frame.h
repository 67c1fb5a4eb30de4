/* The frame of a plot: margins, two axes with ticks and grid, title, legend under them. */
#ifndef HL_REPORT_FRAME_H
#define HL_REPORT_FRAME_H

#include "report/axis.h"
#include "report/draw.h"

typedef struct hl_frame {
    /* Set by whoever draws, before hl_frame_place. */
    const char *title, *x_label, *y_label;
    double width, height;              /* of the picture; 0: 520 x 360 */
    double x_min, x_max, y_min, y_max; /* of the axes; min = max: from the data */
    double x_data[2], y_data[2];       /* hl_frame_widen */
    double names;                      /* above 0: so much room for names at the left instead of ticks and numbers */
    double beside, above;              /* room kept free at the right and above */
    double left_least;                 /* room at the left at least, so that the axes of two frames stand under one another */
    double inner;                      /* above 0: the height between the axes, from which the picture's follows */
    bool unnumbered;                   /* no numbers under the x axis: another frame's stand below */
    bool square;                       /* inner is the width between the axes */
    int keys;                          /* entries of the legend, hl_frame_add_key */
    double key_width;                  /* of the widest */
    /* Set by hl_frame_place: the area between the axes, and they. */
    double left, top, right, bottom;
    hl_axis x, y;
    int key_rows;
} hl_frame;

/* One entry of the legend: what stands before the label. */
typedef enum hl_key_kind { HL_KEY_MARKER, HL_KEY_CURVE, HL_KEY_BOX } hl_key_kind;
typedef struct hl_key {
    const char *label;
    int colour;
    hl_key_kind kind;
    bool dashed, faint, dot; /* of a curve */
} hl_key;

/* A frame of these words and size, without data. */
hl_frame hl_frame_start(const char *title, const char *x_label, const char *y_label, int width, int height);
void hl_frame_widen(hl_frame *frame, double x, double y);  /* what is not finite is passed over */
void hl_frame_add_key(hl_frame *frame, const char *label); /* nothing for "" or NULL */
void hl_frame_place(hl_frame *frame);

double hl_frame_x(const hl_frame *frame, double value);
double hl_frame_y(const hl_frame *frame, double value);
/* Grid, ticks, numbers, axes and their labels. */
void hl_frame_axes(hl_text *text, const hl_frame *frame);
/* What is drawn between them is cut off `edge` pixels outside the axes; HL_EDGE leaves lines and dots on the frame whole. */
enum { HL_EDGE = 4 };
void hl_frame_open_inside(hl_text *text, const hl_frame *frame, double edge);
void hl_frame_close_inside(hl_text *text);
/* The line y = x as far as both axes have it. */
void hl_frame_diagonal(hl_text *text, const hl_frame *frame);
void hl_frame_title(hl_text *text, const hl_frame *frame);
/* Entry `index` of the legend; nothing for one without a label. */
void hl_frame_key(hl_text *text, const hl_frame *frame, int index, const hl_key *key);

#endif
