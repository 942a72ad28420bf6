#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "canopy/forest/tree.hpp"

#include "grow/bag.hpp"
#include "grow/compact_rows.hpp"
#include "grow/draws.hpp"
#include "grow/problem.hpp"
#include "sharded/sums_search.hpp"

namespace canopy::forest {

/// A node near the root: every process knows it, each has a part of its rows.
struct WideNode {
  Key place;
  std::int32_t depth;
  std::uint32_t rows;                 ///< of all processes
  std::vector<std::uint32_t> counts;  ///< weight per class, of all processes
  double impurity;
  double weight;
  std::uint32_t begin;  ///< this process's rows among the samples of the bag
  std::uint32_t end;
  Split split = {};        ///< once it is found; feature -1: none
  std::int32_t left = -1;  ///< place among the wide nodes; -1: a leaf, or the root of a subtree
  std::int32_t right = -1;
  std::int32_t subtree = -1;  ///< number of the subtree that starts here
};

/// The part of a tree that all processes grow together. Each of them has its own samples in the
/// bag; the bag's class counts and everything else are the same on all.
template <class Impurity>
class WideTree {
 public:
  template <class ScoreOf>
  WideTree(Problem const& problem, Key tree, Bag bag, std::uint32_t rows, ScoreOf score_of)
      : bag_{std::move(bag)},
        draws_{tree, problem.table.features()},
        search_{problem, bag_, score_of(bag_), draws_},
        problem_{problem} {
    auto const& counts = bag_.class_counts;
    auto const impurity = node_impurity(problem.parameters.criterion, counts, bag_.class_weights);
    nodes_.push_back({draws_.root(), 0, rows, counts, impurity, bag_.weight(), 0,
                      static_cast<std::uint32_t>(bag_.samples.size())});
  }
  WideTree(WideTree const&) = delete;
  WideTree& operator=(WideTree const&) = delete;

  Bag const& bag() const { return bag_; }
  std::vector<WideNode> const& nodes() const { return nodes_; }
  WideNode const& node(std::int32_t number) const {
    return nodes_[static_cast<std::size_t>(number)];
  }
  std::span<Sample const> samples(std::int32_t number) const {
    auto const& at = node(number);
    return std::span{bag_.samples}.subspan(at.begin, at.end - at.begin);
  }

  bool is_leaf(std::int32_t number) const {
    auto const& at = node(number);
    return search_.ends_at(at.depth, at.rows, at.weight, at.impurity);
  }

  void set_subtree(std::int32_t number, std::int32_t subtree) {
    nodes_[static_cast<std::size_t>(number)].subtree = subtree;
  }

  /// The blocks that must be summed over the node's rows before it can be settled.
  std::vector<std::int32_t> const& missing(std::int32_t number, NodeSums const& sums) {
    auto& at = nodes_[static_cast<std::size_t>(number)];
    return search_.find(at.place, at.rows, at.counts, at.impurity, sums, at.split);
  }

  /// Nothing is missing for this node, which was asked for last: gives it children, if it has a
  /// split that is worth it.
  bool divide(std::int32_t number) {
    auto& split = nodes_[static_cast<std::size_t>(number)].split;
    if (!search_.has_split() || !search_.gains_enough(split)) {
      split.feature = -1;
      return false;
    }
    auto const parent = node(number);  // a copy: the vector grows
    auto right_counts = parent.counts;
    for (std::size_t k = 0; k < right_counts.size(); ++k)
      right_counts[k] -= search_.left_counts()[k];
    auto const middle = move_rows(parent);
    auto const next = static_cast<std::int32_t>(nodes_.size());
    nodes_[static_cast<std::size_t>(number)].left = next;
    nodes_[static_cast<std::size_t>(number)].right = next + 1;
    nodes_.push_back({KeyedDraws::child(parent.place, true), parent.depth + 1, split_rows(parent),
                      search_.left_counts(), parent.split.impurity_left, parent.split.weight_left,
                      parent.begin, middle});
    nodes_.push_back({KeyedDraws::child(parent.place, false), parent.depth + 1,
                      parent.rows - split_rows(parent), std::move(right_counts),
                      parent.split.impurity_right, parent.split.weight_right, middle, parent.end});
    return true;
  }

  /// The whole tree, when `subtrees` have grown: nodes in depth-first order, as Grower numbers
  /// them.
  Tree assemble(std::vector<Tree> const& subtrees) const {
    struct Visit {
      std::int32_t node;
      std::int32_t parent;
      bool is_left;
    };
    Tree tree{.classes = static_cast<int>(bag_.class_counts.size()), .nodes = {}, .values = {}};
    std::vector<double> values;
    std::vector<Visit> stack{{0, -1, false}};
    while (!stack.empty()) {
      auto const visit = stack.back();
      stack.pop_back();
      auto const& at = node(visit.node);
      auto const number = static_cast<std::int32_t>(tree.size());
      if (visit.parent >= 0) {
        auto& parent = tree.nodes[static_cast<std::size_t>(visit.parent)];
        (visit.is_left ? parent.left : parent.right) = number;
      }
      if (at.subtree >= 0) {
        append(tree, values, subtrees[static_cast<std::size_t>(at.subtree)]);
        continue;
      }
      append(tree, values, at);
      if (at.left < 0) continue;
      stack.push_back({at.right, number, false});
      stack.push_back({at.left, number, true});
    }
    tree.nodes.shrink_to_fit();
    tree.keep_values(values);
    return tree;
  }

 private:
  static std::uint32_t split_rows(WideNode const& node) { return node.split.rows_left; }

  /// Stable, as the rows of a node then stay in the order of memory. Gives where the right side
  /// begins.
  std::uint32_t move_rows(WideNode const& node) {
    auto const& column = problem_.columns[static_cast<std::size_t>(node.split.feature)];
    return with_codes(*column.block, [&](auto const* codes) {
      auto left = node.begin;
      spare_.clear();
      for (auto i = node.begin; i < node.end; ++i) {
        auto const sample = bag_.samples[i];
        std::uint32_t const code = codes[sample.row];
        auto const is_left =
            column.block->is_group() ? code != column.member : code <= node.split.code_threshold;
        if (is_left)
          bag_.samples[left++] = sample;
        else
          spare_.push_back(sample);
      }
      std::ranges::copy(spare_, bag_.samples.begin() + left);
      return left;
    });
  }

  void append(Tree& tree, std::vector<double>& values, WideNode const& node) const {
    auto const& split = node.split;
    auto const is_split = node.left >= 0;
    tree.nodes.push_back({.threshold = is_split ? split.threshold : 0,
                          .impurity = node.impurity,
                          .weight = node.weight,
                          .feature = is_split ? split.feature : -1,
                          .code_threshold = is_split ? split.code_threshold : 0,
                          .samples = node.rows,
                          .depth = node.depth});
    for (std::size_t k = 0; k < node.counts.size(); ++k)
      values.push_back(node.counts[k] * bag_.class_weights[k]);
  }

  static void append(Tree& tree, std::vector<double>& values, Tree const& subtree) {
    auto const first = static_cast<std::int32_t>(tree.size());
    for (auto node : subtree.nodes) {
      if (!node.is_leaf()) {
        node.left += first;
        node.right += first;
      }
      tree.nodes.push_back(node);
    }
    auto const more = subtree.all_values();
    values.insert(values.end(), more.begin(), more.end());
  }

  Bag bag_;
  KeyedDraws draws_;
  SumsSearch<Impurity> search_;
  Problem const& problem_;
  std::vector<WideNode> nodes_;
  std::vector<Sample> spare_;
};

}  // namespace canopy::forest
