/* The loader: the order of batches, flips, the same bits from any number of threads, stopping at any moment, errors, no allocation. */
#include <stdatomic.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "fixture.h"

#define HEADER "centre,patient,case,slice,image,mask\n"

enum { ROWS = 5, OTHER_CASE = 3 /* the first row of the second case */, HEIGHT = 3, WIDTH = 4, PIXELS = HEIGHT * WIDTH };

/* Counts what is allocated. Sanitizers have a malloc of their own, which must not be replaced. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define COUNTING 0
#endif
#endif
#ifndef COUNTING
#define COUNTING 1
#endif

static atomic_long allocations;

#if COUNTING && defined(__GLIBC__)
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
void *malloc(size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, bytes);
}
void *realloc(void *memory, size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(memory, bytes);
}
#endif

typedef struct setting {
    fixture f;
    hl_manifest *manifest;
    hl_cohort *cohort;
} setting;

/* Slice r: pixel i of the image is 10 r + i; of the mask, lesion where i + r is a multiple of 3. */
static int image_value(int row, int pixel) { return 10 * row + pixel; }
static int mask_value(int row, int pixel) { return (pixel + row) % 3 == 0; }

static void put_slice(setting *s, int row) {
    unsigned char image[PIXELS], mask[PIXELS];
    char name[32];
    for (int i = 0; i < PIXELS; i++) image[i] = (unsigned char)image_value(row, i), mask[i] = mask_value(row, i) ? 255 : 0;
    snprintf(name, sizeof name, "i%d.png", row);
    ck_ok(s->f.hl, hl_png_write(s->f.hl, fixture_path(&s->f, name), WIDTH, HEIGHT, 1, 8, image));
    snprintf(name, sizeof name, "m%d.png", row);
    ck_ok(s->f.hl, hl_png_write(s->f.hl, fixture_path(&s->f, name), WIDTH, HEIGHT, 1, 8, mask));
}

static void open_setting(setting *s) {
    fixture_open(&s->f, 1);
    char text[1024] = HEADER;
    for (int row = 0; row < ROWS; row++) {
        put_slice(s, row);
        snprintf(text + strlen(text), sizeof text - strlen(text), "a,p,%s,%d,i%d.png,m%d.png\n", row < OTHER_CASE ? "c" : "d", row, row, row);
    }
    put_text(&s->f, "manifest.csv", text);
    s->manifest = read_manifest(&s->f);
    s->cohort = hl_cohort_open(s->f.hl, s->manifest, &(hl_cohort_options){.height = HEIGHT, .width = WIDTH});
    ck_assert_msg(s->cohort != NULL, "%s", hl_error(s->f.hl));
}

static void close_setting(setting *s) {
    hl_cohort_free(s->cohort);
    hl_manifest_free(s->manifest);
    fixture_close(&s->f);
}

static const hl_augmentation flips = {.strength = {0.5}, .chance = {1}};
/* Draws from which a sample is flipped, or not. */
#define MIRRORED UINT64_MAX
#define STRAIGHT 0

static hl_loader *start(setting *s, const hl_sample *samples, const int *starts, int batches, int channels) {
    hl_loader *loader = hl_loader_start(s->cohort, samples, starts, batches, &(hl_loader_options){.channels = channels, .augmentation = flips});
    ck_assert_msg(loader != NULL, "%s", hl_error(s->f.hl));
    return loader;
}

static void check_sample(const hl_sample *sample, const float *images, const float *masks, int channels) {
    for (int i = 0; i < PIXELS; i++) {
        int from = sample->draw == MIRRORED ? i / WIDTH * WIDTH + WIDTH - 1 - i % WIDTH : i;
        for (int c = 0; c < channels; c++) ck_assert_float_eq(images[i * channels + c], (float)(image_value(sample->row, from) / 255.0));
        ck_assert_float_eq(masks[i], (float)mask_value(sample->row, from));
    }
}

/* Takes all batches and checks each sample of each. */
static void check_all(setting *s, hl_loader *loader, const hl_sample *samples, const int *starts, int batches, int channels) {
    const float *images, *masks;
    int count;
    for (int b = 0; b < batches; b++) {
        ck_ok(s->f.hl, hl_loader_next(loader, &images, &masks, &count));
        ck_assert_int_eq(count, starts[b + 1] - starts[b]);
        for (int k = 0; k < count; k++) check_sample(&samples[starts[b] + k], images + k * PIXELS * channels, masks + k * PIXELS, channels);
    }
    for (int again = 0; again < 2; again++) {
        ck_ok(s->f.hl, hl_loader_next(loader, &images, &masks, &count));
        ck_assert_int_eq(count, 0);
    }
}

static const hl_sample plan[] = {{4, STRAIGHT}, {0, MIRRORED}, {2, STRAIGHT}, {2, MIRRORED}, {1, MIRRORED}, {3, STRAIGHT}, {0, STRAIGHT}, {4, MIRRORED}};

START_TEST(batches_come_in_order) {
    setting s;
    open_setting(&s);
    const int starts[] = {0, 3, 4, 8};
    for (int channels = 1; channels <= 3; channels += 2) {
        hl_loader *loader = start(&s, plan, starts, 3, channels);
        check_all(&s, loader, plan, starts, 3, channels);
        hl_loader_free(loader);
    }
    const int later[] = {5, 6, 7, 8}; /* not from the first sample on */
    hl_loader *loader = start(&s, plan, later, 3, 2);
    check_all(&s, loader, plan, later, 3, 2);
    hl_loader_free(loader);
    loader = start(&s, NULL, NULL, 0, 1);
    check_all(&s, loader, NULL, NULL, 0, 1);
    hl_loader_free(loader);
    close_setting(&s);
}
END_TEST

/* The slice `step` further on in the same case, or the slice itself at the case's end. */
static int neighbour(int row, int step) {
    int to = row + step;
    return to < 0 || to >= ROWS || (row < OTHER_CASE) != (to < OTHER_CASE) ? row : to;
}

START_TEST(neighbours_fill_the_channels) {
    setting s;
    open_setting(&s);
    const int starts[] = {0, 3, 8};
    hl_loader *loader = hl_loader_start(s.cohort, plan, starts, 2, &(hl_loader_options){.channels = 3, .context = true, .augmentation = flips});
    ck_assert_msg(loader != NULL, "%s", hl_error(s.f.hl));
    for (int b = 0; b < 2; b++) {
        const float *images, *masks;
        int count;
        ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count));
        for (int k = 0; k < count * PIXELS; k++) {
            const hl_sample *sample = &plan[starts[b] + k / PIXELS];
            int i = k % PIXELS, from = sample->draw == MIRRORED ? i / WIDTH * WIDTH + WIDTH - 1 - i % WIDTH : i;
            for (int c = 0; c < 3; c++)
                ck_assert_float_eq(images[3 * k + c], (float)(image_value(neighbour(sample->row, c - 1), from) / 255.0));
            ck_assert_float_eq(masks[k], (float)mask_value(sample->row, from));
        }
    }
    hl_loader_free(loader);
    float planes[3 * PIXELS];
    for (int row = 0; row < ROWS; row++) {
        ck_ok(s.f.hl, hl_cohort_image(s.cohort, row, true, planes));
        for (int i = 0; i < 3 * PIXELS; i++)
            ck_assert_float_eq(planes[i], (float)(image_value(neighbour(row, i / PIXELS - 1), i % PIXELS) / 255.0));
        ck_ok(s.f.hl, hl_cohort_image(s.cohort, row, false, planes));
        ck_assert_float_eq(planes[1], (float)(image_value(row, 1) / 255.0));
    }
    ck_assert_int_eq(hl_cohort_image(s.cohort, ROWS, true, planes), HL_USAGE);
    ck_assert_ptr_null(hl_loader_start(s.cohort, plan, starts, 2, &(hl_loader_options){.channels = 1, .context = true}));
    check_error(s.f.hl, HL_USAGE, "3 channels");
    close_setting(&s);
}
END_TEST

/* A batch must not change while the consumer has it, however far ahead the thread could be. */
START_TEST(batch_stays_until_the_next_call) {
    setting s;
    open_setting(&s);
    const int starts[] = {0, 2, 4, 6, 8};
    hl_loader *loader = start(&s, plan, starts, 4, 1);
    const float *images, *masks;
    int count;
    for (int b = 0; b < 4; b++) {
        ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count));
        usleep(20000);
        for (int k = 0; k < count; k++) check_sample(&plan[starts[b] + k], images + k * PIXELS, masks + k * PIXELS, 1);
    }
    hl_loader_free(loader);
    close_setting(&s);
}
END_TEST

/* Everything at once, by one thread and by several, in batches and all together. */
START_TEST(threads_and_batches_change_no_bit) {
    setting s;
    open_setting(&s);
    enum { SAMPLES = 60 };
    hl_sample samples[SAMPLES];
    int starts[SAMPLES + 1];
    for (int i = 0; i < SAMPLES; i++) samples[i] = (hl_sample){i % ROWS, hl_random_u64(1, HL_RANDOM_AUGMENT, 2, (uint64_t)i)};
    for (int b = 0; b <= SAMPLES; b++) starts[b] = b;
    static float expected[SAMPLES * PIXELS * 3], labels[SAMPLES * PIXELS];
    hl_loader_options options = {.channels = 3, .context = true};
    ck_ok(s.f.hl, hl_augmentation_parse(s.f.hl, "flip,rotate:1,shift,elastic,gamma,noise:1,blur,cutout,window", &options.augmentation));
    for (options.workers = 1; options.workers <= 5; options.workers++) {
        bool whole = options.workers % 2 == 0;
        const int all[] = {0, SAMPLES};
        hl_loader *loader = hl_loader_start(s.cohort, samples, whole ? all : starts, whole ? 1 : SAMPLES, &options);
        ck_assert_msg(loader != NULL, "%s", hl_error(s.f.hl));
        const float *images, *masks;
        for (int at = 0, count = 1; at < SAMPLES; at += count) {
            ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count));
            ck_assert_int_ge(count, 1);
            size_t pixels = (size_t)count * PIXELS, from = (size_t)at * PIXELS;
            if (options.workers == 1) memcpy(expected + 3 * from, images, 3 * pixels * sizeof *images), memcpy(labels + from, masks, pixels * sizeof *masks);
            ck_assert_mem_eq(expected + 3 * from, images, 3 * pixels * sizeof *images);
            ck_assert_mem_eq(labels + from, masks, pixels * sizeof *masks);
        }
        hl_loader_free(loader);
    }
    close_setting(&s);
}
END_TEST

/* Waiting is what the consumer lost, not how long it took itself. */
START_TEST(waiting_is_counted) {
    setting s;
    open_setting(&s);
    const int starts[] = {0, 8};
    hl_loader *loader = start(&s, plan, starts, 1, 1);
    usleep(200000);
    const float *images, *masks;
    int count;
    double begin = hl_seconds();
    ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count));
    double took = hl_seconds() - begin;
    ck_assert_double_le(hl_loader_waited(loader), took);
    hl_loader_free(loader);
    double waited = 0;
    for (int attempt = 0; attempt < 1000 && waited == 0; attempt++) { /* asks at once, so that a batch is not ready now and then */
        loader = start(&s, plan, starts, 1, 1);
        ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count));
        waited = hl_loader_waited(loader);
        ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count)); /* the end is not waited for */
        ck_assert_double_eq(hl_loader_waited(loader), waited);
        hl_loader_free(loader);
    }
    ck_assert_double_gt(waited, 0);
    close_setting(&s);
}
END_TEST

START_TEST(stops_at_any_moment) {
    setting s;
    open_setting(&s);
    enum { SAMPLES = 400 };
    hl_sample samples[SAMPLES];
    int starts[SAMPLES / 4 + 1];
    for (int i = 0; i < SAMPLES; i++) samples[i] = (hl_sample){i % ROWS, i % 2 ? MIRRORED : STRAIGHT};
    for (int b = 0; b <= SAMPLES / 4; b++) starts[b] = 4 * b;
    for (int taken = 0; taken < 60; taken++) {
        hl_loader_options options = {.channels = 3, .augmentation = flips, .workers = 1 + taken % 3};
        hl_loader *loader = hl_loader_start(s.cohort, samples, starts, SAMPLES / 4, &options);
        ck_assert_msg(loader != NULL, "%s", hl_error(s.f.hl));
        const float *images, *masks;
        int count;
        for (int b = 0; b < taken % 30; b++) ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count));
        if (taken >= 30) usleep(1000); /* both buffers are full by now, or not */
        hl_loader_free(loader);
    }
    hl_loader_free(NULL);
    close_setting(&s);
}
END_TEST

/* Whichever thread meets an error first, it is the first sample's that is told. */
START_TEST(errors_reach_the_consumer_after_the_good_batches) {
    setting s;
    open_setting(&s);
    put_text(&s.f, "i3.png", "spoilt");
    put_text(&s.f, "i4.png", "spoilt");
    const hl_sample samples[] = {{0, STRAIGHT}, {1, STRAIGHT}, {2, MIRRORED}, {2, STRAIGHT}, {1, STRAIGHT}, {3, STRAIGHT}, {4, STRAIGHT}, {4, STRAIGHT}};
    const int starts[] = {0, 2, 4, 6, 8}; /* slice 3 is in the third batch */
    hl_loader *loader =
        hl_loader_start(s.cohort, samples, starts, 4, &(hl_loader_options){.channels = 1, .augmentation = flips, .workers = 1 + _i});
    ck_assert_msg(loader != NULL, "%s", hl_error(s.f.hl));
    const float *images, *masks;
    int count;
    for (int b = 0; b < 2; b++) {
        ck_ok(s.f.hl, hl_loader_next(loader, &images, &masks, &count));
        for (int k = 0; k < count; k++) check_sample(&samples[starts[b] + k], images + k * PIXELS, masks + k * PIXELS, 1);
    }
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(hl_loader_next(loader, &images, &masks, &count), HL_BAD_INPUT);
        ck_assert_int_eq(count, 0);
        check_error(s.f.hl, HL_BAD_INPUT, "manifest.csv:5: ");
        check_error(s.f.hl, HL_BAD_INPUT, "i3.png: the file has changed");
    }
    hl_loader_free(loader);
    close_setting(&s);
}
END_TEST

/* The second sample fails while the first, whose file is a pipe that nobody writes to yet, is still being read. */
START_TEST(the_first_error_is_told_though_it_comes_last) {
    setting s;
    open_setting(&s);
    char path[256];
    snprintf(path, sizeof path, "%s", fixture_path(&s.f, "i3.png"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    put_text(&s.f, "i4.png", "spoilt");
    const hl_sample samples[] = {{3, STRAIGHT}, {4, STRAIGHT}};
    hl_loader *loader = hl_loader_start(s.cohort, samples, (const int[]){0, 2}, 1, &(hl_loader_options){.channels = 1, .workers = 2});
    ck_assert_msg(loader != NULL, "%s", hl_error(s.f.hl));
    int pipe = open(path, O_WRONLY); /* returns once the other end is being read */
    ck_assert_int_ge(pipe, 0);
    ck_assert_int_eq(unlink(path), 0);
    put_text(&s.f, "i3.png", "spoilt");
    usleep(100000); /* time for the second to fail; without it the order is what it is */
    ck_assert_int_eq(close(pipe), 0);
    const float *images, *masks;
    int count;
    ck_assert_int_eq(hl_loader_next(loader, &images, &masks, &count), HL_BAD_INPUT);
    check_error(s.f.hl, HL_BAD_INPUT, "i3.png: the file has changed");
    hl_loader_free(loader);
    close_setting(&s);
}
END_TEST

START_TEST(senseless_plans_are_refused) {
    setting s;
    open_setting(&s);
    const hl_sample beyond[] = {{0, STRAIGHT}, {ROWS, STRAIGHT}}, below[] = {{-1, STRAIGHT}};
    const int both[] = {0, 2}, one[] = {0, 1}, empty[] = {0, 1, 1}, back[] = {0, 2, 1};
    ck_assert_ptr_null(hl_loader_start(s.cohort, beyond, both, 1, &(hl_loader_options){.channels = 1}));
    check_error(s.f.hl, HL_USAGE, "sample 1 is slice 5 of a cohort of 5");
    ck_assert_ptr_null(hl_loader_start(s.cohort, below, one, 1, &(hl_loader_options){.channels = 1}));
    check_error(s.f.hl, HL_USAGE, "slice -1");
    ck_assert_ptr_null(hl_loader_start(s.cohort, plan, empty, 2, &(hl_loader_options){.channels = 1}));
    check_error(s.f.hl, HL_USAGE, "batch 1 goes from sample 1 to 1");
    ck_assert_ptr_null(hl_loader_start(s.cohort, plan, back, 2, &(hl_loader_options){.channels = 1}));
    check_error(s.f.hl, HL_USAGE, "batch 1 goes from sample 2 to 1");
    ck_assert_ptr_null(hl_loader_start(s.cohort, plan, one, 1, &(hl_loader_options){.channels = 0}));
    check_error(s.f.hl, HL_USAGE, "0 channels");
    ck_assert_ptr_null(hl_loader_start(s.cohort, plan, one, 1, &(hl_loader_options){.channels = 1, .workers = -1}));
    check_error(s.f.hl, HL_USAGE, "-1 loader threads");
    ck_assert_ptr_null(hl_loader_start(s.cohort, plan, one, 1, &(hl_loader_options){.channels = 1, .augmentation = {.strength = {2}, .chance = {1}}}));
    check_error(s.f.hl, HL_USAGE, "flip of strength 2");
    close_setting(&s);
}
END_TEST

START_TEST(a_warm_cache_allocates_nothing) {
    setting s;
    open_setting(&s);
    enum { BATCHES = 200 };
    hl_sample samples[BATCHES];
    int starts[BATCHES + 1];
    for (int i = 0; i < BATCHES; i++) samples[i] = (hl_sample){i % ROWS, i % 2 ? MIRRORED : STRAIGHT};
    for (int b = 0; b <= BATCHES; b++) starts[b] = b;
    float image[PIXELS];
    long before = atomic_load(&allocations);
    for (int row = 0; row < ROWS; row++) ck_ok(s.f.hl, hl_cohort_slice(s.cohort, row, image, NULL, NULL, NULL));
#if COUNTING && defined(__GLIBC__)
    long seen = atomic_load(&allocations) - before; /* by the decoding, so the count works; but valgrind preloads its own malloc */
    if (!getenv("LD_PRELOAD")) ck_assert_int_gt(seen, 0);
#endif
    hl_loader_options options = {.channels = 3, .workers = 2};
    ck_ok(s.f.hl, hl_augmentation_parse(s.f.hl, "flip,rotate,elastic,gamma,noise,blur,cutout", &options.augmentation));
    hl_loader *loader = hl_loader_start(s.cohort, samples, starts, BATCHES, &options);
    ck_assert_msg(loader != NULL, "%s", hl_error(s.f.hl));
    const float *images, *masks;
    int count = 1, failed = 0, batches = 0;
    failed += hl_loader_next(loader, &images, &masks, &count) != HL_OK; /* the thread is running now */
    before = atomic_load(&allocations);
    for (; count && !failed; batches++) failed += hl_loader_next(loader, &images, &masks, &count) != HL_OK;
    long during = atomic_load(&allocations) - before;
    hl_loader_free(loader);
    ck_assert_int_eq(failed, 0);
    ck_assert_int_eq(batches, BATCHES);
    ck_assert_int_eq(during, 0);
    close_setting(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("loader");
    TCase *tcase = slow_case(suite, "loader");
    tcase_add_test(tcase, batches_come_in_order);
    tcase_add_test(tcase, neighbours_fill_the_channels);
    tcase_add_test(tcase, batch_stays_until_the_next_call);
    tcase_add_test(tcase, stops_at_any_moment);
    tcase_add_test(tcase, threads_and_batches_change_no_bit);
    tcase_add_test(tcase, waiting_is_counted);
    tcase_add_loop_test(tcase, errors_reach_the_consumer_after_the_good_batches, 0, 4);
    tcase_add_test(tcase, the_first_error_is_told_though_it_comes_last);
    tcase_add_test(tcase, senseless_plans_are_refused);
    tcase_add_test(tcase, a_warm_cache_allocates_nothing);
    return run_suite(suite);
}
