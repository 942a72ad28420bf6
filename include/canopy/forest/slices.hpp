#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "canopy/forest/parameters.hpp"

/// With the keyed generator what a node draws depends on its path alone. So a forest that was grown
/// without caps contains every forest with fewer trees, a smaller max_depth, a larger
/// min_samples_split or a larger min_impurity_decrease: such a forest is a slice of it.
///
///     SliceGrid grid{.n_estimators = {10, 50, 100}, .max_depth = {5, 10, {}}};
///     auto const scores = forest.slices(table, held_out, grid, "accuracy");
///     auto const best = forest.slice(grid.at(2, 1, 0, 0));   // as if grown with these parameters
namespace canopy::forest {

/// What a forest is cut to.
struct Slice {
  int n_estimators = 1;
  std::optional<int> max_depth;  ///< None: no cap
  Count min_samples_split = 2;
  double min_impurity_decrease = 0;
  /// How many rows grow_trees was given, for shares are shares of them. Needed when there are any:
  /// here, or as min_samples_split or min_samples_leaf of the forest.
  std::size_t fit_rows = 0;
};

/// All combinations of what stands in four lists, in any order.
struct SliceGrid {
  std::vector<int> n_estimators;
  std::vector<std::optional<int>> max_depth{std::nullopt};
  std::vector<Count> min_samples_split{2};
  std::vector<double> min_impurity_decrease{0.0};
  std::size_t fit_rows = 0;  ///< as in Slice

  std::size_t size() const {
    return n_estimators.size() * max_depth.size() * min_samples_split.size() *
           min_impurity_decrease.size();
  }
  /// Place of a combination in a flat array; `trees` is an index into n_estimators, and so on.
  std::size_t index(std::size_t trees, std::size_t depth, std::size_t split,
                    std::size_t decrease) const {
    return ((trees * max_depth.size() + depth) * min_samples_split.size() + split) *
               min_impurity_decrease.size() +
           decrease;
  }
  Slice at(std::size_t trees, std::size_t depth, std::size_t split, std::size_t decrease) const {
    return {n_estimators[trees], max_depth[depth], min_samples_split[split],
            min_impurity_decrease[decrease], fit_rows};
  }
};

/// A score for every combination of a grid.
struct SliceScores {
  SliceGrid grid;
  std::vector<double> scores;  ///< grid.size() of them, by grid.index()

  double at(std::size_t trees, std::size_t depth, std::size_t split, std::size_t decrease) const {
    return scores[grid.index(trees, depth, split, decrease)];
  }
};

}  // namespace canopy::forest
