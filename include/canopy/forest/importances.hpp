#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "canopy/core/random.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/forest/forest.hpp"

namespace canopy::forest {

/// What a score loses when one feature's values change rows, so that they say nothing any more.
struct PermutationImportances {
  double baseline;              ///< score of the rows as they are
  Eigen::MatrixXd importances;  ///< features x repeats: baseline minus score after a permutation
  Eigen::VectorXd mean;         ///< per feature, over the repeats
  Eigen::VectorXd std;          ///< likewise, divided by `repeats` as numpy's std
};

/// Breiman's permutation importances (Random Forests, 2001, section 10) with the meaning and names
/// of scikit-learn's permutation_importance: each feature alone, members of one-hot groups too,
/// `repeats` times, higher is more important. They are best taken on rows that the forest has not
/// seen. A feature without a split has importance 0 exactly.
///
/// Repeat r of feature f depends on `key`, f and r only, see permuted_rows(). Costs memory for
/// rows x (features + trees) numbers of four bytes; a permutation takes only those rows down a tree
/// again that meet the feature there, and from where they meet it.
///
/// `scoring` as data::score takes it; `stop` is asked before each permutation. DataError when there
/// are no rows or no labels, the features differ or the forest is empty; UserError for an unknown
/// scoring or less than one repeat; Stopped.
PermutationImportances permutation_importances(Forest const& forest, EncodedTable const& table,
                                               std::span<RowIndex const> rows,
                                               std::string_view scoring, int repeats, Key key,
                                               StopToken const& stop = {});

/// Labelled rows that a score is about; `labels` has one entry for each of `rows`.
struct LabelledRows {
  EncodedTable const& table;
  std::span<RowIndex const> rows;
  std::span<std::uint16_t const> labels;
};

/// How permutation_importances goes about it.
struct Permutation {
  std::string scoring = "accuracy";
  int repeats = 5;
  Key key{0};
};

/// A part of them, for ranks that share the features: a row of `importances` for each of these
/// features, with the same bits. Errors as above.
Eigen::MatrixXd importances_of(std::span<int const> features, Forest const& forest,
                               LabelledRows const& rows, Permutation const& permutation,
                               StopToken const& stop = {});
/// All of them, from the rows of all features.
PermutationImportances summarised(double baseline, Eigen::MatrixXd importances);

/// The permutation of 0 .. rows-1 by which a repeat reads a feature: place i gets the value of
/// place [i].
std::vector<std::uint32_t> permuted_rows(Key key, int feature, int repeat, std::size_t rows);

}  // namespace canopy::forest
