/* The audit's search for slices that come twice: pixel by pixel by their hash, and nearly by correlation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/audit.h"

/* --- hashes ----------------------------------------------------------------------------------------------------------- */

enum { SHAPE_LEAST = 100 }; /* pixels of a lesion whose shape does not come twice */

static int by_hash(const void *a, const void *b) {
    const hl_hashed *x = a, *y = b;
    int order = XXH128_cmp(&x->hash, &y->hash);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

hl_status hl_audit_hashes(hl_auditing *a, bool masks, hl_hashed **list, int *count) {
    *count = 0;
    *list = hl_calloc(a->hl, (size_t)a->rows, sizeof **list);
    if (!*list) return HL_NO_MEMORY;
    for (int which = 0; which < a->audit->case_count; which++) {
        for (int row = a->cases[which].first; row < a->cases[which].end; row++) {
            const hl_slice_facts *f = &a->slices[row];
            if (masks ? f->lesion < SHAPE_LEAST : !f->read || f->flat) continue;
            (*list)[(*count)++] = (hl_hashed){masks ? f->mask : f->image, which, row};
        }
    }
    qsort(*list, (size_t)*count, sizeof **list, by_hash);
    return HL_OK;
}

/* --- the same pixels --------------------------------------------------------------------------------------------------- */

/* Two slices with the same pixels, in two cases. */
typedef struct twin {
    int which[2], row[2];
} twin;

typedef struct twins {
    twin *items;
    int count;
    size_t capacity;
} twins;

static int by_cases(const void *a, const void *b) {
    const twin *x = a, *y = b;
    for (int i = 0; i < 2; i++)
        if (x->which[i] != y->which[i]) return x->which[i] - y->which[i];
    return x->row[0] != y->row[0] ? x->row[0] - y->row[0] : x->row[1] - y->row[1];
}

static hl_status keep_twin(hl_auditing *a, twins *found, const twin *one) {
    twin *wider = hl_grow(a->hl, found->items, &found->capacity, (size_t)found->count + 1, sizeof *wider);
    if (!wider) return HL_NO_MEMORY;
    found->items = wider;
    wider[found->count++] = *one;
    return HL_OK;
}

/* Each slice with the one of the same pixels before it: a slice that comes ten times makes nine twins, not forty-five. */
static hl_status find_twins(hl_auditing *a, twins *found) {
    hl_hashed *all;
    int count;
    hl_status status = hl_audit_hashes(a, false, &all, &count);
    for (int i = 1; i < count && !status; i++) {
        const hl_hashed *x = &all[i - 1], *y = &all[i];
        if (x->which != y->which && XXH128_isEqual(x->hash, y->hash))
            status = keep_twin(a, found, &(twin){{x->which, y->which}, {x->row, y->row}});
    }
    free(all);
    if (found->count) qsort(found->items, (size_t)found->count, sizeof *found->items, by_cases);
    return status;
}

/* Tells of one pair of cases, whose twins are items[from] to items[to - 1]. */
static hl_status tell_twins(hl_auditing *a, const twins *found, int from, int to) {
    const twin *first = &found->items[from];
    const hl_row *x = hl_audit_of(a, first->which[0]), *y = hl_audit_of(a, first->which[1]);
    bool one_patient = !strcmp(x->patient, y->patient), one_centre = !strcmp(x->centre, y->centre);
    a->audit->cases[first->which[0]].faulty = true;
    hl_status status = hl_audit_fault(a, first->which[1], HL_FAULT_SAME,
                                      "cases %s (patient %s, %s) and %s (patient %s, %s) share %d slices, pixel by pixel: %s", x->case_name,
                                      x->patient, x->centre, y->case_name, y->patient, y->centre, to - from,
                                      one_patient  ? "one case under two names"
                                      : one_centre ? "one patient under two names"
                                                   : "one patient in two centres");
    for (int i = from; i < to && !status; i++)
        for (int side = 0; side < 2 && !status; side++)
            status = hl_faults_file(a->hl, &a->audit->faults, hl_audit_row(a, found->items[i].row[side])->image);
    return status;
}

/* --- nearly the same ----------------------------------------------------------------------------------------------------- */

/* Correlation of two slices of HL_AUDIT_SMALL a side from which they are nearly the same, and first of their 8x8 means, to pass over
 * most pairs at little cost. Different patients: up to 0.88 of real slices, 0.99 of single phantom slices, 0.98 of half a case's. */
static const double alike = 0.99, alike_coarse = 0.97;
enum { SMALL = HL_AUDIT_SMALL, COARSE = 8, KEYS = 8 };

typedef struct look {
    float fine[SMALL * SMALL], coarse[COARSE * COARSE]; /* mean 0, length 1; all 0 where a slice has one value */
} look;

static void normalise(float *values, int count) {
    double mean = 0, squares = 0;
    for (int i = 0; i < count; i++) mean += (double)values[i];
    mean /= count;
    for (int i = 0; i < count; i++) squares += ((double)values[i] - mean) * ((double)values[i] - mean);
    for (int i = 0; i < count; i++) values[i] = squares > 0 ? (float)(((double)values[i] - mean) / sqrt(squares)) : 0;
}

static void look_at(const hl_slice_facts *facts, look *at) {
    enum { STEP = SMALL / COARSE };
    memset(at, 0, sizeof *at);
    for (int i = 0; i < SMALL * SMALL; i++) {
        at->fine[i] = facts->small[i];
        at->coarse[i / SMALL / STEP * COARSE + i % SMALL / STEP] += at->fine[i];
    }
    normalise(at->fine, SMALL * SMALL);
    normalise(at->coarse, COARSE * COARSE);
}

static float product(const float *a, const float *b, int count) {
    float sum = 0;
    for (int i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

typedef struct search {
    hl_auditing *a;
    look *looks;        /* by row */
    const twins *found; /* pairs of which the same pixels are known */
    unsigned char *met; /* [case][case], the first the lower: nearly the same */
} search;

static bool has_alike(const search *s, int row, const hl_case_facts *in) {
    for (int other = in->first; other < in->end; other++) {
        const look *x = &s->looks[row], *y = &s->looks[other];
        if (product(x->coarse, y->coarse, COARSE * COARSE) >= (float)alike_coarse &&
            product(x->fine, y->fine, SMALL * SMALL) >= (float)alike)
            return true;
    }
    return false;
}

/* Whether at least half of a case's key slices, spread evenly over it, are nearly in another. */
static bool is_alike(const search *s, int small, int large) {
    const hl_case_facts *c = &s->a->cases[small];
    int slices = c->end - c->first, keys = slices < KEYS ? slices : KEYS, hits = 0;
    for (int k = 0; k < keys && 2 * (hits + keys - k) >= keys; k++)
        hits += has_alike(s, c->first + (2 * k + 1) * slices / (2 * keys), &s->a->cases[large]);
    return 2 * hits >= keys;
}

static void search_case(void *arg, int64_t piece, int worker) {
    (void)worker;
    search *s = arg;
    int count = s->a->audit->case_count, x = (int)piece;
    for (int y = x + 1; y < count; y++) {
        const hl_case_facts *one = &s->a->cases[x], *other = &s->a->cases[y];
        if (!strcmp(hl_audit_of(s->a, x)->patient, hl_audit_of(s->a, y)->patient)) continue; /* as they should be */
        bool fewer = one->end - one->first <= other->end - other->first;
        s->met[(size_t)x * (size_t)count + (size_t)y] = fewer ? is_alike(s, x, y) : is_alike(s, y, x);
    }
}

static bool are_twins(const twins *found, int x, int y) {
    for (int i = 0; i < found->count; i++)
        if (found->items[i].which[0] == x && found->items[i].which[1] == y) return true;
    return false;
}

static hl_status tell_alike(search *s) {
    hl_auditing *a = s->a;
    int count = a->audit->case_count;
    hl_status status = HL_OK;
    for (int x = 0; x < count && !status; x++) {
        for (int y = x + 1; y < count && !status; y++) {
            if (!s->met[(size_t)x * (size_t)count + (size_t)y] || are_twins(s->found, x, y)) continue;
            const hl_row *one = hl_audit_of(a, x), *other = hl_audit_of(a, y);
            a->audit->cases[x].faulty = true;
            status = hl_audit_fault(a, y, HL_FAULT_ALIKE,
                                    "cases %s (patient %s, %s) and %s (patient %s, %s) look nearly the same: one patient under two names?",
                                    one->case_name, one->patient, one->centre, other->case_name, other->patient, other->centre);
            if (!status) status = hl_audit_name_images(a, x);
            if (!status) status = hl_audit_name_images(a, y);
        }
    }
    return status;
}

static hl_status find_alike(hl_auditing *a, const twins *found) {
    size_t count = (size_t)a->audit->case_count;
    search s = {.a = a, .found = found, .looks = hl_calloc(a->hl, (size_t)a->rows, sizeof *s.looks), .met = hl_calloc(a->hl, count, count)};
    hl_status status = s.looks && s.met ? HL_OK : HL_NO_MEMORY;
    for (int row = 0; row < a->rows && !status; row++) look_at(&a->slices[row], &s.looks[row]);
    if (!status) hl_parallel_for(a->hl, (int64_t)count, search_case, &s);
    if (!status) status = tell_alike(&s);
    free(s.looks), free(s.met);
    return status;
}

hl_status hl_audit_same(hl_auditing *a) {
    twins found = {0};
    hl_status status = find_twins(a, &found);
    for (int from = 0, to = 0; from < found.count && !status; from = to) {
        while (to < found.count && !memcmp(found.items[to].which, found.items[from].which, sizeof found.items[to].which)) to++;
        status = tell_twins(a, &found, from, to);
    }
    if (!status) status = find_alike(a, &found);
    free(found.items);
    return status;
}
