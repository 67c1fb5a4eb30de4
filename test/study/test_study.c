/* A whole study on tiny phantoms: its file, its plan, every part's files, kills, and who is tested by whom. */
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cJSON.h>

#include "files.h"
#include "hilum/whole.h"

static char scratch[64], folder[128], ini[128];

static const char tiny[] =
    "[study]\ntitle = A tiny study\nseed = 1\ndraws = 50\nreaders = cohort 2\n"
    "[cohort 1]\nname = first\nphantom-patients = 16\nphantom-centres = 2\nphantom-healthy = 4\nphantom-slices = 3\n"
    "phantom-size = 64\ncentres = centre1\n"
    "[cohort 2]\nname = second\nphantom-patients = 16\nphantom-centres = 2\nphantom-healthy = 4\nphantom-slices = 3\n"
    "phantom-size = 64\ncentres = centre2\n"
    "[public]\nname = public\nphantom-patients = 12\nphantom-centres = 2\nphantom-healthy = 0\nphantom-slices = 2\n"
    "phantom-size = 64\nphantom-first = 101\n"
    "[nets]\ncompared = unet-vgg16, linknet-resnet34\nmixed = linknet-resnet34\nhalves = unet-vgg16\nbenchmark = unet-vgg16\n"
    "[training]\nsize = 32\nwidth = 0.125\nepochs = 1\nbatch = 4\nfolds = 2\n";

static const char *in(const char *where, const char *name) {
    static char paths[4][384];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", where, name);
    return paths[next];
}

static hl_status carry(const char *to, const char *file, const char *only, const hl_study_hooks *hooks) {
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_study *study = hl_study_read(hl, file, NULL);
    hl_status status = study ? hl_study_carry(study, to, only, hooks) : hl_error_status(hl);
    if (status && status != HL_INTERRUPTED) fprintf(stderr, "%s\n", hl_error(hl));
    hl_study_free(study);
    hl_close(hl);
    return status;
}

static void write_text(const char *path, const char *text) {
    hl_context *hl = hl_open(NULL);
    ck_ok(hl, hl_file_write(hl, path, text, strlen(text)));
    hl_close(hl);
}

/* Carries a study in a process of its own, which dies without a word at its report number `fatal` (0: never). Whether it ended well. */
static int reports_left;
static void die_in_time(void *user, const hl_study_progress *progress) {
    (void)user, (void)progress;
    if (reports_left > 0 && --reports_left == 0) raise(SIGKILL);
}

static bool carried(const char *to, int fatal) {
    pid_t child = fork();
    if (child == 0) {
        reports_left = fatal;
        _exit(carry(to, ini, NULL, &(hl_study_hooks){.report = die_in_time}));
    }
    int result = -1;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_msg(WIFSIGNALED(result) || WEXITSTATUS(result) == 0, "the study failed");
    return !WIFSIGNALED(result);
}

static void set_up(void) {
    scratch_folder(scratch);
    snprintf(folder, sizeof folder, "%s/study", scratch);
    snprintf(ini, sizeof ini, "%s/tiny.ini", scratch);
    write_text(ini, tiny);
    ck_assert(carried(folder, 0));
}

static void tear_down(void) { remove_folder(scratch); }

/* --- the file and the plan ---------------------------------------------------------------------------------------------- */

static void refused(const char *text, const char *expected) {
    char path[128];
    snprintf(path, sizeof path, "%s/bad.ini", scratch);
    write_text(path, text);
    hl_context *hl = hl_open(NULL);
    ck_assert_ptr_null(hl_study_read(hl, path, NULL));
    ck_assert_int_eq(hl_error_status(hl), HL_BAD_INPUT);
    ck_assert_msg(strstr(hl_error(hl), expected) != NULL, "\"%s\" does not say \"%s\"", hl_error(hl), expected);
    hl_close(hl);
}

START_TEST(bad_files_are_told_by_line) {
    static const char *const rest = "[cohort 1]\nphantom-patients = 4\n[nets]\ncompared = unet-vgg16\n";
    char text[1024], longer[300];
    refused("[study\ntitle = x\n", "bad.ini:1:");
    refused("[study]\nno key here\n", "bad.ini:2: expected");
    snprintf(text, sizeof text, "%s[training]\nepochs = many\n", rest);
    refused(text, "bad.ini:6: epochs = many: expected a whole number");
    snprintf(text, sizeof text, "%s[training]\nsize = 50\n", rest);
    refused(text, "bad.ini:6: size = 50");
    snprintf(text, sizeof text, "%s[training]\nprecision = bf32\n", rest);
    refused(text, "bad.ini:6: precision = bf32: expected one of fp32, bf16");
    snprintf(text, sizeof text, "%s[training]\nepoch = 3\n", rest);
    refused(text, "bad.ini:6: nothing is called epoch in [training]");
    snprintf(text, sizeof text, "%s[training]\nlr = 0.1\nlr = 0.2\n", rest);
    refused(text, "bad.ini:7: lr of [training] stands on line 6 already");
    snprintf(text, sizeof text, "%s[training]\nlr unet-resnet34 = 0.1\n", rest);
    refused(text, "bad.ini:6: nothing is called lr unet-resnet34 in [training]");
    snprintf(text, sizeof text, "%s[training]\nlr unet-vgg16 = 11\n", rest);
    refused(text, "bad.ini:6: lr unet-vgg16 = 11");
    refused("[cohort 1]\nphantom-patients = 4\n[nets]\ncompared = unet-vgg17\n", "bad.ini:4: compared = unet-vgg17");
    refused("[cohort 1]\nphantom-patients = 4\n[nets]\ncompared = unet-vgg16\nmodel = unet-resnet34\n", "bad.ini:5: model");
    refused("[nets]\ncompared = unet-vgg16\n", "[cohort 1] is missing");
    refused("[cohort 1]\nphantom-patients = 4\n", "compared of [nets] is missing");
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    snprintf(text, sizeof text, "[study]\n; %s\n", longer);
    refused(text, "bad.ini:2: the line has");
}
END_TEST

static int entries(const char *path) {
    DIR *listing = opendir(path);
    int count = 0;
    while (listing && readdir(listing)) count++;
    if (listing) closedir(listing);
    return count;
}

START_TEST(plan_writes_nothing) {
    int before = entries(scratch);
    hl_context *hl = hl_open(&(hl_options){.threads = 1});
    hl_study *study = hl_study_read(hl, ini, NULL);
    hl_study_plan plan;
    ck_assert_ptr_nonnull(study);
    ck_ok(hl, hl_study_make_plan(study, &plan));
    ck_assert_int_eq(entries(scratch), before);
    ck_assert_int_eq(plan.count, HL_STUDY_PARTS);
    /* own 2 x 2, mixed 2, halves 2 and optimistic 2 and fifths 5, lung 2, masked 2, given 2 */
    ck_assert_int_eq(plan.models, 21);
    ck_assert_int_eq(plan.steps[0].models, 4);
    ck_assert(plan.seconds > 0 && plan.bytes > 0 && plan.networks_measured > 0);
    hl_study_free(study);
    hl_close(hl);
}
END_TEST

/* --- what is there at the end ---------------------------------------------------------------------------------------------- */

static const char *const parts[] = {"comparison", "mixed",     "halves",      "lungs",      "severity",   "readers",
                                    "baseline",   "threshold", "calibration", "statistics", "conventions"};
enum { PARTS = sizeof parts / sizeof *parts };

static cJSON *part(const char *where, const char *name) {
    char file[64];
    snprintf(file, sizeof file, "parts/%s.json", name);
    return parse(in(where, file));
}

START_TEST(every_part_gives_its_files) {
    static const char *const files[] = {"report.html",
                                        "metrics.json",
                                        "timing.json",
                                        "study.ini",
                                        "tables/table1.csv",
                                        "tables/table1.tex",
                                        "tables/table2.csv",
                                        "tables/table3.csv",
                                        "tables/table4.tex",
                                        "tables/table5.csv",
                                        "tables/cohorts.csv",
                                        "tables/conventions.csv",
                                        "tables/intervals.tex",
                                        "figures/figure1-1.png",
                                        "figures/figure3-1.svg",
                                        "figures/figure3-2.png",
                                        "figures/figure4-1.svg",
                                        "figures/figure4-2.png",
                                        "figures/figure5.svg",
                                        "figures/figure5.png",
                                        "figures/lungs_worst-2.png",
                                        "figures/ranking.svg",
                                        "figures/reliability.png",
                                        "figures/figure2-1.svg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        ck_assert_msg(hl_file_exists(in(folder, files[i])), "%s is missing", files[i]);
    for (int i = 0; i < PARTS; i++) {
        cJSON *result = part(folder, parts[i]);
        ck_assert_msg(!cJSON_HasObjectItem(result, "skipped"), "%s was skipped", parts[i]);
        cJSON_Delete(result);
    }
}
END_TEST

/* Every cell has a value, a text, or a reason why not. */
START_TEST(no_cell_is_null_without_a_reason) {
    cJSON *metrics = parse(in(folder, "metrics.json")), *table, *row, *cell;
    int cells = 0;
    for (int i = 1; i <= 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "table%d", i);
        ck_assert_msg(cJSON_GetObjectItem(cJSON_GetObjectItem(metrics, "tables"), name) != NULL, "%s is missing", name);
    }
    cJSON_ArrayForEach(table, cJSON_GetObjectItem(metrics, "tables")) {
        int columns = cJSON_GetArraySize(cJSON_GetObjectItem(table, "columns"));
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(table, "rows")) {
            ck_assert_int_eq(cJSON_GetArraySize(row), columns);
            cJSON_ArrayForEach(cell, row) {
                const cJSON *reason = cJSON_GetObjectItem(cell, "reason");
                bool filled = cJSON_IsNumber(cJSON_GetObjectItem(cell, "value")) || cJSON_IsString(cJSON_GetObjectItem(cell, "text"));
                ck_assert_msg(filled || (cJSON_IsString(reason) && *reason->valuestring), "%s has an empty cell", table->string);
                cells++;
            }
        }
    }
    ck_assert_int_gt(cells, 200);
    cJSON_Delete(metrics);
}
END_TEST

/* --- who is tested by whom --------------------------------------------------------------------------------------------------- */

static hl_context *library;
static int pairs_checked, optimistic_checked;

static hl_role role_in(const char *run, const char *patient, int fold) {
    char file[160];
    snprintf(file, sizeof file, "runs/%s/folds.csv", run);
    hl_folds *folds = hl_folds_read(library, in(folder, file), NULL);
    ck_assert_msg(folds != NULL, "%s", hl_error(library));
    hl_role role = hl_folds_role(folds, patient, fold);
    hl_folds_free(folds);
    return role;
}

static void check_tested(const cJSON *one, bool optimistic) {
    const char *run = cJSON_GetStringValue(cJSON_GetObjectItem(one, "run"));
    int model = cJSON_GetObjectItem(one, "model")->valueint, fold;
    const cJSON *patient;
    cJSON_ArrayForEach(patient, cJSON_GetObjectItem(one, "patients")) {
        hl_role role = role_in(run, patient->valuestring, model);
        ck_assert_msg(role != HL_ROLE_TRAIN, "%s: model %d trained on %s", run, model, patient->valuestring);
        if (optimistic) ck_assert_int_eq(role, HL_ROLE_VAL);
        else ck_assert_msg(role != HL_ROLE_VAL, "%s: model %d was tuned on %s", run, model, patient->valuestring);
        /* The lungs were predicted by the lung net's model of that fold, which must not know him either. */
        if (sscanf(run, "masked-%d-", &fold) == 1) ck_assert_int_eq(role_in("lung-unet-vgg16", patient->valuestring, fold), HL_ROLE_TEST);
        pairs_checked++, optimistic_checked += optimistic;
    }
}

/* Nobody whose cases chose something is among those it is tested on. */
static void check_tuned(const cJSON *tuned, const cJSON *tested) {
    const cJSON *name, *one;
    cJSON_ArrayForEach(name, tuned) {
        cJSON_ArrayForEach(one, tested) {
            const char *other = cJSON_IsString(one) ? one->valuestring : cJSON_GetStringValue(cJSON_GetObjectItem(one, "patient"));
            ck_assert_ptr_nonnull(other);
            ck_assert_str_ne(name->valuestring, other);
            pairs_checked++;
        }
    }
}

static void walk(const cJSON *item, bool optimistic) {
    if (cJSON_IsObject(item)) {
        const cJSON *tested = cJSON_GetObjectItem(item, "tested"), *tuned = cJSON_GetObjectItem(item, "tuned_on"), *one;
        optimistic = optimistic || cJSON_IsTrue(cJSON_GetObjectItem(item, "optimistic"));
        cJSON_ArrayForEach(one, tested) {
            if (cJSON_IsObject(one)) check_tested(one, optimistic);
        }
        if (tuned) check_tuned(tuned, cJSON_IsObject(tested ? tested->child : NULL) ? cJSON_GetObjectItem(item, "cases") : tested);
    }
    for (const cJSON *child = item->child; child; child = child->next) walk(child, optimistic);
}

START_TEST(nobody_is_tested_by_what_knows_him) {
    library = hl_open(NULL);
    for (int i = 0; i < PARTS; i++) {
        cJSON *result = part(folder, parts[i]);
        int before = pairs_checked;
        walk(result, false);
        ck_assert_msg(pairs_checked > before, "the part %s names nobody", parts[i]);
        cJSON_Delete(result);
    }
    ck_assert_int_gt(pairs_checked, 300);
    ck_assert_int_eq(optimistic_checked, 12); /* the public cohort's patients, each in one half */
    hl_close(library);
}
END_TEST

/* --- kills --------------------------------------------------------------------------------------------------------------------- */

static int files_compared;
static void assert_same_trees(const char *left, const char *right) {
    struct dirent **names;
    int count = scandir(left, &names, NULL, alphasort);
    ck_assert_int_ge(count, 2);
    ck_assert_int_eq(entries(right), count);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        char a[384], b[384];
        struct stat info;
        snprintf(a, sizeof a, "%s/%s", left, name), snprintf(b, sizeof b, "%s/%s", right, name);
        if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "timing.json") || stat(a, &info)) continue;
        if (S_ISDIR(info.st_mode)) {
            assert_same_trees(a, b);
            continue;
        }
        hl_context *hl = hl_open(NULL);
        char *x, *y;
        size_t x_bytes, y_bytes;
        ck_ok(hl, hl_file_read(hl, a, &x, &x_bytes));
        ck_ok(hl, hl_file_read(hl, b, &y, &y_bytes));
        ck_assert_msg(x_bytes == y_bytes && !memcmp(x, y, x_bytes), "%s and %s differ", a, b);
        free(x), free(y);
        hl_close(hl);
        files_compared++;
    }
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
}

/* Again and again from the start, dying at a later report each time, until it comes through. */
START_TEST(killed_and_gone_on_with_is_the_same_study) {
    char again[128];
    snprintf(again, sizeof again, "%s/again", scratch);
    int kills = 0;
    for (int fatal = 3; !carried(again, fatal); fatal += 31) {
        ck_assert_int_lt(++kills, 200);
        if (kills == 3) write_text(in(again, "data/cohort1.csv.part2147483646"), "half"); /* of a process that is no more */
    }
    ck_assert_int_gt(kills, 5);
    assert_same_trees(folder, again);
    ck_assert_int_gt(files_compared, 200);
}
END_TEST

static volatile int stop;
static void stop_at_once(void *user, const hl_study_progress *progress) {
    (void)user, (void)progress;
    stop = 1;
}

START_TEST(asked_to_stop_it_stops) {
    char other[128];
    snprintf(other, sizeof other, "%s/stopped", scratch);
    ck_assert_int_eq(carry(other, ini, NULL, &(hl_study_hooks){.stop = &stop, .report = stop_at_once}), HL_INTERRUPTED);
    ck_assert(!hl_file_exists(in(other, "report.html")));
}
END_TEST

START_TEST(another_file_is_refused) {
    char changed[128];
    snprintf(changed, sizeof changed, "%s/changed.ini", scratch);
    char text[sizeof tiny + 32];
    snprintf(text, sizeof text, "%s; changed\n", tiny);
    write_text(changed, text);
    ck_assert_int_eq(carry(folder, changed, NULL, NULL), HL_USAGE);
    ck_assert_int_eq(carry(folder, ini, "nothing", NULL), HL_USAGE);
}
END_TEST

/* A study in a process of its own, with its status. */
static int carried_apart(const char *to, const char *file, const char *only) {
    pid_t child = fork();
    if (child == 0) _exit(carry(to, file, only, NULL));
    int result = -1;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert(WIFEXITED(result));
    return WEXITSTATUS(result);
}

/* --- a poor cohort ---------------------------------------------------------------------------------------------------------------- */

/* Leaves the first six columns of the phantom's manifest: no lungs, no second reader, no spacing. */
static void write_poor_manifest(const char *path) {
    hl_context *hl = hl_open(NULL);
    char *text, poor[20000] = "";
    ck_ok(hl, hl_file_read(hl, in(folder, "data/phantom-cohort1/manifest.csv"), &text, NULL));
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        char *end = line;
        for (int comma = 0; comma < 6; comma++) end = strchr(end, ',') + 1;
        size_t used = strlen(poor);
        snprintf(poor + used, sizeof poor - used, "%.*s\n", (int)(end - 1 - line), line);
    }
    ck_ok(hl, hl_file_write(hl, path, poor, strlen(poor)));
    free(text);
    hl_close(hl);
}

START_TEST(what_cannot_be_is_skipped_with_a_reason) {
    static const char *const skipped[] = {"mixed", "halves", "lungs", "severity", "readers", "baseline", "calibration"};
    char poor[128], out[128], text[512], manifest[256];
    snprintf(poor, sizeof poor, "%s/poor.ini", scratch), snprintf(out, sizeof out, "%s/poor", scratch);
    snprintf(manifest, sizeof manifest, "%s", in(folder, "data/phantom-cohort1/poor.csv"));
    write_poor_manifest(manifest);
    snprintf(text, sizeof text,
             "[cohort 1]\nmanifest = study/data/phantom-cohort1/poor.csv\ncentres = centre1\n[nets]\ncompared = linknet-resnet34\n"
             "[training]\nsize = 32\nwidth = 0.125\nepochs = 1\nbatch = 4\nfolds = 2\n[study]\ndraws = 20\n");
    write_text(poor, text);
    ck_assert_int_eq(carried_apart(out, poor, NULL), HL_OK);
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        cJSON *one = part(out, skipped[i]);
        ck_assert_msg(cJSON_IsString(cJSON_GetObjectItem(one, "skipped")), "%s does not say why it is not there", skipped[i]);
        cJSON_Delete(one);
    }
    ck_assert(hl_file_exists(in(out, "report.html")) && hl_file_exists(in(out, "tables/table1.csv")));
    unlink(manifest);
}
END_TEST

START_TEST(cohorts_share_nobody) {
    char file[128], out[128];
    snprintf(file, sizeof file, "%s/shared.ini", scratch), snprintf(out, sizeof out, "%s/shared", scratch);
    write_text(file, "[cohort 1]\nphantom-patients = 4\nphantom-healthy = 0\nphantom-slices = 2\nphantom-size = 64\ncentres = centre1\n"
                     "[cohort 2]\nphantom-patients = 4\nphantom-healthy = 0\nphantom-slices = 2\nphantom-size = 64\ncentres = centre1\n"
                     "[nets]\ncompared = unet-vgg16\n");
    ck_assert_int_eq(carried_apart(out, file, NULL), HL_BAD_INPUT);
    ck_assert(!hl_file_exists(in(out, "runs")));
}
END_TEST

/* Every lung of a phantom's folder becomes 255; the manifest names the copies. */
static void undivide(const char *from) {
    hl_context *hl = hl_open(NULL);
    char path[384];
    snprintf(path, sizeof path, "%s/manifest.csv", from);
    hl_manifest *rows = hl_manifest_read(hl, path, NULL);
    ck_assert_ptr_nonnull(rows);
    for (int i = 0; i < hl_manifest_count(rows); i++) {
        hl_picture lung;
        ck_ok(hl, hl_png_read(hl, hl_manifest_row(rows, i)->lung, &lung));
        size_t pixels = (size_t)lung.width * (size_t)lung.height;
        uint8_t *whole = malloc(pixels);
        for (size_t p = 0; p < pixels; p++) whole[p] = lung.pixels[p] ? 255 : 0;
        ck_ok(hl, hl_png_write(hl, hl_manifest_row(rows, i)->lung, lung.width, lung.height, 1, 8, whole));
        free(whole), free(lung.pixels);
    }
    hl_manifest_free(rows);
    hl_close(hl);
}

/* The share of lung pixels that are on the same side in two cohorts of the same slices. */
static double same_side(const char *left, const char *right) {
    hl_context *hl = hl_open(NULL);
    hl_manifest_options outside = {.allow_outside = true};
    hl_manifest *a = hl_manifest_read(hl, left, &outside), *b = hl_manifest_read(hl, right, &outside);
    ck_assert_msg(a && b && hl_manifest_count(a) == hl_manifest_count(b), "%s", hl_error(hl));
    double same = 0, all = 0;
    for (int i = 0; i < hl_manifest_count(a); i++) {
        hl_picture x, y;
        ck_ok(hl, hl_png_read(hl, hl_manifest_row(a, i)->lung, &x));
        ck_ok(hl, hl_png_read(hl, hl_manifest_row(b, i)->lung, &y));
        for (int p = 0; p < x.width * x.height; p++) all += x.pixels[p] != 0, same += x.pixels[p] && x.pixels[p] == y.pixels[p];
        free(x.pixels), free(y.pixels);
    }
    hl_manifest_free(a), hl_manifest_free(b);
    hl_close(hl);
    ck_assert(all > 1000);
    return same / all;
}

START_TEST(undivided_lungs_are_divided) {
    char file[128], out[128], phantom[160];
    snprintf(file, sizeof file, "%s/undivided.ini", scratch), snprintf(out, sizeof out, "%s/undivided", scratch);
    snprintf(phantom, sizeof phantom, "%s/plain", scratch);
    hl_context *hl = hl_open(NULL);
    hl_phantom_options options = {.patients = 8, .centres = 1, .healthy = 2, .slices = 3, .size = 64, .seed = 5};
    ck_ok(hl, hl_phantom_write(hl, in(scratch, "whole"), &options));
    ck_ok(hl, hl_phantom_write(hl, phantom, &options));
    hl_close(hl);
    undivide(phantom);
    write_text(file, "[cohort 1]\nmanifest = plain/manifest.csv\n[nets]\ncompared = linknet-resnet34\n"
                     "[training]\nsize = 32\nwidth = 0.125\nepochs = 1\nbatch = 4\nfolds = 2\n");
    ck_assert_int_eq(carried_apart(out, file, "threshold"), HL_OK);
    ck_assert(hl_file_exists(in(out, "parts/threshold.json")) && !hl_file_exists(in(out, "parts/lungs.json")));
    ck_assert_double_gt(same_side(in(scratch, "whole/manifest.csv"), in(out, "data/cohort1.csv")), 0.97);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("study");
    TCase *tcase = slow_case(suite, "study");
    tcase_add_unchecked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, bad_files_are_told_by_line);
    tcase_add_test(tcase, plan_writes_nothing);
    tcase_add_test(tcase, every_part_gives_its_files);
    tcase_add_test(tcase, no_cell_is_null_without_a_reason);
    tcase_add_test(tcase, nobody_is_tested_by_what_knows_him);
    tcase_add_test(tcase, asked_to_stop_it_stops);
    tcase_add_test(tcase, another_file_is_refused);
    tcase_add_test(tcase, killed_and_gone_on_with_is_the_same_study);
    tcase_add_test(tcase, cohorts_share_nobody);
    tcase_add_test(tcase, undivided_lungs_are_divided);
    tcase_add_test(tcase, what_cannot_be_is_skipped_with_a_reason);
    return run_suite(suite);
}
