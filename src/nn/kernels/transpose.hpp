#pragma once

#include <type_traits>

#include "kernels/lanes.hpp"

namespace canopy::nn {

/// Exchanges rows and columns of a square of width<T> vectors. Each of the log2 stages deals the
/// rows like cards: the perfect shuffle of rows i and i + n/2.
template <class T>
[[gnu::always_inline]] inline void transpose(Vector<T> (&rows)[width<T>]) {
  constexpr int n = width<T>;
  using Index = Vector<std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>>;
  Index low;
  Index high;
  for (int i = 0; i < n; ++i) {
    low[i] = i / 2 + (i % 2) * n;
    high[i] = low[i] + n / 2;
  }
#pragma GCC unroll 4
  for (int stage = 1; stage < n; stage *= 2) {
    Vector<T> dealt[n];
#pragma GCC unroll 16
    for (int i = 0; i < n / 2; ++i) {
      dealt[2 * i] = __builtin_shuffle(rows[i], rows[i + n / 2], low);
      dealt[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + n / 2], high);
    }
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) rows[i] = dealt[i];
  }
}

}  // namespace canopy::nn
