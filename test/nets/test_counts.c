/* Every net's parameters: how many, and under which names in which shapes.
 *
 * The figures are counted by an independent implementation of all nets in PyTorch, written from their description alone; its totals
 * are those of the paper's Table 1 where it has them, and its encoders have as many parameters as Keras' published ones. */
#include <string.h>

#include "base/random.h"
#include "harness.h"
#include "hilum/nets.h"
#include "ops/op.h"

/* `names` is the sum over all parameters of the FNV-1a hash of "LAYER/KIND AxBxCxD" (vectors: "LAYER/KIND A"). */
static const struct {
    const char *net;
    int64_t total, trainable;
    size_t tensors;
    uint64_t names;
} rows[] = {
    {"unet-vgg11", 18258065, 18254033, 78, 0xe44465ed667ba467},
    {"unet-vgg13", 18442577, 18438545, 82, 0xd5c4cef0a634224a},
    {"unet-vgg16", 23752273, 23748241, 88, 0xf38a250f9e8c4f1d},
    {"unet-vgg19", 29061969, 29057937, 94, 0xd4babb591f4d162c},
    {"unet-resnet18", 14340570, 14330644, 148, 0xbf2d7afe66680f6c},
    {"unet-resnet34", 24456154, 24438804, 228, 0x662e483bb36fbd9c},
    {"unet-resnet50", 32561114, 32513556, 308, 0xc584365541d75642},
    {"unet-resnet101", 51605466, 51505684, 563, 0x1fc06941abc3b228},
    {"unet-resnet152", 67295194, 67149332, 818, 0x3117fcc21f3fdcb8},
    {"unet-densenet121", 12144977, 12059345, 656, 0x2af83372ce7752f3},
    {"unet-densenet169", 19519825, 19359441, 896, 0x2e9d20ac5dfaed71},
    {"unet-densenet201", 26378577, 26147537, 1056, 0x2a3952e147efe79e},
    {"unet-efficientnetb0", 10115501, 10071501, 361, 0x0b4b59d46aba52b3},
    {"unet-efficientnetb1", 12641169, 12577137, 489, 0x808eb34cefdaefd0},
    {"unet-efficientnetb2", 14295299, 14225747, 489, 0x317f9549cb0ca8e7},
    {"unet-efficientnetb3", 17867833, 17778553, 546, 0x6f7c5755bb78c0db},
    {"unet-efficientnetb4", 25735017, 25607833, 660, 0x8006f651e9eeae5e},
    {"unet-efficientnetb5", 37468673, 37293953, 788, 0xe7f5b2916de34a24},
    {"unet-efficientnetb6", 50906009, 50679593, 902, 0xdc3dcaddf9592fa9},
    {"unet-efficientnetb7", 75048097, 74735393, 1087, 0xd27099aa41ee57ae},
    {"linknet-vgg11", 14830929, 14824113, 103, 0x558bf4d958af5a6d},
    {"linknet-vgg13", 15015441, 15008625, 107, 0x470c5ddc9867d850},
    {"linknet-vgg16", 20325137, 20318321, 113, 0x64d1b3fb90c00523},
    {"linknet-vgg19", 25634833, 25628017, 119, 0x46024a451180cc32},
    {"linknet-resnet18", 11521690, 11511668, 173, 0xb6055267913fb67e},
    {"linknet-resnet34", 21637274, 21619828, 253, 0x5d061fa4de4764ae},
    {"linknet-resnet50", 28783386, 28730164, 333, 0x9350410dce15ba50},
    {"linknet-resnet101", 47827738, 47722292, 588, 0xed8c73fa38021636},
    {"linknet-resnet152", 63517466, 63365940, 843, 0xfee4077aab7e40c6},
    {"linknet-densenet121", 8354705, 8267121, 681, 0x5190f5251fdc8862},
    {"linknet-densenet169", 15623057, 15459697, 921, 0x4a859c2688a10702},
    {"linknet-densenet201", 22549393, 22314353, 1081, 0xbaa2bb9e596e9a68},
    {"linknet-efficientnetb0", 6096333, 6049549, 386, 0xebc23660ef5f755b},
    {"linknet-efficientnetb1", 8622001, 8555185, 514, 0x61058fd974801278},
    {"linknet-efficientnetb2", 10222243, 10149491, 514, 0xd4e82c51227eeb7d},
    {"linknet-efficientnetb3", 13760985, 13667801, 571, 0x608fc12155ab8a61},
    {"linknet-efficientnetb4", 21718217, 21586297, 685, 0xde5f5fbe4ece0b3f},
    {"linknet-efficientnetb5", 33700449, 33520161, 813, 0x6f0e9ca2a296d864},
    {"linknet-efficientnetb6", 47547817, 47314857, 927, 0xf0edb17fecda66b3},
    {"linknet-efficientnetb7", 72264417, 71944193, 1112, 0x03e8b9f515f6afc8},
};
enum { ROWS = sizeof rows / sizeof *rows };

static uint64_t hash_of(const hl_param_spec *spec) {
    char text[256];
    int length = snprintf(text, sizeof text, "%s %d", spec->name, spec->shape[0]);
    for (int i = 1; i < spec->rank; i++) length += snprintf(text + length, sizeof text - (size_t)length, "x%d", spec->shape[i]);
    return hl_name_hash(text);
}

START_TEST(counts_and_names) {
    hl_context *hl = hl_open(NULL);
    hl_graph *graph = hl_net(hl, rows[_i].net, NULL);
    ck_assert_msg(graph != NULL, "%s", hl_error(hl));
    int64_t total = 0, trainable = 0;
    uint64_t names = 0;
    for (size_t i = 0; i < graph->param_count; i++) {
        const hl_param_spec *spec = &graph->params[i];
        int64_t elements = 1;
        for (int k = 0; k < spec->rank; k++) elements *= spec->shape[k];
        total += elements;
        if (spec->kind != HL_MOVING_MEAN && spec->kind != HL_MOVING_VARIANCE) trainable += elements;
        names += hash_of(spec);
    }
    ck_assert_msg(total == rows[_i].total, "%s has %lld parameters, expected %lld", rows[_i].net, (long long)total, (long long)rows[_i].total);
    ck_assert_msg(trainable == rows[_i].trainable, "%s: %lld are trained, expected %lld", rows[_i].net, (long long)trainable, (long long)rows[_i].trainable);
    ck_assert_msg(graph->param_count == rows[_i].tensors, "%s has %zu tensors, expected %zu", rows[_i].net, graph->param_count, rows[_i].tensors);
    ck_assert_msg(names == rows[_i].names, "%s: a parameter has another name or shape", rows[_i].net);
    hl_graph_free(graph);
    hl_close(hl);
}
END_TEST

/* The list of nets and the table are the same set. */
START_TEST(every_net_has_a_row) {
    char name[64];
    int count = 0;
    for (; hl_net_name(count, name); count++) {
        int found = 0;
        for (int i = 0; i < ROWS; i++) found += !strcmp(rows[i].net, name);
        ck_assert_msg(found == 1, "%s has %d rows", name, found);
    }
    ck_assert_int_eq(count, ROWS);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("counts");
    TCase *tcase = slow_case(suite, "counts");
    tcase_add_loop_test(tcase, counts_and_names, 0, ROWS);
    tcase_add_test(tcase, every_net_has_a_row);
    return run_suite(suite);
}
