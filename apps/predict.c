/* `hilum predict`: the masks a run predicts for pictures and scans. */
#include "predict.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "common.h"
#include "program.h"
#include "progress.h"

hl_status told(session *s, hl_status status) {
    s->told = true;
    return status;
}

/* --- models ---------------------------------------------------------------------------------------------------------- */

/* Opens a run's models, of all folds or of one. */
static hl_status open_models(const session *s, hl_run *run, int fold, models *opened) {
    int folds = hl_run_get_options(run)->folds, first = fold < 0 ? 0 : fold, end = fold < 0 ? folds : fold + 1;
    opened->items = calloc((size_t)folds, sizeof *opened->items);
    if (!opened->items) return HL_NO_MEMORY;
    for (int k = first; k < end; k++) {
        hl_model *model = hl_run_model(run, k, s->scans ? s->r->batch : 1);
        if (!model) return hl_error_status(s->hl);
        opened->items[opened->count++] = model;
    }
    return HL_OK;
}

static void close_models(models *opened) {
    for (int m = 0; m < opened->count; m++) hl_model_free(opened->items[m]);
    free(opened->items);
}

/* --lung-run: a run whose target is the lung. */
static hl_status open_lung_run(session *s) {
    const char *folder = s->r->lung_run;
    if (!folder || !s->scans) return HL_OK;
    s->lung_run = hl_run_open(s->hl, folder);
    if (!s->lung_run) return hl_error_status(s->hl);
    if (hl_run_get_options(s->lung_run)->target != HL_TARGET_LUNG)
        return talk("predict: the run in %s finds lesions, expected one of lungs (--target lung)", folder), told(s, HL_USAGE);
    return open_models(s, s->lung_run, -1, &s->lung_models);
}

/* --- predicting ------------------------------------------------------------------------------------------------------ */

/* Progress of one job among all. */
typedef struct share {
    progress *bar;
    double before, all;
} share;

static void report_share(void *user, double fraction) {
    const share *of = user;
    progress_of_test(of->bar, (of->before + fraction) / of->all);
}

static hl_status predict_all(session *s) {
    hl_status status = open_models(s, s->run, s->r->fold, &s->models);
    if (!status) status = open_lung_run(s);
    if (!status) status = hl_folder_make(s->hl, s->r->out);
    if (!status && s->scans && !(s->severities = calloc((size_t)s->scans, sizeof *s->severities))) status = HL_NO_MEMORY;
    progress bar = progress_start("predicting");
    for (int i = 0; i < s->count && !status; i++) {
        share of = {&bar, i, s->count};
        const job *one = &s->jobs[i];
        if (*stop_flag()) status = HL_INTERRUPTED;
        else if (one->is_scan) status = predict_scan(s, one, report_share, &of);
        else status = hl_run_predict(s->run, s->models.items, s->models.count, &one->what);
        if (!status) report_share(&of, 1);
    }
    progress_end(&bar);
    if (!status && s->scans) status = write_severities(s);
    return status;
}

static int end(session *s, hl_status status) {
    free_jobs(s);
    free(s->severities);
    close_models(&s->models), close_models(&s->lung_models);
    hl_run_close(s->run), hl_run_close(s->lung_run);
    if (s->manifest) hl_manifest_free(s->manifest);
    if (!s->told) return end_with(s->hl, status);
    hl_close(s->hl);
    return (int)status;
}

/* Maps of probabilities that a run gives for a picture. */
static int maps_of(const hl_run *run) {
    int classes = hl_run_get_options(run)->net_options.classes;
    return classes > 1 ? classes - 1 : 1;
}

/* What was said of scans where there is none would be lost quietly. */
static hl_status check_scan_options(session *s) {
    const predict_request *r = s->r;
    const hl_cleaning *c = &r->cleaning;
    const char *cleaning = c->smallest > 0 ? "smallest" : c->fill ? "fill-holes" : c->clip ? "clip-to-lungs" : NULL;
    const char *lost = r->lung_run ? "lung-run" : r->lungs ? "lungs" : r->window_text ? "window" : r->overlays ? "overlays" : cleaning;
    if (!s->scans && lost) return talk("predict: --%s says nothing about pictures, it goes with volumes", lost), told(s, HL_USAGE);
    if (cleaning && hl_run_get_options(s->run)->net_options.classes > 1)
        return talk("predict: --%s goes with runs of one class", cleaning), told(s, HL_USAGE);
    if (c->clip && !r->lung_run && !r->lungs && !r->manifest)
        return talk("predict: --clip-to-lungs needs lungs: --lungs, --lung-run, or a manifest that names them"), told(s, HL_USAGE);
    return HL_OK;
}

/* The run's own post-processing, unless the words say otherwise, and a word about it. */
static hl_status take_postprocess(session *s) {
    const predict_request *r = s->r;
    hl_postprocess own;
    hl_postprocess said = {.millilitres = true, .smallest = r->cleaning.smallest, .fill = r->cleaning.fill, .clip = r->cleaning.clip};
    char text[200];
    hl_status status = hl_run_postprocess(s->run, r->fold, &own);
    if (status || !hl_run_get_options(s->run)->postprocess) return status;
    if (!s->scans) talk("post-processing: none, the run's goes with volumes");
    else if (r->cleans) talk("post-processing: %s, as given instead of the run's", postprocess_text(&said, text));
    else if (!own.cases) talk("post-processing: none, the run has chosen nothing%s", hl_run_finished(s->run) ? "" : ": it is not finished");
    else {
        if (s->scans < s->count) talk("post-processing goes with volumes: %d pictures are left as they are", s->count - s->scans);
        talk("post-processing: %s, as the run chose by its validation patients", postprocess_text(&own, text));
        s->post = own;
    }
    return HL_OK;
}

static int predict(const predict_request *r, const char *folder, const char *const *images, int count) {
    for (int i = 0; i < count; i++) {
        if (!check_input(images[i])) return 3;
    }
    session s = {.r = r, .hl = open_library(r->threads), .threshold = r->threshold};
    if (!s.hl) return 2;
    catch_signals();
    hl_status status = r->window_text ? hl_window_parse(s.hl, r->window_text, &s.window) : HL_OK;
    if (!status && !(s.run = hl_run_open(s.hl, folder))) status = hl_error_status(s.hl);
    if (!status && !take_threshold("predict", s.run, &s.threshold)) status = told(&s, HL_USAGE);
    if (!status && r->probabilities) s.maps = maps_of(s.run);
    if (!status) status = r->manifest ? take_manifest(&s) : take_words(&s, images, count);
    if (!status) status = check_scan_options(&s);
    if (!status) status = check_outputs(&s);
    if (!status) status = take_postprocess(&s);
    if (!status) status = predict_all(&s);
    for (int i = 0; i < s.count && !status; i++) puts(s.jobs[i].mask);
    return end(&s, status);
}

/* --- words ----------------------------------------------------------------------------------------------------------- */

/* Pictures are named one by one or by a manifest, and a manifest's options go with a manifest. */
static bool complete(const predict_request *r, int images) {
    if (!r->out) return talk("predict: --out is missing: where the masks go"), false;
    if (!r->manifest && !images) return talk("predict: a picture is missing, see: hilum predict --help"), false;
    if (r->manifest && images) return talk("predict: pictures beside --manifest, expected one or the other"), false;
    if (!r->manifest && (r->centres.count || r->allow_outside))
        return talk("predict: --%s goes with --manifest", r->centres.count ? "centre" : "allow-outside"), false;
    return true;
}

int command_predict(int argc, char **argv) {
    predict_request r = {.fold = -1, .batch = 8};
    option fold = integer_option("fold", &r.fold, 0, 999, "this fold's model alone"), batch = batch_option(&r.batch);
    fold.standard = "the mean of all";
    batch.help = "slices of a volume that go through together";
    option table[] = {
        out_option(&r.out, "DIR", "where NAME.png or NAME.nii.gz goes for each input NAME, or CASE_SLICE.png for a manifest's slices"),
        text_option("manifest", &r.manifest, "FILE", "predict a manifest's slices and volumes; slices for runs with --context"),
        centre_option(&r.centres),
        allow_outside_option(&r.allow_outside),
        threshold_option(&r.threshold),
        flag_option("probabilities", &r.probabilities,
                    "also NAME_prob, or of more than one class NAME_prob_K for class K: 16-bit PNG (times 65535) or float NIfTI"),
        flag_option("flip-average", &r.flip, "each model's mean with what it says of the mirrored slice"),
        fold,
        batch,
        window_option(&r.window_text, "the run's"),
        mm_option(&r.mm, "the run's"),
        text_option("lung-run", &r.lung_run, "RUN", "of volumes: a run that finds lungs, for severity.csv"),
        text_option("lungs", &r.lungs, "DIR", "of volumes: masks of lungs (1 left, 2 right) under the scans' names, for severity.csv"),
        number_option("smallest", &r.cleaning.smallest, "ML", 1000, "of volumes: leave lesions below this size out of the mask; 0: none"),
        flag_option("fill-holes", &r.cleaning.fill, "of volumes: fill holes in the mask's axial slices"),
        flag_option("clip-to-lungs", &r.cleaning.clip, "of volumes: leave out of the mask what is not in the lungs"),
        flag_option("overlays", &r.overlays,
                    "of volumes: NAME_overlays/SLICE.png with the mask outlined, NAME_sheet.png with slices of it"),
        threads_option(&r.threads),
    };
    usage u = {.name = "predict",
               .synopsis = "predict RUN IMAGE... --out DIR [options]\npredict RUN --manifest FILE --out DIR [options]",
               .about = "Writes the mask of each picture (PNG) in its own size: 255 is lesion, 0 is none; of each volume (NIfTI) in its\n"
                        "own geometry: 1 is lesion. Of a run of more than one class the value is the class. The probability is the\n"
                        "mean of the run's models. Volumes also get DIR/severity.csv: the share of each lung that is lesion.\n"
                        "Of a run made with\n"
                        "--postprocess the masks of volumes are cleaned as it chose; --smallest, --fill-holes and --clip-to-lungs,\n"
                        "where one of them is given, take its place (--smallest 0: nothing is done). Prints the masks' paths.",
               .example =
                   "hilum predict run slices/*.png --out masks\nhilum predict run scans/*.nii.gz --lung-run lungs --overlays --out masks",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 1,
               .words_most = INT_MAX};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    r.cleans = given(&u, "smallest") || given(&u, "fill-holes") || given(&u, "clip-to-lungs");
    if (!complete(&r, count - 1)) return 2;
    return predict(&r, words[0], words + 1, count - 1);
}
