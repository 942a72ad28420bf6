#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/core/pooled.hpp"

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
  /// A split: ordinal column: rank; member of a one-hot group: 0. A leaf: see Tree.
  std::uint32_t code_threshold = 0;
  std::uint32_t samples = 0;  ///< distinct in-bag rows (scikit-learn's n_node_samples)
  std::int32_t depth = 0;     ///< 0 at the root

  bool is_leaf() const { return feature < 0; }
  /// The code threshold of a split, 0 in a leaf. No branch: which node is a leaf nobody can
  /// foresee.
  std::uint32_t split_code() const {
    return code_threshold & ~static_cast<std::uint32_t>(feature >> 31);
  }
  /// The right child, or `end` in a leaf. No branch.
  std::int32_t right_or(std::int32_t end) const {
    auto const is_leaf = feature >> 31;
    return (right & ~is_leaf) | (end & is_leaf);
  }
  friend bool operator==(Node const&, Node const&) = default;
};

/// A grown decision tree. Nodes are numbered as in scikit-learn: root 0, then depth first with the
/// left branch before the right one; with max_leaf_nodes in the order in which they were split.
///
/// Every node has weighted class counts (scikit-learn's tree_.value); kept are those that do not
/// follow from others. A leaf's code_threshold is its only class, whose count is the node's weight,
/// or `classes` + the number of its row in `values`. A split node's counts are the sums of its
/// children's; in a tree where that is not so to the last bit, which weights that are not whole
/// bring about, all nodes have their rows, in order.
struct Tree {
  int classes = 0;
  PooledVector<Node> nodes;
  std::vector<double> values;  ///< rows of `classes` weighted counts

  std::size_t size() const { return nodes.size(); }
  bool has_all_values() const {
    return values.size() == size() * static_cast<std::size_t>(classes);
  }
  /// Whether a leaf has rows of one class only, which is its code_threshold.
  bool has_one_class(Node const& leaf) const {
    return leaf.code_threshold < static_cast<std::uint32_t>(classes);
  }
  std::span<double const> row(std::size_t number) const {
    auto const count = static_cast<std::size_t>(classes);
    return {values.data() + number * count, count};
  }
  /// The counts of another leaf.
  std::span<double const> value(Node const& leaf) const {
    return row(leaf.code_threshold - static_cast<std::uint32_t>(classes));
  }

  /// Nodes x classes: the weighted class counts of every node.
  std::vector<double> all_values() const;
  /// The same into memory that serves one tree after another; `stride` numbers a node, those behind
  /// the last class are 0.
  void all_values(std::vector<double>& all, std::size_t stride) const;
  /// The same for these nodes and those below them; other numbers may be anything.
  void values_below(std::span<std::uint32_t const> tops, std::vector<double>& all,
                    std::size_t stride) const;
  /// Keeps what is needed of the counts of all nodes; the nodes must be complete else.
  void keep_values(std::span<double const> all);

  int depth() const;
  std::size_t leaves() const;

  friend bool operator==(Tree const&, Tree const&) = default;
};

}  // namespace canopy::forest
