// GFLOP/s of oneDNN's Winograd for single 3x3 convolutions, batch 4: onednn IN,OUT,SIZE... prints {"IN,OUT,SIZE": [forward, backward to the
// data, backward to the weights]} on one line. Where Winograd is refused the library chooses.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <dnnl.hpp>
#include <unordered_map>
#include <vector>
using namespace dnnl;
using tag = memory::format_tag;
enum { BATCH = 4, RUNS = 7 };

struct bench {
    engine eng{engine::kind::cpu, 0};
    stream queue{eng};
    memory::dims x, w, y, one{1, 1};
    memory::desc any(const memory::dims &d) { return {d, memory::data_type::f32, tag::any}; }

    double rate(primitive p, std::unordered_map<int, memory> args) {
        std::vector<double> times;
        for (int i = -1; i < RUNS; i++) {
            auto start = std::chrono::steady_clock::now();
            p.execute(queue, args);
            queue.wait();
            if (i >= 0) times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        }
        std::sort(times.begin(), times.end());
        return 18e-9 * (double)(BATCH * x[2] * x[3] * x[1] * y[1]) / times[RUNS / 2];
    }
    convolution_forward::primitive_desc forward(algorithm a) {
        return {convolution_forward::desc(prop_kind::forward_training, a, any(x), any(w), any(y), one, one, one), eng};
    }
    double run(int pass, algorithm a) {
        auto hint = forward(a);
        if (pass == 0)
            return rate(convolution_forward(hint), {{DNNL_ARG_SRC, {hint.src_desc(), eng}}, {DNNL_ARG_WEIGHTS, {hint.weights_desc(), eng}}, {DNNL_ARG_DST, {hint.dst_desc(), eng}}});
        if (pass == 1) {
            convolution_backward_data::primitive_desc d(convolution_backward_data::desc(a, any(x), any(w), any(y), one, one, one), eng, hint);
            return rate(convolution_backward_data(d), {{DNNL_ARG_DIFF_SRC, {d.diff_src_desc(), eng}}, {DNNL_ARG_WEIGHTS, {d.weights_desc(), eng}}, {DNNL_ARG_DIFF_DST, {d.diff_dst_desc(), eng}}});
        }
        convolution_backward_weights::primitive_desc d(convolution_backward_weights::desc(a, any(x), any(w), any(y), one, one, one), eng, hint);
        return rate(convolution_backward_weights(d), {{DNNL_ARG_SRC, {d.src_desc(), eng}}, {DNNL_ARG_DIFF_WEIGHTS, {d.diff_weights_desc(), eng}}, {DNNL_ARG_DIFF_DST, {d.diff_dst_desc(), eng}}});
    }
};

int main(int argc, char **argv) {
    printf("{");
    for (int i = 1; i < argc; i++) {
        long in, out, size;
        if (sscanf(argv[i], "%ld,%ld,%ld", &in, &out, &size) != 3) return 2;
        bench b;
        b.x = {BATCH, in, size, size}, b.w = {out, in, 3, 3}, b.y = {BATCH, out, size, size};
        printf("%s\"%s\": [", i > 1 ? ", " : "", argv[i]);
        for (int pass = 0; pass < 3; pass++) {
            double rate;
            try {
                rate = b.run(pass, algorithm::convolution_winograd);
            } catch (error &) {
                rate = b.run(pass, algorithm::convolution_auto);
            }
            printf("%s%.1f", pass ? ", " : "", rate);
        }
        printf("]");
    }
    printf("}\n");
}
