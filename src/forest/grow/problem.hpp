#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/forest/parameters.hpp"

#include "split/code_grid.hpp"
#include "split/impurity.hpp"

namespace canopy::forest {

/// A feature as the split search sees it.
struct Column {
  data::Block const* block;
  std::int32_t block_number;
  std::uint32_t member;   ///< place in its one-hot group
  bool is_member;         ///< of a one-hot group
  bool has_close_values;  ///< some neighbours are too near to each other to be told apart
};

/// Values nearer than this count as equal (scikit-learn's FEATURE_THRESHOLD; float32 arithmetic).
inline bool are_apart(float low, float high) {
  return high > low + 1e-7f;
}

/// The parameters of a forest in numbers of rows, features and levels. DataError above 2^30 rows.
struct Limits {
  Limits(ForestParameters const& parameters, std::size_t rows, int features);

  std::int32_t max_depth;
  std::uint32_t min_samples_split;
  std::uint32_t min_samples_leaf;
  int max_features;
  std::optional<int> max_leaf_nodes;
  double min_impurity_decrease;
};

/// All rows that a forest learns from, also those that are not in this process.
struct Whole {
  std::size_t rows = 0;
  std::vector<std::uint32_t> class_counts;
};

/// What all trees of a forest have in common; made once, read only.
struct Problem {
  Problem(data::EncodedTable const& table, TrainingRows const& rows,
          ForestParameters const& parameters);
  /// `rows` are a part of the whole, without weights.
  Problem(data::EncodedTable const& table, TrainingRows const& rows,
          ForestParameters const& parameters, Whole const& whole);

  /// Where a threshold drawn for an ordinal column stands among its codes.
  CodeGrid const& grid(Column const& column) const {
    return grids[static_cast<std::size_t>(column.block_number)];
  }

  data::EncodedTable const& table;
  std::span<data::RowIndex const> rows;
  std::span<double const> weights;  ///< one per row, or none
  ForestParameters const& parameters;
  Limits limits;
  /// A tree whose rows weigh whole numbers that sum up to at most this may be grown on counts; 0
  /// when none may, because scikit-learn's rounding is wanted and its class weights are not whole.
  double most_counted;
  /// Scores come from sums of whole numbers. Not with class weights, and not for an entropy that is
  /// to be rounded as scikit-learn's.
  bool has_whole_sums;
  std::uint32_t draws;  ///< rows in a bootstrap of the whole; all rows without
  std::vector<Column> columns;
  std::vector<CodeGrid> grids;      ///< for extra_trees: one per block, empty for groups
  std::vector<double> balanced;     ///< class weights over all rows, for class_weight balanced
  std::optional<FixedXLogX> xlogx;  ///< for entropy of whole sums
};

}  // namespace canopy::forest
