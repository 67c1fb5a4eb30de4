/* `hilum phantom`: an artificial cohort to try things on. */
#include <stdio.h>

#include "program.h"

int command_phantom(int argc, char **argv) {
    const char *out = NULL;
    hl_phantom_options o = hl_phantom_defaults();
    option table[] = {
        {.name = "out", .kind = OPTION_TEXT, .target = &out, .value = "DIR", .help = "where manifest.csv and the pictures go"},
        {.name = "patients",
         .kind = OPTION_INTEGER,
         .target = &o.patients,
         .value = "N",
         .least = 1,
         .most = 100000,
         .help = "in all",
         .standard = "40"},
        {.name = "centres",
         .kind = OPTION_INTEGER,
         .target = &o.centres,
         .value = "N",
         .least = 1,
         .most = 1000,
         .help = "the patients are spread over",
         .standard = "2"},
        {.name = "healthy",
         .kind = OPTION_INTEGER,
         .target = &o.healthy,
         .value = "N",
         .most = 100000,
         .help = "of the patients",
         .standard = "10"},
        {.name = "slices",
         .kind = OPTION_INTEGER,
         .target = &o.slices,
         .value = "N",
         .least = 1,
         .most = 1000,
         .help = "a patient",
         .standard = "6"},
        {.name = "size",
         .kind = OPTION_INTEGER,
         .target = &o.size,
         .value = "N",
         .least = 32,
         .most = 1024,
         .help = "pixels a side",
         .standard = "128"},
        {.name = "first",
         .kind = OPTION_INTEGER,
         .target = &o.first,
         .value = "N",
         .least = 1,
         .most = 1000000,
         .help = "number of the first patient; another stretch of numbers is further patients of the same centres",
         .standard = "1"},
        {.name = "seed", .kind = OPTION_SEED, .target = &o.seed, .value = "N", .help = "of all random numbers", .standard = "1"},
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
