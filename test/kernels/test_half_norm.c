/* Norms of half maps: the same bits as of float maps with the same numbers, and in a half output those rounded. */
#include "halves.h"
#include "kernels/blas/moments.h"
#include "kernels/blas/through.h"

#define PARTS(isa)                                                                                                                                   \
    void hl_##isa##_finish(const hl_finish *finish, const hl_view *out, int64_t first, int64_t end, int channel, int count);                        \
    void hl_##isa##_moments(const hl_view *x, int64_t first, int64_t end, int channel, int count, float *sums);                                     \
    void hl_##isa##_through(const through_call *call, const through_block *b, const float *gradient, int64_t step, float *sums);
PARTS(blas)
PARTS(avx2)
PARTS(avx512)

/* What convolutions call, in the order of `tables`. */
static const struct {
    void (*finish)(const hl_finish *finish, const hl_view *out, int64_t first, int64_t end, int channel, int count);
    void (*moments)(const hl_view *x, int64_t first, int64_t end, int channel, int count, float *sums);
    void (*through)(const through_call *call, const through_block *b, const float *gradient, int64_t step, float *sums);
} parts[TABLES] = {{hl_blas_finish, hl_blas_moments, hl_blas_through},
                   {hl_avx2_finish, hl_avx2_moments, hl_avx2_through},
                   {hl_avx512_finish, hl_avx512_moments, hl_avx512_through}};

enum { MOST = 134, MOST_ROWS = 3 * 13 };
static const int channels[] = {1, 3, 15, 16, 17, 33, 70, MOST};
enum { SIZES = 4 * (int)(sizeof channels / sizeof *channels), CASES = SIZES * TABLES };
static const hl_activation activations[] = {HL_LINEAR, HL_RELU, HL_SWISH};

typedef struct bench {
    hl_context *hl;
    const hl_kernels *k;
    int table, n, size, c, gap;
    hl_view x, half; /* of the same numbers */
    hl_norm_state norm;
    double mean[MOST], variance[MOST];
    float gamma[MOST], beta[MOST], terms[3 * MOST];
} bench;

static hl_view map_of(const bench *b, int gap, uint64_t seed) {
    map m = map_new(b->n, b->size, b->size, b->c, gap, seed);
    free(m.f64.data);
    return m.f32;
}

/* False: this processor has no such kernels. */
static bool bench_open(bench *b, int index) {
    int size = index / TABLES, c = channels[size / 4], large = size % 4 / 2;
    *b = (bench){.table = index % TABLES, .k = tables[index % TABLES], .n = large ? 3 : 1, .size = large ? 13 : 9, .c = c, .gap = size % 2 ? 3 : 0};
    if (!runs_here(b->k)) return false;
    b->hl = hl_open(&(hl_options){.threads = 1 + index % 3});
    b->x = map_of(b, b->gap, 1), b->half = half_of(&b->x);
    for (int i = 0; i < c; i++) {
        b->mean[i] = 0.1 * number(2, (uint64_t)i), b->variance[i] = 0.5 + 0.1 * number(3, (uint64_t)i);
        b->gamma[i] = (float)number(4, (uint64_t)i), b->beta[i] = (float)number(5, (uint64_t)i);
    }
    b->norm = (hl_norm_state){b->mean, b->variance, 1e-3, b->gamma, b->beta, HL_LINEAR, b->terms};
    b->k->norm_terms(&b->norm, c);
    return true;
}

static void bench_close(bench *b) { free(b->x.data), free(b->half.data), hl_close(b->hl); }

static void same_floats(const char *what, const void *mine, const void *right, int64_t count) {
    ck_assert_msg(!memcmp(mine, right, (size_t)count * sizeof(float)), "%s: not the float map's", what);
}
static void same_maps(const char *what, const hl_view *mine, const hl_view *right) {
    same_floats(what, mine->data, right->data, hl_view_pixels(right) * right->stride);
}

START_TEST(statistics_are_the_same) {
    bench b;
    if (!bench_open(&b, _i)) return;
    double mean[2][MOST], variance[2][MOST];
    for (int half = 0; half < 2; half++) {
        space s = space_new(b.hl, b.k->norm_workspace(&b.x, hl_threads(b.hl)));
        b.k->norm_statistics(b.hl, half ? &b.half : &b.x, mean[half], variance[half], s.data);
        space_free("norm_statistics", &s);
    }
    ck_assert_mem_eq(mean[1], mean[0], (size_t)b.c * sizeof **mean);
    ck_assert_mem_eq(variance[1], variance[0], (size_t)b.c * sizeof **variance);
    bench_close(&b);
}
END_TEST

START_TEST(moments_are_the_same) {
    bench b;
    if (!bench_open(&b, _i)) return;
    float sums[2][3 * MOST] = {{0}};
    int64_t end = hl_view_pixels(&b.x) - 1;
    for (int half = 0; half < 2; half++)
        for (int part = 0; part < 2; part++)
            parts[b.table].moments(half ? &b.half : &b.x, 1, end, part ? b.c / 3 : 0, part ? b.c - b.c / 3 : b.c / 3, sums[half]);
    ck_assert(sums[0][2 * b.c] > 0);
    same_floats("moments", sums[1], sums[0], 3 * MOST);
    bench_close(&b);
}
END_TEST

START_TEST(what_norms_give_is_the_same) {
    bench b;
    if (!bench_open(&b, _i)) return;
    for (int i = 0; i < 3; i++) {
        b.norm.act = activations[i];
        hl_view y = map_of(&b, 2 * b.gap, 6), half_y = half_of(&y), other = map_of(&b, 2 * b.gap, 6), other_half = half_of(&other);
        b.k->norm_apply(b.hl, &b.x, &b.norm, &y);
        b.k->norm_apply(b.hl, &b.half, &b.norm, &other);
        same_maps("half to float", &other, &y);
        b.k->norm_apply(b.hl, &b.x, &b.norm, &half_y);
        halves_agree("float to half", &half_y, &y);
        b.k->norm_apply(b.hl, &b.half, &b.norm, &other_half);
        halves_agree("half to half", &other_half, &y);
        hl_view x = map_of(&b, b.gap, 1), half = half_of(&x);
        b.k->norm_apply(b.hl, &x, &b.norm, &x), b.k->norm_apply(b.hl, &half, &b.norm, &half);
        halves_agree("in place", &half, &x);
        free(y.data), free(half_y.data), free(other.data), free(other_half.data), free(x.data), free(half.data);
    }
    bench_close(&b);
}
END_TEST

START_TEST(gradients_are_the_same) {
    bench b;
    if (!bench_open(&b, _i)) return;
    hl_view dy = map_of(&b, 2 * b.gap, 7);
    for (int i = 0; i < 6; i++) {
        b.norm.act = activations[i / 2];
        hl_view dx[2];
        float dgamma[2][MOST], dbeta[2][MOST];
        for (int half = 0; half < 2; half++) {
            dx[half] = map_of(&b, b.gap, 8);
            space s = space_new(b.hl, b.k->norm_workspace(&b.x, hl_threads(b.hl)));
            b.k->norm_backward(b.hl, half ? &b.half : &b.x, &dy, &b.norm, &dx[half], i % 2, dgamma[half], dbeta[half], s.data);
            space_free("norm_backward", &s);
        }
        same_maps("dx", &dx[1], &dx[0]);
        same_floats("dgamma", dgamma[1], dgamma[0], b.c), same_floats("dbeta", dbeta[1], dbeta[0], b.c);
        free(dx[0].data), free(dx[1].data);
    }
    free(dy.data), bench_close(&b);
}
END_TEST

START_TEST(what_is_settled_is_the_same) {
    bench b;
    if (!bench_open(&b, _i)) return;
    hl_view dx = map_of(&b, 2 * b.gap, 9), other = map_of(&b, 2 * b.gap, 9);
    b.k->norm_settle(b.hl, &b.x, b.mean, b.variance, b.variance, &dx);
    b.k->norm_settle(b.hl, &b.half, b.mean, b.variance, b.variance, &other);
    same_maps("dx", &other, &dx);
    free(dx.data), free(other.data), bench_close(&b);
}
END_TEST

START_TEST(what_is_finished_is_the_same) {
    bench b;
    if (!bench_open(&b, _i)) return;
    for (int i = 0; i < 6; i++) {
        hl_view out[2];
        float sums[2][MOST_ROWS * MOST] = {{0}};
        for (int half = 0; half < 2; half++) {
            out[half] = map_of(&b, 2 * b.gap, 10);
            hl_finish finish = {.terms = i % 2 ? b.terms : NULL, .act = activations[i / 2], .add = half ? &b.half : &b.x, .row_sums = sums[half]};
            for (int row = 0; row < b.n * b.size; row++)
                for (int part = 0; part < 2; part++)
                    parts[b.table].finish(&finish, &out[half], row * b.size, (row + 1) * b.size, part ? b.c / 3 : 0, part ? b.c - b.c / 3 : b.c / 3);
        }
        same_maps("out", &out[1], &out[0]);
        same_floats("row_sums", sums[1], sums[0], MOST_ROWS * MOST);
        free(out[0].data), free(out[1].data);
    }
    bench_close(&b);
}
END_TEST

static void through_all(const bench *b, const through_call *call, const hl_view *gradient, float *sums) {
    enum { BLOCK = 23 };
    for (int first = 0, pixels = (int)hl_view_pixels(&b->x); first < pixels; first += BLOCK)
        for (int part = 0; part < 2; part++) {
            through_block block = {first, pixels - first < BLOCK ? pixels - first : BLOCK, part ? b->c / 3 : 0, part ? b->c - b->c / 3 : b->c / 3};
            const float *from = (const float *)gradient->data + first * gradient->stride + block.channel;
            parts[b->table].through(call, &block, from, gradient->stride, sums);
        }
}

START_TEST(what_goes_through_is_the_same) {
    bench b;
    if (!bench_open(&b, _i)) return;
    hl_view gradient = map_of(&b, 2 * b.gap, 11);
    for (int i = 0; i < 6; i++) {
        hl_view din[2];
        float sums[2][2 * MOST] = {{0}};
        for (int half = 0; half < 2; half++) {
            din[half] = map_of(&b, b.gap, 12);
            hl_segment in = {.view = half ? b.half : b.x, .norm = b.terms, .act = activations[i / 2]};
            through_all(&b, &(through_call){&in, &din[half], i % 2}, &gradient, sums[half]);
        }
        ck_assert(sums[0][0] != 0);
        same_maps("din", &din[1], &din[0]);
        same_floats("sums", sums[1], sums[0], 2 * MOST);
        free(din[0].data), free(din[1].data);
    }
    free(gradient.data), bench_close(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("norms of half maps");
    TCase *tcase = slow_case(suite, "norms of half maps");
    tcase_add_loop_test(tcase, statistics_are_the_same, 0, CASES);
    tcase_add_loop_test(tcase, moments_are_the_same, 0, CASES);
    tcase_add_loop_test(tcase, what_norms_give_is_the_same, 0, CASES);
    tcase_add_loop_test(tcase, gradients_are_the_same, 0, CASES);
    tcase_add_loop_test(tcase, what_is_settled_is_the_same, 0, CASES);
    tcase_add_loop_test(tcase, what_is_finished_is_the_same, 0, CASES);
    tcase_add_loop_test(tcase, what_goes_through_is_the_same, 0, CASES);
    return run_suite(suite);
}
