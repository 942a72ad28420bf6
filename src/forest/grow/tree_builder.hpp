#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/forest/tree.hpp"

#include "grow/pages.hpp"
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

  void start(std::size_t classes) {
    tree_.classes = static_cast<int>(classes);
    tree_.nodes.clear();
    tree_.values.clear();
  }

  /// Gives the node's number. Its weights per class are 0 and wait to be set in values().
  std::int32_t append(NodeFacts const& facts) {
    auto const number = static_cast<std::int32_t>(tree_.nodes.size());
    tree_.nodes.push_back({.impurity = facts.impurity,
                           .weight = facts.weight,
                           .samples = facts.rows,
                           .depth = facts.depth});
    tree_.values.resize(tree_.values.size() + static_cast<std::size_t>(tree_.classes));
    if (facts.parent >= 0) {
      auto& parent = at(facts.parent);
      (facts.is_left ? parent.left : parent.right) = number;
    }
    return number;
  }

  /// Of the node that was appended last.
  std::span<double> values() {
    return std::span{tree_.values}.last(static_cast<std::size_t>(tree_.classes));
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
    copy.values = compact(tree_.values);
    return copy;
  }

 private:
  template <class Item>
  static std::vector<Item> compact(std::vector<Item> const& items) {
    std::vector<Item> copy;
    copy.reserve(items.size());
    make_pages(copy.data(), items.size() * sizeof(Item));
    copy.assign(items.begin(), items.end());
    return copy;
  }

  Node& at(std::int32_t number) { return tree_.nodes[static_cast<std::size_t>(number)]; }

  Tree& tree_;
};

}  // namespace canopy::forest
