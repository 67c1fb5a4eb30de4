/* Base: random numbers, whole files, memory, threads, errors. */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "base/base.h"
#include "base/file.h"
#include "base/random.h"
#include "harness.h"

/* These values are part of every run's bits: should one change, every seed means something else. */
START_TEST(random_values) {
    ck_assert_uint_eq(hl_random_u64(0, 0, 0, 0), hl_random_u64(0, 0, 0, 0));
    ck_assert_uint_ne(hl_random_u64(0, 1, 0, 0), hl_random_u64(0, 0, 1, 0));
    ck_assert_uint_ne(hl_random_u64(0, 0, 1, 0), hl_random_u64(0, 0, 0, 1));
    ck_assert_uint_eq(hl_random_u64(0, HL_RANDOM_FOLDS, 0, 0), UINT64_C(0xd1c0270687984b37));
    double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
    const int count = 100000;
    for (int i = 0; i < count; i++) {
        double u = hl_random_uniform(5, 9, 3, (uint64_t)i), n = hl_random_normal(5, 9, 4, (uint64_t)i);
        ck_assert(u >= 0 && u < 1 && isfinite(n));
        sum += u, squares += u * u, normal_sum += n, normal_squares += n * n;
    }
    ck_assert_double_eq_tol(sum / count, 0.5, 0.005);
    ck_assert_double_eq_tol(squares / count, 1.0 / 3, 0.005);
    ck_assert_double_eq_tol(normal_sum / count, 0, 0.02);
    ck_assert_double_eq_tol(normal_squares / count, 1, 0.02);
}
END_TEST

START_TEST(random_order) {
    int order[50], seen[50], first[50] = {0};
    for (uint64_t a = 0; a < 5000; a++) {
        hl_random_order(1, 2, a, 50, order);
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < 50; i++) seen[order[i]]++;
        for (int i = 0; i < 50; i++) ck_assert_int_eq(seen[i], 1);
        first[order[0]]++;
    }
    for (int i = 0; i < 50; i++) ck_assert(first[i] > 50 && first[i] < 160); /* 100 expected */
}
END_TEST

START_TEST(files_whole_or_not) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128], *text;
    size_t bytes;
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/a/b/c", folder);
    ck_ok(hl, hl_folder_make(hl, path));
    ck_ok(hl, hl_folder_make(hl, path));
    snprintf(path, sizeof path, "%s/a/file", folder);
    ck_ok(hl, hl_file_write(hl, path, "first", 5));
    ck_ok(hl, hl_file_read(hl, path, &text, &bytes));
    ck_assert_str_eq(text, "first");
    ck_assert_uint_eq(bytes, 5);
    free(text);
    hl_new_file file;
    ck_ok(hl, hl_file_create(hl, &file, path));
    fputs("half", file.stream);
    hl_file_discard(&file);
    ck_ok(hl, hl_file_read(hl, path, &text, NULL));
    ck_assert_str_eq(text, "first");
    free(text);
    snprintf(path, sizeof path, "%s/a/file/below", folder);
    ck_assert_int_eq(hl_folder_make(hl, path), HL_FAILED);
    ck_assert_int_eq(hl_file_write(hl, path, "x", 1), HL_FAILED);
    ck_assert_int_eq(hl_file_read(hl, path, &text, NULL), HL_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(hl_error(hl), path));
    ck_assert_int_eq(hl_file_read(hl, folder, &text, NULL), HL_BAD_INPUT); /* a folder */
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

/* A disk that fills up while a file is written: the old one stays, no half one is left. */
START_TEST(full_disk) {
    hl_context *hl = hl_open(NULL);
    char folder[64], path[128], command[160], *text;
    static char large[100000];
    scratch_folder(folder);
    snprintf(path, sizeof path, "%s/file", folder);
    ck_ok(hl, hl_file_write(hl, path, "old", 3));
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){10000, RLIM_INFINITY});
    ck_assert_int_eq(hl_file_write(hl, path, large, sizeof large), HL_FAILED);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    ck_ok(hl, hl_file_read(hl, path, &text, NULL));
    ck_assert_str_eq(text, "old");
    free(text);
    snprintf(command, sizeof command, "test $(ls %s | wc -l) = 1", folder);
    ck_assert_int_eq(system(command), 0);
    remove_folder(folder);
    hl_close(hl);
}
END_TEST

static void count_piece(void *arg, int64_t piece, int worker) {
    atomic_int *counts = arg;
    atomic_fetch_add(&counts[piece], 1);
    ck_assert(worker >= 0 && worker < 3);
}

START_TEST(every_piece_once) {
    hl_context *hl = hl_open(&(hl_options){.threads = 3});
    static atomic_int counts[1000];
    for (int pieces = 0; pieces <= 1000; pieces += 111) {
        memset(counts, 0, sizeof counts);
        hl_parallel_for(hl, pieces, count_piece, counts);
        for (int i = 0; i < 1000; i++) ck_assert_int_eq(atomic_load(&counts[i]), i < pieces);
    }
    hl_close(hl);
}
END_TEST

typedef struct stint {
    hl_context *hl;
    int64_t sums[64];
    bool within; /* a region in the region */
} stint;

static void add_piece(void *arg, int64_t piece, int worker) {
    (void)worker;
    ((int64_t *)arg)[piece] += piece + 1;
}

static void many_jobs(void *arg) {
    stint *s = arg;
    for (int job = 0; job < 3000; job++) {
        if (job % 500 == 0) usleep(400); /* the others have gone to sleep */
        hl_parallel_for(s->hl, job % 64, add_piece, s->sums);
    }
    if (!s->within) s->within = true, hl_with_team(s->hl, many_jobs, s);
}

/* Each piece of each job once, however short the jobs, in a region within a region too, and as well when it is over. */
START_TEST(teams_miss_nothing) {
    for (int threads = 1; threads <= 5; threads += 2) {
        stint s = {.hl = hl_open(&(hl_options){.threads = threads})};
        hl_with_team(s.hl, many_jobs, &s);
        hl_parallel_for(s.hl, 64, add_piece, s.sums);
        for (int64_t i = 0; i < 64; i++) {
            int64_t jobs = 1;
            for (int job = 0; job < 3000; job++) jobs += 2 * (job % 64 > i);
            ck_assert_int_eq(s.sums[i], jobs * (i + 1));
        }
        hl_close(s.hl);
    }
}
END_TEST

START_TEST(errors_and_memory) {
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    ck_assert_str_eq(hl_error(hl), "");
    ck_assert_int_eq(hl_fail(hl, HL_BAD_INPUT, "line %d", 7), HL_BAD_INPUT);
    ck_assert_str_eq(hl_error(hl), "line 7");
    ck_assert_int_eq(hl_error_status(hl), HL_BAD_INPUT);
    ck_assert_ptr_null(hl_calloc(hl, SIZE_MAX / 2, 4));
    ck_assert_int_eq(hl_error_status(hl), HL_NO_MEMORY);
    ck_assert_ptr_null(hl_aligned(hl, SIZE_MAX - 3));
    char *aligned = hl_aligned(hl, 100);
    ck_assert_uint_eq((uintptr_t)aligned % 64, 0);
    for (int i = 0; i < 100; i++) ck_assert_int_eq(aligned[i], 0);
    free(aligned);
    int *array = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        array = hl_grow(hl, array, &capacity, (size_t)i + 1, sizeof *array);
        array[i] = i;
    }
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(array[i], i);
    free(array);
    hl_close(hl);
}
END_TEST

START_TEST(precisions) {
    ck_assert_str_eq(hl_precision_name(HL_FP32), "fp32");
    ck_assert_str_eq(hl_precision_name(HL_BF16), "bf16");
    ck_assert_ptr_null(hl_precision_name((hl_precision)2));
    for (int i = 0; hl_precision_name((hl_precision)i); i++) ck_assert_int_eq(hl_precision_find(hl_precision_name((hl_precision)i)), i);
    ck_assert_int_eq(hl_precision_find("bf"), -1);
    ck_assert_int_eq(hl_precision_find(""), -1);
    hl_context *best = hl_open(&(hl_options){.isa = "avx512"}), *capped = hl_open(&(hl_options){.isa = "avx2"});
    ck_assert_ptr_nonnull(hl_bf16_lacks(capped));
    if (!strcmp(hl_isa(best), "avx512")) ck_assert_str_eq(hl_bf16_lacks(capped), "kernels are capped at avx2, below avx512");
    else ck_assert_ptr_nonnull(hl_bf16_lacks(best));
    ck_ok(capped, hl_precision_check(capped, HL_FP32));
    ck_assert_int_eq(hl_precision_check(capped, HL_BF16), HL_USAGE);
    ck_assert_msg(strstr(hl_error(capped), hl_bf16_lacks(capped)) != NULL, "%s", hl_error(capped));
    ck_assert_int_eq(hl_precision_check(best, HL_BF16), hl_bf16_lacks(best) ? HL_USAGE : HL_OK);
    ck_assert_int_eq(hl_precision_check(best, (hl_precision)2), HL_USAGE);
    hl_close(best), hl_close(capped);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base");
    TCase *tcase = slow_case(suite, "base");
    tcase_add_test(tcase, random_values);
    tcase_add_test(tcase, random_order);
    tcase_add_test(tcase, files_whole_or_not);
    tcase_add_test(tcase, full_disk);
    tcase_add_test(tcase, every_piece_once);
    tcase_add_test(tcase, teams_miss_nothing);
    tcase_add_test(tcase, errors_and_memory);
    tcase_add_test(tcase, precisions);
    return run_suite(suite);
}
