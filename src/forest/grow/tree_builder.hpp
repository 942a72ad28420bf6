#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/forest/tree.hpp"

#include "split/impurity.hpp"
#include "split/split.hpp"

namespace canopy::forest {

/// What a node says of itself when it enters the tree, always as a leaf.
struct NodeFacts {
  std::uint32_t rows;
  double impurity;
  double weight;
  std::int32_t depth;
  std::int32_t parent;  ///< -1: the root
  bool is_left;
};

/// Puts nodes into a tree, in the order in which they are to be numbered.
class TreeBuilder {
 public:
  explicit TreeBuilder(Tree& tree) : tree_{tree} {}

  /// `every_node`: all nodes will be given their values, not leaves only.
  void start(std::size_t classes, bool every_node) {
    every_node_ = every_node;
    tree_.classes = static_cast<int>(classes);
    tree_.nodes.clear();
    tree_.values.clear();
  }

  /// Gives the node's number.
  std::int32_t append(NodeFacts const& facts) {
    auto const number = static_cast<std::int32_t>(tree_.nodes.size());
    tree_.nodes.push_back({.impurity = facts.impurity,
                           .weight = facts.weight,
                           .samples = facts.rows,
                           .depth = facts.depth});
    if (facts.parent >= 0) {
      auto& parent = at(facts.parent);
      (facts.is_left ? parent.left : parent.right) = number;
    }
    return number;
  }

  /// The same, with the values if every node has them.
  std::int32_t append(NodeFacts const& facts, ClassCounts counts,
                      std::span<double const> class_weights) {
    auto const number = append(facts);
    if (every_node_) put_values(number, counts, class_weights);
    return number;
  }

  /// The node stays a leaf.
  void leave(std::int32_t number, ClassCounts counts, std::span<double const> class_weights) {
    if (every_node_) return;
    auto const absent = std::ranges::count(counts, 0u);
    if (absent + 1 < std::ssize(counts)) return put_values(number, counts, class_weights);
    auto const present = std::ranges::find_if(counts, [](auto count) { return count > 0; });
    leave(number, static_cast<std::uint32_t>(present - counts.begin()));
  }
  /// The node stays a leaf, of one class.
  void leave(std::int32_t number, std::uint32_t label) { at(number).code_threshold = label; }

  /// Weights per class of a leaf of several classes, or of the node that was appended last if every
  /// node has them. They are 0 and wait to be set.
  std::span<double> values(std::int32_t number) {
    auto const classes = static_cast<std::size_t>(tree_.classes);
    auto const rows = tree_.values.size() / classes;
    at(number).code_threshold = static_cast<std::uint32_t>(classes + rows);
    tree_.values.resize(tree_.values.size() + classes);
    return std::span{tree_.values}.last(classes);
  }

  /// Makes a leaf an inner node, whose children follow.
  void divide(std::int32_t number, Split const& split) {
    auto& node = at(number);
    node.feature = split.feature;
    node.threshold = split.threshold;
    node.code_threshold = split.code_threshold;
  }

  /// A copy that is as small as can be; the tree's own memory serves the next one.
  Tree finished() const {
    Tree copy;
    copy.classes = tree_.classes;
    copy.nodes = compact(tree_.nodes);
    if (every_node_)
      copy.keep_values(tree_.values);
    else
      copy.values = compact(tree_.values);
    return copy;
  }

 private:
  template <class Items>
  static Items compact(Items const& items) {
    return {items.begin(), items.end()};
  }

  void put_values(std::int32_t number, ClassCounts counts, std::span<double const> class_weights) {
    auto const values = this->values(number);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = counts[k] * class_weights[k];
  }

  Node& at(std::int32_t number) { return tree_.nodes[static_cast<std::size_t>(number)]; }

  Tree& tree_;
  bool every_node_ = false;
};

}  // namespace canopy::forest
