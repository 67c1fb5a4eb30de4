/* The page of an audit: faults, fingerprint, thumbnails. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/dataset.h"
#include "hilum/report.h"
#include "study/tables.h"

enum { PIXELS = HL_THUMBNAIL * HL_THUMBNAIL, A_CENTRE = 24, NAMED = 3 };

/* The last three parts of a path: files of a case are often called alike. */
static const char *name_of(const char *path) {
    const char *at = path + strlen(path);
    for (int slashes = 0; at > path; at--) {
        slashes += at[-1] == '/';
        if (slashes == 3) break;
    }
    return at;
}

static void put_table(hl_page *page, const char *caption, hl_cells *cells, int columns, hl_status *status) {
    if (cells->failed) *status = HL_NO_MEMORY;
    else hl_page_table(page, caption, (const char *const *)cells->texts, cells->count / columns, columns);
    hl_cells_free(cells);
}

/* --- faults --------------------------------------------------------------------------------------------------------- */

static void put_files(hl_cells *cells, const hl_fault *fault) {
    char text[1024] = "";
    for (int f = 0; f < fault->file_count && f < NAMED; f++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", f ? ", " : "", name_of(fault->files[f]));
    }
    if (fault->file_count > NAMED) hl_cells_add(cells, "%s and %d more", text, fault->file_count - NAMED);
    else hl_cells_add(cells, "%s", text);
}

static bool has_kind(const hl_faults *faults, const char *kind) {
    for (int i = 0; i < faults->count; i++)
        if (!strcmp(faults->items[i].kind, kind)) return true;
    return false;
}

/* What the kinds that occur mean. */
static void put_meanings(hl_page *page, const hl_faults *faults) {
    const char *kind, *meaning;
    for (int i = 0; hl_fault_kind(i, &kind, &meaning); i++) {
        char text[256];
        if (!has_kind(faults, kind)) continue;
        snprintf(text, sizeof text, "%s: %s.", kind, meaning);
        hl_page_paragraph(page, text);
    }
}

static hl_status put_faults(hl_context *hl, hl_page *page, const hl_audit *audit) {
    hl_page_heading(page, "Faults");
    if (audit->faults.count == 0) return hl_page_paragraph(page, "None was found."), HL_OK;
    hl_cells cells = {.hl = hl};
    static const char *const head[] = {"kind", "what", "files"};
    for (int i = 0; i < 3; i++) hl_cells_add(&cells, "%s", head[i]);
    for (int i = 0; i < audit->faults.count; i++) {
        hl_cells_add(&cells, "%s", audit->faults.items[i].kind);
        hl_cells_add(&cells, "%s", audit->faults.items[i].text);
        put_files(&cells, &audit->faults.items[i]);
    }
    hl_status status = HL_OK;
    put_table(page, NULL, &cells, 3, &status);
    put_meanings(page, &audit->faults);
    return status;
}

/* --- the fingerprint -------------------------------------------------------------------------------------------------- */

static void put_range(hl_cells *cells, double least, double most, int decimals) {
    if (isnan(least)) hl_cells_add(cells, "-");
    else if (least == most) hl_cells_add(cells, "%.*f", decimals, least);
    else hl_cells_add(cells, "%.*f to %.*f", decimals, least, decimals, most);
}

static void put_row(hl_cells *cells, const hl_fingerprint *f) {
    hl_cells_add(cells, "%s", f->name ? f->name : "all");
    const int counts[] = {f->patients, f->cases, f->slices, f->labelled, f->lesion_slices};
    for (int i = 0; i < 5; i++) hl_cells_add(cells, "%d", counts[i]);
    hl_cells_number(cells, 100 * f->burden, 2);
    put_range(cells, f->spacing_least[0], f->spacing_most[0], 2);
    put_range(cells, f->spacing_least[2], f->spacing_most[2], 2);
    if (f->width[0] == f->width[1] && f->height[0] == f->height[1]) hl_cells_add(cells, "%dx%d", f->width[0], f->height[0]);
    else hl_cells_add(cells, "%dx%d to %dx%d", f->width[0], f->height[0], f->width[1], f->height[1]);
    put_range(cells, f->least, f->most, 0);
    put_range(cells, f->low, f->high, 0);
}

static hl_status put_fingerprints(hl_context *hl, hl_page *page, const hl_audit *audit) {
    static const char *const head[] = {"centre",    "patients",    "cases",      "slices", "labelled", "lesion",
                                       "% of lung", "mm in plane", "mm between", "size",   "values",   "1st to 99th percentile"};
    enum { COLUMNS = sizeof head / sizeof *head };
    hl_page_heading(page, "Fingerprint");
    hl_cells cells = {.hl = hl};
    for (int i = 0; i < COLUMNS; i++) hl_cells_add(&cells, "%s", head[i]);
    for (int c = 0; c < audit->centre_count; c++) put_row(&cells, &audit->centres[c]);
    if (audit->centre_count > 1) put_row(&cells, &audit->all);
    hl_status status = HL_OK;
    put_table(page, NULL, &cells, COLUMNS, &status);
    char text[200];
    snprintf(text, sizeof text,
             "Labelled are slices with a mask; of these those with a lesion, and its share of the lungs. Suggested for training: --size %d "
             "--batch %d.",
             audit->size, audit->batch);
    hl_page_paragraph(page, text);
    return status;
}

/* --- thumbnails --------------------------------------------------------------------------------------------------------- */

typedef struct strip {
    hl_page_picture *pictures;
    char (*captions)[192];
    int count;
} strip;

static hl_status add_picture(hl_context *hl, const hl_audit_case *c, strip *to) {
    float grey[PIXELS];
    for (int i = 0; i < PIXELS; i++) grey[i] = (float)c->image[i] / 255;
    unsigned char *rgb = hl_overlay(hl, HL_THUMBNAIL, HL_THUMBNAIL, grey, c->mask, NULL, 0.5, false, 1);
    if (!rgb) return HL_NO_MEMORY;
    snprintf(to->captions[to->count], sizeof *to->captions, "%s, slice %lld%s%s", c->row->case_name, (long long)c->row->slice,
             c->labelled ? "" : ", unlabelled", c->faulty ? " (fault)" : "");
    to->pictures[to->count] =
        (hl_page_picture){.rgb = rgb, .width = HL_THUMBNAIL, .height = HL_THUMBNAIL, .caption = to->captions[to->count]};
    to->count++;
    return HL_OK;
}

/* Cases of a centre, all faulty ones and as many others as make A_CENTRE, evenly over the centre. */
static hl_status put_centre(hl_context *hl, hl_page *page, const hl_audit *audit, const char *centre) {
    int faulty = 0, sound = 0, seen = 0;
    for (int i = 0; i < audit->case_count; i++) {
        const hl_audit_case *c = &audit->cases[i];
        if (c->image && !strcmp(c->row->centre, centre)) c->faulty ? faulty++ : sound++;
    }
    int room = faulty < A_CENTRE ? A_CENTRE - faulty : 0, shown = sound < room ? sound : room;
    strip to = {hl_calloc(hl, (size_t)(faulty + shown), sizeof *to.pictures), hl_calloc(hl, (size_t)(faulty + shown), sizeof *to.captions),
                0};
    hl_status status = to.pictures && to.captions ? HL_OK : HL_NO_MEMORY;
    for (int i = 0; i < audit->case_count && !status; i++) {
        const hl_audit_case *c = &audit->cases[i];
        if (!c->image || strcmp(c->row->centre, centre)) continue;
        bool wanted = c->faulty || (int64_t)(seen + 1) * shown / sound > (int64_t)seen * shown / sound;
        seen += !c->faulty;
        if (wanted) status = add_picture(hl, c, &to);
    }
    if (!status && to.count) {
        char caption[300];
        snprintf(caption, sizeof caption, "Centre %s: %d of %d cases, each by its slice with the largest lesion, which is outlined.",
                 centre, to.count, faulty + sound);
        hl_page_pictures(page, caption, to.pictures, to.count);
    }
    for (int i = 0; i < to.count; i++) free((void *)to.pictures[i].rgb);
    free(to.pictures), free(to.captions);
    return status;
}

hl_status hl_audit_page(hl_context *hl, const hl_audit *audit, const char *title, const char *path) {
    char subtitle[200];
    snprintf(subtitle, sizeof subtitle, "%d patients, %d cases and %d slices of %d centres; %d fault%s", audit->all.patients,
             audit->all.cases, audit->all.slices, audit->centre_count, audit->faults.count, audit->faults.count == 1 ? "" : "s");
    hl_page *page = hl_page_start(hl, title, subtitle);
    if (!page) return HL_NO_MEMORY;
    hl_status status = put_faults(hl, page, audit);
    if (!status) status = put_fingerprints(hl, page, audit);
    hl_page_heading(page, "Cases");
    hl_page_paragraph(page, "All should lie alike: front at the top, the patient's right at the left of the picture.");
    for (int c = 0; c < audit->centre_count && !status; c++) status = put_centre(hl, page, audit, audit->centres[c].name);
    if (!status) return hl_page_write(page, path);
    hl_page_free(page);
    return status;
}
