/* `hilum phantom`: an artificial cohort to try things on. */
#include <stdio.h>

#include "common.h"
#include "program.h"

int command_phantom(int argc, char **argv) {
    const char *out = NULL;
    hl_phantom_options o = hl_phantom_defaults();
    o.first = 1;
    option table[] = {
        out_option(&out, "DIR", "where manifest.csv and the pictures go"),
        integer_option("patients", &o.patients, 1, 100000, "in all"),
        integer_option("centres", &o.centres, 1, 1000, "the patients are spread over"),
        integer_option("healthy", &o.healthy, 0, 100000, "of the patients"),
        integer_option("slices", &o.slices, 1, 1000, "a patient"),
        integer_option("size", &o.size, 32, 1024, "pixels a side"),
        integer_option("first", &o.first, 1, 1000000,
                       "number of the first patient; another stretch of numbers is further patients of the same centres"),
        seed_option(&o.seed),
    };
    usage u = {.name = "phantom",
               .synopsis = "phantom --out DIR [options]",
               .about = "Writes slices of artificial chests with lesions, the lesions' masks by two readers and lung masks,\n"
                        "as PNG files, with the manifest that names them. The same options give the same bytes.",
               .example = "hilum phantom --out phantom --patients 40 --centres 2 --healthy 10",
               .options = table,
               .option_count = sizeof table / sizeof *table};
    const char *words[1 + argc];
    int count, code = parse(&u, argc, argv, words, &count);
    if (code != PARSED) return code;
    if (!out) return talk("phantom: --out is missing: where the cohort goes"), 2;
    hl_context *hl = open_library(0);
    if (!hl) return 2;
    hl_status status = hl_phantom_write(hl, out, &o);
    if (!status) printf("%s/manifest.csv: %d patients, %d slices\n", out, o.patients, o.patients * o.slices);
    return end_with(hl, status);
}
