#include "canopy/forest/forest.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "model/leaves.hpp"
#include "model/packed_tree.hpp"
#include "model/pairwise_sum.hpp"
#include "model/reached_leaves.hpp"
#include "model/rows_outside.hpp"

namespace canopy::forest {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Rows that are taken through all trees together, so many that packing the trees once for each
/// batch does not count. Their copies, by row and by column, take 64 MiB at most, or what 512 rows
/// of a wide table take.
std::size_t rows_of_batch(EncodedTable const& table) {
  auto const bytes_of_row = 2 * sizeof(std::uint32_t) * (table.blocks().size() + 1);
  return std::clamp((std::size_t{1} << 26) / bytes_of_row, std::size_t{1} << 9,
                    std::size_t{1} << 17);
}

/// The rows that tree `number` speaks for.
using WhichRows = std::function<std::span<std::uint32_t const>(std::size_t number)>;

/// Adds the shares of every tree, in tree order, to rows x classes sums: after each so many of
/// them.
template <class Code>
void add_trees(std::vector<Tree> const& trees, EncodedTable const& table,
               std::span<RowIndex const> rows, WhichRows const& which, double* sums,
               std::size_t together) {
  PackedRows<Code> const packed{table, rows};
  PackedColumns<Code> const columns{table};
  ReachedLeaves leaves{rows.size(), static_cast<std::size_t>(trees.front().classes)};
  for (std::size_t t = 0; t < trees.size(); ++t) {
    leaves.descend(PackedTree<Code>{trees[t], columns}, packed, which(t));
    if (leaves.trees() == together) leaves.add_to(sums);
  }
  leaves.add_to(sums);
}

void add_trees(std::vector<Tree> const& trees, EncodedTable const& table,
               std::span<RowIndex const> rows, WhichRows const& which, double* sums,
               std::size_t together = ReachedLeaves::most_trees) {
  if (trees.empty()) return;
  auto const is_narrow = std::ranges::all_of(
      trees, [&](Tree const& tree) { return PackedTree<std::uint16_t>::fits(tree, table); });
  if (is_narrow)
    add_trees<std::uint16_t>(trees, table, rows, which, sums, together);
  else
    add_trees<std::uint32_t>(trees, table, rows, which, sums, together);
}

void check_features(std::string const& what, std::int64_t given, int expected) {
  if (given == expected) return;
  throw DataError{what + " has " + std::to_string(given) +
                  " features but the forest was grown on " + std::to_string(expected) +
                  "; give the same columns as in training"};
}

void check_trees(std::size_t trees) {
  if (trees == 0) throw DataError{"the forest has no trees, so it cannot predict; grow at least 1"};
}

/// What the trees so far say of the rows that they did not see.
struct OutOfBagVotes {
  OutOfBagVotes(std::size_t rows, int classes)
      : sums{RowMajor::Zero(static_cast<Eigen::Index>(rows), classes)},
        number{Eigen::VectorXd::Zero(sums.rows())} {}

  /// Counts a vote of the next tree for each row outside of its bag, and gives those rows.
  std::span<std::uint32_t const> next(std::vector<std::uint32_t> rows) {
    outside = std::move(rows);
    for (auto const row : outside) ++number[row];
    return outside;
  }

  /// Mean class shares of these rows; 0 without a vote.
  Eigen::MatrixXd means(std::span<std::uint32_t const> rows) const {
    Eigen::MatrixXd result(static_cast<Eigen::Index>(rows.size()), sums.cols());
    for (Eigen::Index i = 0; i < result.rows(); ++i) {
      auto const row = rows[static_cast<std::size_t>(i)];
      result.row(i) = sums.row(row) / std::max(number[row], 1.0);
    }
    return result;
  }

  RowMajor sums;
  Eigen::VectorXd number;              ///< of votes per row
  std::vector<std::uint32_t> outside;  ///< of the last tree's bag
};

void check_out_of_bag(Forest const& forest, EncodedTable const& table) {
  check_bootstraps(forest.parameters());
  check_features("the table", table.features(), forest.features());
}

void normalise(std::vector<double>& values) {
  auto const total = pairwise_sum(values);
  if (total > 0)
    for (auto& value : values) value /= total;
}

/// Weighted impurity decrease of one tree by feature, as shares that sum to 1 (or all 0).
std::vector<double> importances(Tree const& tree, std::size_t features) {
  std::vector<double> sums(features);
  auto const part = [&](std::int32_t i) {
    auto const& node = tree.nodes[static_cast<std::size_t>(i)];
    return node.weight * node.impurity;
  };
  for (auto const& node : tree.nodes)
    if (!node.is_leaf())
      sums[static_cast<std::size_t>(node.feature)] +=
          node.weight * node.impurity - part(node.left) - part(node.right);
  for (auto& sum : sums) sum /= tree.nodes[0].weight;
  normalise(sums);
  return sums;
}

}  // namespace

Forest::Forest(ForestParameters parameters, std::vector<Tree> trees,
               std::vector<std::string> class_names, std::vector<std::string> feature_names)
    : parameters_{std::move(parameters)},
      trees_{std::move(trees)},
      class_names_{std::move(class_names)},
      feature_names_{std::move(feature_names)} {}

std::size_t Forest::nodes() const {
  return std::accumulate(trees_.begin(), trees_.end(), std::size_t{0},
                         [](std::size_t sum, Tree const& tree) { return sum + tree.size(); });
}

Eigen::MatrixXd Forest::predict_proba(EncodedTable const& table,
                                      std::span<RowIndex const> rows) const {
  check_features("the table", table.features(), features());
  check_trees(trees_.size());
  RowMajor sums = RowMajor::Zero(static_cast<Eigen::Index>(rows.size()), classes());
  auto const batch_rows = rows_of_batch(table);
  std::vector<std::uint32_t> all(std::min(batch_rows, rows.size()));
  std::iota(all.begin(), all.end(), 0u);
  for (std::size_t first = 0; first < rows.size(); first += batch_rows) {
    auto const batch = rows.subspan(first, std::min(batch_rows, rows.size() - first));
    add_trees(
        trees_, table, batch, [&](std::size_t) { return std::span{all}.first(batch.size()); },
        sums.row(static_cast<Eigen::Index>(first)).data());
  }
  return sums / static_cast<double>(trees_.size());
}

Eigen::MatrixXd Forest::predict_proba(Eigen::MatrixXf const& features_of_rows) const {
  check_features("the matrix", features_of_rows.cols(), features());
  check_trees(trees_.size());
  auto const rows = features_of_rows.rows();
  auto const batch = Eigen::Index{1} << 9;
  RowMajor sums = RowMajor::Zero(rows, classes());
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> part;
  for (Eigen::Index first = 0; first < rows; first += batch) {
    part = features_of_rows.middleRows(first, std::min(batch, rows - first));
    for (auto const& tree : trees_)
      for (Eigen::Index i = 0; i < part.rows(); ++i)
        add_leaf(tree, leaf_of(tree, part.row(i).data()), sums.row(first + i).data());
  }
  return sums / static_cast<double>(trees_.size());
}

std::vector<std::uint16_t> Forest::predict(EncodedTable const& table,
                                           std::span<RowIndex const> rows) const {
  return argmax(predict_proba(table, rows));
}

std::vector<std::uint16_t> Forest::predict(Eigen::MatrixXf const& features_of_rows) const {
  return argmax(predict_proba(features_of_rows));
}

OutOfBag Forest::out_of_bag(EncodedTable const& table, std::span<RowIndex const> rows,
                            Key key) const {
  check_out_of_bag(*this, table);
  OutOfBagVotes votes{rows.size(), classes()};
  auto const vote = [&](std::size_t t) {
    return votes.next(rows_outside(parameters_, key, static_cast<int>(t), rows.size()));
  };
  add_trees(trees_, table, rows, vote, votes.sums.data());
  std::vector<std::uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0u);
  OutOfBag result{0, (votes.number.array() == 0).count(), votes.means(all)};
  auto const predicted = argmax(result.decision_function);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) right += predicted[i] == table.labels()[rows[i]];
  result.score = static_cast<double>(right) / static_cast<double>(rows.size());
  return result;
}

std::vector<double> Forest::oob_curve(EncodedTable const& table, std::span<RowIndex const> rows,
                                      Key key) const {
  check_out_of_bag(*this, table);
  OutOfBagVotes votes{rows.size(), classes()};
  std::vector<bool> is_right(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) is_right[i] = table.labels()[rows[i]] == 0;
  auto right = std::ranges::count(is_right, true);
  std::vector<double> curve;
  auto const score_last_tree = [&] {  // only the rows that it voted for may have changed
    auto const predicted = argmax(votes.means(votes.outside));
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      auto const row = votes.outside[i];
      auto const now = predicted[i] == table.labels()[rows[row]];
      right += int{now} - int{is_right[row]};
      is_right[row] = now;
    }
    curve.push_back(static_cast<double>(right) / static_cast<double>(rows.size()));
  };
  auto const vote = [&](std::size_t t) {
    if (t > 0) score_last_tree();
    return votes.next(rows_outside(parameters_, key, static_cast<int>(t), rows.size()));
  };
  add_trees(trees_, table, rows, vote, votes.sums.data(), 1);
  if (!trees_.empty()) score_last_tree();
  return curve;
}

std::vector<double> Forest::feature_importances() const {
  std::vector<double> mean(feature_names_.size());
  double trees_with_splits = 0;
  for (auto const& tree : trees_) {
    if (tree.size() == 1) continue;
    ++trees_with_splits;
    auto const of_tree = importances(tree, mean.size());
    for (std::size_t f = 0; f < mean.size(); ++f) mean[f] += of_tree[f];
  }
  for (auto& value : mean) value /= std::max(trees_with_splits, 1.0);
  // As scikit-learn: what is not a number in one tree (weights that vanish beside others) spreads.
  if (auto const total = pairwise_sum(mean); total != 0)
    for (auto& value : mean) value /= total;
  return mean;
}

std::vector<std::uint16_t> argmax(Eigen::MatrixXd const& probabilities) {
  std::vector<std::uint16_t> best(static_cast<std::size_t>(probabilities.rows()));
  for (Eigen::Index i = 0; i < probabilities.rows(); ++i)
    for (Eigen::Index k = 1; k < probabilities.cols(); ++k) {
      auto& so_far = best[static_cast<std::size_t>(i)];
      if (probabilities(i, k) > probabilities(i, so_far)) so_far = static_cast<std::uint16_t>(k);
    }
  return best;
}

}  // namespace canopy::forest
