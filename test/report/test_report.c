/* Texts, axes, plots, overlays and pages: well-formed, escaped, self-contained, the same bytes every time. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "hilum/data.h"
#include "hilum/report.h"
#include "markup.h"
#include "report/axis.h"
#include "report/text.h"

static const char nasty[] = "a<b & \"c\" 'd' > \x01 \xc3\xa9";
static const char escaped[] = "a&lt;b &amp; &quot;c&quot; &#39;d&#39; &gt;   \xc3\xa9";

/* --- texts and axes --- */

static void assert_number(hl_context *hl, double value, int decimals, const char *expected) {
    hl_text text = {.hl = hl};
    hl_text_number(&text, value, decimals);
    ck_assert_str_eq(text.data, expected);
    free(text.data);
}

START_TEST(numbers_have_fixed_decimals) {
    hl_context *hl = hl_open(NULL);
    assert_number(hl, 0.25, 2, "0.25");
    assert_number(hl, -0.004, 2, "0.00");
    assert_number(hl, -12.006, 2, "-12.01");
    assert_number(hl, 0.999, 2, "1.00");
    assert_number(hl, 7, 0, "7");
    assert_number(hl, 0.000012, 6, "0.000012");
    assert_number(hl, 1e20, 2, "100000000000000000000");
    hl_close(hl);
}
END_TEST

/* The examples of RFC 4648, section 10. */
START_TEST(base64_as_in_the_rfc) {
    const char *plain[] = {"f", "fo", "foo", "foob", "fooba", "foobar", "\xff\xfe\xfb"};
    const char *coded[] = {"Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy", "//77"};
    hl_context *hl = hl_open(NULL);
    for (int i = 0; i < 7; i++) {
        hl_text text = {.hl = hl};
        hl_text_base64(&text, (const unsigned char *)plain[i], strlen(plain[i]));
        ck_assert_str_eq(text.data, coded[i]);
        free(text.data);
    }
    hl_close(hl);
}
END_TEST

START_TEST(texts_grow_and_escape) {
    hl_context *hl = hl_open(NULL);
    hl_text text = {.hl = hl};
    hl_text_escape(&text, nasty);
    ck_assert_str_eq(text.data, escaped);
    char long_text[2001];
    memset(long_text, 'x', 2000), long_text[2000] = '\0';
    hl_text_format(&text, "%s|%d", long_text, 7);
    ck_assert_uint_eq(text.length, strlen(escaped) + 2002);
    ck_assert_str_eq(text.data + strlen(escaped) + 2000, "|7");
    free(text.data), hl_close(hl);
}
END_TEST

static void assert_axis(hl_axis axis, double low, double high, double step, int first, int last, int decimals) {
    ck_assert_double_eq_tol(axis.low, low, 1e-9 * (fabs(low) + 1e-3));
    ck_assert_double_eq_tol(axis.high, high, 1e-9 * (fabs(high) + 1e-3));
    ck_assert_double_eq_tol(axis.step, step, 1e-9 * step);
    ck_assert_int_eq(axis.first, first);
    ck_assert_int_eq(axis.last, last);
    ck_assert_int_eq(axis.decimals, decimals);
}

START_TEST(axes_have_round_ticks) {
    assert_axis(hl_axis_make(0, 1, 5, 9, 280, 44), 0, 1, 0.2, 0, 5, 1);
    assert_axis(hl_axis_make(0, 1.8, 0, 0, 280, 44), 0, 1.8, 0.5, 0, 3, 1);
    assert_axis(hl_axis_make(0, 0, 1, 48, 400, 62), 0, 50, 10, 0, 5, 0);
    assert_axis(hl_axis_make(0, 0, -0.3, 1.01, 280, 44), -0.5, 1.5, 0.5, -1, 3, 1);
    assert_axis(hl_axis_make(0, 0, 0.00012, 0.00034, 280, 44), 0.0001, 0.00035, 0.00005, 2, 7, 5);
    assert_axis(hl_axis_make(0, 0, INFINITY, -INFINITY, 280, 44), 0, 1, 0.2, 0, 5, 1); /* no data */
    assert_axis(hl_axis_make(NAN, NAN, 0, 0, 280, 44), -0.6, 0.6, 0.2, -3, 3, 1);
    hl_axis far = hl_axis_make(0, 0, 1e300, 1e300, 280, 44), near = hl_axis_make(1e15, 1e15 + 1, 0, 0, 280, 44);
    ck_assert(far.low < 1e300 && far.high > 1e300);
    ck_assert(near.last < near.first);
    hl_axis axis = {.low = 2, .high = 4, .start = 300, .pixels = -200};
    ck_assert(hl_axis_place(&axis, 2) == 300 && hl_axis_place(&axis, 3) == 200 && fabs(hl_axis_place(&axis, 1e300)) <= 1e5);
}
END_TEST

/* --- plots --- */

static const double xs[] = {0, 1, 2, 3, 4, 5, 6}, ys[] = {0.1, 0.4, NAN, 0.3, 0.8, INFINITY, 0.5}, highs[] = {0.2, 0.5, 1, 1, 1, 1, 1};

static hl_plot make_plot(hl_curve *curves) {
    curves[0] = (hl_curve){.label = nasty, .x = xs, .y = ys, .points = 7, .markers = true, .colour = -3};
    curves[1] = (hl_curve){.label = "faint", .x = xs, .y = highs, .points = 7, .faint = true, .dashed = true, .colour = 1000};
    curves[2] = (hl_curve){.label = NULL, .x = xs, .y = ys, .points = 0};
    return (hl_plot){.title = nasty, .x_label = nasty, .y_label = nasty, .curves = curves, .curve_count = 3, .band_x = xs, .band_low = ys,
                     .band_high = highs, .band_points = 7, .marker_x = 2.5, .diagonal = true};
}

START_TEST(a_plot_is_well_formed_and_escaped) {
    hl_context *hl = hl_open(NULL);
    hl_curve curves[3];
    hl_plot plot = make_plot(curves);
    char *svg = hl_plot_svg(hl, &plot), *again = hl_plot_svg(hl, &plot);
    ck_assert_ptr_nonnull(svg);
    check_tags(svg);
    ck_assert_str_eq(svg, again);
    ck_assert_int_eq(count_of(svg, "xmlns=\"http://www.w3.org/2000/svg\""), 1);
    ck_assert_int_eq(count_of(svg, "http"), 1);
    ck_assert_int_eq(count_of(svg, escaped), 5); /* name, title, two axes, legend */
    ck_assert_int_eq(count_of(svg, "id="), 0);
    ck_assert_int_eq(count_of(svg, "nan") + count_of(svg, "inf"), 0);
    ck_assert_int_eq(count_of(svg, "<circle"), 5 + 1); /* the finite points, and the legend */
    ck_assert_int_eq(count_of(svg, "Z\"/>"), 3);       /* the band's three pieces */
    ck_assert_int_eq(count_of(svg, ">faint</text>"), 1);
    free(svg), free(again), hl_close(hl);
}
END_TEST

/* Two points, a gap, one point: where they are drawn follows from the axes alone. */
START_TEST(a_curve_goes_where_its_numbers_are) {
    hl_context *hl = hl_open(NULL);
    const double x[] = {0, 1, 1, 0.5}, y[] = {0, 1, NAN, 0.5};
    hl_curve curve = {.x = x, .y = y, .points = 4};
    hl_plot plot = {.x_max = 1, .y_max = 1, .curves = &curve, .curve_count = 1, .marker_x = NAN};
    char *svg = hl_plot_svg(hl, &plot), *path = strstr(svg, "d=\"M0 0M");
    ck_assert_ptr_nonnull(path);
    double x0, y0, x1, y1, x2, y2;
    char end;
    ck_assert_int_eq(sscanf(path, "d=\"M0 0M%lf %lfL%lf %lfM%lf %lf%c", &x0, &y0, &x1, &y1, &x2, &y2, &end), 7);
    ck_assert(end == '"' && x0 < x1 && y0 > y1 && x1 < 520 && y0 < 360 && y1 > 0 && x0 > 0);
    ck_assert_double_eq_tol(x2, (x0 + x1) / 2, 0.011);
    ck_assert_double_eq_tol(y2, (y0 + y1) / 2, 0.011);
    ck_assert_int_eq(count_of(svg, ">0.2</text>"), 2);
    ck_assert_int_eq(count_of(svg, ">1.0</text>"), 2);
    free(svg), hl_close(hl);
}
END_TEST

START_TEST(odd_plots_are_still_plots) {
    hl_context *hl = hl_open(NULL);
    hl_plot nothing = {.marker_x = NAN};
    hl_curve curves[40];
    const double one[] = {3}, huge[] = {1e300, -1e300}, two[] = {0, 1};
    for (int c = 0; c < 40; c++) curves[c] = (hl_curve){.label = "a label of some length", .x = one, .y = one, .points = 1, .colour = c};
    hl_plot many = {.curves = curves, .curve_count = 40, .marker_x = 3, .width = 200, .height = 100};
    hl_curve wide = {.x = two, .y = huge, .points = 2};
    hl_plot outside = {.curves = &wide, .curve_count = 1, .marker_x = NAN, .y_min = 0, .y_max = 1};
    const hl_plot *plots[] = {&nothing, &many, &outside};
    for (int i = 0; i < 3; i++) {
        char *svg = hl_plot_svg(hl, plots[i]);
        ck_assert_ptr_nonnull(svg);
        check_tags(svg);
        ck_assert_int_eq(count_of(svg, "nan") + count_of(svg, "inf"), 0);
        free(svg);
    }
    hl_close(hl);
}
END_TEST

/* --- overlays --- */

static bool pixel_is(const unsigned char *rgb, int width, int y, int x, int r, int g, int b) {
    const unsigned char *p = rgb + 3 * (y * width + x);
    return p[0] == r && p[1] == g && p[2] == b;
}

static bool greenish(const unsigned char *rgb, int width, int y, int x) { return pixel_is(rgb, width, y, x, 0, 220, 110); }
static bool magentaish(const unsigned char *rgb, int width, int y, int x) { return pixel_is(rgb, width, y, x, 240, 60, 220); }

/* A truth of 3 x 3 pixels with a prediction of one pixel beside it. */
START_TEST(overlay_by_hand) {
    enum { n = 7 };
    hl_context *hl = hl_open(NULL);
    float image[n * n], p[n * n];
    uint8_t truth[n * n] = {0};
    for (int i = 0; i < n * n; i++) image[i] = 0.5f, p[i] = 0.5f;
    for (int y = 1; y < 4; y++) for (int x = 1; x < 4; x++) truth[y * n + x] = 1;
    p[5 * n + 5] = 0.51f;
    image[0] = NAN, image[1] = -1, image[2] = 2;
    unsigned char *rgb = hl_overlay(hl, n, n, image, truth, p, 0.5, true, 1);
    ck_assert_ptr_nonnull(rgb);
    ck_assert(pixel_is(rgb, n, 0, 0, 0, 0, 0) && pixel_is(rgb, n, 0, 1, 0, 0, 0) && pixel_is(rgb, n, 0, 2, 255, 255, 255));
    ck_assert(pixel_is(rgb, n, 6, 6, 128, 128, 128));
    for (int y = 1; y < 4; y++) for (int x = 1; x < 4; x++) ck_assert(greenish(rgb, n, y, x) == (y != 2 || x != 2));
    const unsigned char *missed = rgb + 3 * (2 * n + 2);
    ck_assert(missed[2] > missed[0] + 50); /* blue */
    ck_assert(magentaish(rgb, n, 5, 5));
    free(rgb);
    rgb = hl_overlay(hl, n, n, image, truth, p, 0.5, false, 4);
    ck_assert(greenish(rgb, 4 * n, 4, 4) && greenish(rgb, 4 * n, 5, 15) && !greenish(rgb, 4 * n, 3, 4));
    ck_assert(pixel_is(rgb, 4 * n, 9, 9, 128, 128, 128));
    ck_assert(magentaish(rgb, 4 * n, 20, 20) && magentaish(rgb, 4 * n, 23, 23) && !magentaish(rgb, 4 * n, 24, 24));
    free(rgb);
    rgb = hl_overlay(hl, n, n, image, NULL, p, 0.5, true, 3);
    ck_assert(pixel_is(rgb, 3 * n, 16, 16, 128, 128, 128) && magentaish(rgb, 3 * n, 15, 15)); /* without a truth nothing is wrong */
    free(rgb);
    ck_assert_ptr_null(hl_overlay(hl, 0, n, image, NULL, NULL, 0.5, true, 1));
    ck_assert_int_eq(hl_error_status(hl), HL_USAGE);
    hl_close(hl);
}
END_TEST

START_TEST(coinciding_outlines_are_both_seen) {
    enum { n = 12, side = 4 * n };
    hl_context *hl = hl_open(NULL);
    float image[n * n] = {0}, p[n * n] = {0};
    uint8_t truth[n * n] = {0};
    for (int y = 2; y < 10; y++) for (int x = 2; x < 10; x++) truth[y * n + x] = 1, p[y * n + x] = 1;
    unsigned char *rgb = hl_overlay(hl, n, n, image, truth, p, 0.5, true, 4);
    int green = 0, magenta = 0, black = 0;
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            green += greenish(rgb, side, y, x), magenta += magentaish(rgb, side, y, x), black += pixel_is(rgb, side, y, x, 0, 0, 0);
        }
    }
    ck_assert_int_eq(green + magenta, 32 * 32 - 28 * 28); /* two output pixels wide */
    ck_assert_int_eq(green + magenta + black, side * side);
    ck_assert(green > 80 && magenta > 80);
    free(rgb), hl_close(hl);
}
END_TEST

/* Two classes side by side: a border in each one's colour between them too, the colour mixed with the grey inside. */
START_TEST(classes_have_colours_of_their_own) {
    enum { n = 12 };
    hl_context *hl = hl_open(NULL);
    float image[n * n];
    uint8_t labels[n * n] = {0};
    for (int i = 0; i < n * n; i++) image[i] = 128 / 255.0f;
    for (int y = 1; y < 11; y++) for (int x = 1; x < 11; x++) labels[y * n + x] = x < 6 ? 1 : 2;
    unsigned char *rgb = hl_overlay_classes(hl, n, n, image, labels, 1);
    ck_assert_ptr_nonnull(rgb);
    for (int y = 0; y < n; y++) {
        for (int x = 0; x < n; x++) {
            bool edge = labels[y * n + x] && (y == 1 || y == 10 || x == 1 || x == 5 || x == 6 || x == 10);
            ck_assert(greenish(rgb, n, y, x) == (edge && labels[y * n + x] == 1));
            ck_assert(magentaish(rgb, n, y, x) == (edge && labels[y * n + x] == 2));
            ck_assert(pixel_is(rgb, n, y, x, 128, 128, 128) == !labels[y * n + x]);
        }
    }
    const unsigned char *left = rgb + 3 * (5 * n + 3), *right = rgb + 3 * (5 * n + 8);
    ck_assert(left[1] > left[0] + 50 && right[0] > right[1] + 50);
    free(rgb);
    rgb = hl_overlay_classes(hl, n, n, image, NULL, 2);
    for (int i = 0; i < 4 * n * n; i++) ck_assert(pixel_is(rgb, 2 * n, i / (2 * n), i % (2 * n), 128, 128, 128));
    free(rgb);
    ck_assert_str_eq(hl_overlay_colour(1), "green");
    ck_assert_str_eq(hl_overlay_colour(2), "magenta");
    ck_assert_str_eq(hl_overlay_colour(9), hl_overlay_colour(1));
    ck_assert_ptr_null(hl_overlay_classes(hl, n, 0, image, NULL, 1));
    ck_assert_int_eq(hl_error_status(hl), HL_USAGE);
    hl_close(hl);
}
END_TEST

/* --- pages --- */

enum { picture_side = 9 };

static void fill_picture(unsigned char *rgb) {
    for (int i = 0; i < picture_side * picture_side * 3; i++) rgb[i] = (unsigned char)(i / 3 * 3);
}

static hl_page *make_page(hl_context *hl) {
    static unsigned char rgb[picture_side * picture_side * 3];
    hl_curve curves[3];
    hl_plot plot = make_plot(curves), plots[2] = {plot, plot};
    const char *cells[] = {"name", "Dice", nasty, "p1", "0.71 \xc2\xb1 0.05", nasty, "p2", "\xe2\x80\x93", NULL};
    fill_picture(rgb);
    hl_page_picture pictures[] = {{rgb, picture_side, picture_side, nasty}, {rgb, picture_side, 3, NULL}};
    hl_page *page = hl_page_start(hl, nasty, nasty);
    hl_page_heading(page, nasty);
    hl_page_paragraph(page, nasty);
    hl_page_table(page, nasty, cells, 3, 3);
    hl_page_plots(page, nasty, plots, 2);
    hl_page_pictures(page, nasty, pictures, 2);
    return page;
}

/* The file without its <style>, whose text is no markup. */
static char *read_page(hl_context *hl, const char *path) {
    char *html;
    ck_ok(hl, hl_file_read(hl, path, &html, NULL));
    char *from = strstr(html, "<style>"), *to = strstr(html, "</style>");
    ck_assert(from && to);
    ck_assert(!memmem(from, (size_t)(to - from), "url(", 4) && !memmem(from, (size_t)(to - from), "@import", 7));
    memmove(from, to + 8, strlen(to + 8) + 1);
    return html;
}

START_TEST(a_page_is_well_formed_and_alone) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[2][100];
    scratch_folder(folder);
    char *html[2];
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%d.html", folder, i);
        ck_ok(hl, hl_page_write(make_page(hl), path[i]));
        html[i] = read_page(hl, path[i]);
    }
    ck_assert_str_eq(html[0], html[1]);
    check_tags(html[0]);
    const char *loads[] = {"http", "href", "<script", "<link", "@import", "url("};
    for (int i = 0; i < 6; i++) ck_assert_int_eq(count_of(html[0], loads[i]), 0);
    ck_assert_int_eq(count_of(html[0], "src="), 2);
    ck_assert_int_eq(count_of(html[0], "src=\"data:image/png;base64,"), 2);
    ck_assert_int_eq(count_of(html[0], "<svg overflow"), 2);
    ck_assert_int_eq(count_of(html[0], escaped), 8 + 11 + 3); /* words and table; plots; pictures */
    ck_assert_int_eq(count_of(html[0], "<td class=\"n\">0.71 \xc2\xb1 0.05</td>"), 1);
    ck_assert_int_eq(count_of(html[0], "<th scope=\"col\" class=\"n\">Dice</th>"), 1);
    ck_assert_int_eq(count_of(html[0], "<td>p1</td>"), 1);
    free(html[0]), free(html[1]);
    remove_folder(folder), hl_close(hl);
}
END_TEST

static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return c == '=' ? 0 : (int)(strchr(digits, c) - digits);
}

START_TEST(pictures_come_back_out_of_the_page) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[100];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/page.html", folder);
    ck_ok(hl, hl_page_write(make_page(hl), path));
    char *html = read_page(hl, path), *code = strstr(html, "base64,") + 7;
    size_t length = strcspn(code, "\"");
    ck_assert_uint_eq(length % 4, 0);
    unsigned char *png = calloc(length, 1);
    for (size_t i = 0; i < length; i += 4) {
        int bits = digit(code[i]) << 18 | digit(code[i + 1]) << 12 | digit(code[i + 2]) << 6 | digit(code[i + 3]);
        for (int b = 0; b < 3; b++) png[i / 4 * 3 + (size_t)b] = (unsigned char)(bits >> (16 - 8 * b));
    }
    hl_picture picture;
    ck_ok(hl, hl_png_decode(hl, "picture", png, length / 4 * 3, &picture));
    unsigned char rgb[picture_side * picture_side * 3];
    fill_picture(rgb);
    ck_assert_int_eq(picture.width, picture_side);
    ck_assert_int_eq(picture.height, picture_side);
    for (int i = 0; i < picture_side * picture_side; i++) ck_assert_int_eq(picture.pixels[i], rgb[3 * i]);
    free(picture.pixels), free(png), free(html);
    remove_folder(folder), hl_close(hl);
}
END_TEST

START_TEST(failures_are_told_at_the_end) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[100];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/none/page.html", folder);
    ck_assert_int_ne(hl_page_write(make_page(hl), path), HL_OK);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), "none/page.html"));
    snprintf(path, sizeof path, "%s/page.html", folder);
    hl_page *page = make_page(hl);
    hl_page_picture empty = {NULL, 0, 5, "nothing"};
    hl_page_pictures(page, NULL, &empty, 1);
    hl_page_heading(page, "after");
    hl_fail(hl, HL_FAILED, "something else");
    ck_assert_int_ne(hl_page_write(page, path), HL_OK);
    ck_assert_ptr_null(strstr(hl_error(hl), "something else"));
    ck_assert(!hl_file_exists(path));
    ck_assert_int_eq(hl_page_write(NULL, path), HL_NO_MEMORY);
    hl_page_free(make_page(hl)), hl_page_free(NULL);
    remove_folder(folder), hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("report");
    TCase *tcase = slow_case(suite, "report");
    tcase_add_test(tcase, numbers_have_fixed_decimals);
    tcase_add_test(tcase, base64_as_in_the_rfc);
    tcase_add_test(tcase, texts_grow_and_escape);
    tcase_add_test(tcase, axes_have_round_ticks);
    tcase_add_test(tcase, a_plot_is_well_formed_and_escaped);
    tcase_add_test(tcase, a_curve_goes_where_its_numbers_are);
    tcase_add_test(tcase, odd_plots_are_still_plots);
    tcase_add_test(tcase, overlay_by_hand);
    tcase_add_test(tcase, coinciding_outlines_are_both_seen);
    tcase_add_test(tcase, classes_have_colours_of_their_own);
    tcase_add_test(tcase, a_page_is_well_formed_and_alone);
    tcase_add_test(tcase, pictures_come_back_out_of_the_page);
    tcase_add_test(tcase, failures_are_told_at_the_end);
    return run_suite(suite);
}
