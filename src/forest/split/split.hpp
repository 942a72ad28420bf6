#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace canopy::forest {

/// The smallest and largest code of a node's rows in one column.
struct CodeRange {
  std::uint32_t low;
  std::uint32_t high;
};

/// How a node is divided.
struct Split {
  int feature = -1;
  double threshold = 0;
  std::uint32_t code_threshold = 0;  ///< as in Node
  std::uint32_t rows_left = 0;
  double weight_left = 0;
  double weight_right = 0;
  double impurity_left = 0;
  double impurity_right = 0;
  double improvement = 0;  ///< impurity decrease, weighted by the node's share of the tree
};

/// scikit-learn's weighted impurity decrease, in its order of operations.
inline double improvement_of(Split const& split, double impurity, double weight,
                             double root_weight) {
  return weight / root_weight *
         (impurity - split.weight_right / weight * split.impurity_right -
          split.weight_left / weight * split.impurity_left);
}

/// Draws the ends of a wide range together around the place where the threshold would be if values
/// were evenly spaced: a search by halves alone misses the cache at every step.
inline CodeRange narrowed(std::span<float const> values, CodeRange range, double threshold) {
  constexpr std::uint32_t wide = 512;
  if (range.high - range.low < wide) return range;
  double const low = values[range.low];
  auto const share = (threshold - low) / (values[range.high] - low);
  auto const guess =
      std::clamp(range.low + static_cast<std::uint32_t>(share * (range.high - range.low)),
                 range.low + 1, range.high - 1);
  std::uint32_t step = 16;
  if (values[guess] <= threshold) {
    range.low = guess;
    for (; range.high - range.low > step && values[range.low + step] <= threshold; step *= 2)
      range.low += step;
    range.high = std::min(range.high, range.low + step);
  } else {
    range.high = guess;
    for (; range.high - range.low > step && values[range.high - step] > threshold; step *= 2)
      range.high -= step;
    range.low = std::max(range.low, range.high - std::min(step, range.high));
  }
  return range;
}

/// The last code whose value is at most `threshold`, where value(low) <= threshold < value(high).
inline std::uint32_t last_code_at_most(std::span<float const> values, CodeRange range,
                                       double threshold) {
  range = narrowed(values, range, threshold);
  auto code = range.low;
  for (auto count = range.high - range.low; count > 1;) {
    auto const half = count / 2;
    code += values[code + half] <= threshold ? half : 0;
    count -= half;
  }
  return code;
}

/// Puts the threshold midway between two values. Of two float32 that is exact in double, so it is
/// less than the larger one and scikit-learn's guard against equality is not needed.
inline void place_midway(Split& split, std::span<float const> values, CodeRange between) {
  double const low = values[between.low];
  double const high = values[between.high];
  split.threshold = low / 2.0 + high / 2.0;
  split.code_threshold = last_code_at_most(values, between, split.threshold);
}

/// Draws a threshold as scikit-learn's RandomSplitter does: never the upper end.
template <class Draws>
double draw_threshold(Draws& draws, double low, double high) {
  auto const threshold = draws.threshold(low, high);
  return threshold == high ? low : threshold;
}

}  // namespace canopy::forest
