/* `hilum train` and `hilum crossval`: a run made, or gone on with. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "figures.h"
#include "network.h"
#include "program.h"
#include "progress.h"

/* What the words say, before it becomes hl_run_options. */
typedef struct request {
    const char *name; /* of the command */
    const char *out, *resume, *cache, *folds, *window;
    hl_run_options run;
    network_words network;
    const char *augment;
    int size[2], init, target, slices, stratify, precision, threads, memory_limit;
    text_list centres;
    bool json;
} request;

static const char *const targets[] = {"mask", "lung", NULL};
static const char *const inits[] = {"he", "keras", NULL};
static const char *const slices[] = {"lesion+healthy", "lesion", "all", NULL};
static const char *const strata[] = {"centre,burden", "centre", "burden", "none", NULL};

enum { FIRST_OPTIONS = 3, LAST_OPTIONS = 25, RUN_OPTIONS = FIRST_OPTIONS + NETWORK_OPTIONS + LAST_OPTIONS };

/* The options of both commands; the last two are crossval's alone. */
static int make_table(request *r, option table[RUN_OPTIONS]) {
    hl_run_options *o = &r->run;
    option folds = text_option("folds", &r->folds, "N|FILE.csv", "how many folds, or a folds.csv that divides the patients");
    folds.standard = "5";
    const option first[] = {
        out_option(&r->out, "RUN", "the run's folder, which must not hold a run yet"),
        text_option("resume", &r->resume, "RUN", "go on with a stopped run, under its own options"),
        text_option("net", &o->net, "NET", "the network"),
    };
    const option last[] = {
        flag_option("context", &o->context, "the three channels are the slices before, itself and after, instead of one repeated"),
        choice_option("target", &r->target, "mask|lung", targets, "the manifest's column that holds the truth"),
        choice_option("init", &r->init, "he|keras", inits, "how weights are drawn"),
        text_option("weights", &o->weights, "FILE", "start from a safetensors file's weights instead of drawn ones"),
        size_option(r->size),
        window_option(&r->window, "-1250,250"),
        mm_option(&o->mm, "scaled to fit"),
        epochs_option(&o->epochs),
        batch_option(&o->batch),
        positive_option("lr", &o->rate, "F", 10, "the first learning rate"),
        integer_option("patience", &o->patience, 0, 100000, "epochs without a better validation Dice before training stops; 0: never stop"),
        augment_option(&r->augment),
        choice_option("train-slices", &r->slices, "WHICH", slices, "lesion+healthy, lesion or all"),
        number_option("val", &o->validation, "F", 0.99, "share of the patients that validates; 0: none, the last epoch is kept"),
        flag_option("postprocess", &o->postprocess, "choose by validation how masks are cleaned: small lesions, holes, what is not in the lungs"),
        seed_option(&o->seed),
        centre_option(&r->centres),
        allow_outside_option(&o->allow_outside),
        precision_option(&r->precision),
        threads_option(&r->threads),
        memory_limit_option(&r->memory_limit),
        cache_option(&r->cache),
        json_option(&r->json),
        folds,
        choice_option("stratify", &r->stratify, "BY", strata, "centre,burden, centre, burden or none: what folds are alike in"),
    };
    _Static_assert(sizeof first / sizeof *first == FIRST_OPTIONS && sizeof last / sizeof *last == LAST_OPTIONS, "tables have room for just these");
    memcpy(table, first, sizeof first);
    memcpy(table + FIRST_OPTIONS + network_options(&r->network, table + FIRST_OPTIONS), last, sizeof last);
    return strcmp(r->name, "crossval") ? RUN_OPTIONS - 2 : RUN_OPTIONS;
}

/* A run goes on under its own options: anything else that was said would be lost quietly, so it is refused. */
static bool only_resumes(const usage *u, int words) {
    static const char *const free_to_change[] = {"resume", "threads", "memory-limit", "cache", "json", NULL};
    const char *other = given_besides(u, free_to_change);
    if (words) return talk("%s: --resume takes no manifest, the run knows its own", u->name), false;
    if (!other) return true;
    return talk("%s: --%s cannot be given with --resume, a run goes on under its own options", u->name, other), false;
}

static bool take_folds(request *r) {
    size_t length = r->folds ? strlen(r->folds) : 0;
    if (!r->folds) return true;
    if (length > 4 && !strcmp(r->folds + length - 4, ".csv")) return r->run.folds_file = r->folds, true;
    return parse_integer(r->name, "folds", r->folds, 2, 1000, &r->run.folds);
}

static bool complete(request *r, int words) {
    hl_run_options *o = &r->run;
    if (!words) return talk("%s: the manifest is missing, see: hilum %s --help", r->name, r->name), false;
    if (!r->out) return talk("%s: --out is missing: where the run goes", r->name), false;
    if (!take_augmentation(r->name, r->augment, &o->augmentation)) return false;
    if (!known_network(r->name, o->net) || !network_take(r->name, &r->network, &o->net_options) || !take_folds(r)) return false;
    o->height = r->size[0], o->width_pixels = r->size[1];
    o->target = (hl_target)r->target;
    o->init = r->init ? HL_INIT_KERAS : HL_INIT_HE;
    o->slices = (hl_train_slices)r->slices;
    o->precision = (hl_precision)r->precision;
    o->by_centre = r->stratify == 0 || r->stratify == 1;
    o->by_burden = r->stratify == 0 || r->stratify == 2;
    o->centres = r->centres.count ? r->centres.items : NULL, o->centre_count = r->centres.count;
    return true;
}

static void warn_of_kernels(hl_context *hl, const char *folder) {
    hl_run *run = hl_run_open(hl, folder);
    if (run && strcmp(hl_run_isa(run), hl_isa(hl)))
        talk("warning: the run was started with the %s kernels and goes on with %s, its bits will differ", hl_run_isa(run), hl_isa(hl));
    hl_run_close(run);
}

/* What post-processing was chosen by all folds' validation patients, and Dice with it beside Dice without. */
static void print_postprocess(const cJSON *metrics) {
    const cJSON *post = cJSON_GetObjectItemCaseSensitive(metrics, "postprocess");
    double with = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(post, "dsc_case_mean"));
    double without = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(metrics, "dsc_case_mean"));
    const char *unit = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(post, "unit"));
    if (!post) return;
    hl_postprocess chosen = {.smallest = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(post, "smallest")),
                             .millilitres = unit && !strcmp(unit, "mL"),
                             .fill = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(post, "fill_holes")),
                             .clip = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(post, "clip_to_lungs"))};
    char text[200];
    printf("\npost-processing (%s): ", postprocess_text(&chosen, text));
    if (isnan(with)) printf("no case to test it on\n");
    else printf("mean Dice of cases %.4f, each fold by its own choice; %.4f without\n", with, without);
}

/* The figures in the run's metrics.json. */
static int print_run(const request *r, const char *folder) {
    char *path = join(folder, "metrics.json");
    cJSON *metrics = path ? read_json(path) : NULL;
    free(path);
    if (!metrics) return 1;
    if (r->json) {
        cJSON_AddStringToObject(metrics, "run", folder);
        print_json(metrics);
    } else {
        const cJSON *part = cJSON_GetObjectItemCaseSensitive(metrics, "part");
        printf("%s: figures of the %s part\n\n", folder, cJSON_IsString(part) ? part->valuestring : "test");
        print_figures(metrics, false);
        print_postprocess(metrics);
        printf("\nreport: %s/report.html\n", folder);
    }
    cJSON_Delete(metrics);
    return 0;
}

/* How long training stood still for want of slices. */
static void tell_waiting(const char *folder) {
    char *path = join(folder, "timing.json");
    cJSON *timing = path ? read_json(path) : NULL, *item;
    double training = 0, waited = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(timing, "waited_seconds"));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(timing, "training_seconds")) training += item->valuedouble;
    if (training > 0 && waited >= 0) talk("training waited %.1f s of %.1f s for slices", waited, training);
    cJSON_Delete(timing);
    free(path);
}

static int carry_out(request *r) {
    hl_context *hl = open_library(r->threads);
    if (!hl) return 2;
    progress bar = progress_start("training");
    char *cache = cache_folder(r->cache);
    hl_run_hooks hooks = {.stop = stop_flag(), .report = progress_of_run, .note = progress_note, .user = &bar, .cache_folder = cache,
                          .memory_limit = memory_bytes(r->memory_limit)};
    catch_signals();
    if (r->resume) warn_of_kernels(hl, r->resume);
    const char *folder = r->resume ? r->resume : r->out;
    hl_status status = r->window ? hl_window_parse(hl, r->window, &r->run.window) : HL_OK;
    if (!status) status = r->resume ? hl_run_resume(hl, folder, &hooks) : hl_run_start(hl, &r->run, folder, &hooks);
    progress_end(&bar);
    free(cache);
    if (status == HL_INTERRUPTED) {
        hl_close(hl);
        return talk("stopped and saved; go on with: hilum %s --resume %s", r->name, folder), 130;
    }
    int code = end_with(hl, status);
    if (!code) tell_waiting(folder);
    return code ? code : print_run(r, folder);
}

static int start(request *r, usage *u, int argc, char **argv) {
    option table[RUN_OPTIONS];
    const char *words[1 + argc];
    int count;
    u->options = table, u->option_count = make_table(r, table), u->words_most = 1;
    int code = parse(u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (r->resume ? !only_resumes(u, count) : !complete(r, count)) return 2;
    r->run.manifest = count ? words[0] : NULL;
    return carry_out(r);
}

static request request_defaults(const char *name) {
    hl_run_options o = hl_run_defaults();
    return (request){.name = name,
                     .run = o,
                     .network = network_defaults(),
                     .size = {o.height, o.width_pixels},
                     .target = (int)o.target,
                     .init = o.init == HL_INIT_KERAS,
                     .augment = "flip",
                     .slices = o.slices,
                     .stratify = (o.by_centre ? 0 : 2) + (o.by_burden ? 0 : 1)};
}

int command_train(int argc, char **argv) {
    request r = request_defaults("train");
    r.run.folds = 1;
    usage u = {.name = "train",
               .synopsis = "train MANIFEST --out RUN [options]\ntrain --resume RUN",
               .about = "Trains one model on the labelled slices of a manifest, in RUN/fold-0, and prints its\n"
                        "figures on the patients it was validated on.",
               .example = "hilum train cohort/manifest.csv --size 256 --epochs 50 --out run"};
    return start(&r, &u, argc, argv);
}

int command_crossval(int argc, char **argv) {
    request r = request_defaults("crossval");
    usage u = {.name = "crossval",
               .synopsis = "crossval MANIFEST --out RUN [options]\ncrossval --resume RUN",
               .about = "Divides the patients into folds, trains a model on all folds but one, tests it on that one,\n"
                        "for each fold, and prints the figures of all tests together. With --postprocess each fold's\n"
                        "validation patients choose how its masks are cleaned; the figures with that stand beside those\n"
                        "without, in metrics.json, and `hilum predict` cleans the masks of volumes so.",
               .example = "hilum crossval cohort/manifest.csv --folds 5 --size 256 --centre centre1 --out run"};
    return start(&r, &u, argc, argv);
}
