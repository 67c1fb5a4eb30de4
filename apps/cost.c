/* What a network costs, for the commands that tell of it: its options, its size, the plan asked for. */
#include "cost.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "program.h"

cost_request cost_defaults(void) { return (cost_request){.network = network_defaults(), .size = {256, 256}, .batch = 1}; }

void cost_options(cost_request *r, option table[COST_OPTIONS]) {
    option threads = threads_option(&r->threads);
    threads.help = "worker threads, each of which needs some memory";
    const option all[] = {
        size_option(r->size), batch_option(&r->batch), precision_option(&r->precision), threads, json_option(&r->json),
    };
    _Static_assert(sizeof all / sizeof *all == COST_OPTIONS - NETWORK_OPTIONS, "the table's callers have room for just these");
    memcpy(table + network_options(&r->network, table), all, sizeof all);
}

hl_summary *cost_summary(hl_context *hl, const cost_request *r, const char *net, hl_graph **graph) {
    hl_plan_options plan = {.batch = r->batch, .height = r->size[0], .width = r->size[1], .memory_limit = memory_bytes(r->memory_limit),
                            .precision = (hl_precision)r->precision};
    *graph = hl_net(hl, net, &r->options);
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
