#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace canopy::forest {

/// One node of a tree. Rows go left when `x[feature] <= threshold`, x being float32; in the table
/// the tree was grown on that is the same as `code <= code_threshold`.
struct Node {
  double threshold = 0;
  double impurity = 0;
  double weight = 0;          ///< sum of the row weights
  std::int32_t feature = -1;  ///< -1: a leaf
  std::int32_t left = -1;     ///< child's number in the tree, more than the own one
  std::int32_t right = -1;
  std::uint32_t code_threshold = 0;  ///< ordinal column: rank; member of a one-hot group: 0
  std::uint32_t samples = 0;         ///< distinct in-bag rows (scikit-learn's n_node_samples)
  std::int32_t depth = 0;            ///< 0 at the root

  bool is_leaf() const { return feature < 0; }
  friend bool operator==(Node const&, Node const&) = default;
};

/// A grown decision tree. Nodes are numbered as in scikit-learn: root 0, then depth first with the
/// left branch before the right one; with max_leaf_nodes in the order in which they were split.
struct Tree {
  int classes = 0;
  std::vector<Node> nodes;
  std::vector<double> values;  ///< nodes x classes: weighted class counts of every node

  std::size_t size() const { return nodes.size(); }
  std::span<double const> value(std::size_t node) const {
    return {values.data() + node * static_cast<std::size_t>(classes),
            static_cast<std::size_t>(classes)};
  }
  int depth() const;
  std::size_t leaves() const;

  friend bool operator==(Tree const&, Tree const&) = default;
};

}  // namespace canopy::forest
