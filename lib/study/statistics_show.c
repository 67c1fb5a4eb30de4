/* Statistics beyond the paper on the page: intervals and tests of the nets, figures of the model's cases. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/book.h"
#include "study/case_figures.h"

static void interval(hl_sheet *sheet, const cJSON *from, const char *name, int decimals, const char *reason) {
    const cJSON *i = hl_result_get(from, name);
    hl_sheet_interval(sheet, hl_result_number(i, "value"), hl_result_number(i, "low"), hl_result_number(i, "high"), decimals, reason);
}

/* --- nets ----------------------------------------------------------------------------------------------------------------- */

static void nets_table(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"network", "cohort 1, DSC (95 %)", "lesion cases", "cohort 2, DSC (95 %)",
                                        "lesion cases, cohort 2"};
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "intervals",
                   "95 % intervals by the bootstrap over patients, stratified by centre, all of a patient's scans together", heads, 5);
    const cJSON *net;
    cJSON_ArrayForEach(net, hl_result_get(result, "nets")) {
        const cJSON *own = hl_result_get(net, "own"), *second = hl_result_get(net, "second");
        hl_sheet_text(&sheet, "%s", hl_result_text(net, "net"));
        interval(&sheet, own, "dsc", 4, "nobody was tested"), interval(&sheet, own, "dsc_lesion", 4, "no case has a lesion");
        interval(&sheet, second, "dsc", 4, "the study has no second cohort"),
            interval(&sheet, second, "dsc_lesion", 4, "the study has no second cohort");
    }
    hl_sheet_end(&sheet);
}

static void pairs_table(hl_book *book, const cJSON *pairs) {
    static const char *const heads[] = {"networks", "patients", "equal", "p", "smallest reachable", "p, Holm", "rank-biserial r"};
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "pairs",
                   "Paired Wilcoxon signed-rank tests over patients, out of fold, exact, Pratt's zeros; Holm over all pairs", heads, 7);
    const cJSON *one;
    cJSON_ArrayForEach(one, pairs) {
        hl_sheet_text(&sheet, "%s - %s", hl_result_text(one, "first"), hl_result_text(one, "second"));
        hl_sheet_number(&sheet, hl_result_number(one, "pairs"), 0, ""), hl_sheet_number(&sheet, hl_result_number(one, "zeros"), 0, "");
        hl_sheet_probability(&sheet, hl_result_number(one, "p"), "nobody");
        hl_sheet_probability(&sheet, hl_result_number(one, "p_least"), "nobody");
        hl_sheet_probability(&sheet, hl_result_number(one, "p_holm"), "nobody");
        hl_sheet_number(&sheet, hl_result_number(one, "effect"), 3, "all differences are 0");
    }
    hl_sheet_end(&sheet);
}

static void ranking(hl_book *book, const cJSON *result) {
    const cJSON *friedman = hl_result_get(result, "friedman"), *net;
    const char *names[HL_STUDY_NETS];
    double ranks[HL_STUDY_NETS];
    hl_clique cliques[HL_STUDY_NETS];
    int nets = 0, count = 0;
    if (!friedman) return;
    cJSON_ArrayForEach(net, hl_result_get(result, "nets")) {
        ranks[nets] = cJSON_GetNumberValue(cJSON_GetArrayItem(hl_result_get(friedman, "ranks"), nets));
        names[nets++] = hl_result_text(net, "net");
    }
    cJSON_ArrayForEach(net, hl_result_get(friedman, "cliques")) {
        cliques[count].first = (int)cJSON_GetNumberValue(cJSON_GetArrayItem(net, 0));
        cliques[count++].last = (int)cJSON_GetNumberValue(cJSON_GetArrayItem(net, 1));
    }
    const char *note = hl_book_text(book, "%g patients; Friedman p = %.3g; bars: no pair differs (Wilcoxon, Holm, 0.05)",
                                    hl_result_number(friedman, "patients"), hl_result_number(friedman, "p"));
    char *svg = hl_ranking_svg(book->hl, &(hl_ranking){.title = "Mean ranks of the networks",
                                                       .names = names,
                                                       .ranks = ranks,
                                                       .nets = nets,
                                                       .critical_difference = hl_result_number(friedman, "critical_difference"),
                                                       .cliques = cliques,
                                                       .clique_count = count,
                                                       .note = note});
    hl_book_figure(book, "ranking", "Critical-difference diagram (the scale is Nemenyi's difference).", &svg, 1);
}

/* --- spread over cases ------------------------------------------------------------------------------------------------------ */

static const double *case_values(hl_book *book, const cJSON *test, int *count) {
    const cJSON *cases = hl_result_get(hl_result_get(test, "figures"), "cases"), *one;
    double *values = hl_book_doubles(book, cJSON_GetArraySize(cases));
    *count = 0;
    if (!values) return NULL;
    cJSON_ArrayForEach(one, cases) values[(*count)++] = hl_result_number(one, "dsc");
    return values;
}

static void boxes(hl_book *book) {
    static const char *const series[] = {"cohort 1, out of fold", "cohort 2"};
    const cJSON *nets = hl_result_get(hl_book_result(book, "comparison"), "nets"), *net;
    const char *names[HL_STUDY_NETS];
    const double *values[2 * HL_STUDY_NETS];
    int counts[2 * HL_STUDY_NETS], rows = 0, second = hl_result_get(nets ? nets->child : NULL, "second") ? 2 : 1;
    cJSON_ArrayForEach(net, nets) {
        names[rows] = hl_result_text(net, "net");
        for (int i = 0; i < second; i++)
            values[rows * second + i] = case_values(book, hl_result_get(net, i ? "second" : "own"), &counts[rows * second + i]);
        rows++;
    }
    if (!rows) return;
    char *svg = hl_boxes_svg(book->hl, &(hl_boxes){.title = "DSC of the cases",
                                                   .value_label = "DSC",
                                                   .names = names,
                                                   .rows = rows,
                                                   .series = series,
                                                   .series_count = second,
                                                   .values = values,
                                                   .counts = counts,
                                                   .max = 1});
    hl_book_figure(book, "boxes", "Spread over cases: box from the first to the third quartile, line the median, diamond the mean.", &svg,
                   1);
}

/* --- the model's cases ------------------------------------------------------------------------------------------------------- */

static void figures_table(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"figure", "cohort 1 (95 %)", "cohort 2 (95 %)"};
    const cJSON *own = hl_result_get(result, "own"), *second = hl_result_get(result, "second");
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "case_figures",
                   hl_book_text(book, "%s at 0.5: means over cases that have a value; surface Dice at %g mm", book->s->study->model,
                                book->s->study->lesion_tolerance),
                   heads, 3);
    for (int i = 0; hl_case_figure_key(i); i++) {
        const char *key = hl_case_figure_key(i),
                   *no_second = second ? "no case is a contiguous volume with spacing" : "the study has no second cohort";
        hl_sheet_text(&sheet, "%s", hl_case_figure_name(i));
        int decimals = strstr(key, "_ml") || strstr(key, "_mm") ? 1 : 3;
        interval(&sheet, hl_result_get(own, "figures"), key, decimals, "no case is a contiguous volume with spacing");
        interval(&sheet, hl_result_get(second, "figures"), key, decimals, no_second);
    }
    hl_sheet_text(&sheet, "surfaces compared / one mask empty");
    for (int i = 0; i < 2; i++) {
        const cJSON *of = i ? second : own;
        if (of) hl_sheet_text(&sheet, "%g / %g", hl_result_number(of, "surfaces"), hl_result_number(of, "surfaces_missed"));
        else hl_sheet_number(&sheet, NAN, 0, "the study has no second cohort");
    }
    hl_sheet_end(&sheet);
    hl_book_say(book, "Where one of two masks is empty, surface Dice counts 0 and each distance the scan's diagonal.");
}

static void detection_table(hl_book *book, const cJSON *result) {
    static const char *const sizes[] = {"below 0.1 mL (10 voxels)", "to 1 mL (100)", "to 10 mL (1000)", "above"};
    static const char *const heads[] = {"lesions", "cohort 1: found / all", "rate", "cohort 2: found / all", "rate, cohort 2"};
    const cJSON *both[] = {hl_result_get(hl_result_get(result, "own"), "detection"),
                           hl_result_get(hl_result_get(result, "second"), "detection")};
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "detection",
                   "Lesions (26-connected) found, by size: a tenth of its voxels, and one at least, is predicted", heads, 5);
    for (int size = 0; size < 4; size++) {
        hl_sheet_text(&sheet, "%s", sizes[size]);
        for (int i = 0; i < 2; i++) {
            const cJSON *of = cJSON_GetArrayItem(hl_result_get(both[i], "sizes"), size);
            if (of) hl_sheet_text(&sheet, "%g / %g", hl_result_number(of, "found"), hl_result_number(of, "lesions"));
            else hl_sheet_number(&sheet, NAN, 0, "the study has no second cohort");
            hl_sheet_number(&sheet, hl_result_number(of, "rate"), 3,
                            of ? "there is no lesion of this size" : "the study has no second cohort");
        }
    }
    hl_sheet_text(&sheet, "false positives a scan");
    for (int i = 0; i < 2; i++) {
        hl_sheet_text(&sheet, "%s", "");
        hl_sheet_number(&sheet, hl_result_number(both[i], "false_positives_per_scan"), 2, "the study has no second cohort");
    }
    hl_sheet_end(&sheet);
    if (both[1]) hl_book_say(book, "In cohort 2 every scan counts once for each of the models that tested it.");
}

static void read_reliability(const cJSON *from, hl_reliability *r) {
    *r = (hl_reliability){.ece = hl_result_number(from, "ece"), .mce = hl_result_number(from, "mce")};
    for (int i = 0; i < HL_RELIABILITY_BINS; i++) {
        const cJSON *predicted = cJSON_GetArrayItem(hl_result_get(from, "predicted"), i),
                    *observed = cJSON_GetArrayItem(hl_result_get(from, "observed"), i);
        r->pixels[i] = (uint64_t)cJSON_GetNumberValue(cJSON_GetArrayItem(hl_result_get(from, "pixels"), i));
        r->predicted[i] = cJSON_IsNumber(predicted) ? predicted->valuedouble : NAN;
        r->observed[i] = cJSON_IsNumber(observed) ? observed->valuedouble : NAN;
    }
}

static void reliability(hl_book *book, const cJSON *result) {
    hl_reliability curves[2];
    const char *labels[2];
    int count = 0;
    for (int i = 0; i < 2; i++) {
        const cJSON *of = hl_result_get(hl_result_get(result, i ? "second" : "own"), "reliability");
        if (!of) continue;
        read_reliability(of, &curves[count]);
        labels[count] = hl_book_text(book, "cohort %d, ECE %.4f", i + 1, curves[count].ece);
        count++;
    }
    if (!count) {
        hl_book_say(book, "There are no lung masks, within which probabilities would be judged.");
        return;
    }
    char *svg = hl_reliability_svg(
        book->hl, &(hl_reliability_plot){.title = "Reliability within the lungs", .curves = curves, .labels = labels, .count = count});
    hl_book_figure(book, "reliability", "How often pixels within the given lungs are lesion, by their probability.", &svg, 1);
}

static void burden_table(hl_book *book, const cJSON *result) {
    static const char *const heads[] = {"burden", "cohort 1: cases", "DSC", "cohort 2: cases", "DSC, cohort 2"};
    const cJSON *own = hl_result_get(hl_result_get(result, "own"), "by_burden"),
                *second = hl_result_get(hl_result_get(result, "second"), "by_burden");
    if (!own) return;
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "burden", "By burden: none; mild, up to 25 % of the lungs; moderate, up to 50 %; severe", heads, 5);
    for (int i = 0; i < cJSON_GetArraySize(own); i++) {
        hl_sheet_text(&sheet, "%s", hl_result_text(cJSON_GetArrayItem(own, i), "burden"));
        for (int k = 0; k < 2; k++) {
            const cJSON *of = cJSON_GetArrayItem(k ? second : own, i);
            const char *why = of ? "nobody has this burden" : "the study has no second cohort, or it has no lung masks";
            hl_sheet_number(&sheet, hl_result_number(of, "cases"), 0, why);
            hl_sheet_pair(&sheet, hl_result_number(of, "dsc"), hl_result_number(of, "sd"), 4, why);
        }
    }
    hl_sheet_end(&sheet);
}

hl_status hl_statistics_show(hl_book *book, const cJSON *result) {
    hl_book_heading(book, "Statistics beyond the paper");
    if (hl_book_skipped(book, "statistics", result)) return HL_OK;
    nets_table(book, result);
    boxes(book);
    if (hl_result_get(result, "pairs")) pairs_table(book, hl_result_get(result, "pairs"));
    ranking(book, result);
    figures_table(book, result);
    detection_table(book, result);
    reliability(book, result);
    burden_table(book, result);
    return HL_OK;
}
