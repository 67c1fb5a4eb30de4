/* The manifest: what is read, in which order, and what is refused with which words. */
#include <unistd.h>

#include "fixture.h"

#define HEADER "centre,patient,case,slice,image,mask\n"

static hl_manifest *read_text(fixture *f, const char *text) {
    put_text(f, "manifest.csv", text);
    return hl_manifest_read(f->hl, fixture_path(f, "manifest.csv"), NULL);
}

START_TEST(rows_are_sorted_and_complete) {
    fixture f;
    fixture_open(&f, 1);
    hl_manifest *m = read_text(&f, "spacing_z,group,case,slice,image,mask,patient,centre,lung,mask2,note\n"
                                   "2.5,healthy,c2,10,i10.png,,p2,b,,,x\n"
                                   ",,c2,9,i9.png,m9.png,p2,b,l9.png,r9.png,\n"
                                   "1e-1,sick,c1,-3,sub/i.png,m.png,p3,a,,,\n"
                                   ",,c0,7,j.png,,p1,b,,,\n");
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    ck_assert_int_eq(hl_manifest_count(m), 4);
    const int lines[] = {4, 5, 3, 2};
    for (int i = 0; i < 4; i++) ck_assert_int_eq(hl_manifest_row(m, i)->line, lines[i]);
    const hl_row *first = hl_manifest_row(m, 0), *third = hl_manifest_row(m, 2), *last = hl_manifest_row(m, 3);
    ck_assert_str_eq(first->image, fixture_path(&f, "sub/i.png"));
    ck_assert_str_eq(first->centre, "a");
    ck_assert_str_eq(first->patient, "p3");
    ck_assert_str_eq(first->case_name, "c1");
    ck_assert_int_eq(first->slice, -3);
    ck_assert(!first->healthy);
    ck_assert_double_eq(first->spacing[2], 0.1);
    ck_assert_double_eq(first->spacing[0], 0);
    ck_assert_str_eq(third->mask, fixture_path(&f, "m9.png"));
    ck_assert_str_eq(third->lung, fixture_path(&f, "l9.png"));
    ck_assert_str_eq(third->mask2, fixture_path(&f, "r9.png"));
    ck_assert(last->healthy);
    ck_assert_str_eq(last->mask, "");
    ck_assert_str_eq(last->lung, "");
    ck_assert_str_eq(hl_manifest_path(m), fixture_path(&f, "manifest.csv"));
    hl_manifest_free(m);
    fixture_close(&f);
}
END_TEST

START_TEST(every_flavour_of_csv) {
    fixture f;
    fixture_open(&f, 1);
    hl_manifest *m = read_text(&f, "\xEF\xBB\xBF\r\ncentre,\"patient\",case,slice,image,mask\r\n\r\n"
                                   "\"a, \"\"b\"\"\",\"two\nlines\",c,1,\"i.png\",\"\"\r\n\n"
                                   "\"a, \"\"b\"\"\",\"two\nlines\",c,0,k.png,m.png");
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    ck_assert_int_eq(hl_manifest_count(m), 2);
    const hl_row *row = hl_manifest_row(m, 1);
    ck_assert_str_eq(row->centre, "a, \"b\"");
    ck_assert_str_eq(row->patient, "two\nlines");
    ck_assert_str_eq(row->image, fixture_path(&f, "i.png"));
    ck_assert_str_eq(row->mask, "");
    ck_assert_int_eq(row->line, 4);
    ck_assert_int_eq(hl_manifest_row(m, 0)->line, 7);
    ck_assert_str_eq(hl_manifest_row(m, 0)->mask, fixture_path(&f, "m.png"));
    hl_manifest_free(m);
    m = read_text(&f, "centre,patient,case,slice,image,mask\ra,p,c,1,i.png,\ra,p,c,2,i.png,\r");
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    ck_assert_int_eq(hl_manifest_row(m, 1)->line, 3);
    hl_manifest_free(m);
    fixture_close(&f);
}
END_TEST

static const struct {
    const char *text, *words;
} faults[] = {
    {"", "manifest.csv: the file is empty"},
    {"\n\n", "the file is empty"},
    {HEADER, "no row below the header"},
    {"centre,patient,case,slice,image\na,p,c,1,i\n", ":1: the column mask is missing, expected centre, patient, case, slice, image, mask"},
    {"centre,patient,case,slice,image,mask,mask\na,p,c,1,i,m,m\n", ":1: the column mask is there twice"},
    {HEADER "a,p,c,1,i.png\n", ":2: the row has 5 cells, the header has 6"},
    {HEADER "a,p,c,1,i.png,,\n", ":2: the row has 7 cells, the header has 6"},
    {HEADER "a,p,c,1.5,i.png,\n", ":2: the slice \"1.5\" is not a whole number"},
    {HEADER "a,p,c,,i.png,\n", ":2: the slice \"\" is not a whole number"},
    {HEADER "a,p,c,99999999999999999999,i.png,\n", "is not a whole number"},
    {HEADER "a,p,c,1,,m.png\n", ":2: the image \"\" is empty"},
    {HEADER ",p,c,1,i.png,\n", ":2: the centre \"\" is empty"},
    {HEADER "a,,c,1,i.png,\n", ":2: the patient \"\" is empty"},
    {HEADER "a,p,,1,i.png,\n", ":2: the case \"\" is empty"},
    {HEADER "a,p,c,1,i.png,\n\na,p,d,1,i.png,\na,p,c,1,j.png,\n", ":5: slice 1 of case c stands on line 2 already"},
    {HEADER "a,p,c,1,i.png,\na,q,c,2,i.png,\n", ":3: the case c belongs to patient q here and to patient p on line 2"},
    {HEADER "a,p,c,1,i.png,\nb,p,d,2,i.png,\n", ":3: the patient p is of centre b here and of centre a on line 2"},
    {HEADER "a,p,c,1,../i.png,\n", ":2: the image \"../i.png\" leaves the manifest's folder"},
    {HEADER "a,p,c,1,i.png,sub/../../m.png\n", ":2: the mask \"sub/../../m.png\" leaves the manifest's folder"},
    {HEADER "a,p,c,1,sub/..,\n", "leaves the manifest's folder"},
    {HEADER "a,p,c,1,/etc/passwd,\n", ":2: the image \"/etc/passwd\" is an absolute path"},
    {HEADER "a,p,c,1,\"i.png,\n", ":2: a quoted cell is never closed"},
    {HEADER "a,p,c,1,\"i\"x,\n", ":2: text follows a closing quote"},
    {HEADER "a,p,c,1,i\"x\",\n", ":2: a quote stands inside a cell"},
    {"centre,patient,case,slice,image,mask,spacing_x\na,p,c,1,i.png,,0\n", ":2: the spacing_x \"0\" is not a positive number"},
    {"centre,patient,case,slice,image,mask,spacing_y\na,p,c,1,i.png,,-1\n", "the spacing_y \"-1\" is not a positive number"},
    {"centre,patient,case,slice,image,mask,spacing_z\na,p,c,1,i.png,,nan\n", "the spacing_z \"nan\" is not a positive number"},
    {"centre,patient,case,slice,image,mask,spacing_z\na,p,c,1,i.png,,1mm\n", "is not a positive number"},
    {"centre,patient,case,slice,image,mask,spacing_z\na,p,c,1,i.png,,1e999\n", "is not a positive number"},
};

START_TEST(faults_are_refused) {
    fixture f;
    fixture_open(&f, 1);
    ck_assert_ptr_null(read_text(&f, faults[_i].text));
    check_error(f.hl, HL_BAD_INPUT, faults[_i].words);
    ck_assert_ptr_nonnull(strstr(hl_error(f.hl), f.folder));
    fixture_close(&f);
}
END_TEST

START_TEST(missing_file_and_nul_bytes) {
    fixture f;
    fixture_open(&f, 1);
    ck_assert_ptr_null(hl_manifest_read(f.hl, fixture_path(&f, "nothing.csv"), NULL));
    check_error(f.hl, HL_BAD_INPUT, "nothing.csv: cannot be read");
    ck_assert_ptr_null(hl_manifest_read(f.hl, f.folder, NULL));
    check_error(f.hl, HL_BAD_INPUT, "cannot be read");
    static const char text[] = HEADER "a,p,c,1,i\0.png,\n";
    ck_ok(f.hl, hl_file_write(f.hl, fixture_path(&f, "manifest.csv"), text, sizeof text - 1));
    ck_assert_ptr_null(hl_manifest_read(f.hl, fixture_path(&f, "manifest.csv"), NULL));
    check_error(f.hl, HL_BAD_INPUT, "manifest.csv:2: the line holds a NUL byte");
    fixture_close(&f);
}
END_TEST

START_TEST(links_may_not_leave_the_folder) {
    fixture f;
    fixture_open(&f, 1);
    char inside[256], outside[256];
    snprintf(inside, sizeof inside, "%s/in.png", f.folder);
    snprintf(outside, sizeof outside, "%s/out.png", f.folder);
    put_text(&f, "real.png", "x");
    ck_assert_int_eq(symlink("real.png", inside), 0);
    ck_assert_int_eq(symlink("/dev/null", outside), 0);
    hl_manifest *m = read_text(&f, HEADER "a,p,c,1,in.png,\n");
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    hl_manifest_free(m);
    ck_assert_ptr_null(read_text(&f, HEADER "a,p,c,1,in.png,out.png\n"));
    check_error(f.hl, HL_BAD_INPUT, ":2: the mask \"out.png\" is a link that leaves the manifest's folder");
    fixture_close(&f);
}
END_TEST

START_TEST(outside_when_allowed) {
    fixture f;
    fixture_open(&f, 1);
    put_text(&f, "manifest.csv", HEADER "a,p,c,1,../i.png,/dev/null\n");
    hl_manifest *m = hl_manifest_read(f.hl, fixture_path(&f, "manifest.csv"), &(hl_manifest_options){.allow_outside = true});
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    ck_assert_str_eq(hl_manifest_row(m, 0)->image, fixture_path(&f, "../i.png"));
    ck_assert_str_eq(hl_manifest_row(m, 0)->mask, "/dev/null");
    hl_manifest_free(m);
    fixture_close(&f);
}
END_TEST

START_TEST(manifest_in_the_working_folder) {
    fixture f;
    fixture_open(&f, 1);
    put_text(&f, "manifest.csv", HEADER "a,p,c,1,i.png,\n");
    put_text(&f, "i.png", "x");
    ck_assert_int_eq(chdir(f.folder), 0);
    hl_manifest *m = hl_manifest_read(f.hl, "manifest.csv", NULL);
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    ck_assert_str_eq(hl_manifest_row(m, 0)->image, "i.png");
    hl_manifest_free(m);
    ck_assert_int_eq(chdir("/"), 0);
    fixture_close(&f);
}
END_TEST

START_TEST(centres_are_chosen) {
    fixture f;
    fixture_open(&f, 1);
    put_text(&f, "manifest.csv", HEADER "c,p3,c3,1,i.png,\na,p1,c1,1,i.png,\nb,p2,c2,1,i.png,\na,p0,c0,1,i.png,\n");
    const char *wanted[] = {"c", "a"}, *absent[] = {"a", "d"};
    hl_manifest *m = hl_manifest_read(f.hl, fixture_path(&f, "manifest.csv"), &(hl_manifest_options){.centres = wanted, .centre_count = 2});
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    ck_assert_int_eq(hl_manifest_count(m), 3);
    ck_assert_str_eq(hl_manifest_row(m, 0)->patient, "p0");
    ck_assert_str_eq(hl_manifest_row(m, 1)->patient, "p1");
    ck_assert_str_eq(hl_manifest_row(m, 2)->patient, "p3");
    hl_manifest_free(m);
    m = hl_manifest_read(f.hl, fixture_path(&f, "manifest.csv"), &(hl_manifest_options){.centres = absent, .centre_count = 2});
    ck_assert_ptr_null(m);
    check_error(f.hl, HL_BAD_INPUT, "no row is of centre d, there are a, b, c");
    fixture_close(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("manifest");
    TCase *tcase = slow_case(suite, "manifest");
    tcase_add_test(tcase, rows_are_sorted_and_complete);
    tcase_add_test(tcase, every_flavour_of_csv);
    tcase_add_loop_test(tcase, faults_are_refused, 0, (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tcase, missing_file_and_nul_bytes);
    tcase_add_test(tcase, links_may_not_leave_the_folder);
    tcase_add_test(tcase, outside_when_allowed);
    tcase_add_test(tcase, manifest_in_the_working_folder);
    tcase_add_test(tcase, centres_are_chosen);
    return run_suite(suite);
}
