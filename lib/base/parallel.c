/* The one home of OpenMP: pieces of work over the context's threads, and teams of threads that stand by for such work.
 *
 * An OpenMP loop ends at a barrier that even a thread that came too late for any work must reach, and a step of a network has hundreds of
 * loops. In a team's region that barrier is there once: inside, the threads wait for a job, and a job waits only for those that took part. */
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/context.h"

enum {
    RANGES = 64,                /* of a job's pieces, at most */
    TURNS = 64,                 /* in place, between two looks at the clock */
    TURNING_MICROSECONDS = 100, /* until a thread without work goes to sleep, */
    JOINING_MICROSECONDS = 20,  /* and one that waits for others' last pieces lets others on its core go first */
};

/* Pieces next .. end are not begun. */
struct range {
    _Alignas(64) _Atomic int64_t next;
    _Atomic int64_t end;
};

/* Written by the owner while the job is closed and nobody is inside. */
struct hl_team {
    pthread_t owner;
    void (*fn)(void *arg, int64_t piece, int worker);
    void *arg;
    struct range ranges[RANGES]; /* of the pieces: a thread begins with its own, then helps with the others' */
    int range_count;
    atomic_bool open;   /* a job is there to take part in */
    atomic_int inside;  /* threads that look at the job */
    atomic_bool over;   /* no job will come */
    atomic_int asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void turn(void) {
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

static bool all_begun(struct hl_team *team) {
    for (int i = 0; i < team->range_count; i++)
        if (atomic_load(&team->ranges[i].next) < atomic_load(&team->ranges[i].end)) return false;
    return true;
}

static bool something_to_do(struct hl_team *team) { return atomic_load(&team->over) || (atomic_load(&team->open) && !all_begun(team)); }

static void wait_for_job(struct hl_team *team) {
    double until = hl_seconds() + 1e-6 * TURNING_MICROSECONDS;
    while (hl_seconds() < until)
        for (int i = 0; i < TURNS; i++) {
            if (something_to_do(team)) return;
            turn();
        }
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->asleep, 1);
    while (!something_to_do(team)) pthread_cond_wait(&team->wake, &team->lock);
    atomic_fetch_sub(&team->asleep, 1);
    pthread_mutex_unlock(&team->lock);
}

/* Whoever has gone to sleep holds the lock until it waits, and looks once more before: none is missed. */
static void call(struct hl_team *team) {
    if (!atomic_load(&team->asleep)) return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
}

/* From job to job a thread begins at the same place, so that it often finds in its own cache what it wrote before. */
static void do_pieces(struct hl_team *team, int worker) {
    for (int i = 0; i < team->range_count; i++) {
        struct range *range = &team->ranges[(worker + i) % team->range_count];
        int64_t end = atomic_load(&range->end);
        if (atomic_load(&range->next) >= end) continue;
        for (int64_t piece; (piece = atomic_fetch_add(&range->next, 1)) < end;) team->fn(team->arg, piece, worker);
    }
}

/* A thread that counts itself in and then finds the job open may read it: the owner closes it first and then waits for the count. */
static void stand_by(struct hl_team *team, int worker) {
    while (!atomic_load(&team->over)) {
        atomic_fetch_add(&team->inside, 1);
        if (atomic_load(&team->open)) do_pieces(team, worker);
        atomic_fetch_sub(&team->inside, 1);
        wait_for_job(team);
    }
}

static void run_job(struct hl_team *team, int64_t pieces, void (*fn)(void *arg, int64_t piece, int worker), void *arg) {
    team->fn = fn, team->arg = arg;
    for (int i = 0; i < team->range_count; i++) {
        atomic_store(&team->ranges[i].next, pieces * i / team->range_count);
        atomic_store(&team->ranges[i].end, pieces * (i + 1) / team->range_count);
    }
    atomic_store(&team->open, true);
    call(team);
    do_pieces(team, 0);
    atomic_store(&team->open, false);
    if (!atomic_load(&team->inside)) return;
    double until = hl_seconds() + 1e-6 * JOINING_MICROSECONDS;
    while (atomic_load(&team->inside)) {
        turn();
        if (hl_seconds() > until) sched_yield();
    }
}

void hl_with_team(hl_context *hl, void (*fn)(void *arg), void *arg) {
    struct hl_team team = {.owner = pthread_self(), .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct hl_team *none = NULL;
    team.range_count = hl->threads < RANGES ? hl->threads : RANGES;
    if (hl->threads <= 1 || !atomic_compare_exchange_strong(&hl->team, &none, &team)) {
        fn(arg);
        return;
    }
#pragma omp parallel num_threads(hl->threads)
    {
        if (omp_get_thread_num() > 0) {
            stand_by(&team, omp_get_thread_num());
        } else {
            fn(arg);
            atomic_store(&team.over, true);
            call(&team);
        }
    }
    atomic_store(&hl->team, NULL);
    pthread_cond_destroy(&team.wake);
    pthread_mutex_destroy(&team.lock);
}

void hl_parallel_for(hl_context *hl, int64_t pieces, void (*fn)(void *arg, int64_t piece, int worker), void *arg) {
    int threads = hl_threads(hl);
    if (threads <= 1 || pieces <= 1) {
        for (int64_t piece = 0; piece < pieces; piece++) fn(arg, piece, 0);
        return;
    }
    struct hl_team *team = atomic_load(&hl->team);
    if (team && pthread_equal(team->owner, pthread_self())) {
        run_job(team, pieces, fn, arg);
        return;
    }
    /* Always the same number of threads: OpenMP keeps the team of the last loop and allocates a new one for another size. */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int64_t piece = 0; piece < pieces; piece++) fn(arg, piece, omp_get_thread_num());
}
