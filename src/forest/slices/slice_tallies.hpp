#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "canopy/data/metrics.hpp"

#include "slices/slice_scores.hpp"
#include "slices/slice_votes.hpp"

namespace canopy::forest {

/// How predictions came out in every entry, a checkpoint and a cell: over all rows, and by class if
/// the scorer needs that.
class Tallies {
 public:
  explicit Tallies(SliceProblem const& problem)
      : scorer_{problem.scorer},
        by_class_{scorer_.needs == data::Scorer::Needs::class_counts},
        classes_{static_cast<std::size_t>(by_class_ ? problem.classes : 1)},
        rows_(classes_) {
    auto const entries = problem.checkpoints.size() * problem.caps.cells();
    if (!by_class_) right_lanes_.resize(entries);
    if (by_class_) by_winner_.resize(entries * slots());
    for (auto const row : problem.rows) ++rows_[by_class_ ? problem.table.labels()[row] : 0];
  }

  /// What stands for the winner in a row that is not to be counted.
  static constexpr std::uint32_t nobody = 0x10000;

  void add(std::size_t entry, RowNumbers const& winner, RowNumbers const& labels) {
    if (by_class_) {
      auto const last = static_cast<std::uint32_t>(2 * classes_) + RowNumbers::Vector{};
      auto const is_right = reinterpret_cast<RowNumbers::Vector>(winner.v == labels.v);
      auto const slot = winner.v == nobody ? last : 2 * winner.v - is_right;
      for (std::size_t i = 0; i < RowNumbers::count; ++i) ++by_winner_[entry * slots() + slot[i]];
      return;
    }
    right_lanes_[entry].v -= reinterpret_cast<RowNumbers::Vector>(winner.v == labels.v);
  }

  void add_row(std::size_t entry, std::uint32_t winner, std::uint32_t label) {
    if (winner == nobody) return;
    if (!by_class_) {
      right_lanes_[entry].v[0] += winner == label;
      return;
    }
    ++by_winner_[entry * slots() + 2 * winner + (winner == label)];
  }

  double score(std::size_t entry) const {
    data::ClassTally tally{rows_, rows_, rows_};
    if (!by_class_) {
      auto const& lanes = right_lanes_[entry].v;
      tally.right[0] = 0;
      for (std::size_t i = 0; i < RowNumbers::count; ++i) tally.right[0] += lanes[i];
    } else {
      for (std::size_t k = 0; k < classes_; ++k) {
        auto const* counts = &by_winner_[entry * slots() + 2 * k];
        tally.right[k] = counts[1];
        tally.predicted[k] = std::int64_t{counts[0]} + counts[1];
      }
    }
    return scorer_.of_counts(tally);
  }

 private:
  /// For each class the wrong ones and the right ones, and one for nobody.
  std::size_t slots() const { return 2 * classes_ + 1; }

  data::Scorer const& scorer_;
  bool by_class_;
  std::size_t classes_;
  std::vector<std::int64_t> rows_;
  std::vector<RowNumbers> right_lanes_;   ///< checkpoints x cells
  std::vector<std::uint32_t> by_winner_;  ///< checkpoints x cells x slots
};

}  // namespace canopy::forest
