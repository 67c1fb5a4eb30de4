/* Box plots lying on their side, with every value as a dot. */
#include <math.h>
#include <stdlib.h>

#include "eval/statistics.h"
#include "hilum/plots.h"
#include "report/frame.h"

enum { box_height = 15, row_gap = 10 };

static double row_height(const hl_boxes *b) { return b->series_count * (box_height + 3) + row_gap; }

static hl_frame lay_out(const hl_boxes *b) {
    hl_frame f = hl_frame_start(b->title, b->value_label, NULL, b->width > 0 ? b->width : 620, 0);
    f.x_min = b->min, f.x_max = b->max;
    for (int r = 0; r < b->rows; r++) f.names = fmax(f.names, hl_text_width(b->names[r], HL_LABEL_FONT) + 6);
    for (int i = 0; i < b->rows * b->series_count; i++) {
        for (int k = 0; k < b->counts[i]; k++) hl_frame_widen(&f, b->values[i][k], NAN);
    }
    for (int s = 0; b->series && s < b->series_count; s++) hl_frame_add_key(&f, b->series[s]);
    f.names = fmax(f.names, 12);
    f.inner = fmax(1, b->rows * row_height(b));
    hl_frame_place(&f);
    return f;
}

/* Dots spread over the box's height by the golden ratio, which leaves no two neighbours close. */
static void draw_dots(hl_text *text, const hl_frame *f, const double *sorted, int count, double middle, int colour) {
    for (int i = 0; i < count; i++) {
        double spread = fmod(0.5 + 0.6180339887 * i, 1) - 0.5;
        hl_text_put(text, "<circle");
        hl_draw_attribute(text, "cx", hl_frame_x(f, sorted[i])), hl_draw_attribute(text, "cy", middle + spread * (box_height - 3));
        hl_text_format(text, " r=\"1.9\" fill=\"%s\" fill-opacity=\"0.7\"/>\n", hl_colour(colour));
    }
}

/* One box of rising values about the height `middle`. */
static void draw_box(hl_text *text, const hl_frame *f, const double *sorted, int count, double middle, int colour) {
    double q1 = hl_sorted_quantile(sorted, count, 0.25), q3 = hl_sorted_quantile(sorted, count, 0.75), reach = 1.5 * (q3 - q1);
    int low = 0, high = count - 1;
    while (sorted[low] < q1 - reach) low++;
    while (sorted[high] > q3 + reach) high--;
    double left = hl_frame_x(f, q1), right = hl_frame_x(f, q3), half = box_height / 2.0,
           median = hl_frame_x(f, hl_sorted_quantile(sorted, count, 0.5));
    hl_text_format(text, "<g stroke=\"%s\">\n", hl_colour(colour));
    hl_draw_line(text, hl_frame_x(f, sorted[low]), middle, left, middle, "stroke-width=\"1.2\"");
    hl_draw_line(text, right, middle, hl_frame_x(f, sorted[high]), middle, "stroke-width=\"1.2\"");
    hl_text_put(text, "</g>\n");
    hl_draw_shade(text, left, middle - half, right - left, box_height, colour);
    draw_dots(text, f, sorted, count, middle, colour);
    hl_draw_line(text, median, middle - half, median, middle + half, "stroke=\"#1a1a1a\" stroke-width=\"2\"");
    double mean = hl_frame_x(f, hl_mean(sorted, count));
    hl_text_put(text, "<path fill=\"#fff\" stroke=\"#1a1a1a\" stroke-width=\"1.1\" d=\"M");
    hl_text_number(text, mean - 4.5, 2), hl_text_put(text, " "), hl_text_number(text, middle, 2);
    hl_text_put(text, "l4.5 -4.5l4.5 4.5l-4.5 4.5Z\"/>\n");
}

/* The box of row r and series s, from a sorted copy without what is not finite. */
static void draw_values(hl_text *text, const hl_boxes *b, const hl_frame *f, int r, int s) {
    int at = r * b->series_count + s, kept = 0;
    double *sorted = hl_calloc(text->hl, (size_t)b->counts[at] + 1, sizeof *sorted);
    if (!sorted) {
        text->failed = true;
        return;
    }
    for (int i = 0; i < b->counts[at]; i++) {
        if (isfinite(b->values[at][i])) sorted[kept++] = b->values[at][i];
    }
    hl_sort_doubles(sorted, kept);
    double middle = f->top + r * row_height(b) + row_gap / 2.0 + s * (box_height + 3) + box_height / 2.0 + 1.5;
    if (kept) draw_box(text, f, sorted, kept, middle, s);
    free(sorted);
}

static void draw_names(hl_text *text, const hl_boxes *b, const hl_frame *f) {
    for (int r = 0; r < b->rows; r++) {
        double top = f->top + r * row_height(b);
        if (r) hl_draw_line(text, f->left, top, f->right, top, "stroke=\"#e4e4e4\"");
        hl_draw_label(text, f->left - 8, top + row_height(b) / 2 + 4, "end", HL_LABEL_FONT, b->names[r]);
    }
}

char *hl_boxes_svg(hl_context *hl, const hl_boxes *boxes) {
    hl_text text = {.hl = hl};
    hl_frame f = lay_out(boxes);
    hl_draw_open(&text, boxes->title, f.width, f.height, true);
    hl_frame_axes(&text, &f);
    draw_names(&text, boxes, &f);
    hl_frame_open_inside(&text, &f, HL_EDGE);
    for (int r = 0; r < boxes->rows; r++) {
        for (int s = 0; s < boxes->series_count; s++) draw_values(&text, boxes, &f, r, s);
    }
    hl_frame_close_inside(&text);
    hl_frame_title(&text, &f);
    for (int s = 0, entry = 0; boxes->series && s < boxes->series_count; s++) {
        hl_frame_key(&text, &f, entry, &(hl_key){.label = boxes->series[s], .colour = s, .kind = HL_KEY_BOX});
        entry += hl_present(boxes->series[s]);
    }
    hl_text_put(&text, "</svg>\n");
    return hl_draw_finish(&text);
}
