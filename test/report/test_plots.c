/* The pictures of a study: well-formed, escaped, where their numbers are, the same every time, drawable without data; and as PNG. */
#include <math.h>

#include "base/file.h"
#include "hilum/data.h"
#include "hilum/plots.h"
#include "leaks.h"
#include "markup.h"

static const char nasty[] = "a<b & \"c\" > \xc3\xa9", escaped[] = "a&lt;b &amp; &quot;c&quot; &gt; \xc3\xa9";

static char *checked(char *svg) {
    ck_assert_ptr_nonnull(svg);
    check_tags(svg);
    ck_assert_int_eq(count_of(svg, "xmlns=\"http://www.w3.org/2000/svg\""), 1);
    ck_assert_int_eq(count_of(svg, "nan") + count_of(svg, "inf") + count_of(svg, "id="), 0);
    return svg;
}

/* --- one of each kind; `make` draws it with nasty words (filled) or of nothing --- */

static const double xs[] = {1, 2, 3, 4, NAN}, ys[] = {1.5, 2, 2.5, 5, 1};

static char *make_scatter(hl_context *hl, bool filled) {
    const hl_points groups[] = {{nasty, xs, ys, 5, 0}, {NULL, xs, ys, 4, -1}};
    hl_scatter s = {.groups = groups};
    if (filled)
        s = (hl_scatter){
            .title = nasty, .x_label = nasty, .y_label = nasty, .groups = groups, .group_count = 2, .note = "one\na<b & \"c\" > \xc3\xa9"};
    return hl_scatter_svg(hl, &s);
}

static char *make_differences(hl_context *hl, bool filled) {
    const hl_points group = {nasty, xs, ys, 5, 2};
    hl_agreement a = hl_bland_altman(xs, ys, filled ? 5 : 0);
    hl_differences d = {.agreement = &a, .groups = &group};
    if (filled) d = (hl_differences){nasty, nasty, nasty, &group, 1, &a, 2, 0, 0};
    return hl_differences_svg(hl, &d);
}

static char *make_boxes(hl_context *hl, bool filled) {
    const char *names[] = {nasty, "b"}, *series[] = {nasty, "s"};
    const double *values[] = {xs, ys, xs, NULL};
    const int counts[] = {5, 5, 1, 0};
    hl_boxes b = {.series_count = 1};
    if (filled) b = (hl_boxes){nasty, nasty, names, 2, series, 2, values, counts, 0, 0, 0};
    return hl_boxes_svg(hl, &b);
}

static char *make_roc(hl_context *hl, bool filled) {
    static const double rate[] = {0, 0.02, 0.03, 1}, hits[] = {0, 0.83, 0.95, 1};
    const hl_curve curves[] = {{.label = nasty, .x = rate, .y = hits, .points = 4}, {.x = rate, .y = hits, .points = 4, .faint = true}};
    return hl_roc_svg(hl, &(hl_roc){.title = filled ? nasty : NULL, .curves = curves, .curve_count = filled ? 2 : 0});
}

static char *make_ranking(hl_context *hl, bool filled) {
    const char *names[] = {"first", nasty, "third"};
    const double ranks[] = {1.25, 3, 1.75};
    const hl_clique clique = {0, 1};
    hl_ranking r = {.critical_difference = NAN};
    if (filled) r = (hl_ranking){nasty, names, ranks, 3, 0.9, &clique, 1, nasty, 0};
    return hl_ranking_svg(hl, &r);
}

static char *make_reliability(hl_context *hl, bool filled) {
    static hl_histogram h;
    hl_reliability r[2];
    const char *labels[] = {nasty, "b"};
    hl_histogram_clear(&h, 0.5);
    hl_reliability_curve(&h, &r[1]); /* nothing in it */
    for (int i = 0; i < 100; i++) hl_histogram_add(&h, (float[]){(float)i / 100}, (uint8_t[]){i % 3 == 0}, 1);
    hl_reliability_curve(&h, &r[0]);
    return hl_reliability_svg(hl, &(hl_reliability_plot){filled ? nasty : NULL, r, filled ? labels : NULL, filled ? 2 : 0, 0});
}

static char *make_calibration(hl_context *hl, bool filled) {
    hl_calibration c = {.cases = 9, .dsc_before = filled ? 0.5 : NAN};
    for (int s = 0; s < HL_SHARES; s++) {
        c.shares[s] = (hl_share){s * 10, 0.2, 0.6, 0.5, 0.7, 0.6, 0.125 * s};
        if (!filled) c.shares[s].dsc_median = c.shares[s].dsc_p5 = c.shares[s].dsc_p95 = NAN;
    }
    return hl_calibration_svg(hl, filled ? nasty : NULL, &c, 0);
}

static char *(*const kinds[])(hl_context *hl, bool filled) = {make_scatter, make_differences, make_boxes,      make_roc,
                                                              make_ranking, make_reliability, make_calibration};
enum { KINDS = sizeof kinds / sizeof *kinds };

START_TEST(every_kind_is_well_formed) {
    const int words[KINDS] = {6, 5, 5, 3, 4, 3, 2}; /* how often the nasty text is seen, the picture's name included */
    hl_context *hl = hl_open(NULL);
    for (int k = 0; k < KINDS; k++) {
        char *svg = checked(kinds[k](hl, true)), *again = kinds[k](hl, true), *empty = checked(kinds[k](hl, false));
        ck_assert_str_eq(svg, again);
        ck_assert_msg(count_of(svg, escaped) == words[k], "kind %d: %d times", k, count_of(svg, escaped));
        ck_assert_int_eq(count_of(empty, escaped), 0);
        free(svg), free(again), free(empty);
    }
    hl_close(hl);
}
END_TEST

/* --- where things are --- */

/* The number after `name` from the nth `start` on. */
static double number_after(const char *svg, const char *start, int nth, const char *name) {
    const char *at = svg;
    for (int i = 0; i <= nth; i++) {
        at = strstr(i ? at + 1 : at, start);
        ck_assert_ptr_nonnull(at);
    }
    const char *found = strstr(at, name);
    ck_assert_ptr_nonnull(found);
    return strtod(found + strlen(name), NULL);
}

/* Points on the identity lie on the drawn line, which is at 45 degrees. */
START_TEST(a_scatter_is_square) {
    hl_context *hl = hl_open(NULL);
    const double v[] = {1, 9}, w[] = {9, 1};
    const hl_points groups[] = {{NULL, v, v, 2, 0}, {NULL, v, w, 1, 4}};
    char *svg = checked(hl_scatter_svg(hl, &(hl_scatter){.groups = groups, .group_count = 2, .max = 10}));
    double x[3], y[3];
    for (int i = 0; i < 3; i++) x[i] = number_after(svg, "<circle", i, "cx=\""), y[i] = number_after(svg, "<circle", i, "cy=\"");
    ck_assert_double_eq_tol(x[1] - x[0], y[0] - y[1], 0.03);
    ck_assert(x[1] - x[0] > 200 && x[2] == x[0] && y[2] == y[1]);
    ck_assert_int_eq(count_of(svg, "stroke-dasharray=\"3 4\""), 1); /* the identity */
    free(svg), hl_close(hl);
}
END_TEST

/* 1 .. 9 and 30: quartiles 3.25 and 7.75, whiskers at 1 and 9 (30 is beyond 14.5), median 5.5, mean 7.5. */
START_TEST(a_box_is_where_its_quartiles_are) {
    hl_context *hl = hl_open(NULL);
    const double v[] = {9, 2, 3, 4, 30, 5, 6, 7, 8, 1, NAN}, *values[] = {v};
    const char *names[] = {"n"};
    char *svg = checked(hl_boxes_svg(
        hl, &(hl_boxes){.names = names, .rows = 1, .series_count = 1, .values = values, .counts = (const int[]){11}, .max = 30}));
    ck_assert_int_eq(count_of(svg, "<circle"), 10);
    double at1 = number_after(svg, "<circle", 0, "cx=\""), at30 = number_after(svg, "<circle", 9, "cx=\""); /* dots tell the scale */
    double unit = (at30 - at1) / 29, at0 = at1 - unit;
    const char *box = strstr(svg, "<g fill=");
    ck_assert_ptr_nonnull(box);
    ck_assert_double_eq_tol(number_after(box, "<rect", 0, " x=\""), at0 + 3.25 * unit, 0.02);
    ck_assert_double_eq_tol(number_after(box, "<rect", 0, "width=\""), 4.5 * unit, 0.02);
    const char *whiskers = strstr(svg, "<g stroke=");
    ck_assert_double_eq_tol(number_after(whiskers, "<line", 0, "x1=\""), at1, 0.02);
    ck_assert_double_eq_tol(number_after(whiskers, "<line", 1, "x2=\""), at0 + 9 * unit, 0.02);
    ck_assert_double_eq_tol(number_after(whiskers, "<line", 2, "x1=\""), at0 + 5.5 * unit, 0.02);
    ck_assert_double_eq_tol(number_after(whiskers, "<path", 0, "d=\"M") + 4.5, at0 + 7.5 * unit, 0.02);
    free(svg), hl_close(hl);
}
END_TEST

/* Rank 1 at the right end of the axis, rank 3 at the left; the bar joins the two best. */
START_TEST(a_ranking_has_the_best_at_the_right) {
    hl_context *hl = hl_open(NULL);
    char *svg = checked(make_ranking(hl, true));
    double left = number_after(svg, "<line", 0, "x1=\""), right = number_after(svg, "<line", 0, "x2=\""), unit = (right - left) / 2;
    const double ranks[] = {1.25, 1.75, 3};
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(number_after(svg, "<path", i, "d=\"M"), right - (ranks[i] - 1) * unit, 0.02);
    const char *bar = strstr(svg, "stroke-linecap=\"round\"");
    while (strncmp(bar, "<line", 5)) bar--;
    ck_assert_double_eq_tol(number_after(bar, "<line", 0, "x1=\"") + 4, right - 0.75 * unit, 0.02);
    ck_assert_double_eq_tol(number_after(bar, "<line", 0, "x2=\"") - 4, right - 0.25 * unit, 0.02);
    ck_assert_int_eq(count_of(svg, ">1.25</text>"), 1);
    ck_assert_int_eq(count_of(svg, "critical difference 0.90</text>"), 1);
    free(svg), hl_close(hl);
}
END_TEST

/* At a quarter of the corner's width the curve has 0.83: the corner begins at 0.8, and its curve is drawn twice. */
START_TEST(the_corner_holds_the_curves) {
    hl_context *hl = hl_open(NULL);
    char *svg = checked(make_roc(hl, true));
    ck_assert_int_eq(count_of(svg, "d=\"M0 0M"), 4);
    ck_assert_int_eq(count_of(svg, ">0.80</text>"), 1);
    ck_assert_int_eq(count_of(svg, ">0.85</text>"), 1);
    ck_assert_int_eq(count_of(svg, ">0.75</text>"), 0);
    free(svg), hl_close(hl);
}
END_TEST

START_TEST(numbers_stand_in_the_pictures) {
    hl_context *hl = hl_open(NULL);
    char *differences = make_differences(hl, true), *calibration = make_calibration(hl, true), *reliability = make_reliability(hl, true);
    hl_agreement a = hl_bland_altman(xs, ys, 5);
    char bias[32];
    snprintf(bias, sizeof bias, ">%.2f</text>", a.bias);
    ck_assert_int_eq(count_of(differences, bias), 1);
    ck_assert_int_eq(count_of(differences, ">bias</text>"), 1);
    ck_assert_int_eq(count_of(calibration, ">63 %</text>"), 1); /* 0.625 of the draws at 50 % */
    ck_assert_int_eq(count_of(calibration, "the centre&#39;s 9 cases"), 1);
    ck_assert_int_eq(count_of(reliability, "fill-opacity=\"0.25\""), HL_RELIABILITY_BINS);
    free(differences), free(calibration), free(reliability), hl_close(hl);
}
END_TEST

/* --- files --- */

START_TEST(pictures_become_png) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/a.png", folder);
    const char square[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"6\"><rect x=\"2\" y=\"1\" width=\"3\" "
                          "height=\"4\" fill=\"#0072B2\"/></svg>";
    ck_ok(hl, hl_svg_png(hl, square, 2, path));
    hl_picture picture;
    ck_ok(hl, hl_png_read(hl, path, &picture));
    ck_assert(picture.width == 16 && picture.height == 12);
    const int blue = (0x00 + 0x72 + 0xB2) / 3; /* colour is read as the mean of its channels */
    for (int i = 0; i < 16 * 12; i++) {
        int x = i % 16, y = i / 16;
        ck_assert_int_eq(picture.pixels[i], x >= 4 && x < 10 && y >= 2 && y < 10 ? blue : 255);
    }
    free(picture.pixels);
    for (int k = 0; k < KINDS; k++) {
        char *svg = kinds[k](hl, true);
        ck_ok(hl, hl_svg_png(hl, svg, 0.5, path));
        free(svg);
    }
    ck_assert_int_eq(hl_svg_png(hl, "no picture", 1, path), HL_BAD_INPUT);
    ck_assert_int_eq(hl_svg_png(hl, square, 0, path), HL_USAGE);
    snprintf(path, sizeof path, "%s/none/a.png", folder);
    ck_assert_int_ne(hl_svg_png(hl, square, 1, path), HL_OK);
    remove_folder(folder), hl_close(hl);
}
END_TEST

START_TEST(pictures_stand_on_a_page) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128], *svgs[2] = {make_roc(hl, true), make_ranking(hl, true)}, *html;
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/page.html", folder);
    hl_page *page = hl_page_start(hl, "t", NULL);
    hl_page_svgs(page, nasty, (const char *const *)svgs, 2);
    ck_ok(hl, hl_page_write(page, path));
    ck_ok(hl, hl_file_read(hl, path, &html, NULL));
    ck_assert_ptr_nonnull(strstr(html, svgs[0]));
    ck_assert_ptr_nonnull(strstr(html, svgs[1]));
    free(html), free(svgs[0]), free(svgs[1]);
    page = hl_page_start(hl, "t", NULL);
    hl_page_svgs(page, NULL, (const char *const[]){NULL}, 1);
    ck_assert_int_eq(hl_page_write(page, path), HL_NO_MEMORY);
    remove_folder(folder), hl_close(hl);
}
END_TEST

static const char *const cells[] = {"net",
                                    "DSC",
                                    "note",
                                    "a_b & c",
                                    "0.71 \xc2\xb1 0.05",
                                    "50 %, \"so\"",
                                    "  two\nlines",
                                    NULL,
                                    "x\\{y}\xe2\x89\xa5"
                                    "1"};

static char *read_and_remove(hl_context *hl, const char *folder, const char *path) {
    char *text;
    ck_ok(hl, hl_file_read(hl, path, &text, NULL));
    remove_folder(folder);
    return text;
}

START_TEST(a_table_as_csv) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/t.csv", folder);
    ck_ok(hl, hl_table_csv(hl, path, cells, 3, 3));
    char *text = read_and_remove(hl, folder, path);
    ck_assert_str_eq(text, "net,DSC,note\na_b & c,0.71 \xc2\xb1 0.05,\"50 %, \"\"so\"\"\"\n\"  two\nlines\",,x\\{y}\xe2\x89\xa5"
                           "1\n");
    ck_assert_int_ne(hl_table_csv(hl, path, cells, 3, 3), HL_OK); /* the folder is gone */
    free(text), hl_close(hl);
}
END_TEST

START_TEST(a_table_as_latex) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/t.tex", folder);
    ck_ok(hl, hl_table_latex(hl, path, "100 % of it", "tab:one", cells, 3, 3));
    char *text = read_and_remove(hl, folder, path);
    ck_assert_str_eq(text,
                     "\\begin{table}\n\\centering\n\\caption{100 \\% of it}\n\\label{tab:one}\n\\begin{tabular}{lrl}\n\\toprule\n"
                     "net & DSC & note \\\\\n\\midrule\na\\_b \\& c & 0.71 $\\pm$ 0.05 & 50 \\%, \\textquotedbl{}so\\textquotedbl{} \\\\\n"
                     "\\quad two lines &  & x\\textbackslash{}\\{y\\}$\\geq$1 \\\\\n\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    ck_assert_int_ne(hl_table_latex(hl, path, NULL, NULL, cells, 3, 3), HL_OK);
    free(text), hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plots");
    TCase *tcase = slow_case(suite, "plots");
    tcase_add_test(tcase, every_kind_is_well_formed);
    tcase_add_test(tcase, a_scatter_is_square);
    tcase_add_test(tcase, a_box_is_where_its_quartiles_are);
    tcase_add_test(tcase, a_ranking_has_the_best_at_the_right);
    tcase_add_test(tcase, the_corner_holds_the_curves);
    tcase_add_test(tcase, numbers_stand_in_the_pictures);
    tcase_add_test(tcase, pictures_become_png);
    tcase_add_test(tcase, pictures_stand_on_a_page);
    tcase_add_test(tcase, a_table_as_csv);
    tcase_add_test(tcase, a_table_as_latex);
    return run_suite(suite);
}
