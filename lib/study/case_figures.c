/* Cases measured one after another: rates, volumes, surfaces, lesions, probabilities. */
#include "study/case_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DSC, SENSITIVITY, SPECIFICITY, PRECISION, IOU, VOLUME_ERROR, VOLUME_ABSOLUTE, SURFACE_DICE, HD95, ASD, KEYS };
static const struct {
    const char *key, *name;
} keys[KEYS] = {{"dsc", "DSC"},
                {"sensitivity", "sensitivity"},
                {"specificity", "specificity"},
                {"precision", "precision"},
                {"iou", "IoU"},
                {"volume_error_ml", "volume error, mL"},
                {"volume_absolute_ml", "its absolute value, mL"},
                {"surface_dice", "surface Dice"},
                {"hd95_mm", "HD95, mm"},
                {"average_surface_mm", "average surface distance, mm"}};

const char *hl_case_figure_key(int index) { return index < KEYS ? keys[index].key : NULL; }
const char *hl_case_figure_name(int index) { return index < KEYS ? keys[index].name : NULL; }

void hl_put_interval(hl_json *json, cJSON *to, const char *name, const hl_interval *interval) {
    cJSON *one = hl_json_object(json, to, name);
    hl_json_number(json, one, "value", interval->value);
    hl_json_number(json, one, "low", interval->low), hl_json_number(json, one, "high", interval->high);
    hl_json_number(json, one, "draws", interval->draws);
}

/* A case; figures are summed over the models that tested it, as far as they have values. */
typedef struct measured {
    const char *centre, *patient, *name;
    double sums[KEYS];
    int counts[KEYS], missed, models;
    double share; /* of the lungs, true lesion; NaN without lungs */
} measured;

typedef struct measuring {
    hl_session *s;
    measured *cases;
    int count, scans, missed, surfaces;
    size_t capacity;
    hl_detection detection;
    hl_json *json;
    cJSON *tested;
    hl_histogram lungs; /* pixels within the lungs */
    bool any_lung;
} measuring;

static measured *case_of(measuring *all, const hl_maps *m) {
    for (int i = 0; i < all->count; i++) {
        if (!strcmp(all->cases[i].name, m->row->case_name)) return &all->cases[i];
    }
    measured *wider = hl_grow(all->s->hl, all->cases, &all->capacity, (size_t)all->count + 1, sizeof *wider);
    if (!wider) return NULL;
    all->cases = wider;
    wider[all->count] = (measured){.centre = m->row->centre, .patient = m->row->patient, .name = m->row->case_name, .share = NAN};
    return &wider[all->count++];
}

static void add(measured *to, int key, double value) {
    if (isnan(value)) return;
    to->sums[key] += value;
    to->counts[key]++;
}

static void add_rates(measured *to, const hl_maps *m, const uint8_t *predicted) {
    hl_confusion c = hl_histogram_confusion(&m->score->histogram, 0.5);
    hl_rates rates = hl_confusion_rates(&c);
    const double values[] = {rates.dice, rates.sensitivity, rates.specificity, rates.precision, rates.iou};
    for (int i = 0; i < 5; i++) add(to, DSC + i, values[i]);
    double voxel = hl_stack_voxel_ml(&m->stack), truth = 0, found = 0;
    for (size_t i = 0; i < hl_stack_voxels(&m->stack); i++) truth += m->truth[i] != 0, found += predicted[i];
    add(to, VOLUME_ERROR, voxel * (found - truth)), add(to, VOLUME_ABSOLUTE, fabs(voxel * (found - truth)));
}

static hl_status add_surfaces(measuring *all, measured *to, const hl_maps *m, const uint8_t *predicted) {
    hl_surface_figures f;
    if (!hl_stack_has_spacing(&m->stack)) return HL_OK;
    double tolerance = all->s->study->lesion_tolerance;
    hl_status status = hl_surface_compare(all->s->hl, &m->stack, m->truth, predicted, HL_SURFACE_ELEMENTS, tolerance, &f);
    if (status || f.empty) return status;
    all->surfaces++, all->missed += f.missed, to->missed += f.missed;
    add(to, SURFACE_DICE, f.surface_dice), add(to, HD95, f.hd95), add(to, ASD, f.average);
    return HL_OK;
}

/* The pixels within the lungs, and how much of them is lesion. */
static hl_status add_lungs(measuring *all, measured *to, const hl_maps *m) {
    size_t voxels = hl_stack_voxels(&m->stack), count = 0, lesion = 0;
    float *p = m->lung ? hl_calloc(all->s->hl, voxels, sizeof *p) : NULL;
    uint8_t *labels = p ? hl_calloc(all->s->hl, voxels, 1) : NULL;
    if (!m->lung) return HL_OK;
    if (!labels) return free(p), HL_NO_MEMORY;
    for (size_t i = 0; i < voxels; i++) {
        if (!m->lung[i]) continue;
        p[count] = m->probabilities[i], labels[count++] = m->truth[i];
        lesion += m->truth[i] != 0;
    }
    hl_histogram_add(&all->lungs, p, labels, count);
    if (count) to->share = (double)lesion / (double)count, all->any_lung = true;
    free(p), free(labels);
    return HL_OK;
}

static hl_status measure(void *user, const hl_maps *m) {
    measuring *all = user;
    size_t voxels = hl_stack_voxels(&m->stack);
    measured *to = case_of(all, m);
    uint8_t *predicted = to ? hl_calloc(all->s->hl, voxels, 1) : NULL;
    if (!predicted) return HL_NO_MEMORY;
    for (size_t i = 0; i < voxels; i++) predicted[i] = (double)m->probabilities[i] > 0.5;
    to->models++, all->scans++;
    hl_result_tested(all->json, all->tested, m->run, m->score, 1);
    add_rates(to, m, predicted);
    hl_status status = add_surfaces(all, to, m, predicted);
    hl_detection detection = {0};
    if (!status) status = hl_detect(all->s->hl, &m->stack, m->truth, predicted, HL_LESION_HIT, &detection);
    if (!status) hl_detection_add(&all->detection, &detection);
    if (!status) status = add_lungs(all, to, m);
    free(predicted);
    return status;
}

/* --- into the result ------------------------------------------------------------------------------------------------------ */

static double value_of(const measured *of, int key) { return of->counts[key] ? of->sums[key] / of->counts[key] : NAN; }

static void put_cases(hl_json *json, cJSON *to, const measuring *all) {
    cJSON *cases = hl_json_array(json, to, "cases");
    for (int i = 0; i < all->count; i++) {
        const measured *of = &all->cases[i];
        cJSON *one = hl_json_object(json, cases, NULL);
        hl_json_text(json, one, "patient", of->patient);
        hl_json_text(json, one, "case", of->name);
        hl_json_number(json, one, "models", of->models);
        for (int key = 0; key < KEYS; key++) hl_json_number(json, one, keys[key].key, value_of(of, key));
        hl_json_number(json, one, "missed", of->missed);
        hl_json_number(json, one, "lesion_share_of_lungs", of->share);
    }
}

static hl_status put_figures(hl_session *s, hl_json *json, cJSON *to, const measuring *all) {
    size_t n = (size_t)all->count + 1;
    const char **names = hl_calloc(s->hl, 2 * n, sizeof *names);
    double *values = hl_calloc(s->hl, n, sizeof *values);
    hl_patients groups = {0};
    hl_status status = names && values ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < all->count && !status; i++) names[i] = all->cases[i].centre, names[n + (size_t)i] = all->cases[i].patient;
    if (!status) status = hl_patients_group(s->hl, names, names + n, all->count, &groups);
    cJSON *figures = hl_json_object(json, to, "figures");
    for (int key = 0; key < KEYS && !status; key++) {
        hl_interval interval;
        for (int i = 0; i < all->count; i++) values[i] = value_of(&all->cases[i], key);
        status = hl_bootstrap_mean(s->hl, &groups, s->study->draws, s->study->training.seed, values, &interval);
        if (!status) hl_put_interval(json, figures, keys[key].key, &interval);
    }
    hl_json_number(json, to, "surfaces", all->surfaces), hl_json_number(json, to, "surfaces_missed", all->missed);
    hl_patients_free(&groups);
    free(names), free(values);
    return status;
}

static void put_detection(hl_json *json, cJSON *to, const hl_detection *d) {
    cJSON *one = hl_json_object(json, to, "detection"), *sizes = hl_json_array(json, one, "sizes");
    for (int size = 0; size < HL_LESION_SIZES; size++) {
        cJSON *of = hl_json_object(json, sizes, NULL);
        hl_json_number(json, of, "lesions", d->lesions[size]), hl_json_number(json, of, "found", d->found[size]);
        hl_json_number(json, of, "rate", hl_detection_rate(d, size));
    }
    hl_json_number(json, one, "rate", hl_detection_rate(d, -1));
    hl_json_number(json, one, "scans", d->scans);
    hl_json_number(json, one, "false_positives_per_scan", hl_detection_false_per_scan(d));
}

static void put_reliability(hl_json *json, cJSON *to, const measuring *all) {
    hl_reliability r;
    hl_reliability_curve(&all->lungs, &r);
    cJSON *one = hl_json_object(json, to, "reliability");
    double pixels[HL_RELIABILITY_BINS];
    for (int i = 0; i < HL_RELIABILITY_BINS; i++) pixels[i] = (double)r.pixels[i];
    hl_json_numbers(json, one, "pixels", pixels, HL_RELIABILITY_BINS);
    hl_json_numbers(json, one, "predicted", r.predicted, HL_RELIABILITY_BINS);
    hl_json_numbers(json, one, "observed", r.observed, HL_RELIABILITY_BINS);
    hl_json_number(json, one, "ece", r.ece), hl_json_number(json, one, "mce", r.mce);
}

static hl_status put_burden(hl_session *s, hl_json *json, cJSON *to, const measuring *all) {
    double *values = hl_calloc(s->hl, (size_t)all->count + 1, sizeof *values);
    cJSON *grades = hl_json_array(json, to, "by_burden");
    if (!values) return HL_NO_MEMORY;
    for (int grade = 0; grade < HL_GRADES; grade++) {
        int count = 0;
        for (int i = 0; i < all->count; i++) {
            if (hl_grade_of(all->cases[i].share) == (hl_grade)grade) values[count++] = value_of(&all->cases[i], DSC);
        }
        cJSON *one = hl_json_object(json, grades, NULL);
        hl_json_text(json, one, "burden", hl_grade_name((hl_grade)grade));
        hl_json_number(json, one, "cases", count);
        hl_json_number(json, one, "dsc", hl_mean(values, count));
        hl_json_number(json, one, "sd", hl_deviation(values, count, 1));
    }
    free(values);
    return HL_OK;
}

hl_status hl_case_figures(hl_session *s, hl_json *json, cJSON *to, hl_run *run, const char *name, hl_cohort *cohort) {
    measuring all = {.s = s, .json = json, .tested = hl_json_array(json, to, "tested")};
    hl_histogram_clear(&all.lungs, 0.5);
    hl_status status = hl_session_visit(s, run, name, cohort, HL_PART_TEST, measure, &all);
    if (!status) put_cases(json, to, &all);
    if (!status) status = put_figures(s, json, to, &all);
    if (!status) put_detection(json, to, &all.detection);
    if (!status && all.any_lung) put_reliability(json, to, &all);
    if (!status && all.any_lung) status = put_burden(s, json, to, &all);
    free(all.cases);
    return status;
}
