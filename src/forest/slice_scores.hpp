#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/tree.hpp"

#include "slice_caps.hpp"

namespace canopy::forest {

/// A grid to be scored on some rows.
struct SliceProblem {
  std::span<Tree const> trees;  ///< no more than the last checkpoint needs
  data::EncodedTable const& table;
  std::span<data::RowIndex const> rows;
  std::vector<int> checkpoints;  ///< numbers of trees, ascending
  Caps caps;
  data::Scorer const& scorer;
  int classes;

  bool needs_probabilities() const { return scorer.needs == data::Scorer::Needs::probabilities; }
};

/// Scores that are functions of predicted classes: checkpoints x cells.
///
/// A forest predicts the class with the largest sum of shares, added up tree by tree in double.
/// Sums of whole numbers say nearly always which one that is, and they may be added up in any
/// order: each node on a row's way adds what its shares differ from its parent's, at the first cell
/// that has the node. Summing along the three axes of caps then gives the sums of every cell. How
/// far rounding may have moved them is known exactly, because the roundings are counted like one
/// more class; where that leaves a doubt, the row's shares are summed in double after all.
template <class Code>
std::vector<double> scores_of_classes(SliceProblem const& problem);

/// Scores that are means over rows of a function of the row's probabilities: checkpoints x cells.
/// They take the very sums, in double and in tree order, for every cell.
template <class Code>
std::vector<double> scores_of_probabilities(SliceProblem const& problem);

/// Memory that the least part of the work takes, in bytes, to decide whether to divide the grid.
std::size_t least_memory(SliceProblem const& problem);

/// Rows that are worked on together: their sums stay in the second-level cache.
inline std::size_t rows_in_block(std::size_t bytes_of_row) {
  constexpr std::size_t cache = std::size_t{1} << 20;
  return std::clamp<std::size_t>(cache / bytes_of_row / 8 * 8, 8, 4096);
}

extern template std::vector<double> scores_of_classes<std::uint16_t>(SliceProblem const&);
extern template std::vector<double> scores_of_classes<std::uint32_t>(SliceProblem const&);
extern template std::vector<double> scores_of_probabilities<std::uint16_t>(SliceProblem const&);
extern template std::vector<double> scores_of_probabilities<std::uint32_t>(SliceProblem const&);

}  // namespace canopy::forest
