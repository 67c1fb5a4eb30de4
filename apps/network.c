/* The options that describe a network: the same words in every command that builds one. */
#include "network.h"

#include <stdio.h>
#include <string.h>

#include "common.h"
#include "program.h"

static const char *const channels[] = {"1", "3", NULL};
static const int channel_counts[] = {1, 3};

static const char *const blocks[] = {"upsampling", "transpose", NULL};

network_words network_defaults(void) { return (network_words){.width = 1, .classes = 1, .channels = 1}; }

int network_options(network_words *words, option *rows) {
    option filters = text_option("filters", &words->filters, "F,F,F,F,F", "the decoder's channels, deepest stage first (LinkNet: only the last counts)");
    filters.standard = "256,128,64,32,16";
    const option all[] = {
        width_option(&words->width),
        classes_option(&words->classes),
        choice_option("channels", &words->channels, "1|3", channels, "of the image: a grey slice once, or repeated on three"),
        filters,
        choice_option("decoder-block", &words->decoder_block, "BLOCK", blocks, "upsampling, or transpose: how the decoder enlarges"),
        flag_option("no-batch-norm", &words->no_batch_norm, "the decoder's convolutions have a bias and no batch norm"),
    };
    _Static_assert(sizeof all / sizeof *all == NETWORK_OPTIONS, "tables have room for just these");
    memcpy(rows, all, sizeof all);
    return NETWORK_OPTIONS;
}

/* Five whole numbers with commas between. */
static bool parse_filters(const char *text, int filters[5]) {
    int used = 0;
    return sscanf(text, "%d,%d,%d,%d,%d%n", &filters[0], &filters[1], &filters[2], &filters[3], &filters[4], &used) == 5 && !text[used] &&
           filters[0] > 0 && filters[1] > 0 && filters[2] > 0 && filters[3] > 0 && filters[4] > 0;
}

bool network_take(const char *command, const network_words *words, hl_net_options *options) {
    *options = (hl_net_options){.width = words->width, .classes = words->classes, .channels = channel_counts[words->channels],
                                .transpose = words->decoder_block == 1, .no_batch_norm = words->no_batch_norm};
    if (!words->filters || parse_filters(words->filters, options->filters)) return true;
    return talk("%s: --filters is \"%s\", expected five positive numbers with commas between", command, words->filters), false;
}

bool known_network(const char *command, const char *net) {
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
