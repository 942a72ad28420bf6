#include "score_forest.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "canopy/data/encoded.hpp"
#include "canopy/forest/forest.hpp"

namespace canopy::tune {
namespace {

/// Class 0 is the best score, and from class to class there are more scores in one, as trees end
/// where only one class is left and should tell the best ones apart. Equal scores share a class.
std::vector<std::uint16_t> classes_of(std::span<double const> scores) {
  constexpr double growth = 1.15;
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return scores[i]; });
  std::vector<std::uint16_t> classes(scores.size());
  std::uint16_t label = 0;
  double size = 1;
  double end = size;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (static_cast<double>(i) >= end && scores[order[i]] != scores[order[i - 1]]) {
      ++label;
      size *= growth;
      end = static_cast<double>(i) + size;
    }
    classes[order[i]] = label;
  }
  return classes;
}

data::EncodedTable table(std::span<std::vector<double> const> coordinates,
                         std::vector<std::uint16_t> labels) {
  data::Dataset set;
  auto const dimensions = coordinates.front().size();
  set.features.resize(std::ssize(coordinates), static_cast<Eigen::Index>(dimensions));
  for (std::size_t i = 0; i < coordinates.size(); ++i)
    for (std::size_t d = 0; d < dimensions; ++d)
      set.features(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(d)) =
          static_cast<float>(coordinates[i][d]);
  set.feature_names.resize(dimensions);
  set.class_names.resize(*std::ranges::max_element(labels) + std::size_t{1});
  set.labels = std::move(labels);
  return data::EncodedTable::encode(set);
}

ScoreForest::Tree with_scores(PooledVector<forest::Node> nodes,
                              std::span<std::vector<double> const> coordinates,
                              std::span<double const> scores) {
  auto const size = nodes.size();
  ScoreForest::Tree tree{std::move(nodes), std::vector<double>(size), std::vector<double>(size)};
  std::vector<double> count(size);
  std::vector<std::size_t> leaves;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    leaves.push_back(tree.leaf(coordinates[i]));
    tree.mean[leaves[i]] += scores[i];
    count[leaves[i]] += 1;
  }
  for (std::size_t i = 0; i < size; ++i)
    if (count[i] > 0) tree.mean[i] /= count[i];
  for (std::size_t i = 0; i < scores.size(); ++i) {
    auto const off = scores[i] - tree.mean[leaves[i]];
    tree.variance[leaves[i]] += off * off / count[leaves[i]];
  }
  return tree;
}

}  // namespace

ScoreForest::ScoreForest(std::span<std::vector<double> const> coordinates,
                         std::span<double const> scores, int trees, Key key) {
  if (trees == 0) return;
  auto const encoded = table(coordinates, classes_of(scores));
  std::vector<data::RowIndex> rows(scores.size());
  std::iota(rows.begin(), rows.end(), data::RowIndex{0});
  forest::ForestParameters parameters;
  parameters.kind = forest::Kind::extra_trees;
  parameters.max_features = {forest::MaxFeatures::Rule::all};
  for (auto& tree : forest::grow_trees(encoded, rows, parameters, key, 0, trees))
    trees_.push_back(with_scores(std::move(tree.nodes), coordinates, scores));
}

std::size_t ScoreForest::Tree::leaf(std::span<double const> coordinates) const {
  std::size_t at = 0;
  while (!nodes[at].is_leaf()) {
    auto const& node = nodes[at];
    auto const x = static_cast<float>(coordinates[static_cast<std::size_t>(node.feature)]);
    at = static_cast<std::size_t>(x <= node.threshold ? node.left : node.right);
  }
  return at;
}

ScoreForest::Belief ScoreForest::at(std::span<double const> coordinates) const {
  double mean = 0;
  double square = 0;
  for (auto const& tree : trees_) {
    auto const leaf = tree.leaf(coordinates);
    mean += tree.mean[leaf];
    square += tree.variance[leaf] + tree.mean[leaf] * tree.mean[leaf];
  }
  auto const n = static_cast<double>(trees_.size());
  return {mean / n, std::max(0.0, square / n - mean / n * (mean / n))};
}

}  // namespace canopy::tune
