/* An audit of a phantom cohort that a test has changed, and what is expected of it. */
#ifndef HL_TEST_AUDITS_H
#define HL_TEST_AUDITS_H

#include "cohorts.h"
#include "hilum/dataset.h"

static fixture f;
static table t;

static inline void open_fixture(void) {
    fixture_open(&f, 2);
    hl_phantom_options o = hl_phantom_defaults();
    o.patients = 16, o.healthy = 3, o.slices = 4, o.size = 64;
    ck_ok(f.hl, hl_phantom_write(f.hl, f.folder, &o));
    take_rows(&f, &t, fixture_path(&f, "manifest.csv"), 1);
}
static inline void close_fixture(void) { fixture_close(&f); }

static inline hl_audit audit_manifest(const char *path, int classes) {
    hl_manifest *m = hl_manifest_read(f.hl, path, &(hl_manifest_options){.allow_outside = true, .patients_anywhere = true});
    ck_assert_msg(m != NULL, "%s", hl_error(f.hl));
    hl_audit audit;
    ck_ok(f.hl, hl_audit_run(f.hl, m, &(hl_audit_options){.classes = classes}, &audit));
    hl_manifest_free(m); /* names in the audit's rows are not looked at */
    return audit;
}

/* Audits the table. */
static inline hl_audit audit_rows(void) {
    put_rows(&t, fixture_path(&f, "changed.csv"));
    return audit_manifest(f.path, 1);
}

/* So many faults, all of one kind, each with files; the first with these words. */
static inline void expect_faults(hl_audit *audit, int count, const char *kind, const char *words) {
    for (int i = 0; i < audit->faults.count; i++) {
        const hl_fault *fault = &audit->faults.items[i];
        ck_assert_msg(i < count && !strcmp(fault->kind, kind), "also found: %s: %s", fault->kind, fault->text);
        ck_assert_int_gt(fault->file_count, 0);
    }
    ck_assert_int_eq(audit->faults.count, count);
    if (count) ck_assert_msg(strstr(audit->faults.items[0].text, words) != NULL, "\"%s\" lacks \"%s\"", audit->faults.items[0].text, words);
    hl_audit_free(audit);
}

/* A case of a patient with lesions, the n-th; with enough of them for their place to be seen. */
static inline const char *case_with_lesion(int n) {
    for (int i = 0; i < t.count; i++)
        if (!t.rows[i].healthy && t.rows[i].slice == 0 && n-- == 0) return t.rows[i].case_name;
    ck_abort();
    return NULL;
}

static inline int slices_of(const char *case_name) {
    int count = 0;
    for (int i = 0; i < t.count; i++) count += !strcmp(t.rows[i].case_name, case_name);
    return count;
}

#endif
