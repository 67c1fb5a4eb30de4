/* The plain loops in double against formulas written another way, and values worked out by hand. */
#include "maps.h"

static hl_context *hl;
static const hl_kernels *const k = &hl_kernels_ref_f64;

static void setup(void) { hl = hl_open(&(hl_options){.threads = 2}); }
static void teardown(void) { hl_close(hl); }

static hl_view view(double *data, int n, int h, int w, int c) { return (hl_view){data, n, h, w, c, c, false}; }
static void near(double a, double b) { ck_assert_msg(fabs(a - b) <= 1e-12 * (1 + fabs(b)), "%.17g is not %.17g", a, b); }

/* n, in h w c, out h w c, k h w, stride h w, pad top left, groups */
static const hl_conv convs[] = {
    {2, 5, 4, 6, 5, 4, 4, 3, 3, 1, 1, 1, 1, 1}, {1, 5, 7, 4, 3, 4, 6, 2, 3, 2, 2, 0, 2, 2}, {2, 6, 6, 3, 3, 3, 3, 5, 5, 2, 2, 1, 2, 3},
    {1, 3, 3, 2, 3, 3, 5, 1, 1, 1, 1, 0, 0, 1}, {1, 8, 4, 4, 2, 2, 2, 7, 2, 3, 2, 3, 0, 1},
};
enum { CONVS = sizeof convs / sizeof *convs };

typedef struct data {
    map x, y, dx;
    row kernel, bias, dkernel, dbias;
} data;

static data data_new(const hl_conv *c) {
    int64_t size = (int64_t)c->out_c * c->kh * c->kw * (c->in_c / c->groups);
    return (data){map_new(c->n, c->in_h, c->in_w, c->in_c, 0, 1),
                  map_new(c->n, c->out_h, c->out_w, c->out_c, 0, 2),
                  map_new(c->n, c->in_h, c->in_w, c->in_c, 0, 3),
                  row_new(size, 4),
                  row_new(c->out_c, 5),
                  row_new(size, 6),
                  row_new(c->out_c, 7)};
}
static void data_free(data *d) {
    map_free(&d->x), map_free(&d->y), map_free(&d->dx);
    row_free(&d->kernel), row_free(&d->bias), row_free(&d->dkernel), row_free(&d->dbias);
}

/* Runs `visit` over every (input, kernel, output) triple that a convolution multiplies. */
typedef void visitor(data *d, int64_t x, int64_t w, int64_t y, double *sums);
static void visit_all(const hl_conv *c, data *d, visitor *visit, double *sums) {
    int gin = c->in_c / c->groups, gout = c->out_c / c->groups;
    for (int64_t y = 0; y < (int64_t)c->n * c->out_h * c->out_w * c->out_c; y++)
        for (int64_t w = 0; w < (int64_t)c->kh * c->kw * gin; w++) {
            int64_t o = y % c->out_c, ox = y / c->out_c % c->out_w, oy = y / c->out_c / c->out_w % c->out_h,
                    n = y / c->out_c / c->out_w / c->out_h;
            int64_t i = w % gin, iy = oy * c->stride_h + w / gin / c->kw - c->pad_top,
                    ix = ox * c->stride_w + w / gin % c->kw - c->pad_left;
            if (iy < 0 || ix < 0 || iy >= c->in_h || ix >= c->in_w) continue;
            visit(d, ((n * c->in_h + iy) * c->in_w + ix) * c->in_c + o / gout * gin + i, o * c->kh * c->kw * gin + w, y, sums);
        }
}
static void to_output(data *d, int64_t x, int64_t w, int64_t y, double *sums) {
    sums[y] += ((double *)d->x.f64.data)[x] * d->kernel.f64[w];
}
static void to_input(data *d, int64_t x, int64_t w, int64_t y, double *sums) { sums[x] += ((double *)d->y.f64.data)[y] * d->kernel.f64[w]; }
static void to_kernel(data *d, int64_t x, int64_t w, int64_t y, double *sums) {
    sums[w] += ((double *)d->y.f64.data)[y] * ((double *)d->x.f64.data)[x];
}

START_TEST(a_convolution_is_its_sum) {
    const hl_conv *c = &convs[_i];
    data d = data_new(c);
    hl_segment in = {.view = d.x.f64};
    double sums[1000] = {0}, back[1000], weights[1000] = {0}, *y = d.y.f64.data, *dx = d.dx.f64.data;
    int64_t inputs = hl_view_pixels(&d.x.f64) * c->in_c, outputs = hl_view_pixels(&d.y.f64) * c->out_c;
    ck_assert(inputs <= 1000 && outputs <= 1000 && d.kernel.count <= 1000);
    memcpy(back, dx, (size_t)inputs * sizeof *back); /* accumulating */
    visit_all(c, &d, to_input, back);
    visit_all(c, &d, to_kernel, weights);
    visit_all(c, &d, to_output, sums);
    k->convs[0]->backward_data(hl, c, &d.y.f64, d.kernel.f64, &d.dx.f64, true, NULL);
    for (int64_t i = 0; i < inputs; i++) near(dx[i], back[i]);
    k->convs[0]->backward_weights(hl, c, &in, 1, &d.y.f64, d.dkernel.f64, d.dbias.f64, NULL);
    for (int64_t i = 0; i < d.kernel.count; i++) near(d.dkernel.f64[i], weights[i]);
    for (int o = 0; o < c->out_c; o++) {
        double sum = 0;
        for (int64_t i = o; i < outputs; i += c->out_c) sum += y[i];
        near(d.dbias.f64[o], sum);
    }
    k->convs[0]->forward(hl, c, &in, 1, d.kernel.f64, d.bias.f64, NULL, &d.y.f64, NULL);
    for (int64_t i = 0; i < outputs; i++) near(y[i], sums[i] + d.bias.f64[i % c->out_c]);
    data_free(&d);
}
END_TEST

/* Channels 2 upsampled, then 1: the same as the joined map. */
START_TEST(segments_are_a_concatenation) {
    hl_conv c = {1, 4, 4, 3, 4, 4, 2, 3, 3, 1, 1, 1, 1, 1};
    map a = map_new(1, 2, 2, 2, 1, 1), b = map_new(1, 4, 4, 1, 0, 2), whole = map_new(1, 4, 4, 3, 0, 3), y = map_new(1, 4, 4, 2, 0, 4),
        z = map_new(1, 4, 4, 2, 0, 5);
    row kernel = row_new(2 * 9 * 3, 6);
    for (int i = 0; i < 16; i++) {
        double *to = (double *)whole.f64.data + i * 3, *from = (double *)a.f64.data + (i / 8 * 2 + i % 4 / 2) * 3;
        to[0] = from[0], to[1] = from[1], to[2] = ((double *)b.f64.data)[i];
    }
    k->convs[0]->forward(hl, &c, (hl_segment[]){{.view = a.f64, .up = 1}, {.view = b.f64}}, 2, kernel.f64, NULL, NULL, &y.f64, NULL);
    k->convs[0]->forward(hl, &c, &(hl_segment){.view = whole.f64}, 1, kernel.f64, NULL, NULL, &z.f64, NULL);
    for (int i = 0; i < 32; i++) near(((double *)y.f64.data)[i], ((double *)z.f64.data)[i]);
    map_free(&a), map_free(&b), map_free(&whole), map_free(&y), map_free(&z);
    row_free(&kernel);
}
END_TEST

START_TEST(a_tie_in_a_pool_goes_to_the_first) {
    double x[] = {1, 1, 1, 1}, dy[] = {5}, dx[] = {1, 1, 1, 1}, y[1];
    hl_view in = view(x, 1, 2, 2, 1), out = view(y, 1, 1, 1, 1), dout = view(dy, 1, 1, 1, 1), din = view(dx, 1, 2, 2, 1);
    hl_pool pool = {2, 2, 2, 2, 0, 0, false};
    k->max_pool_forward(hl, &pool, &in, &out);
    k->max_pool_backward(hl, &pool, &in, &dout, &din, true);
    near(y[0], 1), near(dx[0], 6), near(dx[1], 1), near(dx[2], 1), near(dx[3], 1);
}
END_TEST

/* A 3x3 window with one row and column of padding over 2x2: negative inputs lose to padding that counts as 0. */
START_TEST(padding_takes_part_only_if_asked) {
    double x[] = {-4, -3, -2, -1}, dy[] = {8}, dx[4], y[1];
    hl_view in = view(x, 1, 2, 2, 1), out = view(y, 1, 1, 1, 1), dout = view(dy, 1, 1, 1, 1), din = view(dx, 1, 2, 2, 1);
    hl_pool pool = {3, 3, 2, 2, 1, 1, true};
    k->max_pool_forward(hl, &pool, &in, &out);
    k->max_pool_backward(hl, &pool, &in, &dout, &din, false);
    near(y[0], 0), near(dx[0] + dx[1] + dx[2] + dx[3], 0);
    k->average_pool_forward(hl, &pool, &in, &out);
    k->average_pool_backward(hl, &pool, &dout, &din, false);
    near(y[0], -10.0 / 9), near(dx[3], 8.0 / 9);
    pool.zero_pad = false;
    k->max_pool_forward(hl, &pool, &in, &out);
    k->max_pool_backward(hl, &pool, &in, &dout, &din, false);
    near(y[0], -1), near(dx[3], 8), near(dx[0], 0);
    k->average_pool_forward(hl, &pool, &in, &out);
    k->average_pool_backward(hl, &pool, &dout, &din, false);
    near(y[0], -2.5), near(dx[0], 2);
}
END_TEST

/* x = 1, 2, 3, 6: mean 3, variance 3.5; the gradient against differences of the whole function. */
static double normed(const double *x, int at, double gamma, double beta) {
    double mean = (x[0] + x[1] + x[2] + x[3]) / 4, variance = 0;
    for (int i = 0; i < 4; i++) variance += (x[i] - mean) * (x[i] - mean) / 4;
    return gamma * (x[at] - mean) / sqrt(variance + 0.25) + beta;
}
START_TEST(batch_norm_and_its_gradient) {
    double x[] = {1, 2, 3, 6}, y[4], dy[] = {1, -2, 0.5, 3}, dx[4], mean, variance, gamma = 1.5, beta = -0.5, dgamma, dbeta;
    hl_view in = view(x, 2, 1, 2, 1), out = view(y, 2, 1, 2, 1), dout = view(dy, 2, 1, 2, 1), din = view(dx, 2, 1, 2, 1);
    k->norm_statistics(hl, &in, &mean, &variance, NULL);
    near(mean, 3), near(variance, 3.5);
    double terms[3];
    hl_norm_state norm = {.mean = &mean, .variance = &variance, .eps = 0.25, .gamma = &gamma, .beta = &beta, .terms = terms};
    k->norm_terms(&norm, 1);
    k->norm_apply(hl, &in, &norm, &out);
    for (int i = 0; i < 4; i++) near(y[i], normed(x, i, gamma, beta));
    k->norm_backward(hl, &in, &dout, &norm, &din, false, &dgamma, &dbeta, NULL);
    near(dbeta, 2.5);
    double expected = 0;
    for (int i = 0; i < 4; i++) expected += dy[i] * (y[i] - beta) / gamma;
    near(dgamma, expected);
    for (int j = 0; j < 4; j++) {
        double slope = 0, kept = x[j], step = 1e-5;
        for (int side = -1; side <= 1; side += 2) {
            x[j] = kept + side * step;
            for (int i = 0; i < 4; i++) slope += side * dy[i] * normed(x, i, gamma, beta) / (2 * step);
        }
        x[j] = kept;
        ck_assert_double_eq_tol(dx[j], slope, 1e-8);
    }
}
END_TEST

/* Behind a norm they do what the norm and the activation do one after the other. */
START_TEST(activations_behind_a_norm) {
    double x[] = {1, 2, 3, 6}, y[4], z[4], dy[] = {1, -2, 0.5, 3}, dz[4], dx[4], expected[4], mean, variance, gamma = 1.5, beta = -0.5, sums[4];
    hl_view in = view(x, 2, 1, 2, 1), out = view(y, 2, 1, 2, 1), between = view(z, 2, 1, 2, 1), dout = view(dy, 2, 1, 2, 1);
    hl_view dbetween = view(dz, 2, 1, 2, 1), din = view(dx, 2, 1, 2, 1), right = view(expected, 2, 1, 2, 1);
    k->norm_statistics(hl, &in, &mean, &variance, NULL);
    double terms[3];
    hl_norm_state norm = {.mean = &mean, .variance = &variance, .eps = 0.25, .gamma = &gamma, .beta = &beta, .terms = terms};
    k->norm_terms(&norm, 1);
    for (int act = HL_RELU; act <= HL_SWISH; act++) {
        norm.act = HL_LINEAR;
        k->norm_apply(hl, &in, &norm, &between);
        (act == HL_RELU ? k->relu_forward : k->swish_forward)(hl, &between, &right);
        norm.act = (hl_activation)act;
        k->norm_apply(hl, &in, &norm, &out);
        for (int i = 0; i < 4; i++) near(y[i], expected[i]);
        (act == HL_RELU ? k->relu_backward : k->swish_backward)(hl, &between, &dout, &dbetween, false);
        k->norm_backward(hl, &in, &dout, &norm, &din, false, &sums[0], &sums[1], NULL);
        norm.act = HL_LINEAR;
        k->norm_backward(hl, &in, &dbetween, &norm, &right, false, &sums[2], &sums[3], NULL);
        for (int i = 0; i < 4; i++) near(dx[i], expected[i]);
        near(sums[0], sums[2]), near(sums[1], sums[3]);
    }
}
END_TEST

START_TEST(activations) {
    double x[] = {-2, 0, 3}, y[3], dy[] = {5, 7, 11}, dx[3];
    hl_view in = view(x, 1, 1, 3, 1), out = view(y, 1, 1, 3, 1), dout = view(dy, 1, 1, 3, 1), din = view(dx, 1, 1, 3, 1);
    k->relu_forward(hl, &in, &out);
    k->relu_backward(hl, &out, &dout, &din, false);
    near(y[0], 0), near(y[1], 0), near(y[2], 3), near(dx[0], 0), near(dx[1], 0), near(dx[2], 11);
    k->sigmoid_forward(hl, &in, &out);
    k->sigmoid_backward(hl, &out, &dout, &din, true);
    near(y[1], 0.5), near(y[2], 1 / (1 + exp(-3))), near(dx[1], 7 * 0.25), near(dx[2], 11 + 11 * exp(-3) / pow(1 + exp(-3), 2));
}
END_TEST

START_TEST(upsampling_and_its_sum) {
    double x[] = {1, 2}, y[8], dx[2] = {100, 200};
    hl_view in = view(x, 1, 1, 2, 1), out = view(y, 1, 2, 4, 1), din = view(dx, 1, 1, 2, 1);
    k->upsample_forward(hl, 1, &in, &out);
    for (int i = 0; i < 8; i++) near(y[i], i % 4 < 2 ? 1 : 2), y[i] = i;
    k->upsample_backward(hl, 1, &out, &din, true);
    near(dx[0], 100 + 0 + 1 + 4 + 5), near(dx[1], 200 + 2 + 3 + 6 + 7);
}
END_TEST

START_TEST(the_loss_is_stable) {
    double z[] = {0, 100, -100, 100, -100}, t[] = {1, 1, 0, 0, 1}, dz[5];
    hl_view logits = view(z, 1, 1, 5, 1), target = view(t, 1, 1, 5, 1), d = view(dz, 1, 1, 5, 1);
    hl_loss_sums sums;
    space s = space_new(hl, k->loss_workspace(&logits));
    k->loss_sums(hl, &logits, &target, &sums, s.data);
    space_free("loss_sums", &s);
    near(sums.cross_entropy, log(2) + 100 + 100), near(sums.product, 1.5), near(sums.probability, 2.5), near(sums.target, 3);
    k->loss_backward(hl, &logits, &target, 0.2, -3, 7, &d);
    near(dz[0], -0.5 * 0.2 + 0.25 * (-3 + 7)), near(dz[1], 0), near(dz[2], 0), near(dz[3], 0.2), near(dz[4], -0.2);
}
END_TEST

/* Probabilities 1/4, 1/4, 1/2 in the first pixel; logits that exp would overflow on in the others. In place too. */
START_TEST(softmax_is_stable) {
    double x[] = {0, 0, log(2), 5000, 5000, -5000, -5000, 1, -5000}, y[9];
    const double expected[] = {0.25, 0.25, 0.5, 0.5, 0.5, 0, 0, 1, 0};
    hl_view in = view(x, 1, 1, 3, 3), out = view(y, 1, 1, 3, 3);
    k->softmax_forward(hl, &in, &out);
    for (int i = 0; i < 9; i++) near(y[i], expected[i]);
    k->softmax_forward(hl, &in, &in);
    for (int i = 0; i < 9; i++) near(x[i], expected[i]);
}
END_TEST

START_TEST(the_loss_of_classes_is_stable) {
    double z[] = {0, 0, log(2), 5000, 5000, -5000, 0, 0, log(2)}, t[] = {2, 2, 7}, dz[9], own[9];
    hl_view logits = view(z, 1, 1, 3, 3), target = view(t, 1, 1, 3, 1), d = view(dz, 1, 1, 3, 3);
    hl_class_sums sums = {.product = own, .probability = own + 3, .target = own + 6};
    space s = space_new(hl, k->class_loss_workspace(&logits));
    k->class_loss_sums(hl, &logits, &target, &sums, s.data);
    space_free("class_loss_sums", &s);
    near(sums.cross_entropy, log(2) + 10000 + log(2)); /* the third pixel's 7 is no class */
    near(sums.product[0], 0), near(sums.product[2], 0.5);
    near(sums.probability[0], 1), near(sums.probability[1], 1), near(sums.probability[2], 1);
    near(sums.target[0], 0), near(sums.target[1], 0), near(sums.target[2], 2);
    const double product[] = {100, 100, -3}, probability[] = {4, 8, 2};
    k->class_loss_backward(hl, &logits, &target, 0.2, product, probability, &d);
    double mean = (4 + 8 + 2 * (-3 + 2)) / 4.0; /* of the first pixel's slopes 4, 8, -1 */
    near(dz[0], 0.25 * 0.2 + 0.25 * (4 - mean)), near(dz[1], 0.25 * 0.2 + 0.25 * (8 - mean));
    near(dz[2], -0.5 * 0.2 + 0.5 * (-1 - mean));
    near(dz[3], 0.5 * 0.2 + 0.5 * (4 - 6)), near(dz[4], 0.5 * 0.2 + 0.5 * (8 - 6)), near(dz[5], -0.2);
    near(dz[6] + dz[7] + dz[8], 0.2); /* no class to subtract */
}
END_TEST

/* Gradients 1 and then 3: m = 0.1, then 0.39; v = 0.001, then 0.009999. */
START_TEST(adam_by_hand) {
    double w = 1, m = 0, v = 0, g = 1;
    hl_adam_step step = {0.01, 0.9, 0.999, 1e-7, 0.1, 0.001};
    k->adam(hl, &step, 1, &w, &g, &m, &v);
    near(m, 0.1), near(v, 0.001), near(w, 1 - 0.01 / (1 + 1e-7));
    double before = w;
    g = 3, step.correction1 = 0.19, step.correction2 = 0.001999;
    k->adam(hl, &step, 1, &w, &g, &m, &v);
    near(m, 0.39), near(v, 0.009999), near(w, before - 0.01 * (0.39 / 0.19) / (sqrt(0.009999 / 0.001999) + 1e-7));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plain kernels");
    TCase *tcase = slow_case(suite, "plain kernels");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_convolution_is_its_sum, 0, CONVS);
    tcase_add_test(tcase, segments_are_a_concatenation);
    tcase_add_test(tcase, a_tie_in_a_pool_goes_to_the_first);
    tcase_add_test(tcase, padding_takes_part_only_if_asked);
    tcase_add_test(tcase, batch_norm_and_its_gradient);
    tcase_add_test(tcase, activations_behind_a_norm);
    tcase_add_test(tcase, activations);
    tcase_add_test(tcase, upsampling_and_its_sum);
    tcase_add_test(tcase, the_loss_is_stable);
    tcase_add_test(tcase, softmax_is_stable);
    tcase_add_test(tcase, the_loss_of_classes_is_stable);
    tcase_add_test(tcase, adam_by_hand);
    return run_suite(suite);
}
