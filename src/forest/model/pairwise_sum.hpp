#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <span>

namespace canopy::forest {

/// Sums as numpy does, in eight strands up to 128 numbers and by halves above, so that what
/// scikit-learn sums by numpy comes out the same to the last bit.
inline double pairwise_sum(std::span<double const> values) {
  if (values.size() < 8) return std::accumulate(values.begin(), values.end(), 0.0);
  if (values.size() > 128) {
    auto const half = values.size() / 2 / 8 * 8;
    return pairwise_sum(values.first(half)) + pairwise_sum(values.subspan(half));
  }
  std::array<double, 8> r;
  std::copy_n(values.begin(), 8, r.begin());
  auto const whole = values.size() / 8 * 8;
  for (std::size_t i = 8; i < whole; ++i) r[i % 8] += values[i];
  auto const sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(whole), values.end(), sum);
}

/// What a node's class weights are divided by to get shares. Not the node's own weight: with real
/// weights the two are rounded apart. A node without rows has no shares, as in scikit-learn.
inline double weight_for_shares(std::span<double const> class_weights) {
  auto const sum = pairwise_sum(class_weights);
  return sum == 0 ? 1.0 : sum;
}

}  // namespace canopy::forest
