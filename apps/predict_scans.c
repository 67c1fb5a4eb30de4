/* `hilum predict`: a scan's mask, maps of probabilities, pictures and severity. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "predict.h"
#include "program.h"

static hl_status write_maps(const session *s, const job *one, const hl_scan *scan) {
    int first = scan->classes > 1;
    hl_status status = HL_OK;
    for (int m = 0; m < s->maps && !status; m++) {
        hl_volume map;
        status = hl_scan_probability(s->hl, scan, m + first, &map);
        if (!status) status = hl_volume_write(s->hl, one->maps[m], &map, HL_VOXEL_FLOAT32);
        hl_volume_free(&map);
    }
    return status;
}

/* OUT/NAME_overlays/007.png for each slice that holds a prediction, and the sheet. */
static hl_status write_pictures(const session *s, const job *one, const hl_scan *scan) {
    char folder[4096], path[4200];
    if (snprintf(folder, sizeof folder, "%s/%s_overlays", s->r->out, one->name) >= (int)sizeof folder) return HL_NO_MEMORY;
    hl_status status = hl_folder_make(s->hl, folder);
    for (int z = hl_scan_next(scan, 0); z >= 0 && !status; z = hl_scan_next(scan, z + 1)) {
        snprintf(path, sizeof path, "%s/%03d.png", folder, z);
        status = hl_scan_overlay(s->hl, scan, z, path);
    }
    return status ? status : hl_scan_sheet(s->hl, scan, one->sheet);
}

/* --- severity -------------------------------------------------------------------------------------------------------- */

/* The lungs of a scan: its own mask of them, else what the run of lungs says. `lungs` stays empty where there are none. */
static hl_status find_lungs(const session *s, const job *one, const hl_scan_options *options, hl_volume *lungs) {
    *lungs = (hl_volume){0};
    if (one->lung) return hl_volume_read(s->hl, one->lung, lungs);
    if (!s->lung_run) return HL_OK;
    hl_scan_options own = {.models = s->lung_models.items,
                           .model_count = s->lung_models.count,
                           .flip = options->flip,
                           .threshold = 0.5,
                           .stop = options->stop};
    hl_scan scan;
    hl_status status = hl_run_predict_scan(s->lung_run, one->what.image, one->units, &own, &scan);
    if (status) return status;
    *lungs = scan.mask, scan.mask.voxels = NULL;
    hl_scan_free(&scan);
    return HL_OK;
}

static const char *why_empty(const session *s, const hl_volume *lungs, const hl_scan_severity *severity) {
    if (hl_run_get_options(s->run)->target == HL_TARGET_LUNG) return "the run finds lungs, not lesions";
    if (!lungs->voxels) return "no lungs: give masks of them by --lungs or the manifest, or a run that finds them by --lung-run";
    if (severity->lung[HL_BOTH_LUNGS] == 0) return "the mask of the lungs is empty";
    return severity->divided ? "" : "left and right are not told apart in the mask of the lungs";
}

static hl_status measure(session *s, const job *one, const hl_volume *lungs, const hl_scan *scan) {
    hl_scan_severity_row *row = &s->severities[s->severity_count];
    hl_status status =
        hl_scan_severity_measure(s->hl, &scan->mask, lungs->voxels ? lungs : NULL, one->lung ? one->lung : s->r->lung_run, &row->severity);
    if (hl_run_get_options(s->run)->target == HL_TARGET_LUNG) row->severity.lesion = NAN;
    row->scan = one->name;
    row->reason = why_empty(s, lungs, &row->severity);
    s->severity_count += !status;
    return status;
}

/* What is done to a scan's mask: what the words say, or the run's own choice. A size in voxels of the run's grid becomes one in mL by what
 * of the scan they cover. */
static hl_cleaning cleaning_of(session *s, const hl_scan *scan, bool lungs) {
    const hl_volume *image = &scan->image;
    const hl_postprocess *post = &s->post;
    if (!post->cases) return s->r->cleaning;
    hl_cleaning cleaning = {.smallest = post->smallest, .fill = post->fill, .clip = post->clip && lungs};
    double pixels = (double)image->width * image->height / ((double)scan->place.width * scan->place.height);
    if (!post->millilitres) cleaning.smallest *= pixels * image->spacing[0] * image->spacing[1] * image->spacing[2] / 1000;
    s->unclipped += post->clip && !lungs;
    return cleaning;
}

/* The mask cleaned and its severity measured, by the same lungs. */
static hl_status clean_and_measure(session *s, const job *one, const hl_scan_options *options, hl_scan *scan) {
    hl_volume lungs = {0};
    bool lesions = hl_run_get_options(s->run)->target != HL_TARGET_LUNG;
    hl_status status = lesions || s->r->cleaning.clip ? find_lungs(s, one, options, &lungs) : HL_OK;
    hl_cleaning cleaning = cleaning_of(s, scan, lungs.voxels);
    if (!status && scan->classes == 1) status = hl_mask_clean(s->hl, &scan->mask, lungs.voxels ? &lungs : NULL, &cleaning);
    if (!status && !lesions) hl_volume_free(&lungs);
    if (!status) status = measure(s, one, &lungs, scan);
    hl_volume_free(&lungs);
    return status;
}

/* The first scan without a severity and why, and how many there are. */
static void tell_empty(const session *s, const char *path) {
    const char *name = NULL, *reason = NULL;
    int empty = 0;
    for (int i = 0; i < s->severity_count; i++) {
        if (!isnan(s->severities[i].severity.share[HL_BOTH_LUNGS])) continue;
        if (!empty++) name = s->severities[i].scan, reason = s->severities[i].reason;
    }
    if (empty == 1) talk("%s: severity is empty for %s: %s", path, name, reason);
    if (empty > 1) talk("%s: severity is empty for %s and %d others: %s", path, name, empty - 1, reason);
}

hl_status write_severities(session *s) {
    char *path = join(s->r->out, "severity.csv");
    hl_status status = path ? hl_scan_severity_write(s->hl, path, s->severities, s->severity_count) : HL_NO_MEMORY;
    if (!status) tell_empty(s, path);
    if (s->bytes) talk("%d of %d volumes hold values from 0 to 255 and are taken for 8-bit ones", s->bytes, s->scans);
    if (s->unclipped) talk("%d of %d volumes have no lungs to clip their masks to, the rest was done", s->unclipped, s->scans);
    if (s->unoriented)
        talk("%d of %d volumes have neither sform nor qform: their first axis is taken to run from right to left", s->unoriented, s->scans);
    free(path);
    return status;
}

/* --- a scan ---------------------------------------------------------------------------------------------------------- */

hl_status predict_scan(session *s, const job *one, void (*report)(void *user, double fraction), void *user) {
    hl_scan_options options = {.models = s->models.items,
                               .model_count = s->models.count,
                               .flip = s->r->flip,
                               .threshold = s->threshold,
                               .window = s->r->window_text ? &s->window : NULL,
                               .mm = s->r->mm,
                               .stop = stop_flag(),
                               .report = report,
                               .user = user};
    hl_scan scan;
    hl_status status = hl_run_predict_scan(s->run, one->what.image, one->units, &options, &scan);
    if (status) return status;
    s->bytes += scan.range.recognised && scan.range.units == HL_UNITS_8BIT;
    s->unoriented += scan.image.geometry == HL_GEOMETRY_PIXDIM;
    status = clean_and_measure(s, one, &options, &scan);
    if (!status && s->maps) status = write_maps(s, one, &scan);
    if (!status && one->sheet) status = write_pictures(s, one, &scan);
    if (!status) status = hl_volume_write(s->hl, one->mask, &scan.mask, HL_VOXEL_UINT8);
    hl_scan_free(&scan);
    return status;
}
