/* The phantom cohort: the same bytes for the same options, the people asked for, and pictures whose masks mean something. */
#include <string.h>

#include "../harness.h"
#include "base/file.h"
#include "hilum/data.h"

static const hl_phantom_options small = {.patients = 19, .centres = 3, .healthy = 4, .slices = 5, .size = 64, .seed = 3};

typedef struct world {
    hl_context *hl;
    char folder[64];
    hl_manifest *manifest;
} world;

static world make_world(const hl_phantom_options *options, int threads) {
    world w = {.hl = hl_open(&(hl_options){.threads = threads})};
    char path[128];
    scratch_folder(w.folder);
    ck_ok(w.hl, hl_phantom_write(w.hl, w.folder, options));
    snprintf(path, sizeof path, "%s/manifest.csv", w.folder);
    w.manifest = hl_manifest_read(w.hl, path, NULL);
    ck_assert_msg(w.manifest, "%s", hl_error(w.hl));
    return w;
}

static void end_world(world *w) {
    hl_manifest_free(w->manifest);
    hl_close(w->hl);
    remove_folder(w->folder);
}

static uint16_t *pixels_of(const world *w, const char *path) {
    hl_picture picture;
    ck_ok(w->hl, hl_png_read(w->hl, path, &picture));
    ck_assert_int_eq(picture.width, small.size);
    ck_assert_int_eq(picture.height, small.size);
    ck_assert_int_eq(picture.maximum, 255);
    return picture.pixels;
}

/* What a case's pictures add up to. */
typedef struct tally {
    const hl_row *row; /* its first */
    int slices;
    double lung, left, right, misplaced;  /* pixels; misplaced: a label on the other side's half */
    double lesion, second, both, outside; /* outside: lesion that is not in a lung */
    double lesion_grey, healthy_grey;     /* sums, inside the lungs */
} tally;

static void add_pixel(tally *t, int column, int label, bool first, bool second, int grey) {
    bool left_half = column < small.size / 2;
    t->lung += label != 0, t->left += label == 1, t->right += label == 2;
    t->misplaced += (label == 1 && left_half) || (label == 2 && !left_half);
    t->lesion += first, t->second += second, t->both += first && second, t->outside += (first || second) && !label;
    if (first) t->lesion_grey += grey;
    else if (label && !second) t->healthy_grey += grey;
}

static void add_slice(const world *w, const hl_row *row, tally *t) {
    uint16_t *image = pixels_of(w, row->image), *mask = pixels_of(w, row->mask);
    uint16_t *lung = pixels_of(w, row->lung), *mask2 = pixels_of(w, row->mask2);
    for (int i = 0; i < small.size * small.size; i++) add_pixel(t, i % small.size, lung[i], mask[i], mask2[i], image[i]);
    t->slices++;
    free(image), free(mask), free(lung), free(mask2);
}

/* Fills `tallies`, one a case, and returns how many. */
static int tally_cases(const world *w, tally *tallies) {
    int count = 0;
    for (int i = 0; i < hl_manifest_count(w->manifest); i++) {
        const hl_row *row = hl_manifest_row(w->manifest, i);
        if (!count || strcmp(tallies[count - 1].row->case_name, row->case_name)) tallies[count++] = (tally){.row = row};
        add_slice(w, row, &tallies[count - 1]);
    }
    return count;
}

static bool same_file(const world *a, const char *first, const world *b, const char *second) {
    char *one, *two;
    size_t one_bytes, two_bytes;
    ck_ok(a->hl, hl_file_read(a->hl, first, &one, &one_bytes));
    ck_ok(b->hl, hl_file_read(b->hl, second, &two, &two_bytes));
    bool same = one_bytes == two_bytes && !memcmp(one, two, one_bytes);
    free(one), free(two);
    return same;
}

static int count_same(const world *a, const world *b) {
    ck_assert_int_eq(hl_manifest_count(a->manifest), hl_manifest_count(b->manifest));
    int same = 0;
    for (int i = 0; i < hl_manifest_count(a->manifest); i++) {
        const hl_row *first = hl_manifest_row(a->manifest, i), *second = hl_manifest_row(b->manifest, i);
        same += same_file(a, first->image, b, second->image) && same_file(a, first->mask, b, second->mask) &&
                same_file(a, first->lung, b, second->lung) && same_file(a, first->mask2, b, second->mask2);
    }
    return same;
}

START_TEST(same_options_same_bytes) {
    hl_phantom_options other = small;
    other.seed++;
    world one = make_world(&small, 1), two = make_world(&small, 2), three = make_world(&other, 2);
    ck_assert(same_file(&one, hl_manifest_path(one.manifest), &two, hl_manifest_path(two.manifest)));
    ck_assert_int_eq(count_same(&one, &two), hl_manifest_count(one.manifest));
    ck_assert_int_eq(count_same(&one, &three), 0);
    end_world(&one), end_world(&two), end_world(&three);
}
END_TEST

/* 19 patients of 3 centres are 7, 6 and 6; 4 healthy are 2, 1 and 1; every patient has 5 slices in one or two cases. */
START_TEST(who_is_there) {
    static const int patients[] = {7, 6, 6}, healthy[] = {2, 1, 1};
    world w = make_world(&small, 2);
    int rows = hl_manifest_count(w.manifest), seen[3] = {0}, well[3] = {0}, cases = 0;
    ck_assert_int_eq(rows, small.patients * small.slices);
    for (int i = 0; i < rows; i++) {
        const hl_row *row = hl_manifest_row(w.manifest, i), *last = i ? hl_manifest_row(w.manifest, i - 1) : NULL;
        int centre = row->centre[6] - '1';
        ck_assert_msg(!strncmp(row->centre, "centre", 6) && centre >= 0 && centre < 3, "%s", row->centre);
        for (int k = 0; k < 3; k++) ck_assert_double_gt(row->spacing[k], 0.5);
        bool new_case = !last || strcmp(last->case_name, row->case_name);
        ck_assert_int_eq(row->slice, new_case ? 0 : last->slice + 1);
        cases += new_case;
        if (i % small.slices) ck_assert_str_eq(row->patient, last->patient);
        else seen[centre]++, well[centre] += row->healthy;
    }
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(seen[k], patients[k]);
        ck_assert_int_eq(well[k], healthy[k]);
    }
    ck_assert_int_gt(cases, small.patients);
    ck_assert_int_le(cases, small.patients * 5 / 4);
    end_world(&w);
}
END_TEST

START_TEST(lungs_are_where_they_belong) {
    world w = make_world(&small, 2);
    tally t[64];
    int count = tally_cases(&w, t);
    for (int i = 0; i < count; i++) {
        double area = (double)t[i].slices * small.size * small.size;
        ck_assert_double_eq(t[i].misplaced, 0);
        ck_assert_double_eq(t[i].lung, t[i].left + t[i].right); /* no other label */
        ck_assert_double_gt(t[i].left, 0.03 * area);
        ck_assert_double_gt(t[i].right, 0.03 * area);
        ck_assert_double_lt(t[i].lung, 0.45 * area);
        ck_assert_double_ne(t[i].left, t[i].right);
    }
    end_world(&w);
}
END_TEST

/* Healthy people have nothing; everybody else has lesions, in the lungs, of very different extent and brighter than lung. */
START_TEST(lesions_mean_something) {
    world w = make_world(&small, 2);
    tally t[64];
    int count = tally_cases(&w, t), ill = 0, tiny = 0;
    double least = 1e9, most = 0;
    for (int i = 0; i < count; i++) {
        ck_assert_double_eq(t[i].outside, 0);
        if (t[i].row->healthy) {
            ck_assert_double_eq(t[i].lesion + t[i].second, 0);
            continue;
        }
        ill++, tiny += t[i].lesion < 25; /* 100 pixels at 128x128 */
        ck_assert_double_gt(t[i].lesion, 0);
        ck_assert_double_lt(t[i].lesion, 0.9 * t[i].lung);
        least = t[i].lesion < least ? t[i].lesion : least, most = t[i].lesion > most ? t[i].lesion : most;
        double grey = t[i].lesion_grey / t[i].lesion;
        ck_assert_double_gt(grey, t[i].healthy_grey / (t[i].lung - t[i].lesion) + 10);
    }
    ck_assert_int_gt(ill, 10);
    ck_assert_int_le(tiny, 1);
    ck_assert_double_gt(most, 8 * least);
    end_world(&w);
}
END_TEST

START_TEST(two_readers) {
    world w = make_world(&small, 2);
    tally t[64];
    int count = tally_cases(&w, t), ill = 0, wider = 0;
    double sum = 0;
    for (int i = 0; i < count; i++) {
        if (t[i].row->healthy) continue;
        double dice = 2 * t[i].both / (t[i].lesion + t[i].second);
        ck_assert_msg(dice > 0.5 && dice < 0.999, "%s: Dice between the readers %g", t[i].row->case_name, dice);
        sum += dice, ill++, wider += t[i].second > t[i].lesion;
    }
    ck_assert_double_gt(sum / ill, 0.8);
    ck_assert_double_lt(sum / ill, 0.97);
    ck_assert_int_gt(wider, 0);
    ck_assert_int_lt(wider, ill);
    end_world(&w);
}
END_TEST

/* The second centre's lesions stand out less: what a change of threshold is there to mend. */
START_TEST(second_centre_is_fainter) {
    world w = make_world(&small, 2);
    tally t[64];
    double contrast[3] = {0}, cases[3] = {0};
    for (int i = 0, count = tally_cases(&w, t); i < count; i++) {
        int centre = t[i].row->centre[6] - '1';
        if (t[i].row->healthy) continue;
        contrast[centre] += t[i].lesion_grey / t[i].lesion - t[i].healthy_grey / (t[i].lung - t[i].lesion), cases[centre]++;
    }
    ck_assert_double_lt(contrast[1] / cases[1], 0.85 * contrast[0] / cases[0]);
    end_world(&w);
}
END_TEST

START_TEST(options_that_make_no_sense) {
    hl_context *hl = hl_open(NULL);
    hl_phantom_options d = hl_phantom_defaults();
    ck_assert(d.patients == 40 && d.centres == 2 && d.healthy == 10 && d.slices == 6 && d.size == 128 && d.seed == 1);
    hl_phantom_options wrong[9] = {d, d, d, d, d, d, d, d, d};
    wrong[0].patients = 0, wrong[1].centres = 0, wrong[2].centres = 41, wrong[3].healthy = -1, wrong[4].healthy = 41;
    wrong[5].slices = 0, wrong[6].size = 8, wrong[7].size = 1 << 20, wrong[8].slices = 1 << 20;
    char folder[64], path[128];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/phantom", folder);
    for (int i = 0; i < 9; i++) ck_assert_int_eq(hl_phantom_write(hl, path, &wrong[i]), HL_USAGE);
    ck_assert(!hl_file_exists(path));
    ck_ok(hl, hl_file_write(hl, path, "a file", 6)); /* where the folder should be */
    ck_assert_int_eq(hl_phantom_write(hl, path, &small), HL_FAILED);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), path));
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

/* One patient, one slice, everybody healthy: the smallest cohorts are cohorts. */
START_TEST(smallest) {
    static const hl_phantom_options least[] = {{1, 1, 0, 1, 32, 7, 1}, {1, 1, 1, 1, 32, 7, 1}, {3, 3, 3, 2, 32, 7, 1}};
    for (int i = 0; i < 3; i++) {
        world w = make_world(&least[i], 2);
        ck_assert_int_eq(hl_manifest_count(w.manifest), least[i].patients * least[i].slices);
        ck_assert_int_eq(hl_manifest_row(w.manifest, 0)->healthy, least[i].healthy > 0);
        end_world(&w);
    }
}
END_TEST

/* Another stretch of numbers: other patients, the same names and pictures where the stretches meet. */
START_TEST(further_patients) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128], *a, *b;
    size_t length_a, length_b;
    scratch_folder(folder);
    hl_phantom_options options = {.patients = 4, .centres = 1, .slices = 2, .size = 32, .seed = 3};
    snprintf(path, sizeof path, "%s/first", folder);
    ck_ok(hl, hl_phantom_write(hl, path, &options));
    options.first = 3;
    snprintf(path, sizeof path, "%s/further", folder);
    ck_ok(hl, hl_phantom_write(hl, path, &options));
    snprintf(path, sizeof path, "%s/further/centre1/p006/p006_a/image_00.png", folder);
    ck_assert(hl_file_exists(path));
    snprintf(path, sizeof path, "%s/first/centre1/p004/p004_a/image_00.png", folder);
    ck_ok(hl, hl_file_read(hl, path, &a, &length_a));
    snprintf(path, sizeof path, "%s/further/centre1/p004/p004_a/image_00.png", folder);
    ck_ok(hl, hl_file_read(hl, path, &b, &length_b));
    ck_assert_uint_eq(length_a, length_b);
    ck_assert_mem_eq(a, b, length_a);
    free(a), free(b);
    options.first = -1;
    ck_assert_int_eq(hl_phantom_write(hl, path, &options), HL_USAGE);
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("phantom");
    TCase *tcase = slow_case(suite, "phantom");
    tcase_add_test(tcase, same_options_same_bytes);
    tcase_add_test(tcase, who_is_there);
    tcase_add_test(tcase, lungs_are_where_they_belong);
    tcase_add_test(tcase, lesions_mean_something);
    tcase_add_test(tcase, two_readers);
    tcase_add_test(tcase, second_centre_is_fainter);
    tcase_add_test(tcase, options_that_make_no_sense);
    tcase_add_test(tcase, smallest);
    tcase_add_test(tcase, further_patients);
    return run_suite(suite);
}
