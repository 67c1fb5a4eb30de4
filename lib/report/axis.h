/* A plot's axis: its range, its round ticks, and where a value lands. */
#ifndef HL_REPORT_AXIS_H
#define HL_REPORT_AXIS_H

typedef struct hl_axis {
    double low, high;      /* values at the two ends */
    double start, pixels;  /* where `low` is drawn, and how far (with its sign) `high` is from there */
    double step;           /* between ticks */
    int first, last;       /* ticks are at first * step .. last * step */
    int decimals;          /* that tell the ticks apart */
} hl_axis;

/* The axis of a given range, or, where low is not below high, of the data's (widened to round numbers), with about one tick
 * every `spacing` pixels of `length`. Data that is not finite or empty: 0 to 1. */
hl_axis hl_axis_make(double low, double high, double data_low, double data_high, double length, double spacing);
double hl_axis_place(const hl_axis *axis, double value);

#endif
