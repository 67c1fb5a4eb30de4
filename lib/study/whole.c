/* What a study's file says, checked before anything is opened or run. */
#include "study/whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hilum/nets.h"

static const char *const sections[HL_COHORTS] = {"cohort 1", "cohort 2", "public"};

/* --- cohorts ------------------------------------------------------------------------------------------------------ */

/* A path as it can be opened: in the folder of data or beside the study's own file, unless it is absolute. Owner: the caller, free. */
static char *locate(const hl_ini *ini, const char *data, const char *path) {
    const char *slash = strrchr(ini->path, '/');
    if (data && *path != '/') return hl_format(ini->hl, "%s/%s", data, path);
    if (*path == '/' || !slash) return hl_strdup(ini->hl, path);
    return hl_format(ini->hl, "%.*s/%s", (int)(slash - ini->path), ini->path, path);
}

static void read_phantom(hl_ini *ini, hl_study_cohort *c) {
    hl_phantom_options *p = &c->phantom;
    *p = hl_phantom_defaults();
    p->patients = hl_ini_integer(ini, c->section, "phantom-patients", p->patients, 2, 100000);
    p->centres = hl_ini_integer(ini, c->section, "phantom-centres", p->centres, 1, 100);
    p->healthy = hl_ini_integer(ini, c->section, "phantom-healthy", p->healthy, 0, 100000);
    p->slices = hl_ini_integer(ini, c->section, "phantom-slices", p->slices, 1, 1000);
    p->size = hl_ini_integer(ini, c->section, "phantom-size", p->size, 32, 4096);
    p->first = hl_ini_integer(ini, c->section, "phantom-first", 1, 1, 1000000);
    p->seed = (uint64_t)hl_ini_integer(ini, c->section, "phantom-seed", 1, 0, 1000000000);
    int taken = c->centre_count ? c->centre_count : p->centres;
    c->patients = p->patients * taken / p->centres;
    c->cases = c->patients + c->patients / 8;
    c->slices = c->patients * p->slices;
    c->training_slices = c->slices * 3 / 4;
}

static void read_cohort(hl_study *study, const char *data, hl_cohort_id id) {
    hl_ini *ini = &study->ini;
    hl_study_cohort *c = &study->cohorts[id];
    c->section = sections[id];
    c->there = hl_ini_has_section(ini, c->section);
    if (!c->there) return;
    c->name = hl_ini_text(ini, c->section, "name", c->section);
    c->centre_count = hl_ini_list(ini, c->section, "centres", c->centres, HL_STUDY_CENTRES);
    c->hounsfield = hl_ini_bool(ini, c->section, "hounsfield", false);
    c->papers = hl_ini_bool(ini, c->section, "data-of-the-paper", false);
    const char *manifest = hl_ini_text(ini, c->section, "manifest", NULL);
    if (!manifest) {
        read_phantom(ini, c);
        return;
    }
    c->manifest = locate(ini, data, manifest);
    if (!c->manifest) ini->status = HL_NO_MEMORY;
    c->patients = hl_ini_integer(ini, c->section, "patients", 20, 1, 10000000);
    c->cases = hl_ini_integer(ini, c->section, "cases", c->patients, 1, 10000000);
    c->slices = hl_ini_integer(ini, c->section, "slices", c->cases * 60, 1, 100000000);
    c->training_slices = hl_ini_integer(ini, c->section, "training-slices", c->slices, 1, 100000000);
}

/* --- nets and training ---------------------------------------------------------------------------------------------- */

static bool is_known(const char *name) {
    char known[64];
    for (int i = 0; hl_net_name(i, known); i++) {
        if (!strcmp(known, name)) return true;
    }
    return false;
}

static void read_nets(hl_ini *ini, const char *key, hl_net_list *list) {
    list->count = hl_ini_list(ini, "nets", key, list->names, HL_STUDY_NETS);
    for (int i = 0; i < list->count; i++) {
        char rate[80];
        snprintf(rate, sizeof rate, "lr %s", list->names[i]);
        list->rates[i] = hl_ini_number(ini, "training", rate, 0, 1e-12, 10);
        if (!is_known(list->names[i])) hl_ini_refuse(ini, "nets", key, "no network is called so, see: hilum nets");
        for (int j = 0; j < i; j++)
            if (!strcmp(list->names[i], list->names[j])) hl_ini_refuse(ini, "nets", key, "a network is there twice");
    }
}

static void read_size(hl_ini *ini, hl_run_options *o) {
    const char *text = hl_ini_text(ini, "training", "size", "256");
    int height, width, used = 0, multiple = hl_net_multiple();
    if (sscanf(text, "%dx%d%n", &height, &width, &used) != 2) {
        used = 0;
        if (sscanf(text, "%d%n", &height, &used) == 1) width = height;
    }
    bool whole = used && !text[used] && height > 0 && width > 0 && height <= 4096 && width <= 4096;
    if (whole && height % multiple == 0 && width % multiple == 0) o->height = height, o->width_pixels = width;
    else hl_ini_refuse(ini, "training", "size", "expected N or HxW, multiples of 32 up to 4096");
}

static void read_training(hl_ini *ini, hl_run_options *o) {
    static const char *const strata[] = {"centre,burden", "centre", "burden", "none", NULL}, *const inits[] = {"he", "keras", NULL},
                             *const slices[] = {"lesion+healthy", "lesion", "all", NULL}, *const precisions[] = {"fp32", "bf16", NULL};
    static const char *const t = "training";
    *o = hl_run_defaults();
    o->allow_outside = true; /* the study's manifests name files by full path */
    read_size(ini, o);
    o->net_options.width = hl_ini_number(ini, t, "width", 1, 0.01, 16);
    o->epochs = hl_ini_integer(ini, t, "epochs", o->epochs, 1, 100000);
    o->batch = hl_ini_integer(ini, t, "batch", o->batch, 1, 1024);
    o->rate = hl_ini_number(ini, t, "lr", o->rate, 1e-12, 10);
    o->patience = hl_ini_integer(ini, t, "patience", o->patience, 0, 100000);
    o->folds = hl_ini_integer(ini, t, "folds", 5, 2, 100);
    o->validation = hl_ini_number(ini, t, "val", 0.25, 0.01, 0.9);
    o->init = hl_ini_choice(ini, t, "init", 0, inits) ? HL_INIT_KERAS : HL_INIT_HE;
    const char *augment = hl_ini_text(ini, t, "augment", NULL);
    if (augment && hl_augmentation_parse(ini->hl, augment, &o->augmentation)) hl_ini_refuse(ini, t, "augment", hl_error(ini->hl));
    o->precision = (hl_precision)hl_ini_choice(ini, t, "precision", 0, precisions);
    o->slices = (hl_train_slices)hl_ini_choice(ini, t, "train-slices", 0, slices);
    o->mm = hl_ini_number(ini, t, "mm", 0, 0, 1000);
    const char *window = hl_ini_text(ini, t, "window", NULL);
    if (window && hl_window_parse(ini->hl, window, &o->window)) hl_ini_refuse(ini, t, "window", hl_error(ini->hl));
    int by = hl_ini_choice(ini, t, "stratify", 0, strata);
    o->by_centre = by < 2, o->by_burden = by == 0 || by == 2;
    o->seed = (uint64_t)hl_ini_integer(ini, "study", "seed", 0, 0, 1000000000);
}

double hl_study_rate(const hl_study *study, const char *net) {
    const hl_net_list *const lists[] = {&study->nets, &study->mixed, &study->halves, &study->four};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (int i = 0; i < lists[l]->count; i++)
            if (lists[l]->rates[i] > 0 && !strcmp(lists[l]->names[i], net)) return lists[l]->rates[i];
    return study->training.rate;
}

/* --- all of it --------------------------------------------------------------------------------------------------------- */

static void check(hl_study *study) {
    hl_ini *ini = &study->ini;
    if (!study->nets.count) hl_ini_refuse(ini, "nets", "compared", "is missing: which networks are compared");
    if (!study->cohorts[HL_COHORT_ONE].there && !ini->status)
        ini->status =
            hl_fail(study->hl, HL_BAD_INPUT, "%s: the section [cohort 1] is missing: what the networks are trained on", ini->path);
    bool found = false;
    for (int i = 0; i < study->nets.count; i++) found = found || !strcmp(study->nets.names[i], study->model);
    if (!found) hl_ini_refuse(ini, "nets", "model", "expected one of those compared");
    if (study->readers == HL_COHORT_TWO && !study->cohorts[HL_COHORT_TWO].there)
        hl_ini_refuse(ini, "study", "readers", "there is no section [cohort 2]");
}

static void read_all(hl_study *study, const char *data) {
    hl_ini *ini = &study->ini;
    study->title = hl_ini_text(ini, "study", "title", "The whole study");
    study->note = hl_ini_text(ini, "study", "note", NULL);
    study->draws = hl_ini_integer(ini, "study", "draws", 1000, 1, 1000000);
    study->readers = (hl_cohort_id)hl_ini_choice(ini, "study", "readers", 0, (const char *const[]){"cohort 1", "cohort 2", NULL});
    study->lesion_tolerance = hl_ini_number(ini, "study", "lesion-tolerance", 3, 0, 1000);
    study->lung_tolerance = hl_ini_number(ini, "study", "lung-tolerance", 1, 0, 1000);
    for (int id = 0; id < HL_COHORTS; id++) read_cohort(study, data, (hl_cohort_id)id);
    read_nets(ini, "compared", &study->nets);
    study->model = hl_ini_text(ini, "nets", "model", study->nets.count ? study->nets.names[0] : "");
    read_nets(ini, "mixed", &study->mixed);
    read_nets(ini, "halves", &study->halves);
    read_nets(ini, "benchmark", &study->four);
    read_training(ini, &study->training);
    check(study);
}

hl_study *hl_study_read(hl_context *hl, const char *path, const char *data) {
    hl_study *study = hl_calloc(hl, 1, sizeof *study);
    if (!study) return NULL;
    study->hl = hl;
    hl_status status = hl_ini_read(hl, path, &study->ini);
    if (!status) {
        read_all(study, data);
        status = hl_ini_finish(&study->ini);
    }
    if (!status) return study;
    hl_study_free(study);
    return NULL;
}

void hl_study_free(hl_study *study) {
    if (!study) return;
    for (int id = 0; id < HL_COHORTS; id++) free(study->cohorts[id].manifest);
    hl_ini_free(&study->ini);
    free(study);
}

const char *hl_study_title(const hl_study *study) { return study->title; }
