/* `hilum golden`: a network's golden vectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "network.h"
#include "program.h"

int command_golden(int argc, char **argv) {
    static const char *const dtypes[] = {"f32", "f64", NULL};
    int size[2] = {64, 64}, batch = 2, dtype = HL_F32, threads = 0;
    uint64_t seed = 1;
    bool json = false;
    network_words network = network_defaults();
    hl_net_options options;
    const option own[] = {
        size_option(size),        batch_option(&batch),
        seed_option(&seed),       choice_option("dtype", &dtype, "f32|f64", dtypes, "of the numbers computed with"),
        threads_option(&threads), json_option(&json), /* as it is anyway */
    };
    enum { OWN = sizeof own / sizeof *own };
    option table[OWN + NETWORK_OPTIONS];
    memcpy(table + network_options(&network, table), own, sizeof own);
    usage u = {.name = "golden",
               .synopsis = "golden NET [options]",
               .about = "Runs a network with weights and input that follow from the seed alone, forward with moving statistics\n"
                        "and in one training pass, and prints logits, loss and gradients as one JSON object.",
               .example = "hilum golden unet-vgg16 --size 64x64 --batch 2 --seed 1",
               .options = table,
               .option_count = sizeof table / sizeof *table,
               .words_least = 1,
               .words_most = 1};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!known_network("golden", words[0]) || !network_take("golden", &network, &options)) return 2;
    hl_context *hl = open_library(threads);
    if (!hl) return 2;
    char *text = NULL;
    hl_status status = hl_golden(hl, words[0], &options, (hl_dtype)dtype, batch, size[0], size[1], seed, &text);
    if (!status) puts(text);
    free(text);
    return end_with(hl, status);
}
