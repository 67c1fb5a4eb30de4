/* A network that a command tells of: which one, its shape, and the plan it is asked for. */
#include "network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "program.h"

network_request network_defaults(void) { return (network_request){.shape = shape_defaults(), .size = {256, 256}, .batch = 1}; }

void network_options(network_request *r, option table[NETWORK_OPTIONS]) {
    option threads = threads_option(&r->threads);
    threads.help = "worker threads, each of which needs some memory";
    const option others[] = {size_option(r->size), batch_option(&r->batch), threads, json_option(&r->json)};
    _Static_assert(sizeof others / sizeof *others + SHAPE_OPTIONS == NETWORK_OPTIONS, "the table's callers have room for just these");
    memcpy(shape_options(&r->shape, table), others, sizeof others);
}

bool known_net(const char *command, const char *net) {
    enum { LARGEST = 256 };
    char text[LARGEST][64];
    const char *names[LARGEST];
    int count = 0;
    for (; count < LARGEST && hl_net_name(count, text[count]); count++) {
        names[count] = text[count];
        if (!strcmp(text[count], net)) return true;
    }
    const char *meant = nearest(net, names, count);
    if (meant) talk("%s: the network \"%s\" is unknown, did you mean %s?", command, net, meant);
    else talk("%s: the network \"%s\" is unknown, see: hilum nets", command, net);
    return false;
}

hl_summary *network_summary(hl_context *hl, const network_request *r, const char *net, hl_graph **graph) {
    hl_plan_options plan = {.batch = r->batch, .height = r->size[0], .width = r->size[1]};
    hl_net_options shape = shape_of(&r->shape);
    *graph = hl_net(hl, net, &shape);
    return *graph ? hl_summary_make(*graph, &plan) : NULL;
}

const char *grouped(int64_t number, char text[32]) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, number), used = 0;
    for (int i = 0; i < length; i++) {
        text[used++] = digits[i];
        if (digits[i] != '-' && i + 1 < length && (length - i - 1) % 3 == 0) text[used++] = ',';
    }
    text[used] = 0;
    return text;
}

double megabytes(size_t bytes) { return 1e-6 * (double)bytes; }
