/* The options that shape a network: the same words in every command that builds one. */
#include "shape.h"

#include <string.h>

#include "common.h"

static const char *const channels[] = {"1", "3", NULL};
static const int channel_counts[] = {1, 3};

shape_words shape_defaults(void) { return (shape_words){.width = 1, .channels = 1}; }

option *shape_options(shape_words *words, option *rows) {
    const option all[] = {
        width_option(&words->width),
        choice_option("channels", &words->channels, "1|3", channels, "of the image: a grey slice once, or repeated on three"),
    };
    _Static_assert(sizeof all / sizeof *all == SHAPE_OPTIONS, "tables have room for just these");
    memcpy(rows, all, sizeof all);
    return rows + SHAPE_OPTIONS;
}

hl_net_options shape_of(const shape_words *words) {
    return (hl_net_options){.width = words->width, .classes = 1, .channels = channel_counts[words->channels]};
}
