/* A plot's axis: its range, its round ticks, and where a value lands. */
#include "report/axis.h"

#include <math.h>
#include <stdbool.h>

enum { ticks_at_most = 40 };

/* The smallest of 1, 2 and 5 times a power of ten that is not below `least`. */
static double round_step(double least, int *decimals) {
    int power = (int)floor(log10(least));
    double unit = pow(10, power), share = least / unit, slack = 1 + 1e-9;
    double step = share <= slack ? 1 : share <= 2 * slack ? 2 : share <= 5 * slack ? 5 : 10;
    int digits = step == 10 ? -power - 1 : -power;
    *decimals = digits < 0 ? 0 : digits > 9 ? 9 : digits;
    return step * unit;
}

hl_axis hl_axis_make(double low, double high, double data_low, double data_high, double length, double spacing) {
    bool given = low < high && isfinite(high - low);
    hl_axis axis = {.low = low, .high = high};
    if (!given) {
        bool usable = data_low <= data_high && isfinite(data_high - data_low);
        axis.low = usable ? data_low : 0, axis.high = usable ? data_high : 1;
        double margin = 1e-6 * fmax(fabs(axis.low), fabs(axis.high));
        if (axis.high - axis.low <= margin) {
            double half = axis.low == 0 && axis.high == 0 ? 0.5 : fmax(0.1 * fabs(axis.low), 1e-300);
            axis.low -= half, axis.high += half;
        }
    }
    double count = fmin(fmax(floor(length / spacing), 2), ticks_at_most);
    axis.step = round_step((axis.high - axis.low) / count, &axis.decimals);
    if (!given) {
        axis.low = floor(axis.low / axis.step + 1e-9) * axis.step;
        axis.high = ceil(axis.high / axis.step - 1e-9) * axis.step;
    }
    double first = ceil(axis.low / axis.step - 1e-9), last = floor(axis.high / axis.step + 1e-9);
    if (fabs(first) < 1e9 && fabs(last) < 1e9) axis.first = (int)first, axis.last = (int)last;
    else axis.first = 1; /* too far from 0 to tell ticks apart: none */
    return axis;
}

double hl_axis_place(const hl_axis *axis, double value) {
    const double far = 1e5; /* outside any picture, and still a sensible number in the file */
    double place = axis->start + (value - axis->low) / (axis->high - axis->low) * axis->pixels;
    return fmin(fmax(place, -far), far);
}
