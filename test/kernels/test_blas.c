/* Every other float function against the plain loops in double, on odd sizes, and with the same bits on 1, 2, 3 threads. */
#include "maps.h"

typedef struct size {
    int n, h, w, c, gap;
} size;
static const size sizes[] = {{1, 1, 1, 1, 0},  {3, 2, 5, 3, 0},    {1, 7, 31, 15, 0},  {3, 5, 2, 16, 3},  {2, 31, 31, 17, 1},
                             {1, 4, 4, 33, 5}, {3, 40, 31, 33, 2}, {2, 64, 64, 16, 0}, {1, 3, 3, 200, 7}, {4, 3, 2, 250, 1}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* Everything a function may read or write, and what came of it. */
typedef struct bench {
    hl_context *hl;
    map x, y, dy, dx, half, large; /* half: pooled by 2; large: upsampled by 2 */
    map s, ds;                     /* one pixel an image */
    row gamma, beta, dgamma, dbeta, row_sums;
    double mean[256], variance[256], terms[768];
} bench;

static bench bench_new(int threads, const size *s) {
    bench b = {.hl = hl_open(&(hl_options){.threads = threads})};
    b.x = map_new(s->n, s->h, s->w, s->c, s->gap, 1), b.y = map_new(s->n, s->h, s->w, s->c, s->gap, 2);
    b.dy = map_new(s->n, s->h, s->w, s->c, 2 * s->gap, 3), b.dx = map_new(s->n, s->h, s->w, s->c, s->gap, 4);
    b.half = map_new(s->n, (s->h + 1) / 2, (s->w + 1) / 2, s->c, s->gap, 5);
    b.large = map_new(s->n, 2 * s->h, 2 * s->w, s->c, s->gap, 6);
    b.s = map_new(s->n, 1, 1, s->c, s->gap, 13), b.ds = map_new(s->n, 1, 1, s->c, 2 * s->gap, 14);
    b.gamma = row_new(s->c, 7), b.beta = row_new(s->c, 8), b.dgamma = row_new(s->c, 9), b.dbeta = row_new(s->c, 10);
    b.row_sums = row_new((int64_t)s->n * s->h * s->c, 15);
    for (int c = 0; c < s->c; c++) b.mean[c] = 0.1 * number(11, (uint64_t)c), b.variance[c] = 0.5 + 0.1 * number(12, (uint64_t)c);
    return b;
}

enum { MAPS = 8 };
static void maps_of(bench *b, map *maps[MAPS]) {
    map *all[MAPS] = {&b->x, &b->y, &b->dy, &b->dx, &b->half, &b->large, &b->s, &b->ds};
    memcpy(maps, all, sizeof all);
}

static void bench_free(bench *b) {
    map *maps[MAPS];
    maps_of(b, maps);
    for (int i = 0; i < MAPS; i++) map_free(maps[i]);
    row_free(&b->gamma), row_free(&b->beta), row_free(&b->dgamma), row_free(&b->dbeta), row_free(&b->row_sums);
    hl_close(b->hl);
}

static const hl_view *in(const map *m, hl_dtype dtype) { return dtype == HL_F32 ? &m->f32 : &m->f64; }
static void *of(const row *r, hl_dtype dtype) { return dtype == HL_F32 ? (void *)r->f32 : (void *)r->f64; }

/* One function, in the dtype of `k`; `more`: accumulate, or the other variant. */
typedef void job(bench *b, const hl_kernels *k, hl_dtype t, bool more);

static void norm_statistics(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    (void)more;
    double mean[256], variance[256];
    space s = space_new(b->hl, k->norm_workspace(in(&b->x, t), hl_threads(b->hl)));
    k->norm_statistics(b->hl, in(&b->x, t), mean, variance, s.data);
    space_free("norm_statistics", &s);
    for (int c = 0; c < b->x.f32.c; c++) {
        ck_assert(variance[c] >= 0);
        if (t == HL_F32) b->dgamma.f32[c] = (float)mean[c], b->dbeta.f32[c] = (float)variance[c];
        else b->dgamma.f64[c] = mean[c], b->dbeta.f64[c] = variance[c];
    }
}
static hl_norm_state norm_of(bench *b, const hl_kernels *k, hl_dtype t, hl_activation act, bool plain) {
    hl_norm_state norm = {b->mean, b->variance, 1e-3, plain ? NULL : of(&b->gamma, t), of(&b->beta, t), act, b->terms};
    k->norm_terms(&norm, b->x.f32.c);
    return norm;
}
static void apply_norm(bench *b, const hl_kernels *k, hl_dtype t, hl_activation act, bool more) {
    hl_norm_state norm = norm_of(b, k, t, act, more);
    k->norm_apply(b->hl, in(&b->x, t), &norm, more ? in(&b->x, t) : in(&b->y, t)); /* in place */
}
static void norm_apply(bench *b, const hl_kernels *k, hl_dtype t, bool more) { apply_norm(b, k, t, HL_LINEAR, more); }
static void norm_relu_apply(bench *b, const hl_kernels *k, hl_dtype t, bool more) { apply_norm(b, k, t, HL_RELU, more); }
static void norm_swish_apply(bench *b, const hl_kernels *k, hl_dtype t, bool more) { apply_norm(b, k, t, HL_SWISH, more); }
static void back_through(bench *b, const hl_kernels *k, hl_dtype t, hl_activation act, bool more) {
    space s = space_new(b->hl, k->norm_workspace(in(&b->x, t), hl_threads(b->hl)));
    hl_norm_state norm = norm_of(b, k, t, act, false);
    k->norm_backward(b->hl, in(&b->x, t), in(&b->dy, t), &norm, in(&b->dx, t), more, more ? NULL : of(&b->dgamma, t), of(&b->dbeta, t), s.data);
    space_free("norm_backward", &s);
}
static void norm_backward(bench *b, const hl_kernels *k, hl_dtype t, bool more) { back_through(b, k, t, HL_LINEAR, more); }
static void norm_relu_backward(bench *b, const hl_kernels *k, hl_dtype t, bool more) { back_through(b, k, t, HL_RELU, more); }
static void norm_swish_backward(bench *b, const hl_kernels *k, hl_dtype t, bool more) { back_through(b, k, t, HL_SWISH, more); }
static void norm_backward_in_place(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    space s = space_new(b->hl, k->norm_workspace(in(&b->x, t), hl_threads(b->hl)));
    hl_norm_state norm = norm_of(b, k, t, more ? HL_RELU : HL_LINEAR, more);
    k->norm_backward(b->hl, in(&b->x, t), in(&b->dy, t), &norm, in(&b->dy, t), false, of(&b->dgamma, t), of(&b->dbeta, t), s.data);
    space_free("norm_backward", &s);
}
static void norm_settle(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->norm_settle(b->hl, in(&b->x, t), b->mean, more ? b->mean : b->variance, b->variance, in(&b->dx, t));
}
static void relu(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->relu_forward(b->hl, in(&b->x, t), more ? in(&b->x, t) : in(&b->y, t));
    k->relu_backward(b->hl, in(&b->y, t), in(&b->dy, t), in(&b->dx, t), more);
    if (!more) k->relu_backward(b->hl, in(&b->y, t), in(&b->dy, t), in(&b->dy, t), false);
}
static void sigmoid(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->sigmoid_forward(b->hl, in(&b->x, t), more ? in(&b->x, t) : in(&b->y, t));
    k->sigmoid_backward(b->hl, in(&b->y, t), in(&b->dy, t), in(&b->dx, t), more);
}
static void swish(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->swish_forward(b->hl, in(&b->x, t), more ? in(&b->x, t) : in(&b->y, t));
    k->swish_backward(b->hl, in(&b->x, t), in(&b->dy, t), in(&b->dx, t), more);
    if (!more) k->swish_backward(b->hl, in(&b->x, t), in(&b->dy, t), in(&b->dy, t), false);
}
static void global_average(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->global_average_forward(b->hl, in(&b->x, t), in(&b->s, t));
    if (more) k->global_average_of_rows(b->hl, in(&b->x, t), of(&b->row_sums, t), in(&b->ds, t));
    k->global_average_backward(b->hl, in(&b->ds, t), in(&b->dx, t), more);
}
static void channel_scale(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    hl_view none = {0};
    k->channel_scale_backward(b->hl, in(&b->x, t), in(&b->s, t), in(&b->dy, t), in(&b->dx, t), more, in(&b->ds, t), !more);
    if (more) k->channel_scale_backward(b->hl, in(&b->x, t), in(&b->s, t), in(&b->dy, t), &none, false, in(&b->ds, t), true);
    else k->channel_scale_backward(b->hl, in(&b->x, t), in(&b->s, t), in(&b->dy, t), in(&b->dx, t), true, &none, false);
    k->channel_scale_forward(b->hl, in(&b->x, t), in(&b->s, t), more ? in(&b->x, t) : in(&b->y, t));
}
static void channel_scale_in_place(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->channel_scale_backward(b->hl, in(&b->x, t), in(&b->s, t), in(&b->dy, t), in(&b->dy, t), false, in(&b->ds, t), more);
}
static void image_scale(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    static const double factor[] = {1.25, 0, -0.5, 3};
    k->image_scale(b->hl, factor, in(&b->x, t), in(&b->y, t), more);
    k->image_scale(b->hl, factor, in(&b->dy, t), in(&b->dy, t), false);
}
static void pool_twice(bench *b, const hl_kernels *k, hl_dtype t, const hl_pool *pool, bool average, bool more) {
    if (average) k->average_pool_forward(b->hl, pool, in(&b->x, t), in(&b->half, t));
    else k->max_pool_forward(b->hl, pool, in(&b->x, t), in(&b->half, t));
    if (average) k->average_pool_backward(b->hl, pool, in(&b->half, t), in(&b->dx, t), more);
    else k->max_pool_backward(b->hl, pool, in(&b->x, t), in(&b->half, t), in(&b->dx, t), more);
}
/* Halves, so that windows hold ties. */
static void round_x(bench *b) {
    float *f32 = b->x.f32.data;
    double *f64 = b->x.f64.data;
    for (int64_t p = 0; p < hl_view_pixels(&b->x.f32); p++)
        for (int64_t i = p * b->x.f32.stride; i < p * b->x.f32.stride + b->x.f32.c; i++)
            f64[i] = floor(2 * number(1, (uint64_t)i)) / 2, f32[i] = (float)f64[i];
}
static void max_pool_2(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    round_x(b);
    pool_twice(b, k, t, &(hl_pool){2, 2, 2, 2, 0, 0, false}, false, more);
}
static void max_pool_3(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    round_x(b);
    pool_twice(b, k, t, &(hl_pool){3, 3, 2, 2, 1, 1, more}, false, more);
}
static void average_pool(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    pool_twice(b, k, t, &(hl_pool){3, 2, 2, 2, 1, 0, more}, true, more);
}
static void average_pool_2(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    pool_twice(b, k, t, &(hl_pool){2, 2, 2, 2, 0, 0, false}, true, more);
}
static void upsample(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->upsample_backward(b->hl, 1, in(&b->large, t), in(&b->dx, t), more);
    k->upsample_forward(b->hl, 1, in(&b->x, t), in(&b->large, t));
}
static void copy(bench *b, const hl_kernels *k, hl_dtype t, bool more) { k->copy(b->hl, in(&b->dy, t), in(&b->dx, t), more); }
static void add(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    k->add(b->hl, in(&b->x, t), in(&b->dy, t), more ? in(&b->x, t) : in(&b->y, t));
}
static void loss(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    hl_loss_sums sums;
    if (more) round_x(b);
    space s = space_new(b->hl, k->loss_workspace(in(&b->x, t)));
    k->loss_sums(b->hl, in(&b->x, t), in(&b->y, t), &sums, s.data);
    space_free("loss_sums", &s);
    k->loss_backward(b->hl, in(&b->x, t), in(&b->y, t), 0.5, -0.25, 0.125, in(&b->dx, t));
    double all[4] = {sums.cross_entropy, sums.product, sums.probability, sums.target};
    for (int i = 0; i < 4 && i < b->x.f32.c; i++) {
        if (t == HL_F32) b->dbeta.f32[i] = (float)all[i];
        else b->dbeta.f64[i] = all[i];
    }
}
static void adam(bench *b, const hl_kernels *k, hl_dtype t, bool more) {
    hl_adam_step step = {1e-2, 0.9, 0.999, 1e-7, 1 - pow(0.9, 3), 1 - pow(0.999, 3)};
    int64_t count = hl_view_pixels(&b->x.f32) * b->x.f32.stride; /* x: moments */
    row weights = {b->y.f32.data, b->y.f64.data, count}, gradient = {b->dx.f32.data, b->dx.f64.data, count};
    row m = {b->x.f32.data, b->x.f64.data, count}, v = row_new(count, 20);
    for (int64_t i = 0; i < count; i++) v.f32[i] = fabsf(v.f32[i]), v.f64[i] = fabs(v.f64[i]);
    map_free(&b->half);
    b->half = (map){{v.f32, 1, 1, 1, (int)count, count, false}, {v.f64, 1, 1, 1, (int)count, count, false}};
    if (b->x.f32.stride > b->x.f32.c) return; /* the gaps are not weights */
    k->adam(b->hl, &step, more ? count : (count + 1) / 2, of(&weights, t), of(&gradient, t), of(&m, t), of(&v, t));
}

static const struct {
    const char *name;
    job *run;
} jobs[] = {{"norm_statistics", norm_statistics},
            {"norm_apply", norm_apply},
            {"norm_relu_apply", norm_relu_apply},
            {"norm_swish_apply", norm_swish_apply},
            {"norm_backward", norm_backward},
            {"norm_relu_backward", norm_relu_backward},
            {"norm_swish_backward", norm_swish_backward},
            {"norm_backward in place", norm_backward_in_place},
            {"norm_settle", norm_settle},
            {"relu", relu},
            {"sigmoid", sigmoid},
            {"swish", swish},
            {"global_average", global_average},
            {"channel_scale", channel_scale},
            {"channel_scale in place", channel_scale_in_place},
            {"image_scale", image_scale},
            {"max_pool 2", max_pool_2},
            {"max_pool 3", max_pool_3},
            {"average_pool", average_pool},
            {"average_pool 2", average_pool_2},
            {"upsample", upsample},
            {"copy", copy},
            {"add", add},
            {"loss", loss},
            {"adam", adam}};
enum { JOBS = sizeof jobs / sizeof *jobs };

static void hold_against_double(const hl_kernels *k, int number_of, const size *s, int threads, bool more) {
    bench b = bench_new(threads, s), other = bench_new(threads, s);
    jobs[number_of].run(&other, &hl_kernels_ref_f64, HL_F64, more);
    jobs[number_of].run(&b, k, HL_F32, more);
    map *maps[MAPS], *others[MAPS];
    maps_of(&b, maps), maps_of(&other, others);
    for (int i = 0; i < MAPS; i++) {
        void *mine = maps[i]->f64.data;
        maps[i]->f64.data = others[i]->f64.data;
        maps_agree(jobs[number_of].name, maps[i], 1e-5);
        maps[i]->f64.data = mine;
    }
    rows_agree(jobs[number_of].name, b.dgamma.f32, other.dgamma.f64, s->c, 1e-5);
    rows_agree(jobs[number_of].name, b.dbeta.f32, other.dbeta.f64, s->c, 1e-5);
    bench_free(&b), bench_free(&other);
}

START_TEST(functions_are_right) {
    const hl_kernels *k = tables[_i % TABLES];
    if (!runs_here(k)) return;
    for (int i = 0; i < SIZES; i++)
        for (int more = 0; more < 2; more++) hold_against_double(k, _i / TABLES, &sizes[i], 1 + i % 3, more);
}
END_TEST

START_TEST(same_bits_on_any_number_of_threads) {
    const hl_kernels *k = tables[_i % TABLES];
    if (!runs_here(k)) return;
    job *run = jobs[_i / TABLES].run;
    for (int i = 0; i < SIZES; i++) {
        bench one = bench_new(1, &sizes[i]);
        run(&one, k, HL_F32, false);
        for (int threads = 2; threads <= 3; threads++) {
            bench b = bench_new(threads, &sizes[i]);
            run(&b, k, HL_F32, false);
            map *maps[MAPS], *firsts[MAPS];
            maps_of(&b, maps), maps_of(&one, firsts);
            for (int j = 0; j < MAPS; j++) ck_assert_mem_eq(maps[j]->f32.data, firsts[j]->f32.data, map_bytes(maps[j]));
            ck_assert_mem_eq(b.dgamma.f32, one.dgamma.f32, (size_t)sizes[i].c * sizeof(float));
            ck_assert_mem_eq(b.dbeta.f32, one.dbeta.f32, (size_t)sizes[i].c * sizeof(float));
            bench_free(&b);
        }
        bench_free(&one);
    }
}
END_TEST

START_TEST(norm_survives_a_large_mean) {
    if (!runs_here(tables[_i])) return;
    size s = {2, 30, 30, 5, 0};
    bench b = bench_new(2, &s);
    float *x = b.x.f32.data;
    for (int64_t i = 0; i < hl_view_pixels(&b.x.f32) * 5; i++) x[i] += 1000;
    for (int64_t i = 0; i < hl_view_pixels(&b.x.f32) * 5; i++) ((double *)b.x.f64.data)[i] = (double)x[i];
    norm_statistics(&b, &hl_kernels_ref_f64, HL_F64, false);
    norm_statistics(&b, tables[_i], HL_F32, false);
    rows_agree("variance", b.dbeta.f32, b.dbeta.f64, 5, 1e-5);
    bench_free(&b);
}
END_TEST

START_TEST(a_nan_is_not_hidden) {
    const hl_kernels *k = tables[_i];
    if (!runs_here(k)) return;
    size s = {1, 2, 2, 3, 0};
    bench b = bench_new(1, &s);
    ((float *)b.x.f32.data)[4] = NAN;
    relu(&b, k, HL_F32, false);
    ck_assert(isnan(((float *)b.y.f32.data)[4]));
    sigmoid(&b, k, HL_F32, false);
    ck_assert(isnan(((float *)b.y.f32.data)[4]) && !isnan(((float *)b.y.f32.data)[5]));
    swish(&b, k, HL_F32, false);
    ck_assert(isnan(((float *)b.y.f32.data)[4]) && !isnan(((float *)b.y.f32.data)[5]));
    double mean[3], variance[3];
    space w = space_new(b.hl, k->norm_workspace(&b.x.f32, 1));
    k->norm_statistics(b.hl, &b.x.f32, mean, variance, w.data);
    ck_assert(isnan(mean[1]) && isnan(variance[1]) && !isnan(mean[0]));
    space_free("norm_statistics", &w);
    bench_free(&b);
}
END_TEST

static void set(const map *m, int i, double value) {
    ((float *)m->f32.data)[i] = (float)value, ((double *)m->f64.data)[i] = (double)(float)value;
}

/* Each number to a few units in its own last place, however small it is. */
static void digits_agree(const char *what, const map *m) {
    for (int i = 0; i < m->f32.w; i++) {
        double mine = (double)((float *)m->f32.data)[i], right = ((double *)m->f64.data)[i];
        ck_assert_msg(fabs(mine - right) <= 4e-7 * fabs(right) + 3e-45, "%s, number %d: %g, not %g", what, i, mine, right);
    }
}

enum { WIDE = 4001 };
static map wide_numbers(void) {
    map m = map_new(1, 1, WIDE, 1, 0, 30);
    for (int i = 0; i < WIDE; i++) set(&m, i, (i - WIDE / 2) / 25.0); /* -80 .. 80 */
    return m;
}

START_TEST(sigmoid_keeps_its_digits) {
    const hl_kernels *k = tables[_i];
    if (!runs_here(k)) return;
    hl_context *hl = hl_open(NULL);
    map x = wide_numbers(), y = map_new(1, 1, WIDE, 1, 0, 31), dy = map_new(1, 1, WIDE, 1, 0, 32);
    k->sigmoid_forward(hl, &x.f32, &y.f32);
    hl_kernels_ref_f64.sigmoid_forward(hl, &x.f64, &y.f64);
    digits_agree("sigmoid", &y);
    k->swish_forward(hl, &x.f32, &y.f32);
    hl_kernels_ref_f64.swish_forward(hl, &x.f64, &y.f64);
    digits_agree("swish", &y);
    for (int i = 0; i < WIDE; i++) set(&dy, i, 1);
    k->swish_backward(hl, &x.f32, &dy.f32, &y.f32, false);
    hl_kernels_ref_f64.swish_backward(hl, &x.f64, &dy.f64, &y.f64, false);
    maps_agree("swish_backward", &y, 2e-7); /* its own digits cancel where it crosses 0 */
    set(&x, 0, -INFINITY), set(&x, 1, INFINITY), set(&x, 2, -0.0);
    k->sigmoid_forward(hl, &x.f32, &y.f32);
    const float *ends = y.f32.data;
    ck_assert(ends[0] == 0 && ends[1] == 1 && ends[2] == 0.5f);
    map_free(&x), map_free(&y), map_free(&dy);
    hl_close(hl);
}
END_TEST

/* A norm that changes nothing but computes swish with it, at numbers of every size. */
START_TEST(norms_swish_keeps_its_digits) {
    const hl_kernels *k = tables[_i];
    if (!runs_here(k)) return;
    hl_context *hl = hl_open(NULL);
    map x = wide_numbers(), y = map_new(1, 1, WIDE, 1, 0, 31), dy = map_new(1, 1, WIDE, 1, 0, 32);
    double mean = 0, variance = 1, terms[3];
    float beta = 0, dbeta, far[] = {-INFINITY, -3e38f, -100, 104, 3e38f, NAN};
    hl_norm_state norm = {.mean = &mean, .variance = &variance, .beta = &beta, .act = HL_SWISH, .terms = terms};
    k->norm_terms(&norm, 1);
    k->norm_apply(hl, &x.f32, &norm, &y.f32);
    hl_kernels_ref_f64.swish_forward(hl, &x.f64, &y.f64);
    digits_agree("a norm's swish", &y);
    for (int i = 0; i < WIDE; i++) set(&dy, i, 1);
    space s = space_new(hl, k->norm_workspace(&x.f32, 1));
    k->norm_backward(hl, &x.f32, &dy.f32, &norm, &(hl_view){0}, false, NULL, &dbeta, s.data); /* the sum of the slopes */
    hl_kernels_ref_f64.swish_backward(hl, &x.f64, &dy.f64, &y.f64, false);
    double slopes = 0;
    for (int i = 0; i < WIDE; i++) slopes += ((double *)y.f64.data)[i];
    ck_assert_double_eq_tol((double)dbeta, slopes, 1e-6 * slopes);
    for (int i = 0; i < 6; i++) ((float *)x.f32.data)[i] = far[i];
    k->norm_apply(hl, &x.f32, &norm, &y.f32);
    const float *ends = y.f32.data;
    ck_assert(fabsf(ends[0]) < 1e-35f && fabsf(ends[1]) < 1e-35f && fabsf(ends[2]) < 1e-35f && ends[3] == 104 && ends[4] == 3e38f && isnan(ends[5]));
    space_free("norm_backward", &s);
    map_free(&x), map_free(&y), map_free(&dy);
    hl_close(hl);
}
END_TEST

static void losses_agree(hl_context *hl, const hl_kernels *k, const map *logits, const map *target) {
    hl_loss_sums mine, right;
    space s = space_new(hl, k->loss_workspace(&logits->f32)), other = space_new(hl, hl_kernels_ref_f64.loss_workspace(&logits->f64));
    k->loss_sums(hl, &logits->f32, &target->f32, &mine, s.data);
    hl_kernels_ref_f64.loss_sums(hl, &logits->f64, &target->f64, &right, other.data);
    ck_assert_double_eq_tol(mine.cross_entropy, right.cross_entropy, 1e-7 * right.cross_entropy);
    ck_assert_double_eq_tol(mine.product, right.product, 1e-7 * right.product);
    ck_assert_double_eq_tol(mine.probability, right.probability, 1e-7 * right.probability);
    ck_assert_double_eq_tol(mine.target, right.target, 1e-12 * right.target);
    space_free("loss_sums", &s), space_free("loss_sums", &other);
}

START_TEST(the_loss_keeps_its_digits) {
    const hl_kernels *k = tables[_i];
    if (!runs_here(k)) return;
    hl_context *hl = hl_open(NULL);
    map logits = wide_numbers(), target = map_new(1, 1, WIDE, 1, 0, 33), gradient = map_new(1, 1, WIDE, 1, 0, 34);
    for (int kind = 0; kind < 4; kind++) { /* right, wrong, mixed, in between */
        for (int i = 0; i < WIDE; i++)
            set(&target, i,
                kind < 2   ? (i > WIDE / 2) ^ kind
                : kind < 3 ? (double)(i % 3 == 0)
                           : hl_random_uniform(1, HL_RANDOM_INIT, 0, (uint64_t)i));
        losses_agree(hl, k, &logits, &target);
        k->loss_backward(hl, &logits.f32, &target.f32, 1, 0, 0, &gradient.f32);
        hl_kernels_ref_f64.loss_backward(hl, &logits.f64, &target.f64, 1, 0, 0, &gradient.f64);
        maps_agree("loss_backward", &gradient, 2e-7);
        for (int i = 0; i < WIDE && kind == 0; i++) { /* where p - t itself has lost its digits */
            double z = ((double *)logits.f64.data)[i];
            ((double *)gradient.f64.data)[i] = (z > 0 ? -1 : 1) / (1 + exp(fabs(z)));
        }
        if (kind < 2) digits_agree("loss_backward", &gradient);
    }
    for (int i = 0; i < WIDE; i++) set(&logits, i, 0.5 * (i / 1000)); /* rounding of the same sign again and again */
    for (int end = 1000; end < WIDE; end += 1000) {
        logits.f32.w = logits.f64.w = target.f32.w = target.f64.w = end;
        losses_agree(hl, k, &logits, &target);
    }
    map_free(&logits), map_free(&target), map_free(&gradient);
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("float kernels");
    TCase *tcase = slow_case(suite, "float kernels");
    tcase_add_loop_test(tcase, functions_are_right, 0, JOBS * TABLES);
    tcase_add_loop_test(tcase, same_bits_on_any_number_of_threads, 0, JOBS * TABLES);
    tcase_add_loop_test(tcase, norm_survives_a_large_mean, 0, TABLES);
    tcase_add_loop_test(tcase, a_nan_is_not_hidden, 0, TABLES);
    tcase_add_loop_test(tcase, sigmoid_keeps_its_digits, 0, TABLES);
    tcase_add_loop_test(tcase, norms_swish_keeps_its_digits, 0, TABLES);
    tcase_add_loop_test(tcase, the_loss_keeps_its_digits, 0, TABLES);
    return run_suite(suite);
}
