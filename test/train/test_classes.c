/* Training a net of three classes on the phantom's lungs: the figure that chooses the best epoch is the one it claims to be. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "harness.h"
#include "hilum/predict.h"
#include "hilum/train.h"

enum { SIZE = 32, PIXELS = SIZE * SIZE };

typedef struct rig {
    hl_context *hl;
    char folder[64], run[96];
    hl_manifest *manifest;
    hl_cohort *cohort;
    int rows[64], count;
} rig;

static rig open_rig(hl_target target, int classes) {
    rig r = {.hl = hl_open(&(hl_options){.threads = 2})};
    scratch_folder(r.folder);
    hl_phantom_options phantom = hl_phantom_defaults();
    phantom.patients = 6, phantom.centres = 1, phantom.healthy = 0, phantom.slices = 3, phantom.size = 48;
    ck_ok(r.hl, hl_phantom_write(r.hl, r.folder, &phantom));
    char path[96];
    snprintf(path, sizeof path, "%s/manifest.csv", r.folder);
    snprintf(r.run, sizeof r.run, "%s/run", r.folder);
    r.manifest = hl_manifest_read(r.hl, path, NULL);
    hl_cohort_options grid = {.height = SIZE, .width = SIZE, .target = target, .classes = classes};
    r.cohort = r.manifest ? hl_cohort_open(r.hl, r.manifest, &grid) : NULL;
    ck_assert_msg(r.cohort != NULL, "%s", hl_error(r.hl));
    for (int i = 0; i < hl_manifest_count(r.manifest) && r.count < 64; i++) r.rows[r.count++] = i;
    return r;
}

static void close_rig(rig *r) {
    hl_cohort_free(r->cohort);
    hl_manifest_free(r->manifest);
    remove_folder(r->folder);
    hl_close(r->hl);
}

static hl_fit_options options_of(int classes, int epochs) {
    return (hl_fit_options){.net = "unet-vgg16", .net_options = {.width = 0.125, .classes = classes}, .epochs = epochs, .batch = 4, .rate = 4e-3, .augmentation = {.strength = {0.5}, .chance = {1}}, .seed = 1};
}

/* The best validation Dice that the log holds. */
static double best_of_log(rig *r) {
    char path[128], *text;
    snprintf(path, sizeof path, "%s/log.csv", r->run);
    ck_ok(r->hl, hl_file_read(r->hl, path, &text, NULL));
    double best = -1;
    for (char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        double dsc;
        ck_assert_int_eq(sscanf(line + 1, "%*d,%*f,%lf", &dsc), 1);
        best = fmax(best, dsc);
    }
    free(text);
    return best;
}

/* Pixels of one case by class: both, predicted, true. */
typedef struct tally {
    double both[3], predicted[3], truth[3];
} tally;

static void add_slice(rig *r, hl_model *model, int row, tally *t) {
    static float image[PIXELS], p[3 * PIXELS];
    static uint8_t mask[PIXELS];
    ck_ok(r->hl, hl_cohort_slice(r->cohort, row, image, mask, NULL, NULL));
    ck_ok(r->hl, hl_model_predict(model, image, 1, p));
    for (int i = 0; i < PIXELS; i++) {
        int best = p[PIXELS + i] > p[i] ? 1 : 0;
        if (p[2 * PIXELS + i] > p[best * PIXELS + i]) best = 2;
        ck_assert_float_eq_tol(p[i] + p[PIXELS + i] + p[2 * PIXELS + i], 1, 1e-5f);
        t->predicted[best]++, t->truth[mask[i]]++, t->both[best] += best == mask[i];
    }
}

static const char *case_of(const rig *r, int row) { return hl_manifest_row(r->manifest, row)->case_name; }

START_TEST(validation_is_the_mean_over_classes_of_the_mean_over_cases) {
    rig r = open_rig(HL_TARGET_LUNG, 3);
    hl_fit_options options = options_of(3, 30);
    int val = r.count - 6; /* the last two patients */
    hl_fit_rows rows = {.train = r.rows, .train_count = val, .val = r.rows + val, .val_count = 6};
    ck_ok(r.hl, hl_fit(r.hl, r.cohort, &rows, &options, r.run));
    char weights[128];
    snprintf(weights, sizeof weights, "%s/best.safetensors", r.run);
    hl_model *model = hl_model_open(r.hl, "unet-vgg16", &options.net_options, weights, &(hl_model_options){.height = SIZE, .width = SIZE, .batch = 4});
    ck_assert_msg(model != NULL, "%s", hl_error(r.hl));
    double sums[3] = {0};
    int cases = 0;
    for (int row = val, end; row < r.count; row = end, cases++) {
        tally t = {{0}, {0}, {0}};
        for (end = row; end < r.count && !strcmp(case_of(&r, end), case_of(&r, row)); end++) add_slice(&r, model, end, &t);
        for (int c = 1; c < 3; c++) sums[c] += 2 * t.both[c] / (t.predicted[c] + t.truth[c]);
    }
    double mean = (sums[1] / cases + sums[2] / cases) / 2;
    ck_assert_double_eq_tol(best_of_log(&r), mean, 1e-6); /* six decimals in the log */
    ck_assert_msg(mean > 0.55, "%g: left and right are not told apart", mean);
    hl_model_free(model);
    close_rig(&r);
}
END_TEST

START_TEST(net_and_cohort_have_the_same_classes) {
    rig r = open_rig(HL_TARGET_LUNG, 1);
    hl_fit_options three = options_of(3, 1), one = options_of(1, 1);
    hl_fit_rows rows = {.train = r.rows, .train_count = 4};
    ck_assert_int_eq(hl_fit(r.hl, r.cohort, &rows, &three, r.run), HL_USAGE);
    ck_assert_msg(strstr(hl_error(r.hl), "a net of 3 classes") != NULL, "%s", hl_error(r.hl));
    ck_ok(r.hl, hl_fit(r.hl, r.cohort, &rows, &one, r.run));
    char weights[128];
    snprintf(weights, sizeof weights, "%s/best.safetensors", r.run);
    hl_cohort *other = hl_cohort_open(r.hl, r.manifest, &(hl_cohort_options){.height = SIZE, .width = SIZE, .target = HL_TARGET_LUNG, .classes = 3});
    hl_model *model = hl_model_open(r.hl, "unet-vgg16", &one.net_options, weights, &(hl_model_options){.height = SIZE, .width = SIZE, .batch = 4});
    ck_assert(other && model);
    hl_score *scores;
    int count;
    ck_assert_int_eq(hl_score_cases(model, other, r.rows, r.count, 0, 0.5, &scores, NULL, &count, NULL, NULL), HL_USAGE);
    ck_assert_msg(strstr(hl_error(r.hl), "the model has 1 classes, the cohort 3") != NULL, "%s", hl_error(r.hl));
    hl_model_free(model);
    hl_cohort_free(other);
    close_rig(&r);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train/classes");
    TCase *tcase = slow_case(suite, "classes");
    tcase_add_test(tcase, validation_is_the_mean_over_classes_of_the_mean_over_cases);
    tcase_add_test(tcase, net_and_cohort_have_the_same_classes);
    return run_suite(suite);
}
