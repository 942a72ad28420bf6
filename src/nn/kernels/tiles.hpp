#pragma once

#include <algorithm>
#include <utility>

#include "kernels/lanes.hpp"

/// The inner product that dense and convolution layers are made of, forward and backward:
///     y[o][p] = start[o][p] + sum over k of w(k, o) * x[taps(k)][p]
/// where p stands for a block of 16 samples (of one pixel). A tile holds OB outputs x PB such
/// places in registers. The sum runs over k one by one, so the bits of y do not depend on the tile.
namespace canopy::nn {

/// Registers that accumulators may take.
inline constexpr int accumulators = many_registers ? 24 : 12;

/// Where input k stands from the place's first number on: equally far apart, or by a table.
struct EvenTaps {
  std::ptrdiff_t operator()(int k) const { return std::ptrdiff_t{k} * block; }
};
struct TableTaps {
  std::int32_t const* table;
  std::ptrdiff_t operator()(int k) const { return table[k]; }
};

/// Weights stored [k][o] or [o][k], `stride` apart.
template <class T>
struct ByInput {
  T const* first;
  std::ptrdiff_t stride;
  T operator()(int k, int o) const { return first[k * stride + o]; }
};
template <class T>
struct ByOutput {
  T const* first;
  std::ptrdiff_t stride;
  T operator()(int k, int o) const { return first[o * stride + k]; }
};

template <class T, int OB, int PB>
struct Tile {
  Vector<T> sum[OB][PB * vectors_per_block<T>];

  /// x[p]: first number of place p.
  template <class Taps, class Weights>
  [[gnu::always_inline]] void accumulate(int from, int to, Taps taps, Weights w,
                                         T const* const* x) {
    constexpr int parts = vectors_per_block<T>;
    for (int k = from; k < to; ++k) {
      Vector<T> values[PB * parts];
#pragma GCC unroll 8
      for (int p = 0; p < PB; ++p)
#pragma GCC unroll 8
        for (int part = 0; part < parts; ++part)
          values[p * parts + part] = load(x[p] + taps(k) + part * width<T>);
#pragma GCC unroll 24
      for (int o = 0; o < OB; ++o) {
        auto const weight = broadcast(w(k, o));
#pragma GCC unroll 32
        for (int v = 0; v < PB * parts; ++v) sum[o][v] = fma(weight, values[v], sum[o][v]);
      }
    }
  }

  [[gnu::always_inline]] void start(T const* bias) {
#pragma GCC unroll 24
    for (int o = 0; o < OB; ++o) {
      auto const value = bias ? broadcast(bias[o]) : Vector<T>{};
#pragma GCC unroll 32
      for (auto& s : sum[o]) s = value;
    }
  }

  /// From and to y[p] + o * stride.
  [[gnu::always_inline]] void resume(T const* const* y, std::ptrdiff_t stride) {
    each([&](int o, int p, int part) {
      sum[o][p * vectors_per_block<T> + part] = load(y[p] + o * stride + part * width<T>);
    });
  }
  [[gnu::always_inline]] void write(T* const* y, std::ptrdiff_t stride) const {
    each([&](int o, int p, int part) {
      store(y[p] + o * stride + part * width<T>, sum[o][p * vectors_per_block<T> + part]);
    });
  }

  [[gnu::always_inline]] void relu() {
#pragma GCC unroll 24
    for (int o = 0; o < OB; ++o)
#pragma GCC unroll 32
      for (auto& s : sum[o]) s = s < T{0} ? Vector<T>{} : s;  // NaN stays
  }

 private:
  template <class Visit>
  [[gnu::always_inline]] static void each(Visit visit) {
#pragma GCC unroll 24
    for (int o = 0; o < OB; ++o)
#pragma GCC unroll 8
      for (int p = 0; p < PB; ++p)
#pragma GCC unroll 8
        for (int part = 0; part < vectors_per_block<T>; ++part) visit(o, p, part);
  }
};

/// Calls visit.template operator()<n>() for the n in 1 .. most that equals `number`.
template <int most, class Visit>
[[gnu::always_inline]] inline void with_size(int number, Visit&& visit) {
  [&]<int... i>(std::integer_sequence<int, i...>) {
    (void)((number == i + 1 && (visit.template operator()<i + 1>(), true)) || ...);
  }
  (std::make_integer_sequence<int, most>{});
}

/// Cuts `total` into the fewest pieces of at most `most`, as equal as can be, and calls
/// visit(begin, size) for each.
template <class Visit>
inline void in_pieces(int total, int most, Visit&& visit) {
  auto const pieces = (total + most - 1) / most;
  for (int i = 0, begin = 0; i < pieces; ++i) {
    auto const size = total / pieces + (i < total % pieces);
    visit(begin, size);
    begin += size;
  }
}

}  // namespace canopy::nn
