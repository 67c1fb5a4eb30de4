/* Folds: the division itself, its balance, its file, and what is refused. */
#include "fixture.h"

#define HEADER "centre,patient,case,slice,image,mask\n"

/* The 13 patients of two centres of COVID-19-CT-Seg, their rank by burden, and their roles by fold (t train, v validate,
 * T test), worked out apart from this library for five folds by centre and burden, a quarter to validate, seed 0. */
static const struct {
    const char *centre, *patient;
    int burden;
    const char *roles;
} people[] = {
    {"coronacases", "coronacases_001", 10, "tttvT"}, {"coronacases", "coronacases_002", 7, "Tvttt"},
    {"coronacases", "coronacases_004", 2, "tTttt"},  {"coronacases", "coronacases_005", 3, "ttvtT"},
    {"coronacases", "coronacases_006", 6, "ttTvt"},  {"coronacases", "coronacases_008", 9, "tTttt"},
    {"coronacases", "coronacases_009", 5, "vttTv"},  {"coronacases", "coronacases_010", 11, "vtTtt"},
    {"radiopaedia", "radiopaedia_10", 8, "tTttt"},   {"radiopaedia", "radiopaedia_27", 12, "Tvtvt"},
    {"radiopaedia", "radiopaedia_29", 1, "ttvTv"},   {"radiopaedia", "radiopaedia_36", 4, "ttTtt"},
    {"radiopaedia", "radiopaedia_4", 13, "vtttT"},
};
enum { PEOPLE = sizeof people / sizeof *people };

/* The same people divided otherwise. */
static const struct {
    hl_folds_options options;
    const char *roles[PEOPLE];
} divisions[] = {
    {{.folds = 5, .validation = 0.25},
     {"vTttt", "vttTt", "ttTvt", "vtTtt", "ttvtT", "ttttT", "tTttv", "tvtTv", "Tttvt", "Tvttt", "tTttv", "ttvTt", "ttTtt"}},
    {{.folds = 4, .validation = 0.1, .by_centre = true, .seed = 7},
     {"ttTt", "Tttt", "ttTt", "vTtt", "tTvt", "tttT", "Tttt", "tvtT", "Tttt", "tttT", "ttTv", "tTtt", "Tttt"}},
    {{.folds = 3, .validation = 0.5, .by_burden = true, .seed = 1},
     {"Tvt", "Tvt", "tvT", "Ttt", "tTt", "tTv", "vtT", "vTv", "vtT", "ttT", "vTv", "Tvv", "Ttt"}},
    {{.folds = 1, .validation = 0.25, .by_centre = true, .by_burden = true},
     {"t", "t", "t", "t", "v", "t", "t", "v", "t", "t", "t", "t", "v"}},
    {{.folds = 6, .by_centre = true, .by_burden = true, .seed = 2},
     {"Tttttt", "tttttT", "Tttttt", "ttTttt", "tTtttt", "tttTtt", "ttttTt", "tTtttt", "ttttTt", "ttTttt", "tttttT", "Tttttt", "tttTtt"}},
};

typedef struct setting {
    fixture f;
    hl_manifest *manifest;
    hl_cohort *cohort;
} setting;

static void open_cohort(setting *s) {
    s->manifest = read_manifest(&s->f);
    s->cohort = hl_cohort_open(s->f.hl, s->manifest, &(hl_cohort_options){.height = 2, .width = 2});
    ck_assert_msg(s->cohort != NULL, "%s", hl_error(s->f.hl));
}

static void close_setting(setting *s) {
    hl_cohort_free(s->cohort);
    hl_manifest_free(s->manifest);
    fixture_close(&s->f);
}

/* A slice of 10 x 10 with so many lesion pixels; -1: no mask. Adds its row to the manifest's text. */
static void add_slice(setting *s, char *text, size_t room, const char *centre, const char *patient, const char *case_name, int slice,
                      int lesion) {
    char image[64], mask[64] = "";
    snprintf(image, sizeof image, "%s-%d.png", case_name, slice);
    put_png(&s->f, image, 10, 10, 5, 0, 0);
    if (lesion >= 0) {
        snprintf(mask, sizeof mask, "%s-%d-mask.png", case_name, slice);
        put_png(&s->f, mask, 10, 10, 0, lesion, 255);
    }
    snprintf(text + strlen(text), room - strlen(text), "%s,%s,%s,%d,%s,%s\n", centre, patient, case_name, slice, image, mask);
}

/* One slice for each of the people; the rows come in an order of their own. */
static void open_people(setting *s) {
    fixture_open(&s->f, 2);
    char text[4096] = HEADER;
    for (int i = 0; i < PEOPLE; i++) {
        int k = i * 5 % PEOPLE;
        add_slice(s, text, sizeof text, people[k].centre, people[k].patient, people[k].patient, 1, people[k].burden);
    }
    put_text(&s->f, "manifest.csv", text);
    open_cohort(s);
}

static hl_folds *make(setting *s, const hl_folds_options *options) {
    hl_folds *folds = hl_folds_make(s->f.hl, s->cohort, options);
    ck_assert_msg(folds != NULL, "%s", hl_error(s->f.hl));
    ck_assert_int_eq(hl_folds_count(folds), options->folds);
    return folds;
}

static hl_role role_of(char letter) { return letter == 'T' ? HL_ROLE_TEST : letter == 'v' ? HL_ROLE_VAL : HL_ROLE_TRAIN; }

/* The file that must come of the first table. */
static void expect_file(char *text, size_t room) {
    static const char *const words[] = {"train", "val", "test"};
    snprintf(text, room, "patient,fold,role\n");
    for (int fold = 0; fold < 5; fold++)
        for (int i = 0; i < PEOPLE; i++)
            snprintf(text + strlen(text), room - strlen(text), "%s,%d,%s\n", people[i].patient, fold,
                     words[role_of(people[i].roles[fold])]);
}

static void check_file(setting *s, const hl_folds *folds) {
    char expected[4096], *found;
    expect_file(expected, sizeof expected);
    ck_ok(s->f.hl, hl_folds_write(s->f.hl, folds, fixture_path(&s->f, "folds.csv")));
    ck_ok(s->f.hl, hl_file_read(s->f.hl, fixture_path(&s->f, "folds.csv"), &found, NULL));
    ck_assert_str_eq(found, expected);
    free(found);
}

static const hl_folds_options usual = {.folds = 5, .validation = 0.25, .by_centre = true, .by_burden = true};

START_TEST(division_is_the_known_one) {
    setting s;
    open_people(&s);
    hl_folds *folds = make(&s, &usual);
    for (int i = 0; i < PEOPLE; i++)
        for (int k = 0; k < 5; k++) ck_assert_int_eq(hl_folds_role(folds, people[i].patient, k), role_of(people[i].roles[k]));
    check_file(&s, folds);
    ck_assert_int_eq(hl_folds_role(folds, "nobody", 0), HL_ROLE_NONE);
    ck_assert_int_eq(hl_folds_role(folds, people[0].patient, 5), HL_ROLE_NONE);
    ck_assert_int_eq(hl_folds_role(folds, people[0].patient, -1), HL_ROLE_NONE);
    ck_assert(hl_folds_names(folds, people[12].patient));
    ck_assert(!hl_folds_names(folds, "coronacases"));
    hl_folds_free(folds);
    close_setting(&s);
}
END_TEST

START_TEST(other_divisions_are_the_known_ones) {
    setting s;
    open_people(&s);
    hl_folds *folds = make(&s, &divisions[_i].options);
    for (int i = 0; i < PEOPLE; i++)
        for (int k = 0; k < divisions[_i].options.folds; k++)
            ck_assert_msg(hl_folds_role(folds, people[i].patient, k) == role_of(divisions[_i].roles[i][k]), "%s in fold %d",
                          people[i].patient, k);
    hl_folds_free(folds);
    close_setting(&s);
}
END_TEST

/* On the slices themselves, where they lie beside the project. */
START_TEST(division_of_the_real_slices) {
    const char *path = "../shared/data/covid19-p20/manifest.csv";
    if (!hl_file_exists(path)) return;
    setting s;
    fixture_open(&s.f, 2);
    s.manifest = hl_manifest_read(s.f.hl, path, NULL);
    ck_assert_msg(s.manifest != NULL, "%s", hl_error(s.f.hl));
    s.cohort = hl_cohort_open(s.f.hl, s.manifest, &(hl_cohort_options){.height = 8, .width = 8});
    ck_assert_msg(s.cohort != NULL, "%s", hl_error(s.f.hl));
    hl_folds *folds = make(&s, &usual);
    check_file(&s, folds);
    hl_folds_free(folds);
    close_setting(&s);
}
END_TEST

/* Three centres, patients of one or two cases in folders of their own, some without a mask. */
static void open_many(setting *s) {
    fixture_open(&s->f, 2);
    static char text[65536];
    snprintf(text, sizeof text, HEADER);
    ck_ok(s->f.hl, hl_folder_make(s->f.hl, fixture_path(&s->f, "first")));
    ck_ok(s->f.hl, hl_folder_make(s->f.hl, fixture_path(&s->f, "second")));
    for (int p = 0; p < 41; p++) {
        char centre[16], patient[16], one[40], two[40];
        snprintf(centre, sizeof centre, "centre%d", p % 7 < 4 ? 0 : p % 7 < 6 ? 1 : 2);
        snprintf(patient, sizeof patient, "p%02d", p);
        snprintf(one, sizeof one, "first/%s-x", patient);
        snprintf(two, sizeof two, "second/%s-y", patient);
        add_slice(s, text, sizeof text, centre, patient, one, 1, p == 40 ? -1 : p * 7 % 41);
        if (p % 3 == 0) add_slice(s, text, sizeof text, centre, patient, two, 1, p == 9 ? -1 : p * 7 % 41 + 20);
    }
    put_text(&s->f, "manifest.csv", text);
    open_cohort(s);
}

/* Every labelled patient is tested once and has one role a fold; the parts have the sizes that were asked for. */
static void check_division(const hl_folds *folds, int count, double validation) {
    for (int k = 0; k < count; k++) {
        int roles[3] = {0};
        for (int p = 0; p < 40; p++) {
            char patient[16];
            snprintf(patient, sizeof patient, "p%02d", p);
            hl_role role = hl_folds_role(folds, patient, k);
            ck_assert_int_ne(role, HL_ROLE_NONE);
            roles[role]++;
        }
        int rest = 40 - roles[HL_ROLE_TEST];
        ck_assert_int_ge(roles[HL_ROLE_TEST], 40 / count);
        ck_assert_int_le(roles[HL_ROLE_TEST], (40 + count - 1) / count);
        ck_assert_double_le(roles[HL_ROLE_VAL] - validation * rest, 0.5);
        ck_assert_double_ge(roles[HL_ROLE_VAL] - validation * rest, -0.5);
    }
    for (int p = 0; p < 40; p++) {
        char patient[16];
        int tests = 0;
        snprintf(patient, sizeof patient, "p%02d", p);
        for (int k = 0; k < count; k++) tests += hl_folds_role(folds, patient, k) == HL_ROLE_TEST;
        ck_assert_int_eq(tests, 1);
    }
    ck_assert(!hl_folds_names(folds, "p40")); /* no mask at all */
}

START_TEST(no_patient_on_two_sides) {
    setting s;
    open_many(&s);
    for (int count = 2; count <= 7; count++) {
        for (uint64_t seed = 0; seed < 8; seed++) {
            hl_folds_options options = {count, 0.3, seed & 1, seed & 2, seed};
            hl_folds *folds = make(&s, &options);
            check_division(folds, count, 0.3);
            hl_folds_free(folds);
        }
    }
    close_setting(&s);
}
END_TEST

/* Of each centre, and of its lighter and its heavier half, every fold tests its share to within a patient. */
START_TEST(folds_are_balanced) {
    setting s;
    open_many(&s);
    for (uint64_t seed = 0; seed < 8; seed++) {
        hl_folds *folds = make(&s, &(hl_folds_options){4, 0.25, true, true, seed});
        for (int centre = 0; centre < 3; centre++) {
            int least = 99, most = 0;
            for (int k = 0; k < 4; k++) {
                int tested = 0;
                for (int p = 0; p < 40; p++) {
                    char patient[16];
                    snprintf(patient, sizeof patient, "p%02d", p);
                    tested += centre == (p % 7 < 4 ? 0 : p % 7 < 6 ? 1 : 2) && hl_folds_role(folds, patient, k) == HL_ROLE_TEST;
                }
                if (tested < least) least = tested;
                if (tested > most) most = tested;
            }
            ck_assert_int_le(most - least, 1);
            ck_assert_int_ge(least, 1);
        }
        hl_folds_free(folds);
    }
    close_setting(&s);
}
END_TEST

START_TEST(burden_is_spread) {
    setting s;
    open_people(&s);
    for (uint64_t seed = 0; seed < 8; seed++) { /* by burden alone: ranks 1-5, 6-10 and 11-13 */
        hl_folds *folds = make(&s, &(hl_folds_options){5, 0.25, false, true, seed});
        for (int k = 0; k < 5; k++) {
            int light = 0, middle = 0, heavy = 0;
            for (int i = 0; i < PEOPLE; i++) {
                if (hl_folds_role(folds, people[i].patient, k) != HL_ROLE_TEST) continue;
                light += people[i].burden <= 5;
                middle += people[i].burden > 5 && people[i].burden <= 10;
                heavy += people[i].burden > 10;
            }
            ck_assert_int_eq(light, 1);
            ck_assert_int_eq(middle, 1);
            ck_assert_int_le(heavy, 1);
        }
        hl_folds_free(folds);
    }
    close_setting(&s);
}
END_TEST

START_TEST(seeds_differ_and_repeat) {
    setting s;
    open_people(&s);
    int differing = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        hl_folds_options options = {5, 0.25, seed & 1, seed & 2, seed}, next = {5, 0.25, seed & 1, seed & 2, seed + 1};
        hl_folds *a = make(&s, &options), *b = make(&s, &options), *c = make(&s, &next);
        for (int i = 0; i < PEOPLE; i++) {
            for (int k = 0; k < 5; k++) {
                ck_assert_int_eq(hl_folds_role(a, people[i].patient, k), hl_folds_role(b, people[i].patient, k));
                differing += hl_folds_role(a, people[i].patient, k) != hl_folds_role(c, people[i].patient, k);
            }
        }
        hl_folds_free(a);
        hl_folds_free(b);
        hl_folds_free(c);
    }
    ck_assert_int_gt(differing, 0);
    close_setting(&s);
}
END_TEST

static const struct {
    hl_folds_options options;
    hl_status status;
    const char *words;
} refusals[] = {
    {{.folds = 14}, HL_BAD_INPUT, "manifest.csv: 13 labelled patients cannot be divided into 14 folds"},
    {{.folds = 0}, HL_USAGE, "0 folds"},
    {{.folds = 5, .validation = 1}, HL_USAGE, "validation patients is 1"},
    {{.folds = 5, .validation = -0.1}, HL_USAGE, "validation patients is -0.1"},
};

START_TEST(senseless_divisions_are_refused) {
    setting s;
    open_people(&s);
    ck_assert_ptr_null(hl_folds_make(s.f.hl, s.cohort, &refusals[_i].options));
    check_error(s.f.hl, refusals[_i].status, refusals[_i].words);
    close_setting(&s);
}
END_TEST

/* Somebody is left to train, somebody validates where any share was asked for. */
START_TEST(few_patients) {
    setting s;
    fixture_open(&s.f, 1);
    char text[1024] = HEADER;
    add_slice(&s, text, sizeof text, "a", "p1", "c1", 1, 5);
    add_slice(&s, text, sizeof text, "a", "p2", "c2", 1, 6);
    put_text(&s.f, "manifest.csv", text);
    open_cohort(&s);
    ck_assert_ptr_null(hl_folds_make(s.f.hl, s.cohort, &(hl_folds_options){.folds = 2, .validation = 0.1}));
    check_error(s.f.hl, HL_BAD_INPUT, "fold 0 has 1 patient to train and validate on, expected at least 2");
    const double shares[] = {0, 0.01, 0.99};
    for (int i = 0; i < 3; i++) {
        hl_folds *folds = make(&s, &(hl_folds_options){.folds = 1, .validation = shares[i]});
        int validating = (hl_folds_role(folds, "p1", 0) == HL_ROLE_VAL) + (hl_folds_role(folds, "p2", 0) == HL_ROLE_VAL);
        ck_assert_int_eq(validating, i > 0);
        hl_folds_free(folds);
    }
    hl_folds_free(make(&s, &(hl_folds_options){.folds = 2}));
    close_setting(&s);
}
END_TEST

START_TEST(file_round_trip) {
    setting s;
    open_people(&s);
    char text[4096];
    expect_file(text, sizeof text);
    put_text(&s.f, "given.csv", text);
    hl_folds *folds = hl_folds_read(s.f.hl, fixture_path(&s.f, "given.csv"), s.cohort);
    ck_assert_msg(folds != NULL, "%s", hl_error(s.f.hl));
    ck_assert_int_eq(hl_folds_count(folds), 5);
    check_file(&s, folds);
    hl_folds_free(folds);
    put_text(&s.f, "given.csv", "role,patient,note,fold\r\ntrain,\"a, \"\"b\"\"\",x,0\r\ntest,c,,0\r\n");
    folds = hl_folds_read(s.f.hl, fixture_path(&s.f, "given.csv"), NULL);
    ck_assert_msg(folds != NULL, "%s", hl_error(s.f.hl));
    ck_assert_int_eq(hl_folds_role(folds, "a, \"b\"", 0), HL_ROLE_TRAIN);
    ck_ok(s.f.hl, hl_folds_write(s.f.hl, folds, fixture_path(&s.f, "again.csv")));
    char *found;
    ck_ok(s.f.hl, hl_file_read(s.f.hl, fixture_path(&s.f, "again.csv"), &found, NULL));
    ck_assert_str_eq(found, "patient,fold,role\n\"a, \"\"b\"\"\",0,train\nc,0,test\n");
    free(found);
    hl_folds_free(folds);
    close_setting(&s);
}
END_TEST

#define COLUMNS "patient,fold,role\n"
static const struct {
    const char *text, *words;
} faults[] = {
    {COLUMNS, "folds.csv: there is no row below the header"},
    {"patient,role\na,train\n", "folds.csv:1: the column fold is missing"},
    {COLUMNS "a,0,trains\n", "folds.csv:2: the role \"trains\" is unknown, expected train, val or test"},
    {COLUMNS "a,0,train\n\na,0,train\n", "folds.csv:4: the patient a stands in fold 0 already"},
    {COLUMNS "a,0,train\na,0,test\n", "folds.csv:3: the patient a stands in fold 0 already"},
    {COLUMNS "a,0,train\na,2,train\nb,2,train\nb,0,test\n", ":4: there is a fold 2, but no fold 1"},
    {COLUMNS "a,1,train\nb,1,test\n", ":3: there is a fold 1, but no fold 0"},
    {COLUMNS "a,-1,train\n", ":2: the fold \"-1\" is not a number"},
    {COLUMNS "a,x,train\n", ":2: the fold \"x\" is not a number"},
    {COLUMNS "a,,train\n", ":2: the fold \"\" is not a number"},
    {COLUMNS "a,999999999,train\n", ":2: the fold \"999999999\" is not a number"},
    {COLUMNS ",0,train\n", ":2: the patient is empty"},
    {COLUMNS "a,0,test\nb,0,train\na,1,test\nb,1,train\n", ":4: the patient a is tested a second time, first on line 2"},
    {COLUMNS "a,0,train\nb,0,test\na,1,test\nb,1,val\n", "folds.csv: fold 1 has no patient to train on"},
    {COLUMNS "a,0\n", ":2: the row has 2 cells"},
};

START_TEST(bad_files_are_refused) {
    fixture f;
    fixture_open(&f, 1);
    put_text(&f, "folds.csv", faults[_i].text);
    ck_assert_ptr_null(hl_folds_read(f.hl, fixture_path(&f, "folds.csv"), NULL));
    check_error(f.hl, HL_BAD_INPUT, faults[_i].words);
    fixture_close(&f);
}
END_TEST

START_TEST(file_and_cohort_name_the_same_patients) {
    setting s;
    open_people(&s);
    char text[4096];
    expect_file(text, sizeof text);
    snprintf(text + strlen(text), sizeof text - strlen(text), "stranger,0,train\n");
    put_text(&s.f, "folds.csv", text);
    ck_assert_ptr_null(hl_folds_read(s.f.hl, fixture_path(&s.f, "folds.csv"), s.cohort));
    check_error(s.f.hl, HL_BAD_INPUT, "folds.csv:67: the patient stranger is not in ");
    put_text(&s.f, "folds.csv", COLUMNS "coronacases_001,0,train\nradiopaedia_4,0,test\n");
    ck_assert_ptr_null(hl_folds_read(s.f.hl, fixture_path(&s.f, "folds.csv"), s.cohort));
    check_error(s.f.hl, HL_BAD_INPUT, "folds.csv: the patient coronacases_002 (");
    check_error(s.f.hl, HL_BAD_INPUT, ") is missing");
    ck_assert_ptr_null(hl_folds_read(s.f.hl, fixture_path(&s.f, "none.csv"), s.cohort));
    check_error(s.f.hl, HL_BAD_INPUT, "none.csv: cannot be read");
    close_setting(&s);
}
END_TEST

START_TEST(unlabelled_patients_need_no_name) {
    setting s;
    open_many(&s);
    hl_folds *folds = make(&s, &usual);
    ck_ok(s.f.hl, hl_folds_write(s.f.hl, folds, fixture_path(&s.f, "folds.csv")));
    hl_folds_free(folds);
    folds = hl_folds_read(s.f.hl, fixture_path(&s.f, "folds.csv"), s.cohort);
    ck_assert_msg(folds != NULL, "%s", hl_error(s.f.hl));
    check_division(folds, 5, 0.25);
    hl_folds_free(folds);
    close_setting(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("folds");
    TCase *tcase = slow_case(suite, "folds");
    tcase_add_test(tcase, division_is_the_known_one);
    tcase_add_loop_test(tcase, other_divisions_are_the_known_ones, 0, (int)(sizeof divisions / sizeof *divisions));
    tcase_add_test(tcase, division_of_the_real_slices);
    tcase_add_test(tcase, no_patient_on_two_sides);
    tcase_add_test(tcase, folds_are_balanced);
    tcase_add_test(tcase, burden_is_spread);
    tcase_add_test(tcase, seeds_differ_and_repeat);
    tcase_add_loop_test(tcase, senseless_divisions_are_refused, 0, (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(tcase, few_patients);
    tcase_add_test(tcase, file_round_trip);
    tcase_add_loop_test(tcase, bad_files_are_refused, 0, (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tcase, file_and_cohort_name_the_same_patients);
    tcase_add_test(tcase, unlabelled_patients_need_no_name);
    return run_suite(suite);
}
