/* The body on a picture of the chest: found by a threshold and an opening, and cut out. */
#include "data/body.h"

#include <math.h>
#include <string.h>

enum { SIDE = HL_BODY_SIDE, PIXELS = SIDE * SIDE, CROP = HL_BODY_CROP, REACH = 3, BINS = 256 };

/* Otsu, IEEE Trans. Syst. Man Cybern. 1979;9(1):62: the threshold with the largest variance between what is below and above. */
static double otsu(const double *picture) {
    double low = picture[0], high = picture[0], count[BINS] = {0}, total = 0, best = -1;
    for (int i = 1; i < PIXELS; i++) low = fmin(low, picture[i]), high = fmax(high, picture[i]);
    if (high <= low) return high;
    for (int i = 0; i < PIXELS; i++) count[(int)fmin((picture[i] - low) / (high - low) * BINS, BINS - 1)]++;
    for (int b = 0; b < BINS; b++) total += b * count[b];
    int at = 0;
    double below = 0, sum = 0;
    for (int b = 0; b < BINS - 1; b++) {
        below += count[b], sum += b * count[b];
        if (below == 0 || below == PIXELS) continue;
        double apart = sum / below - (total - sum) / (PIXELS - below), between = below * (PIXELS - below) * apart * apart;
        if (between > best) best = between, at = b;
    }
    return low + (high - low) * (at + 1) / BINS;
}

/* 1 where air is that the border reaches through air. */
static void flood_outside(const double *picture, double threshold, uint8_t *outside) {
    int queue[PIXELS], end = 0;
    memset(outside, 0, PIXELS);
    for (int i = 0; i < PIXELS; i++) {
        bool border = i < SIDE || i >= PIXELS - SIDE || i % SIDE == 0 || i % SIDE == SIDE - 1;
        if (border && picture[i] <= threshold) outside[i] = 1, queue[end++] = i;
    }
    for (int at = 0; at < end; at++) {
        int i = queue[at], x = i % SIDE, y = i / SIDE;
        const int next[] = {x > 0 ? i - 1 : i, x < SIDE - 1 ? i + 1 : i, y > 0 ? i - SIDE : i, y < SIDE - 1 ? i + SIDE : i};
        for (int n = 0; n < 4; n++)
            if (!outside[next[n]] && picture[next[n]] <= threshold) outside[next[n]] = 1, queue[end++] = next[n];
    }
}

/* REACH times: each pixel becomes 1 where one of its four neighbours is; what lies beyond the border is `beyond`. */
static void spread(uint8_t *map, uint8_t beyond) {
    for (int step = 0; step < REACH; step++) {
        uint8_t from[PIXELS];
        memcpy(from, map, PIXELS);
        for (int i = 0; i < PIXELS; i++) {
            int x = i % SIDE, y = i / SIDE;
            uint8_t left = x > 0 ? from[i - 1] : beyond, right = x < SIDE - 1 ? from[i + 1] : beyond;
            uint8_t up = y > 0 ? from[i - SIDE] : beyond, down = y < SIDE - 1 ? from[i + SIDE] : beyond;
            map[i] |= left | right | up | down;
        }
    }
}

/* Marks with 2 what hangs together with pixel `from` among the ones, and tells its pixels and the rectangle around them. */
static int take_piece(uint8_t *map, int from, hl_body_box *box) {
    int queue[PIXELS], end = 0;
    queue[end++] = from, map[from] = 2;
    *box = (hl_body_box){SIDE, 0, SIDE, 0};
    for (int at = 0; at < end; at++) {
        int i = queue[at], x = i % SIDE, y = i / SIDE;
        const int next[] = {x > 0 ? i - 1 : i, x < SIDE - 1 ? i + 1 : i, y > 0 ? i - SIDE : i, y < SIDE - 1 ? i + SIDE : i};
        for (int n = 0; n < 4; n++)
            if (map[next[n]] == 1) map[next[n]] = 2, queue[end++] = next[n];
        if (y < box->top) box->top = y;
        if (y >= box->bottom) box->bottom = y + 1;
        if (x < box->left) box->left = x;
        if (x >= box->right) box->right = x + 1;
    }
    return end;
}

/* Opening is spreading the outside, then the inside. */
bool hl_body_find(const double *picture, hl_body_box *box) {
    uint8_t map[PIXELS];
    flood_outside(picture, otsu(picture), map);
    spread(map, 1);
    for (int i = 0; i < PIXELS; i++) map[i] = !map[i];
    spread(map, 0);
    int largest = 0;
    *box = (hl_body_box){0};
    for (int i = 0; i < PIXELS; i++) {
        hl_body_box piece;
        if (map[i] != 1) continue;
        int pixels = take_piece(map, i, &piece);
        if (pixels > largest) largest = pixels, *box = piece;
    }
    return box->bottom - box->top >= SIDE / 4 && box->right - box->left >= SIDE / 4;
}

/* Sum of a line of `count` values, `step` apart, from position `from` to `to`, values covering a unit each. */
static double cover(const double *line, int step, double from, double to) {
    double sum = 0;
    for (int i = (int)from; i < to; i++) sum += line[i * step] * (fmin(i + 1, to) - fmax(i, from));
    return sum / (to - from);
}

void hl_body_crop(const double *picture, const hl_body_box *box, float *crop) {
    double rows[CROP * SIDE], mean = 0, squares = 0;
    double high = (double)(box->bottom - box->top) / CROP, wide = (double)(box->right - box->left) / CROP;
    for (int y = 0; y < CROP; y++)
        for (int x = 0; x < SIDE; x++)
            rows[y * SIDE + x] = cover(picture + x, SIDE, box->top + y * high, fmin(box->top + (y + 1) * high, box->bottom));
    double cut[CROP * CROP];
    for (int y = 0; y < CROP; y++)
        for (int x = 0; x < CROP; x++)
            mean += cut[y * CROP + x] = cover(rows + y * SIDE, 1, box->left + x * wide, fmin(box->left + (x + 1) * wide, box->right));
    mean /= CROP * CROP;
    for (int i = 0; i < CROP * CROP; i++) squares += (cut[i] - mean) * (cut[i] - mean);
    for (int i = 0; i < CROP * CROP; i++) crop[i] = squares > 0 ? (float)((cut[i] - mean) / sqrt(squares)) : 0;
}
