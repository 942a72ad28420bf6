#include "split/impurity.hpp"

#include <algorithm>
#include <numbers>

namespace canopy::forest {
namespace {

constexpr std::size_t largest_table = std::size_t{1} << 22;

double gini(ClassCounts counts, std::span<double const> class_weights, double weight) {
  double squares = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    auto const count = counts[k] * class_weights[k];
    squares += count * count;
  }
  return 1.0 - squares / (weight * weight);
}

double entropy(ClassCounts counts, std::span<double const> class_weights, double weight) {
  double sum = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] == 0) continue;
    auto const share = counts[k] * class_weights[k] / weight;
    sum -= share * (std::log(share) / std::numbers::ln2);
  }
  return sum;
}

}  // namespace

double node_weight(ClassCounts counts, std::span<double const> class_weights) {
  double weight = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) weight += counts[k] * class_weights[k];
  return weight;
}

double node_impurity(Criterion criterion, ClassCounts counts,
                     std::span<double const> class_weights) {
  auto const weight = node_weight(counts, class_weights);
  return criterion == Criterion::gini ? gini(counts, class_weights, weight)
                                      : entropy(counts, class_weights, weight);
}

namespace {

/// Largest power of two at which sums of x log2 x, x adding up to `largest`, keep clear of the
/// sign.
int fraction_bits(std::uint32_t largest) {
  auto const log = static_cast<std::uint64_t>(std::bit_width(largest));
  return std::min(40, 62 - static_cast<int>(std::bit_width(largest * log)));
}

}  // namespace

FixedXLogX::FixedXLogX(std::uint32_t largest) : scale_{std::exp2(fraction_bits(largest))} {
  table_.resize(std::min(std::size_t{largest} + 1, largest_table));
  for (std::size_t x = 1; x < table_.size(); ++x)
    table_[x] = compute(static_cast<std::uint32_t>(x));
}

std::int64_t FixedXLogX::compute(std::uint32_t x) const {
  return std::llround(x * std::log2(x) * scale_);
}

}  // namespace canopy::forest
