/* Every net with every other: Holm's correction, and the groups of nets that cannot be told apart. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "eval/stat_rank.h"
#include "hilum/statistics.h"

hl_status hl_holm(hl_context *hl, const double *p, int count, double *adjusted) {
    if (count < 1) return HL_OK;
    hl_ranked *sorted = hl_calloc(hl, (size_t)count, sizeof *sorted);
    if (!sorted) return HL_NO_MEMORY;
    int held = 0;
    for (int i = 0; i < count; i++) {
        if (!isnan(p[i])) sorted[held++] = (hl_ranked){.value = p[i], .index = i};
        adjusted[i] = p[i];
    }
    hl_rank(sorted, held, 0);
    double largest = 0;
    for (int i = 0; i < held; i++) {
        largest = fmax(largest, fmin(1, sorted[i].value * (held - i)));
        adjusted[sorted[i].index] = largest;
    }
    free(sorted);
    return HL_OK;
}

/* The pairs' tests; a, b and p are scratch. */
static hl_status test_all(hl_context *hl, const double *values, int blocks, int nets, hl_pair *pairs, double *a, double *b, double *p) {
    int count = 0;
    for (int i = 0; i < nets; i++) {
        for (int j = i + 1; j < nets; j++, count++) {
            for (int block = 0; block < blocks; block++) {
                const double *row = values + (size_t)block * (size_t)nets;
                a[block] = row[i], b[block] = row[j];
            }
            pairs[count] = (hl_pair){.first = i, .second = j, .p_holm = NAN};
            hl_status status = hl_wilcoxon_test(hl, a, b, blocks, &pairs[count].test);
            if (status) return status;
            p[count] = pairs[count].test.p;
        }
    }
    hl_status status = hl_holm(hl, p, count, p);
    for (int i = 0; !status && i < count; i++) pairs[i].p_holm = p[i], pairs[i].different = p[i] < 0.05;
    return status;
}

hl_status hl_compare_nets(hl_context *hl, const double *values, int blocks, int nets, hl_pair *pairs) {
    if (nets < 2) return HL_OK;
    size_t held = blocks > 0 ? (size_t)blocks : 0;
    double *scratch = hl_calloc(hl, 2 * held + (size_t)nets * (size_t)(nets - 1) / 2, sizeof *scratch);
    if (!scratch) return HL_NO_MEMORY;
    hl_status status = test_all(hl, values, (int)held, nets, pairs, scratch, scratch + held, scratch + 2 * held);
    free(scratch);
    return status;
}

/* --- cliques ------------------------------------------------------------------------------------------------------------ */

typedef struct relation {
    const double *ranks;
    int nets;
    double critical_difference;
    const hl_pair *pairs; /* NULL: by the critical difference */
} relation;

static bool differ(const relation *r, int i, int j) {
    if (!r->pairs) return fabs(r->ranks[i] - r->ranks[j]) >= r->critical_difference;
    int a = i < j ? i : j, b = i < j ? j : i;
    return r->pairs[a * (2 * r->nets - a - 1) / 2 + b - a - 1].different;
}

/* order[] gets the nets by rising mean rank, of equals the first. */
static void sort_nets(const double *ranks, int nets, int *order) {
    for (int i = 0; i < nets; i++) {
        int at = i;
        for (; at > 0 && ranks[order[at - 1]] > ranks[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
}

/* The last place of the run from `first` on in which no two differ. */
static int run_end(const relation *r, const int *order, int first) {
    for (int next = first + 1; next < r->nets; next++) {
        for (int i = first; i < next; i++) {
            if (differ(r, order[i], order[next])) return next - 1;
        }
    }
    return r->nets - 1;
}

int hl_rank_cliques(const double *ranks, int nets, double critical_difference, const hl_pair *pairs, int *order, hl_clique *cliques) {
    relation r = {ranks, nets, critical_difference, pairs};
    sort_nets(ranks, nets, order);
    int count = 0, reached = 0;
    for (int first = 0; first < nets; first++) {
        int last = run_end(&r, order, first);
        if (last > first && last > reached) cliques[count++] = (hl_clique){first, reached = last};
    }
    return count;
}
