/* The phantom cohort: who belongs where, the pictures of each patient and the manifest. */
#include "data/phantom.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/file.h"
#include "base/random.h"
#include "hilum/data.h"

static const double highest_slice = 0.16, lowest_slice = 0.80;

typedef struct member {
    int centre, cases;
    bool healthy;
    hl_status status; /* of writing this patient's files */
} member;

typedef struct cohort {
    hl_context *hl;
    const char *folder;
    hl_phantom_options options;
    member *members;
    hl_phantom_slice *slices; /* one a worker */
    hl_phantom_patient *patients;
} cohort;

hl_phantom_options hl_phantom_defaults(void) {
    return (hl_phantom_options){.patients = 40, .centres = 2, .healthy = 10, .slices = 6, .size = 128, .seed = 1};
}

static hl_status check_options(hl_context *hl, const hl_phantom_options *o) {
    if (o->patients < 1 || o->patients > 100000)
        return hl_fail(hl, HL_USAGE, "a phantom of %d patients makes no sense: expected 1 to 100000", o->patients);
    if (o->centres < 1 || o->centres > o->patients)
        return hl_fail(hl, HL_USAGE, "a phantom of %d centres makes no sense: expected 1 to its %d patients", o->centres, o->patients);
    if (o->healthy < 0 || o->healthy > o->patients)
        return hl_fail(hl, HL_USAGE, "a phantom with %d healthy makes no sense: expected 0 to its %d patients", o->healthy, o->patients);
    if (o->slices < 1 || o->slices > 1000)
        return hl_fail(hl, HL_USAGE, "a phantom of %d slices a patient makes no sense: expected 1 to 1000", o->slices);
    if (o->size < 32 || o->size > 1024)
        return hl_fail(hl, HL_USAGE, "a phantom of %d pixels a side makes no sense: expected 32 to 1024", o->size);
    if (o->first < 0 || o->first > 1000000)
        return hl_fail(hl, HL_USAGE, "a first patient numbered %d makes no sense: expected 1 to 1000000", o->first);
    return HL_OK;
}

/* Centres get equal shares of patients and of healthy ones, the first centres what is left over; which of a centre's patients
 * are healthy is drawn. One patient in eight comes back for a second case. */
static hl_status assign(cohort *c) {
    const hl_phantom_options *o = &c->options;
    int *order = hl_calloc(c->hl, (size_t)o->patients, sizeof *order);
    if (!order) return HL_NO_MEMORY;
    int first = 0;
    for (int centre = 0; centre < o->centres; centre++) {
        int count = o->patients / o->centres + (centre < o->patients % o->centres);
        int healthy = o->healthy / o->centres + (centre < o->healthy % o->centres);
        hl_random_order(o->seed, HL_RANDOM_PHANTOM, (uint64_t)centre, count, order);
        for (int i = 0; i < count; i++) {
            bool returns = order[i] % 8 == 4 && o->slices > 1;
            c->members[first + i] = (member){.centre = centre, .cases = returns ? 2 : 1, .healthy = order[i] < healthy};
        }
        first += count;
    }
    free(order);
    return HL_OK;
}

/* Slices of a case: a patient's second case gets the smaller half. */
static int case_slices(const cohort *c, int patient, int which) {
    int all = c->options.slices;
    if (c->members[patient].cases == 1) return all;
    return which ? all / 2 : all - all / 2;
}

static double slice_height(int slice, int count) { return highest_slice + (lowest_slice - highest_slice) * (slice + 0.5) / count; }

/* --- a patient's pictures ------------------------------------------------------------------------------------------ */

/* The number a patient goes by: it names him and all his random numbers. */
static int number_of(const cohort *c, int patient) { return (c->options.first ? c->options.first : 1) + patient; }

static char *case_folder(const cohort *c, int patient, int which) {
    int number = number_of(c, patient);
    return hl_format(c->hl, "centre%d/p%03d/p%03d_%c", c->members[patient].centre + 1, number, number, 'a' + which);
}

static hl_status write_picture(const cohort *c, const char *folder, const char *what, int slice, const uint8_t *pixels) {
    char *path = hl_format(c->hl, "%s/%s/%s_%02d.png", c->folder, folder, what, slice);
    if (!path) return HL_NO_MEMORY;
    hl_status status = hl_png_write(c->hl, path, c->options.size, c->options.size, 1, 8, pixels);
    free(path);
    return status;
}

static hl_status write_slice(const cohort *c, const char *folder, int slice, const hl_phantom_slice *s) {
    hl_status status = write_picture(c, folder, "image", slice, s->image);
    if (!status) status = write_picture(c, folder, "mask", slice, s->mask);
    if (!status) status = write_picture(c, folder, "lung", slice, s->lung);
    if (!status) status = write_picture(c, folder, "mask2", slice, s->mask2);
    return status;
}

static uint64_t patient_key(const cohort *c, int patient) { return (uint64_t)number_of(c, patient) << 24; }

/* The height of the first lesion, such that it shows in every case: that of a slice of the last, below the uppermost quarter,
 * or half way from there to the nearest slice of the first. */
static double seen_height(const cohort *c, int index, hl_phantom_stream *stream) {
    int last = c->members[index].cases - 1, count = case_slices(c, index, last), upper = count / 4;
    double at = slice_height(upper + (int)hl_phantom_draw(stream, 0, count - upper), count), nearest = HUGE_VAL;
    int others = case_slices(c, index, 0);
    for (int slice = 0; slice < others; slice++) {
        double height = slice_height(slice, others);
        if (fabs(height - at) < fabs(nearest - at)) nearest = height;
    }
    return (at + nearest) / 2;
}

static void draw_patient(const cohort *c, int index, hl_phantom_patient *p) {
    const member *m = &c->members[index];
    p->seed = c->options.seed, p->key = patient_key(c, index);
    hl_phantom_stream stream = {.seed = p->seed, .key = p->key};
    p->anatomy = hl_phantom_anatomy_draw(&stream);
    hl_phantom_vessels_draw(&stream, p);
    p->lesion_count = 0;
    if (m->healthy) return;
    double seen = seen_height(c, index, &stream);
    double severity = pow(hl_phantom_draw(&stream, 0, 1), 1.4);
    hl_phantom_lesions_draw(&stream, p, severity, seen);
}

/* Between a patient's cases lesions grow or shrink and become denser. */
static void follow_up(hl_phantom_patient *p) {
    hl_phantom_stream stream = {.seed = p->seed, .key = p->key + 1};
    double trend = hl_phantom_draw(&stream, 0.8, 1.3);
    for (int i = 0; i < p->lesion_count; i++) {
        double growth = trend * hl_phantom_draw(&stream, 0.9, 1.1);
        for (int k = 0; k < 3; k++) p->lesions[i].radius[k] *= growth;
        p->lesions[i].solid = fmin(p->lesions[i].solid * 1.2, 1);
    }
}

static hl_status write_case(const cohort *c, int index, int which, const hl_phantom_patient *p, hl_phantom_slice *s) {
    char *folder = case_folder(c, index, which);
    char *path = folder ? hl_format(c->hl, "%s/%s", c->folder, folder) : NULL;
    hl_status status = path ? hl_folder_make(c->hl, path) : HL_NO_MEMORY;
    hl_phantom_centre centre = hl_phantom_centre_at(p->seed, c->members[index].centre);
    int count = case_slices(c, index, which);
    for (int slice = 0; slice < count && !status; slice++) {
        uint64_t key = p->key + 10000 + (uint64_t)(which * 1000 + slice) * 16;
        hl_phantom_render(p, &centre, slice_height(slice, count), s);
        hl_phantom_scan(&centre, p->seed, key, s);
        hl_phantom_read_masks(&centre, p->seed, key, s);
        status = write_slice(c, folder, slice, s);
    }
    free(path), free(folder);
    return status;
}

static void write_patient(void *arg, int64_t piece, int worker) {
    cohort *c = arg;
    int index = (int)piece;
    member *m = &c->members[index];
    hl_phantom_patient *p = &c->patients[worker];
    draw_patient(c, index, p);
    for (int which = 0; which < m->cases && !m->status; which++) {
        if (which) follow_up(p);
        m->status = write_case(c, index, which, p, &c->slices[worker]);
    }
}

/* --- the manifest -------------------------------------------------------------------------------------------------- */

/* Millimetres with three decimals, whatever the locale's decimal point. */
static void print_mm(FILE *stream, double mm) {
    long micrometres = lrint(mm * 1000);
    fprintf(stream, ",%ld.%03ld", micrometres / 1000, micrometres % 1000);
}

static hl_status list_case(const cohort *c, FILE *stream, int index, int which) {
    const member *m = &c->members[index];
    char *folder = case_folder(c, index, which);
    if (!folder) return HL_NO_MEMORY;
    hl_phantom_stream draws = {.seed = c->options.seed, .key = patient_key(c, index) + 2};
    double field = hl_phantom_draw(&draws, 340, 400); /* mm across the picture */
    int count = case_slices(c, index, which);
    for (int slice = 0; slice < count; slice++) {
        fprintf(stream, "centre%d,p%03d,p%03d_%c,%d", m->centre + 1, number_of(c, index), number_of(c, index), 'a' + which, slice);
        const char *what[] = {"image", "mask", "lung", "mask2"};
        for (int i = 0; i < 4; i++) fprintf(stream, ",%s/%s_%02d.png", folder, what[i], slice);
        fprintf(stream, ",%s", m->healthy ? "healthy" : "lesion");
        print_mm(stream, field / c->options.size), print_mm(stream, field / c->options.size);
        print_mm(stream, field / 2 * HL_PHANTOM_HEIGHT * (lowest_slice - highest_slice) / count);
        fputc('\n', stream);
    }
    free(folder);
    return HL_OK;
}

static hl_status write_manifest(const cohort *c) {
    char *path = hl_format(c->hl, "%s/manifest.csv", c->folder);
    if (!path) return HL_NO_MEMORY;
    hl_new_file file;
    hl_status status = hl_file_create(c->hl, &file, path);
    free(path);
    if (status) return status;
    fprintf(file.stream, "centre,patient,case,slice,image,mask,lung,mask2,group,spacing_x,spacing_y,spacing_z\n");
    for (int i = 0; i < c->options.patients && !status; i++)
        for (int which = 0; which < c->members[i].cases && !status; which++) status = list_case(c, file.stream, i, which);
    if (!status) return hl_file_commit(c->hl, &file);
    hl_file_discard(&file);
    return status;
}

/* --- all of it ----------------------------------------------------------------------------------------------------- */

static hl_status slice_make(hl_context *hl, int size, hl_phantom_slice *s) {
    size_t plane = (size_t)size * (size_t)size;
    float **planes[] = {&s->tissue, &s->extent, &s->second, &s->added, &s->solid, &s->cover, &s->scratch};
    uint8_t **masks[] = {&s->lung, &s->image, &s->mask, &s->mask2};
    s->size = size;
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
        if (!(*planes[i] = hl_calloc(hl, plane, sizeof(float)))) return HL_NO_MEMORY;
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        if (!(*masks[i] = hl_calloc(hl, plane, 1))) return HL_NO_MEMORY;
    return HL_OK;
}

static void slice_free(hl_phantom_slice *s) {
    free(s->tissue), free(s->extent), free(s->second), free(s->added), free(s->solid), free(s->cover), free(s->scratch);
    free(s->lung), free(s->image), free(s->mask), free(s->mask2);
}

static hl_status write_all(cohort *c) {
    int workers = hl_threads(c->hl);
    c->members = hl_calloc(c->hl, (size_t)c->options.patients, sizeof *c->members);
    c->slices = hl_calloc(c->hl, (size_t)workers, sizeof *c->slices);
    c->patients = hl_calloc(c->hl, (size_t)workers, sizeof *c->patients);
    if (!c->members || !c->slices || !c->patients) return HL_NO_MEMORY;
    hl_status status = assign(c);
    for (int i = 0; i < workers && !status; i++) status = slice_make(c->hl, c->options.size, &c->slices[i]);
    if (!status) status = hl_folder_make(c->hl, c->folder);
    if (status) return status;
    hl_parallel_for(c->hl, c->options.patients, write_patient, c);
    for (int i = 0; i < c->options.patients && !status; i++) status = c->members[i].status;
    return status ? status : write_manifest(c);
}

hl_status hl_phantom_write(hl_context *hl, const char *folder, const hl_phantom_options *options) {
    hl_status status = check_options(hl, options);
    if (status) return status;
    cohort c = {.hl = hl, .folder = folder, .options = *options};
    status = write_all(&c);
    if (c.slices)
        for (int i = 0; i < hl_threads(hl); i++) slice_free(&c.slices[i]);
    free(c.members), free(c.slices), free(c.patients);
    return status;
}
