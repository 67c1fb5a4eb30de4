/* The program `hilum`: finds the command, and sees to it that what was printed has arrived. */
#include <errno.h>
#include <omp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

typedef struct command {
    const char *name, *about;
    int (*run)(int argc, char **argv);
    bool computes; /* with networks, on several threads */
} command;

static const command commands[] = {
    {"train", "trains one model on the slices of a manifest", command_train, true},
    {"crossval", "trains and tests one model a fold", command_crossval, true},
    {"evaluate", "scores a run on a manifest, or one folder of masks against another", command_evaluate, true},
    {"calibrate", "finds a threshold for a new centre, and what it is worth", command_calibrate, true},
    {"study", "runs the whole study: every table and figure from one file", command_study, true},
    {"predict", "writes the masks a run predicts for pictures", command_predict, true},
    {"pack", "makes a finished run small enough to give away", command_pack, false},
    {"dataset", "recognises a folder's layout and writes its manifest", command_dataset, false},
    {"audit", "tells what a manifest's slices are like, and what is wrong with them", command_audit, false},
    {"phantom", "writes an artificial cohort to try things on", command_phantom, false},
    {"augment", "lists the kinds of augmentation, or draws what they do to a slice", command_augment, false},
    {"nets", "lists the networks and what they cost", command_nets, false},
    {"summary", "tells of a network layer by layer", command_summary, false},
    {"bench", "times a network's steps and measures their memory", command_bench, true},
    {"golden", "prints a network's golden vectors", command_golden, true},
    {"demo", "does all of it on a phantom in a few minutes", command_demo, true},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const command *find(const char *name) {
    for (int i = 0; i < COMMANDS; i++) {
        if (!strcmp(commands[i].name, name)) return &commands[i];
    }
    return NULL;
}

static void print_overview(FILE *to) {
    fputs("Usage:\n  hilum COMMAND [arguments] [options]\n  hilum COMMAND --help\n  hilum --version\n\n"
          "Trains networks that outline lesions in CT slices, on the processor alone.\n\nCommands:\n",
          to);
    for (int i = 0; i < COMMANDS; i++) fprintf(to, "  %-12s%s\n", commands[i].name, commands[i].about);
    fputs("  help        explains a command\n\nExample:\n  hilum phantom --out phantom\n"
          "  hilum crossval phantom/manifest.csv --size 64 --width 0.25 --epochs 12 --out run\n",
          to);
}

static int refuse_unknown(const char *name) {
    const char *names[COMMANDS + 1];
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    names[COMMANDS] = "help";
    const char *meant = nearest(name, names, COMMANDS + 1);
    if (meant) talk("the command \"%s\" is unknown, did you mean %s?", name, meant);
    else talk("the command \"%s\" is unknown, see: hilum help", name);
    return 2;
}

static int help(int argc, char **argv) {
    if (argc == 0 || argv[0][0] == '-') return print_overview(stdout), 0;
    if (!strcmp(argv[0], "help")) return puts("Usage:\n  hilum help [COMMAND]\n\nExample:\n  hilum help train"), 0;
    const command *c = find(argv[0]);
    if (!c) return refuse_unknown(argv[0]);
    return c->run(1, (char *[]){"--help"});
}

/* Where OMP_PROC_BIND is set the runtime has bound this thread to its first place, and a program started anew would take that for all there is. */
static void unbind(void) {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int place = 0; place < omp_get_num_places(); place++) {
        int count = omp_get_place_num_procs(place), ids[count + 1];
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < count; i++) CPU_SET((size_t)ids[i], &all);
    }
    if (CPU_COUNT(&all)) (void)sched_setaffinity(0, sizeof all, &all);
}

/* OpenMP's threads wait for one another by turning in place, which on a core that another process uses too makes a step up to
 * thirty times slower; going to sleep at once costs a net of many small layers a fifth of its time. So they turn some microseconds,
 * then sleep. The runtime reads what to do before main, so the program says it and starts anew, once. */
static void wait_asleep(char **argv) {
    if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1) || setenv("GOMP_SPINCOUNT", "3000", 0)) return;
    unbind();
    execv("/proc/self/exe", argv); /* where that cannot be, it goes on as it is: slower at worst */
}

static int run(int argc, char **argv) {
    if (argc < 2) return print_overview(stderr), 2;
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) return print_overview(stdout), 0;
    if (!strcmp(argv[1], "--version")) return printf("hilum %s\n", hl_version()), 0;
    if (!strcmp(argv[1], "help")) return help(argc - 2, argv + 2);
    const command *c = find(argv[1]);
    if (c && c->computes) wait_asleep(argv);
    return c ? c->run(argc - 2, argv + 2) : refuse_unknown(argv[1]);
}

/* On a full disk, or with nobody left to read, the last write fails here. */
int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    int code = run(argc, argv);
    errno = 0;
    bool lost = ferror(stdout);
    lost = fflush(stdout) || lost;
    int why = errno;
    lost = fclose(stdout) || lost;
    if (!lost || code) return code;
    talk("standard output: %s", strerror(why ? why : errno ? errno : EIO));
    return 1;
}
