/* `hilum augment`: the kinds of augmentation, and what they do to a slice. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/random.h"
#include "common.h"
#include "figures.h"
#include "hilum/report.h"
#include "program.h"
#include "report/letters.h"

enum { COLUMNS = 6, CANDIDATES = 64, CELLS_MOST = 3 * COLUMNS + 2 * HL_AUGMENT_MOST };

/* A picture of the sheet: what is done to the slice, and from which draw. */
typedef struct cell {
    char caption[48];
    hl_augmentation augmentation;
    uint64_t draw;
} cell;

typedef struct request {
    const char *preview, *augment;
    int size[2], target;
    uint64_t seed;
    text_list centres;
    bool allow_outside, json;
    hl_augmentation augmentation;
} request;

typedef struct sheet {
    const request *r;
    hl_context *hl;
    hl_manifest *manifest;
    hl_cohort *cohort;
    int row; /* the slice */
    float *image, *changed;
    uint8_t *mask, *labels; /* as they are; as augmented */
    cell cells[CELLS_MOST];
    int count;
} sheet;

/* --- the list of kinds ------------------------------------------------------------------------------------------------ */

static void print_kinds(void) {
    printf("%-12s%10s%8s%9s  %s\n", "kind", "strength", "most", "chance", "what it does");
    for (int k = 0; k < hl_augment_count(); k++) {
        const hl_augment_kind *kind = hl_augment_get_kind(k);
        printf("%-12s%10g%8g%9g  %s\n", kind->name, kind->standard, kind->most, kind->chance, kind->about);
    }
}

static void print_kinds_object(void) {
    cJSON *root = cJSON_CreateObject(), *kinds = cJSON_AddArrayToObject(root, "kinds");
    for (int k = 0; k < hl_augment_count(); k++) {
        const hl_augment_kind *kind = hl_augment_get_kind(k);
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(kinds, one);
        cJSON_AddStringToObject(one, "name", kind->name);
        cJSON_AddStringToObject(one, "about", kind->about);
        cJSON_AddNumberToObject(one, "strength", kind->standard);
        cJSON_AddNumberToObject(one, "most", kind->most);
        cJSON_AddNumberToObject(one, "chance", kind->chance);
    }
    print_json(root);
    cJSON_Delete(root);
}

/* --- the slice -------------------------------------------------------------------------------------------------------- */

static hl_placement placement(const sheet *s) {
    const hl_slice_info *info = hl_cohort_info(s->cohort, s->row);
    return hl_fit_picture(info->height, info->width, s->r->size[0], s->r->size[1]);
}

/* The slice with the most to outline for its size. */
static int choose_row(const sheet *s) {
    int best = -1;
    double most = -1;
    for (int row = 0; row < hl_manifest_count(s->manifest); row++) {
        const hl_slice_info *info = hl_cohort_info(s->cohort, row);
        double share = info->labelled ? (double)info->lesion_pixels / ((double)info->width * info->height) : -1;
        if (share > most) most = share, best = row;
    }
    return best;
}

static hl_status open_slice(sheet *s, const char *manifest) {
    const request *r = s->r;
    hl_manifest_options rows = {
        .allow_outside = r->allow_outside, .centres = r->centres.count ? r->centres.items : NULL, .centre_count = r->centres.count};
    hl_cohort_options grid = {.height = r->size[0], .width = r->size[1], .target = (hl_target)r->target, .classes = r->target ? 3 : 1};
    s->manifest = hl_manifest_read(s->hl, manifest, &rows);
    if (s->manifest) s->cohort = hl_cohort_open(s->hl, s->manifest, &grid);
    if (!s->cohort) return hl_error_status(s->hl);
    s->row = choose_row(s);
    if (s->row < 0) return hl_fail(s->hl, HL_BAD_INPUT, "%s: no slice has a mask", manifest);
    size_t pixels = (size_t)r->size[0] * (size_t)r->size[1];
    s->image = malloc(pixels * sizeof *s->image), s->changed = malloc(pixels * sizeof *s->changed);
    s->mask = malloc(pixels), s->labels = malloc(pixels);
    if (!s->image || !s->changed || !s->mask || !s->labels) return HL_NO_MEMORY;
    return hl_cohort_slice(s->cohort, s->row, s->image, s->mask, NULL, NULL);
}

/* The slice, augmented, into s->changed and s->labels. */
static hl_status augment(sheet *s, const hl_augmentation *augmentation, uint64_t draw) {
    size_t pixels = (size_t)s->r->size[0] * (size_t)s->r->size[1];
    hl_placement inside = placement(s);
    hl_augmenter *augmenter = hl_augmenter_new(s->hl, augmentation, s->r->size[0], s->r->size[1], 1);
    if (!augmenter) return hl_error_status(s->hl);
    memcpy(s->changed, s->image, pixels * sizeof *s->image), memcpy(s->labels, s->mask, pixels);
    hl_augment(augmenter, draw, s->changed, s->labels, s->r->target, &inside);
    hl_augmenter_free(augmenter);
    return HL_OK;
}

/* --- what the sheet shows ------------------------------------------------------------------------------------------------ */

static uint64_t draw_of(const sheet *s, uint64_t number) { return hl_random_u64(s->r->seed, HL_RANDOM_AUGMENT, 0, number); }

/* Draws differ in how much they change; the sheet shows the one of many that changes the picture most. */
static hl_status find_draw(sheet *s, const hl_augmentation *augmentation, uint64_t *draw) {
    size_t pixels = (size_t)s->r->size[0] * (size_t)s->r->size[1];
    double most = -1;
    for (uint64_t i = 0; i < CANDIDATES; i++) {
        hl_status status = augment(s, augmentation, draw_of(s, i));
        if (status) return status;
        double difference = 0;
        for (size_t p = 0; p < pixels; p++) difference += fabs((double)s->changed[p] - (double)s->image[p]);
        if (difference > most) most = difference, *draw = draw_of(s, i);
    }
    return HL_OK;
}

static cell *add_cell(sheet *s, uint64_t draw) {
    cell *c = &s->cells[s->count++];
    c->draw = draw;
    return c;
}

static double at_strength(const request *r, int kind, double factor) {
    return fmin(factor * r->augmentation.strength[kind], hl_augment_get_kind(kind)->most);
}

/* A kind alone, at half its strength and at twice. */
static hl_status add_kind(sheet *s, int kind) {
    hl_augmentation strong = {0};
    uint64_t draw = 0;
    strong.strength[kind] = at_strength(s->r, kind, 2), strong.chance[kind] = 1;
    hl_status status = find_draw(s, &strong, &draw);
    for (int i = 0; i < 2 && !status; i++) {
        cell *c = add_cell(s, draw);
        c->augmentation.strength[kind] = at_strength(s->r, kind, i ? 2 : 0.5), c->augmentation.chance[kind] = 1;
        snprintf(c->caption, sizeof c->caption, "%s %g", hl_augment_get_kind(kind)->name, c->augmentation.strength[kind]);
    }
    return status;
}

/* All of them in one sample, none left out. */
static void add_all(sheet *s, double factor, const char *caption) {
    cell *c = add_cell(s, draw_of(s, 1));
    for (int k = 0; k < hl_augment_count(); k++)
        c->augmentation.strength[k] = k ? at_strength(s->r, k, factor) : 0, c->augmentation.chance[k] = 1;
    snprintf(c->caption, sizeof c->caption, "%s", caption);
}

/* The slice and its mirror, each kind, all together, then samples as training draws them, to the end of a row and one row more. */
static hl_status fill_sheet(sheet *s) {
    const hl_augmentation *wanted = &s->r->augmentation;
    hl_status status = HL_OK;
    snprintf(add_cell(s, 0)->caption, sizeof s->cells->caption, "original");
    if (wanted->strength[0] > 0) {
        cell *c = add_cell(s, 0);
        c->augmentation.strength[0] = c->augmentation.chance[0] = 1;
        snprintf(c->caption, sizeof c->caption, "%s", hl_augment_get_kind(0)->name);
    }
    for (int k = 1; k < hl_augment_count() && !status; k++) {
        if (wanted->strength[k] > 0) status = add_kind(s, k);
    }
    if (s->count > 4) add_all(s, 0.5, "together, weak"), add_all(s, 1, "together");
    int all = (s->count + COLUMNS - 1) / COLUMNS * COLUMNS + COLUMNS;
    for (int i = 1; s->count < all; i++) {
        cell *c = add_cell(s, draw_of(s, (uint64_t)(CANDIDATES + i)));
        c->augmentation = *wanted;
        snprintf(c->caption, sizeof c->caption, "sample %d", i);
    }
    return status;
}

/* --- drawing ------------------------------------------------------------------------------------------------------------- */

/* Measures of the sheet, in pixels. */
typedef struct measures {
    int scale, height, width; /* of a slice's pixel; of a cell's picture */
    int gap, caption;         /* between cells; height of a caption */
    double unit;              /* of letters */
} measures;

static measures measures_of(const request *r) {
    int scale = r->size[1] < 512 ? (511 + r->size[1]) / r->size[1] : 1, width = scale * r->size[1];
    double unit = width / 192.0;
    return (measures){
        .scale = scale, .height = scale * r->size[0], .width = width, .gap = width / 24, .caption = (int)(14 * unit), .unit = unit};
}

static hl_status draw_cell(sheet *s, const measures *m, const hl_paper *paper, int index) {
    const cell *c = &s->cells[index];
    hl_status status = augment(s, &c->augmentation, c->draw);
    if (status) return status;
    int height = s->r->size[0], width = s->r->size[1];
    unsigned char *rgb = s->r->target ? hl_overlay_classes(s->hl, height, width, s->changed, s->labels, m->scale)
                                      : hl_overlay(s->hl, height, width, s->changed, s->labels, NULL, 0, false, m->scale);
    if (!rgb) return hl_error_status(s->hl);
    int left = m->gap + index % COLUMNS * (m->width + m->gap), top = m->gap + index / COLUMNS * (m->height + m->caption + m->gap);
    for (int y = 0; y < m->height; y++)
        memcpy(paper->rgb + 3 * ((size_t)(top + y) * (size_t)paper->width + (size_t)left), rgb + 3 * (size_t)y * (size_t)m->width,
               3 * (size_t)m->width);
    hl_letters_draw(paper, c->caption, left + (m->width - hl_letters_width(c->caption, m->unit)) / 2, top + m->height + 4 * m->unit,
                    m->unit);
    free(rgb);
    return HL_OK;
}

static hl_status draw_sheet(sheet *s) {
    measures m = measures_of(s->r);
    int rows = s->count / COLUMNS;
    hl_paper paper = {.height = m.gap + rows * (m.height + m.caption + m.gap), .width = m.gap + COLUMNS * (m.width + m.gap)};
    size_t bytes = 3 * (size_t)paper.height * (size_t)paper.width;
    paper.rgb = malloc(bytes);
    if (!paper.rgb) return HL_NO_MEMORY;
    memset(paper.rgb, 255, bytes);
    hl_status status = HL_OK;
    for (int i = 0; i < s->count && !status; i++) status = draw_cell(s, &m, &paper, i);
    if (!status) status = hl_png_write(s->hl, s->r->preview, paper.width, paper.height, 3, 8, paper.rgb);
    free(paper.rgb);
    return status;
}

static void tell_sheet(const sheet *s) {
    const hl_row *row = hl_manifest_row(s->manifest, s->row);
    char *text = hl_augmentation_text(s->hl, &s->r->augmentation);
    if (s->r->json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddStringToObject(root, "preview", s->r->preview);
        cJSON_AddStringToObject(root, "case", row->case_name);
        cJSON_AddNumberToObject(root, "slice", (double)row->slice);
        cJSON_AddStringToObject(root, "augment", text ? text : "");
        print_json(root);
        cJSON_Delete(root);
    } else printf("%s: case %s, slice %lld, --augment %s\n", s->r->preview, row->case_name, (long long)row->slice, text ? text : "");
    free(text);
}

static int show(const request *r, const char *manifest) {
    hl_context *hl = open_library(1);
    sheet *s = hl ? calloc(1, sizeof *s) : NULL;
    hl_status status = HL_NO_MEMORY;
    if (s) {
        s->r = r, s->hl = hl;
        status = open_slice(s, manifest);
        if (!status) status = fill_sheet(s);
        if (!status) status = draw_sheet(s);
        if (!status) tell_sheet(s);
        if (s->cohort) hl_cohort_free(s->cohort);
        if (s->manifest) hl_manifest_free(s->manifest);
        free(s->image), free(s->changed), free(s->mask), free(s->labels);
    }
    free(s);
    return end_with(hl, status);
}

int command_augment(int argc, char **argv) {
    static const char *const targets[] = {"mask", "lung", NULL};
    request r = {.augment = "all", .size = {256, 256}};
    option table[] = {
        text_option("preview", &r.preview, "FILE.png",
                    "draws a sheet: the slice with most lesion, each kind at half and twice its strength, together, samples"),
        augment_option(&r.augment),
        choice_option("target", &r.target, "mask|lung", targets, "what is outlined: lesions, or the left and the right lung"),
        size_option(r.size),
        seed_option(&r.seed),
        centre_option(&r.centres),
        allow_outside_option(&r.allow_outside),
        json_option(&r.json),
    };
    usage u = {.name = "augment",
               .synopsis = "augment\naugment MANIFEST --preview FILE.png [options]",
               .about = "Lists the kinds of augmentation that --augment knows: a strength is said as NAME=STRENGTH, the share of\n"
                        "the samples it is applied to as NAME:CHANCE or NAME=STRENGTH:CHANCE. Or draws what they do to a slice.",
               .example = "hilum augment cohort/manifest.csv --preview augment.png --augment flip,rotate=20,gamma=0.5:0.8",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (count && !r.preview) return talk("augment: --preview is missing: where the picture goes"), 2;
    if (!count && r.preview) return talk("augment: the manifest is missing, see: hilum augment --help"), 2;
    if (!take_augmentation("augment", r.augment, &r.augmentation)) return 2;
    if (count) return show(&r, words[0]);
    if (r.json) print_kinds_object();
    else print_kinds();
    return 0;
}
