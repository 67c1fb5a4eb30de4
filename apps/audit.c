/* `hilum audit`: what a manifest's slices are like, and what is wrong with them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditing.h"
#include "common.h"
#include "program.h"
#include "progress.h"

option page_option(audit_request *r) { return text_option("html", &r->page, "FILE", "write a page of faults, figures and thumbnails"); }

option strict_option(audit_request *r) { return flag_option("strict", &r->strict, "end with 1 where a fault is found"); }

/* --- telling ---------------------------------------------------------------------------------------------------------- */

/* The sentence names the first file or what all share; the other files are counted. */
static void tell_faults(const hl_faults *faults) {
    for (int i = 0; i < faults->count; i++) {
        const hl_fault *f = &faults->items[i];
        const char *first = f->file_count ? f->files[0] : "";
        bool named = strstr(f->text, first) != NULL;
        if (f->file_count > 1) talk("%s: %s (%s%s%d files in all)", f->kind, f->text, named ? "" : first, named ? "" : ", ", f->file_count);
        else talk(named ? "%s: %s" : "%s: %s (%s)", f->kind, f->text, first);
    }
}

static void print_range(const char *what, double least, double most, int decimals) {
    if (isnan(least)) return;
    if (least == most) printf(", %s %.*f", what, decimals, least);
    else printf(", %s %.*f to %.*f", what, decimals, least, decimals, most);
}

static void print_fingerprint(const hl_fingerprint *f) {
    printf("  %s: %d patients, %d cases, %d slices, %d labelled, %d with lesion\n    ", f->name, f->patients, f->cases, f->slices,
           f->labelled, f->lesion_slices);
    if (f->width[0] == f->width[1] && f->height[0] == f->height[1]) printf("%dx%d", f->width[0], f->height[0]);
    else printf("%dx%d to %dx%d", f->width[0], f->height[0], f->width[1], f->height[1]);
    print_range("values", f->least, f->most, 0);
    print_range("1st to 99th percentile", f->low, f->high, 0);
    print_range("mm a pixel", f->spacing_least[0], f->spacing_most[0], 2);
    print_range("mm between slices", f->spacing_least[2], f->spacing_most[2], 2);
    if (!isnan(f->burden)) printf(", lesion %.2f %% of the lung", 100 * f->burden);
    putchar('\n');
}

static void print_audit(const hl_audit *audit, const char *name, const hl_dataset *dataset) {
    if (dataset) printf("layout: %s\n", dataset->layout);
    printf("%s: %d centres, %d patients, %d cases, %d slices, %d with lesion\n", name, audit->centre_count, audit->all.patients,
           audit->all.cases, audit->all.slices, audit->all.lesion_slices);
    for (int c = 0; c < audit->centre_count; c++) print_fingerprint(&audit->centres[c]);
    printf("suggested for training: --size %d --batch %d", audit->size, audit->batch);
    if (dataset && dataset->classes > 1) printf(" --classes %d", dataset->classes);
    printf("\nfaults: %d\n", audit->faults.count);
}

static hl_status tell(hl_context *hl, const audit_request *r, hl_audit *audit, const char *name, hl_dataset *dataset) {
    hl_status status = dataset ? hl_faults_move(hl, &dataset->faults, &audit->faults) : HL_OK;
    if (!status && r->page) status = hl_audit_page(hl, audit, name, r->page);
    if (status) return status;
    tell_faults(&audit->faults);
    if (!r->json) return print_audit(audit, name, dataset), HL_OK;
    char *text = hl_audit_json(hl, audit, dataset);
    if (!text) return hl_error_status(hl);
    puts(text);
    free(text);
    return HL_OK;
}

int audit_and_end(hl_context *hl, const audit_request *r, const char *path, const char *name, hl_dataset *dataset) {
    catch_signals();
    hl_manifest *manifest = hl_manifest_read(hl, path,
                                             &(hl_manifest_options){.allow_outside = r->allow_outside,
                                                                    .patients_anywhere = true,
                                                                    .centres = r->centres.count ? r->centres.items : NULL,
                                                                    .centre_count = r->centres.count});
    progress bar = progress_start("reading");
    hl_audit audit = {0};
    hl_audit_options options = {.classes = r->classes, .report = progress_of_test, .user = &bar, .stop = stop_flag()};
    hl_status status = manifest ? hl_audit_run(hl, manifest, &options, &audit) : hl_error_status(hl);
    progress_end(&bar);
    if (!status) status = tell(hl, r, &audit, name, dataset);
    bool faulty = audit.faults.count > 0;
    hl_audit_free(&audit);
    hl_manifest_free(manifest);
    hl_dataset_free(dataset);
    int code = end_with(hl, status);
    return code == 0 && faulty && r->strict ? 1 : code;
}

/* --- the command ---------------------------------------------------------------------------------------------------------- */

int command_audit(int argc, char **argv) {
    audit_request r = {.classes = 1};
    option table[] = {
        page_option(&r),
        strict_option(&r),
        classes_option(&r.classes),
        centre_option(&r.centres),
        allow_outside_option(&r.allow_outside),
        threads_option(&r.threads),
        json_option(&r.json),
    };
    usage u = {.name = "audit",
               .synopsis = "audit MANIFEST [options]",
               .about = "Reads every file of a manifest and tells how many patients, cases and slices each centre has, how large they are\n"
                        "and what values they hold, and on stderr what is wrong: masks without an image, of another shape or in another\n"
                        "place, values that are no label, empty masks, lesions outside of the lungs, the same or nearly the same slices\n"
                        "under two names, cases and centres that lie flipped or turned, mixed units, lungs with left and right exchanged.",
               .example = "hilum audit cohort/manifest.csv --html audit.html",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 1,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    hl_context *hl = open_library(r.threads);
    return hl ? audit_and_end(hl, &r, words[0], words[0], NULL) : 2;
}
