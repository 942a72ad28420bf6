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

#include "slices/slice_caps.hpp"

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
  std::size_t most_memory;  ///< bytes that sums may take, as far as this is possible
};

/// The score of every cell after every checkpoint: checkpoints x cells. A grid that takes too much
/// memory is divided.
///
/// A forest predicts the class with the largest sum of shares, added up tree by tree in double.
/// Sums of whole numbers say nearly always which one that is, and they may be added up in any
/// order: each node on a row's way adds what its shares differ from its parent's, at the first cell
/// that has the node. Summing along the three axes of caps then gives the sums of every cell. How
/// far rounding may have moved them is known exactly, because the roundings are counted like one
/// more class; where that leaves a doubt, the row's shares are summed in double after all.
///
/// Scores that are means over rows of a function of the row's probabilities take the very sums, in
/// double and in tree order, for every cell.
std::vector<double> scores_of(SliceProblem const& problem);

}  // namespace canopy::forest
