/* `hilum dataset`: a folder's layout recognised, its manifest written, and audited. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditing.h"
#include "common.h"
#include "program.h"

typedef struct request {
    audit_request audit;
    const char *out;
    bool ct0_healthy;
} request;

/* Where manifest and volumes go: beside --out, or for as long as it takes into a folder of their own. */
typedef struct place {
    char *manifest, *volumes, *temporary;
} place;

static int remove_entry(const char *path, const struct stat *of, int type, struct FTW *at) {
    (void)of, (void)type, (void)at;
    return remove(path);
}

static void leave_place(place *p) {
    if (p->temporary) (void)nftw(p->temporary, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(p->manifest), free(p->volumes), free(p->temporary);
}

/* False after telling what was wrong. */
static bool make_place(const char *out, place *p) {
    *p = (place){0};
    if (out) {
        size_t length = strlen(out);
        if (length > 4 && !strcmp(out + length - 4, ".csv")) length -= 4;
        if (asprintf(&p->volumes, "%.*s-volumes", (int)length, out) < 0) p->volumes = NULL;
        p->manifest = strdup(out);
    } else {
        const char *folder = getenv("TMPDIR");
        p->temporary = join(folder && *folder ? folder : "/tmp", "hilum-XXXXXX");
        if (p->temporary && !mkdtemp(p->temporary)) {
            talk("dataset: %s: no folder can be made there", p->temporary);
            free(p->temporary);
            return p->temporary = NULL, false;
        }
        p->manifest = p->temporary ? join(p->temporary, "manifest.csv") : NULL;
        p->volumes = p->temporary ? join(p->temporary, "volumes") : NULL;
    }
    if (p->manifest && p->volumes) return true;
    return talk("no memory"), false;
}

static int prepare(request *r, const char *folder, const place *p) {
    hl_context *hl = open_library(r->audit.threads);
    if (!hl) return 2;
    hl_dataset *dataset = hl_dataset_open(
        hl, folder, &(hl_dataset_options){.work = p->volumes, .allow_outside = r->audit.allow_outside, .ct0_healthy = r->ct0_healthy});
    if (!dataset) return end_with(hl, hl_error_status(hl));
    r->audit.classes = dataset->classes;
    int outside = 0;
    hl_status status = hl_dataset_write(hl, dataset, p->manifest, &outside);
    if (status) return hl_dataset_free(dataset), end_with(hl, status);
    if (r->out && outside)
        talk("%s: the paths of %d files are absolute, for they lie outside of its folder: commands that read it need --allow-outside",
             r->out, outside);
    r->audit.allow_outside = outside > 0;
    return audit_and_end(hl, &r->audit, p->manifest, r->out ? r->out : folder, dataset);
}

int command_dataset(int argc, char **argv) {
    request r = {0};
    option table[] = {
        out_option(&r.out, "FILE", "the manifest to write; volumes and masks that have to be made go beside it"),
        flag_option("ct0-healthy", &r.ct0_healthy, "MosMedData: people of CT-0 count as healthy"),
        page_option(&r.audit),
        strict_option(&r.audit),
        allow_outside_option(&r.audit.allow_outside),
        threads_option(&r.audit.threads),
        json_option(&r.audit.json),
    };
    usage u = {.name = "dataset",
               .synopsis = "dataset DIR [options]",
               .about =
                   "Recognises how a data set lies in its folder, writes the manifest that names its slices, and audits it, as\n"
                   "`hilum audit` does. Known are COVID-19-CT-Seg (Kaggle's names too), MosMedData, nnU-Net's raw data, the Medical\n"
                   "Segmentation Decathlon, folders images and masks with equal names, a folder with a manifest.csv, and DICOM series,\n"
                   "which need the program dcm2niix.",
               .example = "hilum dataset COVID-19-CT-Seg --out COVID-19-CT-Seg/manifest.csv",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 1,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    place p;
    code = make_place(r.out, &p) ? prepare(&r, words[0], &p) : 1;
    leave_place(&p);
    return code;
}
