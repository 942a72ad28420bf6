// Question: are the room's own products of dense layers as fast as a BLAS's? Each of the three
// products of training (y = W^T x, dx = W dy, dW = x dy^T) for the dense layers of the named models
// and of a wide network for forest cover, with 16 and 64 samples, beside cblas_sgemm on the same
// numbers. Both run on one thread.
//
//   OPENBLAS_NUM_THREADS=1 taskset -c 1 build/tests/bench/bench_dense
//
// Last answer (Xeon with AVX-512, OpenBLAS 0.3.21 serial), GFLOP/s of the own kernel and of sgemm:
//   784 ->  64 x 16   forward 153, 183   input 153,  62   weights 160, 175
//   256 -> 120 x 16   forward 159, 130   input 170,  62   weights 127, 144
//  9216 -> 128 x 16   forward 100,  65   input 111,  58   weights 142,  78
//   444 -> 444 x 64   forward 170, 135   input 183, 119   weights 156, 144
#include <benchmark/benchmark.h>
#include <cblas.h>

#include "canopy/core/aligned.hpp"

#include "kernels/dense.hpp"

namespace {

using namespace canopy;
using namespace canopy::nn;

enum Product { forward, input, weights };

struct Layer {
  explicit Layer(benchmark::State const& state)
      : in{static_cast<int>(state.range(0))},
        out{static_cast<int>(state.range(1))},
        rows{static_cast<int>(state.range(2))},
        w(size(in, out)),
        x(size(in, rows)),
        y(size(out, rows)),
        bias(size(out, 1)),
        scratch(dense::scratch_size(sizes())) {
    for (auto* numbers : {&w, &x, &y})
      for (std::size_t i = 0; i < numbers->size(); ++i)
        numbers->data()[i] = static_cast<float>(i % 7) * 0.1f - 0.3f;
  }
  static std::size_t size(int a, int b) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
  }
  dense::Sizes sizes() const { return {in, out, rows / block}; }

  int in;
  int out;
  int rows;
  AlignedArray<float> w;
  AlignedArray<float> x;
  AlignedArray<float> y;
  AlignedArray<float> bias;
  AlignedArray<float> scratch;
  Look look;
};

void report(benchmark::State& state, Layer const& layer) {
  state.counters["FLOP/s"] = benchmark::Counter(2.0 * layer.in * layer.out * layer.rows,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

void own(benchmark::State& state, Product product) {
  Layer l{state};
  for (auto _ : state) {
    if (product == forward)
      dense::forward(l.sizes(), l.w.data(), l.bias.data(), l.x.data(), l.y.data(), false, l.look);
    else if (product == input)
      dense::backward_input(l.sizes(), l.w.data(), l.y.data(), l.x.data(), l.look);
    else
      dense::backward_parameters(l.sizes(), l.rows, l.x.data(), l.y.data(), l.w.data(),
                                 l.bias.data(), false, l.scratch.data(), l.look);
    benchmark::ClobberMemory();
  }
  report(state, l);
}

void blas(benchmark::State& state, Product product) {
  Layer l{state};
  auto const multiply = [](CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k,
                           float const* a, int lda, float const* b, int ldb, float* c) {
    cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, n);
  };
  for (auto _ : state) {
    if (product == forward)
      multiply(CblasNoTrans, CblasNoTrans, l.rows, l.out, l.in, l.x.data(), l.in, l.w.data(), l.out,
               l.y.data());
    else if (product == input)
      multiply(CblasNoTrans, CblasTrans, l.rows, l.in, l.out, l.y.data(), l.out, l.w.data(), l.out,
               l.x.data());
    else
      multiply(CblasTrans, CblasNoTrans, l.in, l.out, l.rows, l.x.data(), l.in, l.y.data(), l.out,
               l.w.data());
    benchmark::ClobberMemory();
  }
  report(state, l);
}

void layers(benchmark::internal::Benchmark* b) {
  b->ArgNames({"in", "out", "rows"});
  for (auto const& sizes : {std::pair{784, 64}, {64, 32}, {256, 120}, {120, 84}, {9216, 128}})
    b->Args({sizes.first, sizes.second, 16});
  b->Args({444, 444, 64});
  b->Args({54, 862, 64});
}

BENCHMARK_CAPTURE(own, forward, forward)->Apply(layers);
BENCHMARK_CAPTURE(blas, forward, forward)->Apply(layers);
BENCHMARK_CAPTURE(own, input, input)->Apply(layers);
BENCHMARK_CAPTURE(blas, input, input)->Apply(layers);
BENCHMARK_CAPTURE(own, weights, weights)->Apply(layers);
BENCHMARK_CAPTURE(blas, weights, weights)->Apply(layers);

}  // namespace

BENCHMARK_MAIN();
