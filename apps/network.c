/* The options that describe a network: the same words in every command that builds one. */
#include "network.h"

#include <string.h>

#include "program.h"

static const char *const channels[] = {"1", "3", NULL};
static const int channel_counts[] = {1, 3};

network_words network_defaults(void) { return (network_words){.width = 1, .channels = 1}; }

int network_options(network_words *words, option *rows) {
    const option all[] = {
        positive_option("width", &words->width, "F", 16, "times every channel count, to the nearest multiple of 8"),
        choice_option("channels", &words->channels, "1|3", channels, "of the image: a grey slice once, or repeated on three"),
    };
    _Static_assert(sizeof all / sizeof *all == NETWORK_OPTIONS, "tables have room for just these");
    memcpy(rows, all, sizeof all);
    return NETWORK_OPTIONS;
}

hl_net_options network_of(const network_words *words) {
    return (hl_net_options){.width = words->width, .classes = 1, .channels = channel_counts[words->channels]};
}

bool known_network(const char *command, const char *net) {
    char text[64][64];
    const char *names[64];
    int count = 0;
    for (; count < 64 && hl_net_name(count, text[count]); count++) {
        names[count] = text[count];
        if (!strcmp(text[count], net)) return true;
    }
    const char *meant = nearest(net, names, count);
    return talk("%s: the network \"%s\" is unknown, did you mean %s?", command, net, meant ? meant : names[0]), false;
}
