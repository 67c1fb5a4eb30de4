/* The report's first and last pages: slices of the cohorts, the networks, Table 2 from several parts, the appendix. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/book.h"
#include "study/masked.h"

enum { least_pixels = 256, shown_of_cohort = 3 };

/* --- Figure 1: slices with the readers' outlines ---------------------------------------------------------------------------- */

/* The rows with the largest lesions, one a patient. */
static int choose_rows(const hl_cohort *cohort, int rows[shown_of_cohort]) {
    const hl_manifest *manifest = hl_cohort_manifest(cohort);
    int chosen = 0;
    while (chosen < shown_of_cohort) {
        int best = -1;
        for (int row = 0; row < hl_manifest_count(manifest); row++) {
            bool taken = false;
            for (int i = 0; i < chosen; i++)
                taken = taken || !strcmp(hl_manifest_row(manifest, rows[i])->patient, hl_manifest_row(manifest, row)->patient);
            if (taken || hl_cohort_info(cohort, row)->lesion_pixels < 1) continue;
            if (best < 0 || hl_cohort_info(cohort, row)->lesion_pixels > hl_cohort_info(cohort, best)->lesion_pixels) best = row;
        }
        if (best < 0) break;
        rows[chosen++] = best;
    }
    return chosen;
}

static hl_status draw_slice(hl_book *book, hl_cohort *cohort, int row, const uint8_t *labels, hl_page_picture *picture) {
    int height = hl_cohort_height(cohort), width = hl_cohort_width(cohort),
        scale = width < least_pixels ? (least_pixels + width - 1) / width : 1;
    size_t plane = (size_t)height * (size_t)width;
    float *image = hl_calloc(book->hl, plane, sizeof *image);
    uint8_t *mask = hl_calloc(book->hl, plane, 1);
    hl_status status = image && mask ? hl_cohort_slice(cohort, row, image, mask, NULL, NULL) : HL_NO_MEMORY;
    unsigned char *rgb = NULL;
    if (!status)
        rgb = labels ? hl_overlay_classes(book->hl, height, width, image, labels, scale)
                     : hl_overlay(book->hl, height, width, image, mask, NULL, 0.5, false, scale);
    free(image), free(mask);
    if (!status && !hl_book_keep(book, rgb)) status = HL_NO_MEMORY;
    picture->rgb = rgb, picture->width = width * scale, picture->height = height * scale;
    return status;
}

static hl_status cohort_pictures(hl_book *book, hl_cohort_id id, hl_page_picture *pictures, int *count) {
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    int chosen[shown_of_cohort];
    char *path = hl_session_manifest(book->s, id);
    hl_status status = path ? hl_session_open(book->s, path, HL_TARGET_MASK, 1, &rows, &cohort) : HL_NO_MEMORY;
    int found = status ? 0 : choose_rows(cohort, chosen);
    for (int i = 0; i < found && !status; i++) {
        const hl_row *row = hl_manifest_row(rows, chosen[i]);
        hl_page_picture *picture = &pictures[(*count)++];
        picture->caption =
            hl_book_text(book, "%s: %s, slice %lld", book->s->study->cohorts[id].name, row->case_name, (long long)row->slice);
        status = draw_slice(book, cohort, chosen[i], NULL, picture);
    }
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    free(path);
    return status;
}

/* --- Figure 2: what the networks are -------------------------------------------------------------------------------------------- */

static void networks_table(hl_book *book) {
    static const char *const heads[] = {"network", "decoder", "encoder", "joins the skips by"};
    const hl_net_list *nets = &book->s->study->nets;
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "networks", "The networks compared", heads, 4);
    for (int i = 0; i < nets->count; i++) {
        const char *dash = strchr(nets->names[i], '-');
        bool unet = !strncmp(nets->names[i], "unet", 4);
        hl_sheet_text(&sheet, "%s", nets->names[i]);
        hl_sheet_text(&sheet, "%s", unet ? "U-Net" : "LinkNet");
        hl_sheet_text(&sheet, "%s", dash ? dash + 1 : "");
        hl_sheet_text(&sheet, "%s", unet ? "concatenation" : "addition");
    }
    hl_sheet_end(&sheet);
}

hl_status hl_book_front(hl_book *book) {
    const hl_study *study = book->s->study;
    const hl_run_options *o = &study->training;
    hl_page_picture pictures[HL_COHORTS * shown_of_cohort];
    int count = 0;
    hl_status status = HL_OK;
    if (study->note) hl_book_say(book, "%s", study->note);
    hl_book_say(
        book,
        "Every network is trained from drawn weights, at %dx%d and width %g; epochs at most: %d, slices a batch: %d, learning rate: %g, "
        "share of each fold's other patients that validates: %g. No patient that a model was trained or tuned on is in its test, but "
        "where a figure is marked optimistic.",
        o->height, o->width_pixels, o->net_options.width, o->epochs, o->batch, o->rate, o->validation);
    if (o->precision == HL_BF16) hl_book_say(book, "Training is in bf16, prediction in fp32.");
    for (int i = 0; i < study->nets.count; i++)
        if (study->nets.rates[i] > 0) hl_book_say(book, "Learning rate of %s: %g.", study->nets.names[i], study->nets.rates[i]);
    hl_book_heading(book, "Figure 1: slices and readers' outlines");
    for (int id = 0; id < HL_COHORTS && !status; id++) {
        if (study->cohorts[id].there) status = cohort_pictures(book, (hl_cohort_id)id, pictures, &count);
    }
    if (!status && count)
        hl_book_pictures(book, "figure1", "Figure 1. The largest lesions of each cohort, as its reader outlined them.", pictures, count);
    hl_book_heading(book, "Figure 2: the networks");
    char *svgs[] = {hl_figure_net(book->hl, true), hl_figure_net(book->hl, false)};
    hl_book_figure(book, "figure2",
                   "Figure 2. The networks: an encoder that halves five times, and a decoder that enlarges five times and takes up the "
                   "encoder's maps.",
                   svgs, 2);
    networks_table(book);
    return status;
}

/* --- Table 2 -------------------------------------------------------------------------------------------------------------------- */

static const cJSON *net_of(const cJSON *list, const char *net, const char *protocol) {
    const cJSON *one;
    cJSON_ArrayForEach(one, list) {
        if (!strcmp(hl_result_text(one, "net"), net) && (!protocol || !strcmp(hl_result_text(one, "protocol"), protocol))) return one;
    }
    return NULL;
}

static void fold_cell(hl_sheet *sheet, const cJSON *test, const char *reason) {
    const cJSON *figures = hl_result_get(test, "figures");
    hl_sheet_pair(sheet, hl_result_number(figures, "dsc_fold_mean"), hl_result_number(figures, "dsc_fold_sd"), 3, reason);
}

static const char *reason_of(const cJSON *result, const char *otherwise) {
    const char *why = hl_result_text(result, "skipped");
    return !result ? "this part has not been run yet" : *why ? why : otherwise;
}

static void cohort2_table(hl_book *book, const cJSON *nets) {
    static const char *const heads[] = {"network", "cohort 2", "no healthy", "AUC", "mix", "mix, cohort 1", "mix, cohort 2"};
    const cJSON *mixed = hl_book_result(book, "mixed"), *net;
    const char *no_second = "the study has no second cohort", *no_mix = reason_of(mixed, "not one of the networks under mixed in [nets]");
    hl_sheet sheet;
    hl_sheet_start(
        &sheet, book, "table2",
        "Table 2. DSC at 0.5, mean ± SD over models: each fold's model on cohort 2, which it has never seen; out of fold on the mix of "
        "both cohorts, and on each one's patients in it",
        heads, 7);
    cJSON_ArrayForEach(net, nets) {
        const cJSON *mix = net_of(hl_result_get(mixed, "nets"), hl_result_text(net, "net"), NULL);
        const cJSON *second = hl_result_get(hl_result_get(net, "second"), "figures");
        hl_sheet_text(&sheet, "%s", hl_result_text(net, "net"));
        fold_cell(&sheet, hl_result_get(net, "second"), no_second);
        fold_cell(&sheet, hl_result_get(net, "second_without_healthy"), second ? "everybody is healthy" : no_second);
        hl_sheet_pair(&sheet, hl_result_number(second, "auc_fold_mean"), hl_result_number(second, "auc_fold_sd"), 3, no_second);
        fold_cell(&sheet, hl_result_get(mix, "all"), no_mix);
        fold_cell(&sheet, hl_result_get(mix, "first"), no_mix);
        fold_cell(&sheet, hl_result_get(mix, "second"), no_mix);
    }
    hl_sheet_end(&sheet);
}

static void public_table(hl_book *book, const cJSON *nets) {
    static const char *const heads[] = {"network", "halves of each centre", "the same, optimistic", "a fifth trains"};
    const cJSON *halves = hl_book_result(book, "halves"), *protocols = hl_result_get(halves, "protocols"), *net;
    const char *why = reason_of(halves, "not one of the networks under halves, or benchmark, in [nets]");
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "table2_public", "Table 2, continued. The public cohort: DSC at 0.5, mean ± SD over models", heads, 4);
    cJSON_ArrayForEach(net, nets) {
        const char *name = hl_result_text(net, "net");
        hl_sheet_text(&sheet, "%s", name);
        fold_cell(&sheet, net_of(protocols, name, "halves"), why);
        fold_cell(&sheet, net_of(protocols, name, "optimistic"), why);
        fold_cell(&sheet, net_of(protocols, name, "benchmark"), why);
    }
    hl_sheet_end(&sheet);
    hl_book_say(book,
                "Halves: half of each centre's patients train, a quarter of those validating, the rest is test. Optimistic: the test half "
                "itself chose the best epoch, as the paper's words have it. A fifth trains: the benchmark's own protocol, five folds of "
                "which each trains and the other four are its test.");
}

hl_status hl_book_table2(hl_book *book) {
    const cJSON *nets = hl_result_get(hl_book_result(book, "comparison"), "nets");
    hl_book_heading(book, "Table 2: other cohorts");
    cohort2_table(book, nets);
    public_table(book, nets);
    return HL_OK;
}

/* --- appendix ------------------------------------------------------------------------------------------------------------------------ */

static hl_status cohort_row(hl_book *book, hl_sheet *sheet, hl_cohort_id id) {
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    char *path = hl_session_manifest(book->s, id);
    hl_status status = path ? hl_session_open(book->s, path, HL_TARGET_MASK, 1, &rows, &cohort) : HL_NO_MEMORY;
    int patients = 0, healthy = 0, cases = 0, labelled = 0, lesion = 0, count = status ? 0 : hl_manifest_count(rows);
    for (int i = 0; i < count; i++) {
        const hl_row *row = hl_manifest_row(rows, i), *before = i ? hl_manifest_row(rows, i - 1) : NULL;
        bool new_patient = !before || strcmp(before->patient, row->patient);
        patients += new_patient, healthy += new_patient && hl_patient_healthy(cohort, row->patient);
        cases += !before || strcmp(before->case_name, row->case_name);
        labelled += hl_cohort_info(cohort, i)->labelled, lesion += hl_cohort_info(cohort, i)->lesion_pixels > 0;
    }
    hl_sheet_text(sheet, "%s", book->s->study->cohorts[id].name);
    const int numbers[] = {patients, healthy, cases, count, labelled, lesion};
    for (int i = 0; i < 6; i++) hl_sheet_number(sheet, numbers[i], 0, "");
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    free(path);
    return status;
}

static hl_status cohort_table(hl_book *book) {
    static const char *const heads[] = {"cohort", "patients", "healthy", "scans", "slices", "labelled", "with a lesion"};
    hl_sheet sheet;
    hl_status status = HL_OK;
    hl_sheet_start(&sheet, book, "cohorts", "The cohorts", heads, 7);
    for (int id = 0; id < HL_COHORTS && !status; id++) {
        if (book->s->study->cohorts[id].there) status = cohort_row(book, &sheet, (hl_cohort_id)id);
    }
    hl_sheet_end(&sheet);
    return status;
}

/* The case of the best (or worst) lungs. */
static const cJSON *extreme_case(const cJSON *cases, bool best) {
    const cJSON *one, *found = NULL;
    cJSON_ArrayForEach(one, cases) {
        double dsc = hl_result_number(one, "dsc"), so_far = hl_result_number(found, "dsc");
        if (!found || (best ? dsc > so_far : dsc < so_far)) found = one;
    }
    return found;
}

/* Given lungs beside predicted ones, on the image. */
static hl_status lung_pair(hl_book *book, hl_cohort *cohort, const cJSON *one, const char *what, hl_page_picture *pictures) {
    int row = (int)hl_result_number(one, "row"), fold = (int)hl_result_number(one, "fold");
    size_t plane = (size_t)hl_cohort_height(cohort) * (size_t)hl_cohort_width(cohort);
    uint8_t *lung = hl_calloc(book->hl, plane, 1);
    hl_manifest *rows = NULL;
    hl_cohort *masked = NULL;
    char *path = hl_masked_manifest(book->s, fold);
    hl_status status = lung && path ? hl_cohort_slice(cohort, row, NULL, NULL, NULL, lung) : HL_NO_MEMORY;
    pictures[0].caption = hl_book_text(book, "%s lungs: %s, given", what, hl_result_text(one, "case"));
    pictures[1].caption = hl_book_text(book, "predicted, DSC of the case %.4f", hl_result_number(one, "dsc"));
    if (!status) status = draw_slice(book, cohort, row, lung, &pictures[0]);
    if (!status) status = hl_session_open(book->s, path, HL_TARGET_MASK, 1, &rows, &masked);
    if (!status) status = hl_cohort_slice(masked, row, NULL, NULL, NULL, lung);
    if (!status) status = draw_slice(book, cohort, row, lung, &pictures[1]);
    if (masked) hl_cohort_free(masked);
    hl_manifest_free(rows);
    free(path), free(lung);
    return status;
}

static hl_status lung_pictures(hl_book *book, const cJSON *lungs) {
    const cJSON *cases = hl_result_get(lungs, "lung_cases");
    const cJSON *best = extreme_case(cases, true), *worst = extreme_case(cases, false);
    hl_manifest *rows = NULL;
    hl_cohort *cohort = NULL;
    hl_page_picture pictures[4];
    if (!best) return HL_OK;
    char *path = hl_session_manifest(book->s, HL_COHORT_ONE);
    hl_status status = path ? hl_session_open(book->s, path, HL_TARGET_MASK, 1, &rows, &cohort) : HL_NO_MEMORY;
    if (!status) status = lung_pair(book, cohort, best, "Best", pictures);
    if (!status) status = lung_pair(book, cohort, worst, "Worst", pictures + 2);
    if (!status) hl_book_pictures(book, "lungs_best", NULL, pictures, 2);
    if (!status)
        hl_book_pictures(book, "lungs_worst", "Good and bad lung masks, given and predicted: left green, right magenta.", pictures + 2, 2);
    if (cohort) hl_cohort_free(cohort);
    hl_manifest_free(rows);
    free(path);
    return status;
}

static double mean_of(hl_book *book, const cJSON *list, const char *key) {
    double *values = hl_book_doubles(book, cJSON_GetArraySize(list));
    const cJSON *one;
    int count = 0;
    if (!values) return NAN;
    cJSON_ArrayForEach(one, list) {
        double value = hl_result_number(one, key);
        if (!isnan(value)) values[count++] = value;
    }
    return hl_mean(values, count);
}

static void lung_table(hl_book *book, const cJSON *lungs) {
    static const char *const heads[] = {"lung", "DSC, mean over cases"};
    const cJSON *cases = hl_result_get(lungs, "lung_cases");
    hl_sheet sheet;
    if (!cases) return;
    hl_sheet_start(&sheet, book, "lung_masks", "Predicted lungs, out of fold", heads, 2);
    hl_sheet_text(&sheet, "left"), hl_sheet_number(&sheet, mean_of(book, cases, "dsc_left"), 4, "nobody was tested");
    hl_sheet_text(&sheet, "right"), hl_sheet_number(&sheet, mean_of(book, cases, "dsc_right"), 4, "nobody was tested");
    hl_sheet_text(&sheet, "both: surface Dice at %g mm", book->s->study->lung_tolerance);
    hl_sheet_number(&sheet, mean_of(book, cases, "surface_dice"), 4, "no case is a contiguous volume with spacing");
    hl_sheet_end(&sheet);
}

/* The few figures of the paper that are known here, where data and protocol are the same. */
static void papers_figures(hl_book *book) {
    const hl_study *study = book->s->study;
    const cJSON *net = net_of(hl_result_get(hl_book_result(book, "comparison"), "nets"), study->model, NULL);
    bool same = study->cohorts[HL_COHORT_ONE].papers && study->training.net_options.width == 1;
    hl_book_heading(book, "Beside the paper");
    if (!same) {
        hl_book_say(book,
                    "The cohorts are not the paper's, or were prepared otherwise, so that none of its Dice figures stands beside these%s.",
                    study->training.net_options.width == 1 ? "; its counts of parameters are in Table 1"
                                                           : "; nor do its counts of parameters, as the networks are narrower");
        return;
    }
    static const char *const heads[] = {"DSC", "the paper", "here"};
    hl_sheet sheet;
    hl_sheet_start(&sheet, book, "paper", "The paper's figures. Its encoders began with weights from ImageNet, these from drawn ones.",
                   heads, 3);
    hl_sheet_text(&sheet, "with healthy people in the test"), hl_sheet_number(&sheet, 0.8423, 4, "");
    fold_cell(&sheet, hl_result_get(net, "own"), "not computed");
    hl_sheet_text(&sheet, "without"), hl_sheet_number(&sheet, 0.7435, 4, "");
    fold_cell(&sheet, hl_result_get(net, "own_without_healthy"), "not computed");
    hl_sheet_end(&sheet);
}

hl_status hl_book_appendix(hl_book *book) {
    const cJSON *lungs = hl_book_result(book, "lungs");
    hl_book_heading(book, "Appendix: cohorts");
    hl_status status = cohort_table(book);
    hl_book_heading(book, "Appendix: lung masks");
    if (!hl_book_skipped(book, "lung_masks", lungs)) {
        lung_table(book, lungs);
        if (!status) status = lung_pictures(book, lungs);
    }
    papers_figures(book);
    hl_book_heading(book, "Times");
    hl_book_say(book, "Minutes of training and milliseconds a slice and a scan are in timing.json beside this page, and hilum study prints "
                      "them: they are of one machine, "
                      "while everything here is the same on all.");
    return status;
}
