/* What the tests of augmentation share: a sample, and changing it by words. */
#ifndef HL_TEST_AUGMENTED_H
#define HL_TEST_AUGMENTED_H

#include <math.h>

#include "base/random.h"
#include "data/augment.h"
#include "fixture.h"

enum { HEIGHT = 48, WIDTH = 40, PIXELS = HEIGHT * WIDTH, PLANES = 3 };
static const hl_placement everywhere = {0, 0, HEIGHT, WIDTH};

/* A sample with a picture that tells where each pixel was, in three different planes, and a mask. */
typedef struct sample {
    float images[PLANES * PIXELS];
    uint8_t labels[PIXELS];
} sample;

static hl_context *hl;

static inline void open_library(void) { hl = hl_open(&(hl_options){.threads = 1}); }
static inline void close_library(void) { hl_close(hl); }

static inline uint64_t draw_of(int i) { return hl_random_u64(5, HL_RANDOM_AUGMENT, 0, (uint64_t)i); }

static inline void fill(sample *s) {
    for (int p = 0; p < PLANES; p++) {
        for (int i = 0; i < PIXELS; i++)
            s->images[p * PIXELS + i] = (float)hl_random_uniform(3, HL_RANDOM_PHANTOM, (uint64_t)p, (uint64_t)i);
    }
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++)
            s->labels[y * WIDTH + x] = (uint8_t)(hypot(y - 20, x - 12) < 9 ? 1 : hypot(y - 28, x - 27) < 8 ? 2 : 0);
    }
}

static inline hl_augmentation meaning(const char *text) {
    hl_augmentation augmentation;
    ck_ok(hl, hl_augmentation_parse(hl, text, &augmentation));
    return augmentation;
}

static inline void change(const char *text, uint64_t draw, sample *s, bool sided, const hl_placement *inside) {
    hl_augmentation augmentation = meaning(text);
    hl_augmenter *augmenter = hl_augmenter_new(hl, &augmentation, HEIGHT, WIDTH, PLANES);
    ck_assert_msg(augmenter != NULL, "%s", hl_error(hl));
    hl_augment(augmenter, draw, s->images, s->labels, sided, inside);
    hl_augmenter_free(augmenter);
}

#endif
