#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "canopy/core/array.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/parameters.hpp"
#include "canopy/forest/slices.hpp"
#include "canopy/forest/tree.hpp"

namespace canopy::forest {

using data::EncodedTable;
using data::RowIndex;

/// The rows of a table that a forest learns from, and scikit-learn's sample_weight.
struct TrainingRows {
  TrainingRows() = default;
  template <std::convertible_to<std::span<RowIndex const>> Rows>
  TrainingRows(Rows const& the_rows, std::span<double const> the_weights = {})
      : rows{the_rows}, weights{the_weights} {}

  std::span<RowIndex const> rows;
  std::span<double const> weights;  ///< what each row counts, 0 or more; empty: each counts once
};

/// Trees first_tree .. last_tree-1 of the forest that `key` names, learnt from `rows` of `table`.
///
/// Each tree depends on its own number only: its bootstrap is keyed by the tree, and what a node
/// draws by the node's path from the root. So a forest grown in blocks is the forest grown at once,
/// a smaller forest is a prefix of a larger one, and a cap on depth or node size only cuts trees.
/// Growing follows scikit-learn 1.2.1, up to the random numbers.
///
/// A row's weight is how often the bootstrap drew it, times its sample weight, times its class
/// weight. Rows that weigh nothing take no part, but are drawn and counted as scikit-learn does: in
/// bootstraps, in shares of rows and in the class frequencies of class_weight. The keyed generator
/// rounds weights that are not whole numbers, by at most 2^-51 of their sum, so that sums of them
/// are exact and no result depends on the order of rows.
///
/// `stop` is asked between trees and within big ones. Throws Stopped; UserError when the
/// parameters do not hold together or do not fit the rows; DataError when there are no rows, more
/// than 2^30 (node numbers have 32 bits), or no labels, or when a weight is negative or not finite,
/// or all are zero.
std::vector<Tree> grow_trees(EncodedTable const& table, TrainingRows const& rows,
                             ForestParameters const& parameters, Key key, int first_tree,
                             int last_tree, StopToken const& stop = {});

/// How well rows are predicted by the trees that did not see them.
struct OutOfBag {
  double score;                       ///< accuracy over all rows
  std::int64_t rows_without_vote;     ///< in every bootstrap; these count as class 0
  Eigen::MatrixXd decision_function;  ///< rows x classes: mean class probabilities
};

/// A model: trees that vote by averaged class probabilities.
class Forest {
 public:
  Forest(ForestParameters parameters, std::vector<Tree> trees, std::vector<std::string> class_names,
         std::vector<std::string> feature_names);

  /// Class probabilities, rows x classes: the mean over trees, summed in tree order. Encoded rows
  /// and raw rows give the same bits. The fastest table is the one the forest was grown on, any
  /// other with the same features will do. DataError when the number of features differs.
  Eigen::MatrixXd predict_proba(EncodedTable const& table, std::span<RowIndex const> rows) const;
  Eigen::MatrixXd predict_proba(Eigen::MatrixXf const& features) const;

  /// The most probable class; the lowest one on ties.
  std::vector<std::uint16_t> predict(EncodedTable const& table,
                                     std::span<RowIndex const> rows) const;
  std::vector<std::uint16_t> predict(Eigen::MatrixXf const& features) const;

  /// `rows` and `key` as they were given to grow_trees for trees 0 .. size-1. Sample weights have
  /// no part in it, as in scikit-learn: a row is outside when no bootstrap drew it, and all rows
  /// count the same in the score.
  /// UserError when the forest does not bootstrap.
  OutOfBag out_of_bag(EncodedTable const& table, std::span<RowIndex const> rows, Key key) const;
  double oob_score(EncodedTable const& table, std::span<RowIndex const> rows, Key key) const {
    return out_of_bag(table, rows, key).score;
  }
  /// The out-of-bag score after 1, 2, ... trees; the last one is oob_score(). Arguments and errors
  /// as there.
  std::vector<double> oob_curve(EncodedTable const& table, std::span<RowIndex const> rows,
                                Key key) const;

  /// Share of the weighted impurity decrease that is due to each feature (Breiman's "mean decrease
  /// in impurity"), the mean over trees with a split; sums to 1, or all 0 when no tree has one.
  std::vector<double> feature_importances() const;

  /// The score of every forest in the grid on labelled rows: the same bits as growing it and giving
  /// its predict_proba to data::score. UserError for an unknown scoring, an empty list, and when
  /// the slices are not in this forest: it was grown with --rng sklearn, with max_leaf_nodes, or
  /// with a tighter cap than the grid has. DataError when the table does not fit or there are no
  /// rows.
  SliceScores slices(EncodedTable const& table, std::span<RowIndex const> rows,
                     SliceGrid const& grid, std::string_view scoring) const;
  /// The forest as if it had been grown with the parameters of the slice. UserError as above.
  Forest slice(Slice const& cut) const;

  /// The model as arrays, class_names [classes] and feature_names [features] as text and the trees
  /// as tree_arrays.hpp lays them out. Attributes: format = "canopy-forest/2", and each parameter
  /// as text under its name.
  NamedArrays to_arrays() const;
  /// Throws DataError when arrays are missing, of another format, of the wrong length or do not
  /// describe trees.
  static Forest from_arrays(NamedArrays const& arrays);

  ForestParameters const& parameters() const { return parameters_; }
  std::vector<Tree> const& trees() const { return trees_; }
  std::vector<std::string> const& class_names() const { return class_names_; }
  std::vector<std::string> const& feature_names() const { return feature_names_; }
  int classes() const { return static_cast<int>(class_names_.size()); }
  int features() const { return static_cast<int>(feature_names_.size()); }
  /// Nodes of all trees.
  std::size_t nodes() const;

  friend bool operator==(Forest const&, Forest const&) = default;

 private:
  ForestParameters parameters_;
  std::vector<Tree> trees_;
  std::vector<std::string> class_names_;
  std::vector<std::string> feature_names_;
};

/// The column of the largest entry in each row, the first one on ties.
std::vector<std::uint16_t> argmax(Eigen::MatrixXd const& probabilities);

}  // namespace canopy::forest
