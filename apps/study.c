/* `hilum study`: the whole study from one file, or what it would cost. */
#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "figures.h"
#include "hilum/whole.h"
#include "program.h"
#include "progress.h"

typedef struct request {
    const char *out, *data, *only, *cache;
    int threads;
    bool plan, json;
    progress bar;
    char last[160]; /* the line that a log got last */
} request;

/* --- the plan ------------------------------------------------------------------------------------------------------------ */

static void print_plan(const hl_study *study, const hl_study_plan *plan) {
    printf("%s\n\n%-13s%-34s%8s%10s%12s\n", hl_study_title(study), "part", "of the paper", "models", "minutes", "memory, MB");
    for (int i = 0; i < plan->count; i++) {
        const hl_study_step *s = &plan->steps[i];
        printf("%-13s%-34s%8d%10.1f%12.0f   %s\n", s->part.name, s->part.shows, s->models, s->seconds / 60, 1e-6 * (double)s->bytes,
               s->part.about);
    }
    printf("%-47s%8d%10.1f%12.0f\n", "all of it", plan->models, plan->seconds / 60, 1e-6 * (double)plan->bytes);
    printf(
        "\nMinutes at the speed of some training steps of %d networks now; models that a part shares with one before it cost it nothing.\n",
        plan->networks_measured);
}

static void print_plan_json(const hl_study *study, const hl_study_plan *plan) {
    cJSON *root = cJSON_CreateObject(), *parts = cJSON_CreateArray();
    cJSON_AddStringToObject(root, "title", hl_study_title(study));
    for (int i = 0; i < plan->count; i++) {
        const hl_study_step *s = &plan->steps[i];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "part", s->part.name);
        cJSON_AddStringToObject(one, "shows", s->part.shows);
        cJSON_AddNumberToObject(one, "models", s->models);
        cJSON_AddNumberToObject(one, "gflops", 1e-9 * s->flops);
        cJSON_AddNumberToObject(one, "minutes", s->seconds / 60);
        cJSON_AddNumberToObject(one, "bytes", (double)s->bytes);
        cJSON_AddItemToArray(parts, one);
    }
    cJSON_AddItemToObject(root, "parts", parts);
    cJSON_AddNumberToObject(root, "models", plan->models);
    cJSON_AddNumberToObject(root, "minutes", plan->seconds / 60);
    cJSON_AddNumberToObject(root, "bytes", (double)plan->bytes);
    print_json(root);
    cJSON_Delete(root);
}

static hl_status make_plan(const request *r, const hl_study *study) {
    hl_study_plan plan;
    hl_status status = hl_study_make_plan(study, &plan);
    if (!status && r->json) print_plan_json(study, &plan);
    else if (!status) print_plan(study, &plan);
    return status;
}

/* --- carrying -------------------------------------------------------------------------------------------------------------- */

static void show_progress(void *user, const hl_study_progress *now) {
    request *r = user;
    char line[sizeof r->last];
    if (now->run) {
        progress_of_run(&r->bar, now->run);
        return;
    }
    snprintf(line, sizeof line, "%s: %s", now->part, now->what ? now->what : "");
    if (!strcmp(line, r->last)) return;
    snprintf(r->last, sizeof r->last, "%s", line);
    progress_end(&r->bar);
    r->bar = progress_start("training"); /* the time left is of what begins here */
    talk("%s", line);
}

static void show_note(void *user, const char *sentences) { progress_note(&((request *)user)->bar, sentences); }

static double number_of(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void print_times(const cJSON *timing) {
    const cJSON *one;
    printf("%-40s%12s%16s\n", "training", "minutes", "minutes a fold");
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(timing, "training"))
        printf("%-40s%12.1f%16.2f\n", one->string, number_of(one, "minutes"), number_of(one, "minutes_a_fold"));
    printf("\n%-40s%12s%16s\n", "testing", "ms a slice", "ms a scan");
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(timing, "testing"))
        printf("%-40s%12.1f%16.1f\n", one->string, number_of(one, "ms_per_slice"), number_of(one, "ms_per_scan"));
}

static int print_result(const request *r) {
    char *path = join(r->out, r->json ? "metrics.json" : "timing.json");
    cJSON *object = path ? read_json(path) : NULL;
    free(path);
    if (!object) return 1;
    if (r->json) {
        cJSON_AddStringToObject(object, "study", r->out);
        print_json(object);
    } else {
        print_times(object);
        printf("\nreport: %s/report.html\n", r->out);
    }
    cJSON_Delete(object);
    return 0;
}

static int carry_out(request *r, const char *file) {
    hl_context *hl = open_library(r->threads);
    if (!hl) return 2;
    char *cache = cache_folder(r->cache);
    hl_study_hooks hooks = {.stop = stop_flag(), .report = show_progress, .note = show_note, .user = r, .cache_folder = cache};
    catch_signals();
    r->bar = progress_start("training");
    hl_study *study = hl_study_read(hl, file, r->data);
    hl_status status = !study ? hl_error_status(hl) : r->plan ? make_plan(r, study) : hl_study_carry(study, r->out, r->only, &hooks);
    progress_end(&r->bar);
    hl_study_free(study);
    free(cache);
    if (status == HL_INTERRUPTED) {
        hl_close(hl);
        return talk("stopped and saved; the same command goes on with it"), 130;
    }
    int code = end_with(hl, status);
    return code || r->plan ? code : print_result(r);
}

int command_study(int argc, char **argv) {
    request r = {0};
    option table[] = {
        out_option(&r.out, "DIR", "the study's folder; what is finished there is kept"),
        text_option("data", &r.data, "DIR", "where the manifests that STUDY.ini names are; as a rule beside it"),
        flag_option("plan", &r.plan, "only tell what it will run, how long and in how much memory; needs no data, writes nothing"),
        text_option("only", &r.only, "PART", "only this part, and what it stands on"),
        threads_option(&r.threads),
        cache_option(&r.cache),
        json_option(&r.json),
    };
    usage u = {.name = "study",
               .synopsis = "study STUDY.ini --out DIR [options]\nstudy STUDY.ini --plan",
               .about = "Runs a whole study: comparison of networks, other cohorts, masking to the lungs, severity, readers,\n"
                        "threshold and calibration, statistics, and a report with every table and picture. The same command\n"
                        "goes on with a stopped study. Parts: comparison, mixed, halves, lungs, severity, readers, baseline,\n"
                        "threshold, calibration, statistics, conventions, report.",
               .example = "hilum study data/study-phantom.ini --plan\nhilum study data/study-phantom.ini --out study",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 1,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!r.plan && !r.out) return talk("study: --out is missing: where all of it goes"), 2;
    if (r.plan && r.only) return talk("study: --plan is of all parts, --only of one"), 2;
    return carry_out(&r, words[0]);
}
