/* Post-processing: what validation cases choose, what it does to test cases, and a run that keeps it. */
#include <math.h>
#include <string.h>

#include <cJSON.h>

#include "../data/fixture.h"
#include "files.h"
#include "study/postprocess.h"

enum { SIZE = 32, PIXELS = SIZE * SIZE, SLICES = 2, PATIENTS = 4 };

/* Four patients of two slices, whose four topmost rows are lesion, and whose six topmost are lung where that is named. */
typedef struct made {
    fixture f;
    hl_manifest *manifest;
    hl_run run;
    hl_cohort *cohort;
    hl_postprocessing *p;
} made;

/* rest: what follows a row's mask, under `columns`. */
static void make(made *m, const char *columns, const char *rest) {
    char text[2048];
    int used = snprintf(text, sizeof text, "centre,patient,case,slice,image,mask%s\n", columns);
    for (int row = 0; row < PATIENTS * SLICES; row++)
        used += snprintf(text + used, sizeof text - (size_t)used, "c,p%d,p%d,%d,grey.png,lesion.png%s\n", row / SLICES, row / SLICES,
                         row % SLICES, rest);
    fixture_open(&m->f, 1);
    put_png(&m->f, "grey.png", SIZE, SIZE, 100, 0, 0);
    put_png(&m->f, "lesion.png", SIZE, SIZE, 0, 4 * SIZE, 255);
    put_png(&m->f, "lung.png", SIZE, SIZE, 0, 6 * SIZE, 255);
    put_text(&m->f, "manifest.csv", text);
    m->manifest = read_manifest(&m->f);
    m->cohort = hl_cohort_open(m->f.hl, m->manifest, &(hl_cohort_options){.height = SIZE, .width = SIZE});
    ck_assert_msg(m->cohort != NULL, "%s", hl_error(m->f.hl));
    m->run = (hl_run){.hl = m->f.hl, .options = hl_run_defaults()};
    m->run.options.folds = 2;
    m->p = hl_postprocess_open(&m->run, m->cohort);
    ck_assert_ptr_nonnull(m->p);
}

static void unmake(made *m) {
    hl_postprocess_free(m->p);
    hl_cohort_free(m->cohort);
    hl_manifest_free(m->manifest);
    fixture_close(&m->f);
}

/* What a model says beside the truth: a block of so many columns and rows, from row 10 on, or a hole of 2 x 2 in the lesion. */
typedef struct fault {
    int width, height;
    bool hole;
} fault;

/* Shows a patient's slices, as fold `model` predicts them. */
static void show(made *m, hl_watcher watcher, int patient, int model, fault what) {
    uint8_t mask[PIXELS];
    float probabilities[PIXELS];
    for (int z = 0; z < SLICES; z++) {
        int row = patient * SLICES + z;
        ck_ok(m->f.hl, hl_cohort_slice(m->cohort, row, NULL, mask, NULL, NULL));
        for (int i = 0; i < PIXELS; i++) {
            int x = i % SIZE, y = i / SIZE;
            bool wrong = x >= 4 && x < 4 + what.width && y >= 10 && y < 10 + what.height;
            bool hole = what.hole && (x == 8 || x == 9) && (y == 1 || y == 2);
            probabilities[i] = (mask[i] && !hole) || wrong ? 0.9f : 0.1f;
        }
        watcher.slice(watcher.user, row, NULL, mask, probabilities);
    }
    ck_ok(m->f.hl, watcher.end(watcher.user, model));
}

static void expect(const hl_postprocess *chosen, double smallest, bool fill, bool clip) {
    ck_assert_double_eq(chosen->smallest, smallest);
    ck_assert_msg(chosen->fill == fill && chosen->clip == clip, "fill %d, clip %d", chosen->fill, chosen->clip);
}

/* Dice of a lesion found whole with so many pixels too many in each slice. */
static double dice_with(int wrong) { return 2.0 * 4 * SIZE / (2.0 * 4 * SIZE + wrong); }

/* Fold 0 says specks of 2 voxels (1 a slice), fold 1 of 24: each takes the smallest size that removes them, all together the larger. */
START_TEST(specks_go_and_dice_rises) {
    made m;
    make(&m, "", "");
    hl_watcher tune = hl_postprocess_tune(m.p), apply = hl_postprocess_apply(m.p);
    show(&m, tune, 0, 0, (fault){1, 1, false});
    show(&m, tune, 1, 1, (fault){4, 3, false});
    hl_postprocess_choose(m.p);
    const hl_postprocess *first = hl_postprocess_chosen(m.p, 0), *second = hl_postprocess_chosen(m.p, 1),
                         *all = hl_postprocess_chosen(m.p, -1);
    expect(first, 4, false, false), expect(second, 30, false, false), expect(all, 30, false, false);
    ck_assert(!first->millilitres);
    ck_assert_int_eq(first->cases, 1);
    ck_assert_int_eq(all->cases, 2);
    ck_assert_double_eq(first->dsc_before, dice_with(1));
    ck_assert_double_eq(first->dsc_after, 1);
    ck_assert_double_eq(all->dsc_before, (dice_with(1) + dice_with(12)) / 2);
    show(&m, apply, 2, 0, (fault){4, 3, false}); /* too large for what fold 0 chose */
    show(&m, apply, 3, 1, (fault){4, 3, false});
    int count;
    const hl_score *scores = hl_postprocess_scores(m.p, &count);
    ck_assert_int_eq(count, 2);
    ck_assert_double_eq(hl_score_dice(&scores[0], 0.5), dice_with(12));
    ck_assert_double_eq(hl_score_dice(&scores[1], 0.5), 1);
    ck_assert_str_eq(scores[1].case_name, "p3");
    ck_assert_int_eq(scores[1].model, 1);
    ck_assert_int_eq(scores[1].lesion_pixels, SLICES * 4 * SIZE);
    unmake(&m);
}
END_TEST

/* A pixel is 2 x 2.5 x 4 mm, 0.02 mL: the speck of 8 voxels holds 0.16 mL. */
START_TEST(sizes_are_millilitres_where_spacing_is_known) {
    made m;
    make(&m, ",spacing_x,spacing_y,spacing_z", ",2,2.5,4");
    hl_watcher tune = hl_postprocess_tune(m.p);
    show(&m, tune, 0, 0, (fault){2, 2, false});
    hl_postprocess_choose(m.p);
    ck_assert(hl_postprocess_chosen(m.p, 0)->millilitres);
    expect(hl_postprocess_chosen(m.p, 0), 0.3, false, false);
    unmake(&m);
}
END_TEST

/* A block of 600 voxels outside the lungs is larger than every size of the grid. */
START_TEST(lungs_clip_and_holes_are_filled) {
    made m;
    make(&m, ",lung", ",lung.png");
    hl_watcher tune = hl_postprocess_tune(m.p);
    show(&m, tune, 0, 0, (fault){20, 15, false});
    show(&m, tune, 1, 1, (fault){0, 0, true});
    hl_postprocess_choose(m.p);
    expect(hl_postprocess_chosen(m.p, 0), 0, false, true);
    expect(hl_postprocess_chosen(m.p, 1), 0, true, false);
    expect(hl_postprocess_chosen(m.p, -1), 0, true, true);
    ck_assert_double_eq(hl_postprocess_chosen(m.p, -1)->dsc_after, 1);
    unmake(&m);
    make(&m, "", "");
    show(&m, hl_postprocess_tune(m.p), 0, 0, (fault){20, 15, false});
    hl_postprocess_choose(m.p);
    expect(hl_postprocess_chosen(m.p, 0), 0, false, false);
    unmake(&m);
}
END_TEST

START_TEST(what_gains_nothing_is_left_out) {
    made m;
    make(&m, ",lung", ",lung.png");
    show(&m, hl_postprocess_tune(m.p), 0, 0, (fault){0, 0, false});
    hl_postprocess_choose(m.p);
    expect(hl_postprocess_chosen(m.p, 0), 0, false, false);
    ck_assert_double_eq(hl_postprocess_chosen(m.p, 0)->dsc_after, 1);
    expect(hl_postprocess_chosen(m.p, 1), 0, false, false); /* nobody validates fold 1 */
    ck_assert_int_eq(hl_postprocess_chosen(m.p, 1)->cases, 0);
    ck_assert(isnan(hl_postprocess_chosen(m.p, 1)->dsc_before));
    unmake(&m);
}
END_TEST

/* A speck of 24 voxels outside the lungs goes by its size or by clipping, at the same Dice; another patient, healthy, has false lesion
 * whatever is done, of which sizes from 4 on would take 2 voxels. */
START_TEST(of_equals_the_least_change_is_chosen) {
    made m;
    make(&m, ",lung", ",lung.png");
    hl_watcher tune = hl_postprocess_tune(m.p);
    show(&m, tune, 0, 0, (fault){4, 3, false});
    static const uint8_t healthy[PIXELS];
    float probabilities[PIXELS];
    for (int i = 0; i < PIXELS; i++) probabilities[i] = i < 4 * SIZE || i == 5 * SIZE + 7;
    for (int z = 0; z < SLICES; z++) tune.slice(tune.user, SLICES + z, NULL, healthy, probabilities);
    ck_ok(m.f.hl, tune.end(tune.user, 0));
    hl_postprocess_choose(m.p);
    expect(hl_postprocess_chosen(m.p, 0), 0, false, true);
    ck_assert_double_eq(hl_postprocess_chosen(m.p, 0)->dsc_after, 0.5);
    unmake(&m);
}
END_TEST

/* --- a whole run -------------------------------------------------------------------------------------------------------- */

static char scratch[64];

static const char *in(const char *name) {
    static char paths[8][256];
    static int next;
    next = (next + 1) % 8;
    snprintf(paths[next], sizeof paths[next], "%s/%s", scratch, name);
    return paths[next];
}

static hl_run_options tiny(bool postprocess) {
    hl_run_options options = hl_run_defaults();
    options.manifest = in("manifest.csv");
    options.net_options.width = 0.125;
    options.height = options.width_pixels = 32;
    options.epochs = 1, options.batch = 4, options.folds = 2, options.postprocess = postprocess;
    return options;
}

static int run_whole(const char *folder, bool postprocess) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_run_options options = tiny(postprocess);
    hl_status status = hl_run_start(hl, &options, folder, NULL);
    if (status) fprintf(stderr, "%s\n", hl_error(hl));
    hl_close(hl);
    return status;
}

static void set_up(void) {
    scratch_folder(scratch);
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    ck_ok(hl, hl_phantom_write(hl, scratch,
                               &(hl_phantom_options){.patients = 8, .centres = 1, .healthy = 1, .slices = 2, .size = 64, .seed = 3}));
    hl_close(hl);
    ck_assert_int_eq(run_whole(in("with"), true), HL_OK);
}

static void tear_down(void) { remove_folder(scratch); }

static void expect_same(const char *left, const char *right) {
    char *a = slurp(left), *b = slurp(right);
    ck_assert_msg(!strcmp(a, b), "%s and %s differ", left, right);
    free(a), free(b);
}

/* Without the option nothing is there of it, and with it all else is as without. */
START_TEST(the_option_only_adds) {
    ck_assert_int_eq(run_whole(in("without"), false), HL_OK);
    static const char *const files[] = {"config.json", "metrics.json"};
    for (int i = 0; i < 2; i++) {
        char with_path[64], without_path[64];
        snprintf(with_path, sizeof with_path, "with/%s", files[i]), snprintf(without_path, sizeof without_path, "without/%s", files[i]);
        cJSON *with = parse(in(with_path)), *without = parse(in(without_path));
        char *text = slurp(in(without_path));
        ck_assert(!strstr(text, "postprocess"));
        ck_assert_ptr_nonnull(cJSON_GetObjectItem(with, "postprocess"));
        cJSON_DeleteItemFromObject(with, "postprocess");
        if (i) cJSON_DeleteItemFromObject(cJSON_GetObjectItem(with, "options"), "postprocess");
        ck_assert(cJSON_Compare(with, without, true));
        free(text), cJSON_Delete(with), cJSON_Delete(without);
    }
    expect_same(in("with/fold-1/log.csv"), in("without/fold-1/log.csv"));
}
END_TEST

static volatile int stop;
static void stop_in_second_fold(void *user, const hl_run_progress *progress) {
    (void)user;
    if (progress->fold == 1) stop = 1;
}

START_TEST(stopped_and_resumed_is_the_same_run) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_run_options options = tiny(true);
    stop = 0;
    ck_assert_int_eq(hl_run_start(hl, &options, in("again"), &(hl_run_hooks){.stop = &stop, .report = stop_in_second_fold}),
                     HL_INTERRUPTED);
    hl_run *run = hl_run_open(hl, in("again"));
    hl_postprocess chosen;
    ck_ok(hl, hl_run_postprocess(run, -1, &chosen));
    ck_assert_int_eq(chosen.cases, 0);
    hl_run_close(run);
    ck_ok(hl, hl_run_resume(hl, in("again"), NULL));
    expect_same(in("with/config.json"), in("again/config.json"));
    expect_same(in("with/metrics.json"), in("again/metrics.json"));
    expect_same(in("with/report.html"), in("again/report.html"));
    hl_close(hl);
}
END_TEST

static double number(const cJSON *object, const char *name) { return cJSON_GetNumberValue(cJSON_GetObjectItem(object, name)); }

/* The choice read back, and from a packed run; each validates its own patients. */
START_TEST(the_choice_is_kept_with_the_run) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    cJSON *metrics = parse(in("with/metrics.json")), *post = cJSON_GetObjectItem(metrics, "postprocess");
    hl_run *run = hl_run_open(hl, in("with"));
    ck_assert_msg(run != NULL, "%s", hl_error(hl));
    ck_assert(hl_run_get_options(run)->postprocess);
    ck_ok(hl, hl_run_pack(run, in("packed")));
    hl_run_close(run);
    run = hl_run_open(hl, in("packed"));
    ck_assert_msg(run != NULL, "%s", hl_error(hl));
    int cases = 0;
    for (int fold = -1; fold < 2; fold++) {
        const cJSON *of = fold < 0 ? post : cJSON_GetArrayItem(cJSON_GetObjectItem(post, "folds"), fold);
        hl_postprocess chosen;
        ck_ok(hl, hl_run_postprocess(run, fold, &chosen));
        expect(&chosen, number(of, "smallest"), cJSON_IsTrue(cJSON_GetObjectItem(of, "fill_holes")),
               cJSON_IsTrue(cJSON_GetObjectItem(of, "clip_to_lungs")));
        ck_assert_double_eq(chosen.dsc_after, number(of, "dsc_val_after"));
        ck_assert_double_ge(chosen.dsc_after, chosen.dsc_before);
        cases += fold < 0 ? -chosen.cases : chosen.cases;
    }
    ck_assert_int_eq(cases, 0);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(post, "cases")), cJSON_GetArraySize(cJSON_GetObjectItem(metrics, "cases")));
    hl_postprocess none;
    ck_assert_int_eq(hl_run_postprocess(run, 2, &none), HL_USAGE);
    hl_run_close(run);
    cJSON_Delete(metrics);
    hl_close(hl);
}
END_TEST

START_TEST(what_cannot_be_tuned_is_refused) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_run_options options = tiny(true);
    options.validation = 0;
    ck_assert_int_eq(hl_run_start(hl, &options, in("none"), NULL), HL_USAGE);
    check_error(hl, HL_USAGE, "tuned on validation patients");
    options = tiny(true);
    options.net_options.classes = 2;
    ck_assert_int_eq(hl_run_start(hl, &options, in("none"), NULL), HL_USAGE);
    check_error(hl, HL_USAGE, "goes with one class");
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("postprocess");
    TCase *tcase = slow_case(suite, "cases"), *whole = slow_case(suite, "whole");
    tcase_add_test(tcase, specks_go_and_dice_rises);
    tcase_add_test(tcase, sizes_are_millilitres_where_spacing_is_known);
    tcase_add_test(tcase, lungs_clip_and_holes_are_filled);
    tcase_add_test(tcase, what_gains_nothing_is_left_out);
    tcase_add_test(tcase, of_equals_the_least_change_is_chosen);
    tcase_add_checked_fixture(whole, set_up, tear_down);
    tcase_add_test(whole, the_option_only_adds);
    tcase_add_test(whole, stopped_and_resumed_is_the_same_run);
    tcase_add_test(whole, the_choice_is_kept_with_the_run);
    tcase_add_test(whole, what_cannot_be_tuned_is_refused);
    return run_suite(suite);
}
