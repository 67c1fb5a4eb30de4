/* What a network costs, for the commands that tell of it: its options, its size, the plan asked for. */
#ifndef HL_APPS_COST_H
#define HL_APPS_COST_H

#include <stddef.h>
#include <stdint.h>

#include "hilum/summary.h"
#include "network.h"

typedef struct cost_request {
    network_words network;
    hl_net_options options; /* by network_take */
    int size[2], batch, precision, threads, memory_limit; /* the last: summary's alone */
    bool json;
} cost_request;

cost_request cost_defaults(void);

/* The first rows of such a command's table. */
enum { COST_OPTIONS = NETWORK_OPTIONS + 5 };
void cost_options(cost_request *r, option table[COST_OPTIONS]);

/* The network and what it costs; NULL: told by hl_error. Owner of both: the caller, hl_summary_free, then hl_graph_free. */
hl_summary *cost_summary(hl_context *hl, const cost_request *r, const char *net, hl_graph **graph);

/* Columns of tables. A text of the whole number with a comma after every three digits. */
const char *grouped(int64_t number, char text[32]);
double megabytes(size_t bytes); /* of a million bytes */

#endif
