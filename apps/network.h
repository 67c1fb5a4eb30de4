/* A network that a command tells of: which one, its shape, and the plan it is asked for. */
#ifndef HL_APPS_NETWORK_H
#define HL_APPS_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "hilum/summary.h"
#include "shape.h"

typedef struct network_request {
    shape_words shape;
    int size[2], batch, threads;
    bool json;
} network_request;

network_request network_defaults(void);

/* The first rows of such a command's table. */
enum { NETWORK_OPTIONS = SHAPE_OPTIONS + 4 };
void network_options(network_request *r, option table[NETWORK_OPTIONS]);

/* False after telling which was probably meant. */
bool known_net(const char *command, const char *net);

/* The network and what it costs; NULL: told by hl_error. Owner of both: the caller, hl_summary_free, then hl_graph_free. */
hl_summary *network_summary(hl_context *hl, const network_request *r, const char *net, hl_graph **graph);

/* Columns of tables. A text of the whole number with a comma after every three digits. */
const char *grouped(int64_t number, char text[32]);
double megabytes(size_t bytes); /* of a million bytes */

#endif
