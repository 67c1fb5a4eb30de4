/* Functions that work element by element, pooling and scales on half maps: bit for bit what they give on float maps of the same numbers. */
#include "halves.h"

/* Two are more than a chunk that is widened at a time, one more than a piece. */
typedef struct size {
    int n, h, w, c, gap;
} size;
static const size sizes[] = {{1, 1, 1, 1, 0},    {3, 2, 5, 3, 2},  {1, 7, 31, 15, 0}, {3, 5, 3, 16, 3},  {3, 6, 5, 17, 1},
                             {1, 17, 31, 33, 0}, {1, 9, 9, 33, 2}, {3, 3, 7, 1, 4},   {1, 3, 5, 600, 5}, {3, 8, 9, 64, 0}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* What a function may read or write; POOLED: by 2, LARGE: upsampled by 2, S and DS: a pixel an image. */
enum { X, Z, Y, DY, DX, POOLED, LARGE, S, DS, MAPS };
typedef hl_view maps[MAPS];

/* A third are halves of whole numbers: zeros, and ties in windows. */
static void maps_new(const size *s, maps m) {
    for (int i = 0; i < MAPS; i++) {
        int h = i == POOLED ? (s->h + 1) / 2 : i == LARGE ? 2 * s->h : i == S || i == DS ? 1 : s->h;
        int w = i == POOLED ? (s->w + 1) / 2 : i == LARGE ? 2 * s->w : i == S || i == DS ? 1 : s->w;
        map both = map_new(s->n, h, w, s->c, i % 2 ? 2 * s->gap : s->gap, (uint64_t)i);
        free(both.f64.data);
        m[i] = both.f32;
        float *numbers = m[i].data;
        for (int64_t j = 0; j < hl_view_pixels(&m[i]) * m[i].stride; j += 3)
            if (j % m[i].stride < s->c) numbers[j] = floorf(4 * numbers[j]) / 2;
    }
}

static void maps_free(maps m) {
    for (int i = 0; i < MAPS; i++) free(m[i].data);
}

/* One function; `more`: accumulate into floats, or the other variant. */
typedef void job(hl_context *hl, const hl_kernels *k, hl_view *m, bool more);

static void relu(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->relu_forward(hl, &m[X], more ? &m[X] : &m[Y]); }
static void relu_backward(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->relu_backward(hl, &m[Y], &m[DY], &m[DX], more); }
static void sigmoid(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->sigmoid_forward(hl, &m[X], more ? &m[X] : &m[Y]); }
static void sigmoid_backward(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->sigmoid_backward(hl, &m[Y], &m[DY], &m[DX], more); }
static void swish(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->swish_forward(hl, &m[X], more ? &m[X] : &m[Y]); }
static void swish_backward(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->swish_backward(hl, &m[X], &m[DY], &m[DX], more);
}
static void backward_in_place(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    (more ? k->relu_backward : k->swish_backward)(hl, &m[X], &m[DY], &m[DY], false);
}
static void copy(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->copy(hl, &m[X], &m[Y], more); }
static void add(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->add(hl, &m[X], &m[Z], more ? &m[X] : &m[Y]); }
static void add_to_second(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { k->add(hl, &m[X], &m[Z], more ? &m[Z] : &m[Y]); }
static void upsample(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->upsample_forward(hl, more ? 0 : 1, &m[X], more ? &m[Y] : &m[LARGE]);
}
static void average(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) { (void)more, k->global_average_forward(hl, &m[X], &m[S]); }
static void channel_scale(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->channel_scale_forward(hl, &m[X], &m[S], more ? &m[X] : &m[Y]);
}
static void channel_scale_backward(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->channel_scale_backward(hl, &m[X], &m[S], &m[DY], &m[DX], more, &m[DS], more);
}
static void image_scale(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->image_scale(hl, (double[]){1.25, 0, -0.3}, &m[X], more ? &m[X] : &m[Y], false);
}
static const hl_pool pools[] = {{2, 2, 2, 2, 0, 0, false}, {3, 3, 2, 2, 1, 1, true}};
static void max_pool(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->max_pool_forward(hl, &pools[more], &m[X], &m[POOLED]);
}
static void max_pool_back(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->max_pool_backward(hl, &pools[more], &m[X], &m[POOLED], &m[DX], !more);
}
static void max_pool_back_cut(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->max_pool_backward(hl, &(hl_pool){3, 3, 2, 2, 1, 1, false}, &m[X], &m[POOLED], &m[DX], more);
}
static void average_pool(hl_context *hl, const hl_kernels *k, hl_view *m, bool more) {
    k->average_pool_forward(hl, &pools[more], &m[X], &m[POOLED]);
}

/* may: the maps that may be half, in any combination. */
static const struct {
    const char *name;
    job *run;
    int may;
} jobs[] = {{"relu", relu, 1 << X | 1 << Y},
            {"relu_backward", relu_backward, 1 << Y},
            {"sigmoid", sigmoid, 1 << X | 1 << Y},
            {"sigmoid_backward", sigmoid_backward, 1 << Y},
            {"swish", swish, 1 << X | 1 << Y},
            {"swish_backward", swish_backward, 1 << X},
            {"backward in place", backward_in_place, 1 << X},
            {"copy", copy, 1 << X | 1 << Y},
            {"add", add, 1 << X | 1 << Z | 1 << Y},
            {"add to the second", add_to_second, 1 << X | 1 << Z | 1 << Y},
            {"upsample", upsample, 1 << X | 1 << Y | 1 << LARGE},
            {"global_average", average, 1 << X},
            {"channel_scale", channel_scale, 1 << X | 1 << Y},
            {"channel_scale_backward", channel_scale_backward, 1 << X},
            {"image_scale", image_scale, 1 << X | 1 << Y},
            {"max_pool", max_pool, 1 << X | 1 << POOLED},
            {"max_pool_backward", max_pool_back, 1 << X},
            {"max_pool_backward, windows cut", max_pool_back_cut, 1 << X},
            {"average_pool", average_pool, 1 << X | 1 << POOLED}};
enum { JOBS = sizeof jobs / sizeof *jobs };

static void hold_against_float(hl_context *hl, const hl_kernels *k, int number_of, const size *s, int half, bool more) {
    maps numbers, mixed;
    maps_new(s, numbers), maps_new(s, mixed);
    for (int i = 0; i < MAPS; i++)
        if (half >> i & 1) free(mixed[i].data), mixed[i] = half_of(&numbers[i]);
    jobs[number_of].run(hl, k, numbers, more);
    jobs[number_of].run(hl, k, mixed, more);
    for (int i = 0; i < MAPS; i++) {
        size_t bytes = (size_t)(hl_view_pixels(&numbers[i]) * numbers[i].stride) * sizeof(float);
        if (mixed[i].half) halves_agree(jobs[number_of].name, &mixed[i], &numbers[i]);
        else ck_assert_msg(!memcmp(mixed[i].data, numbers[i].data, bytes), "%s: other numbers in map %d, half %x", jobs[number_of].name, i, half);
    }
    maps_free(numbers), maps_free(mixed);
}

START_TEST(half_maps_give_what_float_maps_give) {
    const hl_kernels *k = tables[_i % TABLES];
    if (!runs_here(k)) return;
    hl_context *hl = hl_open(&(hl_options){.threads = 2});
    int may = jobs[_i / TABLES].may;
    for (int half = may; half; half = (half - 1) & may) /* all subsets but the empty one */
        for (int i = 0; i < SIZES; i++)
            for (int more = 0; more < 2; more++) hold_against_float(hl, k, _i / TABLES, &sizes[i], half, more);
    hl_close(hl);
}
END_TEST

START_TEST(a_nan_stays_one) {
    const hl_kernels *k = tables[_i];
    if (!runs_here(k)) return;
    static job *const forward[] = {relu, sigmoid, swish, copy, add, channel_scale, image_scale};
    hl_context *hl = hl_open(NULL);
    for (size_t i = 0; i < sizeof forward / sizeof *forward; i++) {
        maps m, halves;
        maps_new(&(size){1, 1, 1, 17, 0}, m);
        ((float *)m[X].data)[2] = NAN;
        memcpy(halves, m, sizeof m);
        for (int j = X; j <= Y; j++) halves[j] = half_of(&m[j]);
        forward[i](hl, k, halves, false);
        const uint16_t *y = halves[Y].data;
        for (int c = 0; c < 17; c++) ck_assert(isnan(widened(y[c])) == (c == 2));
        for (int j = X; j <= Y; j++) free(halves[j].data);
        maps_free(m);
    }
    hl_close(hl);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("half maps");
    TCase *tcase = slow_case(suite, "functions");
    tcase_add_loop_test(tcase, half_maps_give_what_float_maps_give, 0, JOBS * TABLES);
    tcase_add_loop_test(tcase, a_nan_stays_one, 0, TABLES);
    return run_suite(suite);
}
