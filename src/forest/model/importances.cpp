#include "canopy/forest/importances.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "canopy/core/error.hpp"
#include "canopy/data/metrics.hpp"

#include "model/leaves.hpp"

namespace canopy::forest {
namespace {

template <class Number>
using RowMajor = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

RowMajor<float> raw_values(EncodedTable const& table, std::span<RowIndex const> rows) {
  RowMajor<float> values(static_cast<Eigen::Index>(rows.size()), table.features());
  for (Eigen::Index i = 0; i < values.rows(); ++i)
    for (int f = 0; f < table.features(); ++f)
      values(i, f) = table.value(rows[static_cast<std::size_t>(i)], f);
  return values;
}

/// For each node the first one on the way to it that splits by `feature`, itself included; -1:
/// none. Empty when no node does.
std::vector<std::int32_t> first_uses(Tree const& tree, int feature) {
  if (std::ranges::none_of(tree.nodes, [=](auto const& node) { return node.feature == feature; }))
    return {};
  std::vector<std::int32_t> first(tree.size(), -1);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto const& node = tree.nodes[i];
    if (first[i] < 0 && node.feature == feature) first[i] = static_cast<std::int32_t>(i);
    if (node.is_leaf()) continue;
    first[static_cast<std::size_t>(node.left)] = first[i];
    first[static_cast<std::size_t>(node.right)] = first[i];
  }
  return first;
}

/// The rows, where they end in every tree, and how one column changes that.
class WalkedRows {
 public:
  WalkedRows(Forest const& forest, EncodedTable const& table, std::span<RowIndex const> rows)
      : forest_{forest}, values_{raw_values(table, rows)}, uses_(forest.trees().size()) {
    for (auto const& tree : forest.trees())
      for (Eigen::Index i = 0; i < values_.rows(); ++i)
        leaves_.push_back(static_cast<std::uint32_t>(leaf_of(tree, values_.row(i).data())));
  }

  /// Chooses the feature that permuted() is about; false when no tree uses it.
  bool choose(int feature) {
    feature_ = feature;
    bool is_used = false;
    for (std::size_t t = 0; t < uses_.size(); ++t) {
      uses_[t] = first_uses(forest_.trees()[t], feature);
      is_used |= !uses_[t].empty();
    }
    return is_used;
  }

  Eigen::MatrixXd permuted(std::span<std::uint32_t const> order) {
    Eigen::VectorXf const original = values_.col(feature_);
    for (Eigen::Index i = 0; i < values_.rows(); ++i)
      values_(i, feature_) = original(order[static_cast<std::size_t>(i)]);
    auto result = probabilities();
    values_.col(feature_) = original;
    return result;
  }

  /// Rows x classes, summed in tree order as Forest::predict_proba does.
  Eigen::MatrixXd probabilities() const {
    RowMajor<double> sums = RowMajor<double>::Zero(values_.rows(), forest_.classes());
    auto const* leaf = leaves_.data();
    for (std::size_t t = 0; t < uses_.size(); ++t)
      for (Eigen::Index i = 0; i < values_.rows(); ++i)
        add_leaf(forest_.trees()[t], leaf_now(t, *leaf++, i), sums.row(i).data());
    return sums / static_cast<double>(uses_.size());
  }

 private:
  /// Where the row ends that ended in `leaf` before the chosen column changed.
  std::size_t leaf_now(std::size_t tree, std::uint32_t leaf, Eigen::Index row) const {
    if (uses_[tree].empty() || uses_[tree][leaf] < 0) return leaf;
    return leaf_of(forest_.trees()[tree], values_.row(row).data(),
                   static_cast<std::size_t>(uses_[tree][leaf]));
  }

  Forest const& forest_;
  RowMajor<float> values_;
  std::vector<std::uint32_t> leaves_;            ///< trees x rows
  std::vector<std::vector<std::int32_t>> uses_;  ///< per tree, of the chosen feature
  int feature_ = -1;
};

void check(Forest const& forest, LabelledRows const& rows, int repeats) {
  if (repeats < 1)
    throw UserError{"permutation importances were asked for with " + std::to_string(repeats) +
                    " repeats; give at least 1"};
  if (forest.trees().empty()) throw DataError{"the forest has no trees; grow at least 1"};
  if (rows.table.features() != forest.features())
    throw DataError{"the table has " + std::to_string(rows.table.features()) +
                    " features but the forest was grown on " + std::to_string(forest.features()) +
                    "; give the same columns as in training"};
  if (rows.rows.empty() || rows.labels.empty())
    throw DataError{"importances need rows that carry their class, but there are no " +
                    std::string{rows.rows.empty() ? "rows" : "labels"} +
                    "; give a table that has both"};
}

/// A row for each of the features.
Eigen::MatrixXd permute(WalkedRows& walked, double baseline, std::span<int const> features,
                        LabelledRows const& rows, Permutation const& permutation,
                        StopToken const& stop) {
  Eigen::MatrixXd importances = Eigen::MatrixXd::Zero(std::ssize(features), permutation.repeats);
  for (std::size_t i = 0; i < features.size(); ++i) {
    if (!walked.choose(features[i])) continue;
    for (int r = 0; r < permutation.repeats; ++r) {
      throw_if_stopped(stop);
      auto const order = permuted_rows(permutation.key, features[i], r, rows.rows.size());
      importances(static_cast<Eigen::Index>(i), r) =
          baseline - data::score(permutation.scoring, rows.labels, walked.permuted(order));
    }
  }
  return importances;
}

}  // namespace

std::vector<std::uint32_t> permuted_rows(Key key, int feature, int repeat, std::size_t rows) {
  std::vector<std::uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0u);
  Stream stream{
      key.with(static_cast<std::uint64_t>(feature)).with(static_cast<std::uint64_t>(repeat))};
  stream.shuffle(std::span{order});
  return order;
}

PermutationImportances permutation_importances(Forest const& forest, EncodedTable const& table,
                                               std::span<RowIndex const> rows,
                                               std::string_view scoring, int repeats, Key key,
                                               StopToken const& stop) {
  std::vector<std::uint16_t> labels;
  if (!table.labels().empty())
    for (auto const row : rows) labels.push_back(table.labels()[row]);
  LabelledRows const labelled{table, rows, labels};
  check(forest, labelled, repeats);
  std::vector<int> features(static_cast<std::size_t>(forest.features()));
  std::iota(features.begin(), features.end(), 0);
  WalkedRows walked{forest, table, rows};
  auto const baseline = data::score(scoring, labels, walked.probabilities());
  return summarised(baseline, permute(walked, baseline, features, labelled,
                                      {std::string{scoring}, repeats, key}, stop));
}

Eigen::MatrixXd importances_of(std::span<int const> features, Forest const& forest,
                               LabelledRows const& rows, Permutation const& permutation,
                               StopToken const& stop) {
  check(forest, rows, permutation.repeats);
  WalkedRows walked{forest, rows.table, rows.rows};
  auto const baseline = data::score(permutation.scoring, rows.labels, walked.probabilities());
  return permute(walked, baseline, features, rows, permutation, stop);
}

PermutationImportances summarised(double baseline, Eigen::MatrixXd importances) {
  PermutationImportances result;
  result.baseline = baseline;
  result.importances = std::move(importances);
  result.mean = result.importances.rowwise().mean();
  result.std =
      (result.importances.colwise() - result.mean).array().square().rowwise().mean().sqrt();
  return result;
}

}  // namespace canopy::forest
