#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/parameters.hpp"

namespace canopy::forest {

/// A row that a tree learns from, as small as it can be because growing moves it at every level.
struct Sample {
  data::RowIndex row;
  std::uint16_t label;
  std::uint16_t weight;  ///< how often the bootstrap drew it, times its sample weight

  friend bool operator==(Sample const&, Sample const&) = default;
};
static_assert(sizeof(Sample) == 8);

inline std::uint32_t label_of(Sample const& sample) {
  return sample.label;
}
inline std::uint32_t weight_of(Sample const& sample) {
  return sample.weight;
}

/// What one tree learns from. Weights stay whole numbers; class weights are applied to sums of
/// them, so that no result depends on the order of summation.
struct Bag {
  std::vector<Sample> samples;              ///< distinct rows, in the order given
  std::vector<std::uint32_t> class_counts;  ///< sum of `weight` per class
  std::vector<double> class_weights;        ///< all 1 without --class-weight

  /// Sum of all row weights.
  double weight() const;
};

/// Draws in one bootstrap: max_samples of `rows` rows. UserError when it asks for more than there
/// are.
std::uint32_t bootstrap_size(ForestParameters const& parameters, std::size_t rows);

/// Whether class weights are those of a tree's bootstrap, not of all rows.
bool weighs_by_bootstrap(ForestParameters const& parameters);

/// scikit-learn's "balanced" weights of the classes: n / (classes present * count), 0 for absent
/// ones.
std::vector<double> balanced_weights(std::vector<double> class_counts);

/// The same over rows that count as often as they were drawn. `counts` has one entry per row, or
/// none when each row is taken once.
std::vector<double> balanced_weights(data::EncodedTable const& table,
                                     std::span<data::RowIndex const> rows,
                                     std::span<std::uint16_t const> counts);

/// Fills `bag` with the rows that were drawn, `counts` as above; `weights` has one entry per row,
/// or none. False when some row's weight is not a whole number of 16 bits, or their sum is more
/// than `most`.
bool fill(Bag& bag, data::EncodedTable const& table, std::span<data::RowIndex const> rows,
          std::span<std::uint16_t const> counts, std::span<double const> weights, double most);

}  // namespace canopy::forest
