#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "canopy/core/stop.hpp"
#include "canopy/forest/tree.hpp"

#include "bag.hpp"
#include "group_counts.hpp"
#include "impurity.hpp"
#include "problem.hpp"
#include "split_search.hpp"

namespace canopy::forest {

/// Grows one tree: decides which nodes are split, in which order, and moves the rows.
template <class Impurity, class Draws>
class Grower {
 public:
  Grower(Problem const& problem, Bag& bag, Impurity impurity, Draws& draws, StopToken const& stop)
      : problem_{problem},
        limits_{problem.limits},
        bag_{bag},
        draws_{draws},
        stop_{stop},
        search_{problem, bag, std::move(impurity), draws},
        spare_(bag.samples.size() + 1),
        classes_{bag.class_counts.size()} {}

  Tree grow() {
    tree_.classes = static_cast<int>(classes_);
    if (limits_.max_leaf_nodes)
      best_first(*limits_.max_leaf_nodes);
    else
      depth_first();
    return Tree{tree_};  // the copy is as small as can be
  }

 private:
  using Place = typename Draws::Place;

  /// A node that is not yet in the tree.
  struct Pending {
    std::uint32_t begin;  ///< its rows in the bag
    std::uint32_t end;
    std::int32_t depth;
    std::int32_t parent;
    bool is_left;
    int known_constants;
    double impurity;
    double weight;
    Place parent_place;  ///< the root's own place
    std::size_t counts;  ///< where its class counts stand

    std::uint32_t rows() const { return end - begin; }
  };

  /// A node of the tree that may be split.
  struct Open {
    Pending node;
    std::int32_t number;
    Place place;
    Split split;
  };

  Pending root() {
    std::ranges::copy(bag_.class_counts, counts_at(0));
    return {.begin = 0,
            .end = static_cast<std::uint32_t>(bag_.samples.size()),
            .depth = 0,
            .parent = -1,
            .is_left = false,
            .known_constants = 0,
            .impurity =
                node_impurity(problem_.parameters.criterion, bag_.class_counts, bag_.class_weights),
            .weight = bag_.weight(),
            .parent_place = draws_.root(),
            .counts = 0};
  }

  /// An explicit stack, right child first: ids come in scikit-learn's order and a chain of any
  /// length is no danger. A node's class counts stand at its own place in the stack.
  void depth_first() {
    std::vector<Pending> stack{root()};
    while (!stack.empty()) {
      auto const pending = stack.back();
      stack.pop_back();
      auto open = add(pending);
      if (!open) continue;
      auto const [left, right] = divide(*open, search_.left_counts(), pending.counts + 1);
      stack.push_back(right);
      stack.push_back(left);
    }
  }

  /// The node whose split gains most goes first, until there are enough leaves.
  void best_first(int max_leaf_nodes) {
    auto const gains_less = [](Open const& a, Open const& b) {
      return a.split.improvement < b.split.improvement;
    };
    std::vector<Open> frontier;
    auto const offer = [&](Pending pending) {
      pending.known_constants = 0;  // what is known is a stack, and this order is not
      if (auto open = add(pending)) {
        frontier.push_back(std::move(*open));
        std::ranges::push_heap(frontier, gains_less);
      }
    };
    offer(root());
    for (int leaves = 1; leaves < max_leaf_nodes && !frontier.empty(); ++leaves) {
      std::ranges::pop_heap(frontier, gains_less);
      auto const open = std::move(frontier.back());
      frontier.pop_back();
      auto const [left, right] = divide(open, {}, static_cast<std::size_t>(leaves));
      offer(left);
      offer(right);
    }
  }

  /// Puts the node into the tree, as a leaf; gives its split if it may have one.
  std::optional<Open> add(Pending const& pending) {
    pause(pending.rows());
    Open open{pending, append(pending), {pending.parent_place}, {}};
    if (is_leaf(pending)) return {};
    if (pending.parent >= 0) open.place = Draws::child(pending.parent_place, pending.is_left);
    draws_.enter(open.place, pending.known_constants);
    NodeRows const node{rows(pending), counts_at(pending.counts), pending.impurity};
    auto const found = search_.find(node, open.split);
    open.node.known_constants = draws_.leave();
    if (!found || open.split.improvement + epsilon < limits_.min_impurity_decrease) return {};
    return open;
  }

  bool is_leaf(Pending const& node) const {
    return node.depth >= limits_.max_depth || node.rows() < limits_.min_samples_split ||
           node.weight < 2 * search_.min_weight_leaf() || node.impurity <= epsilon;
  }

  std::int32_t append(Pending const& pending) {
    auto const number = static_cast<std::int32_t>(tree_.nodes.size());
    tree_.nodes.push_back({.impurity = pending.impurity,
                           .weight = pending.weight,
                           .samples = pending.rows(),
                           .depth = pending.depth});
    auto const* counts = counts_at(pending.counts);
    for (std::size_t k = 0; k < classes_; ++k)
      tree_.values.push_back(counts[k] * bag_.class_weights[k]);
    if (pending.parent >= 0) {
      auto& parent = tree_.nodes[static_cast<std::size_t>(pending.parent)];
      (pending.is_left ? parent.left : parent.right) = number;
    }
    return number;
  }

  /// Moves the node's rows to their sides, keeping their order, and gives the two children. The
  /// right child takes over the node's place for class counts, the left one gets `left_place`.
  /// `left_counts` may be empty when they are not at hand.
  std::pair<Pending, Pending> divide(Open const& open, ClassCounts left_counts,
                                     std::size_t left_place) {
    auto const& node = open.node;
    auto const& split = open.split;
    auto& in_tree = tree_.nodes[static_cast<std::size_t>(open.number)];
    in_tree.feature = split.feature;
    in_tree.threshold = split.threshold;
    in_tree.code_threshold = split.code_threshold;
    move_rows(rows(node), split);
    auto const middle = node.begin + split.rows_left;
    auto* left = counts_at(left_place);
    if (left_counts.empty())
      count_classes({bag_.samples.data() + node.begin, split.rows_left}, left);
    else
      std::ranges::copy(left_counts, left);
    auto* right = counts_at(node.counts);
    for (std::size_t k = 0; k < classes_; ++k) right[k] -= left[k];
    return {{node.begin, middle, node.depth + 1, open.number, true, node.known_constants,
             split.impurity_left, split.weight_left, open.place, left_place},
            {middle, node.end, node.depth + 1, open.number, false, node.known_constants,
             split.impurity_right, split.weight_right, open.place, node.counts}};
  }

  void count_classes(std::span<Sample const> samples, std::uint32_t* counts) const {
    std::fill_n(counts, classes_, 0);
    for (auto const& sample : samples) counts[sample.label] += sample.weight;
  }

  void move_rows(std::span<Sample> samples, Split const& split) {
    auto const& column = problem_.columns[static_cast<std::size_t>(split.feature)];
    auto const is_group = column.block->is_group();
    with_codes(*column.block, [&](auto const* codes) {
      if (is_group)
        partition(samples, [&](data::RowIndex row) { return codes[row] != column.member; });
      else
        partition(samples, [&](data::RowIndex row) { return codes[row] <= split.code_threshold; });
    });
  }

  /// Stable, and without a branch that depends on the data.
  template <class GoesLeft>
  void partition(std::span<Sample> samples, GoesLeft goes_left) {
    std::size_t left = 0;
    std::size_t right = 0;
    for (auto const sample : samples) {
      bool const is_left = goes_left(sample.row);
      samples[left] = sample;
      spare_[right] = sample;
      left += is_left;
      right += !is_left;
    }
    std::copy_n(spare_.begin(), right, samples.begin() + static_cast<std::ptrdiff_t>(left));
  }

  /// Asks now and then whether to go on: about every million rows.
  void pause(std::uint32_t rows_of_node) {
    rows_seen_ += rows_of_node;
    if (rows_seen_ < 1'000'000) return;
    rows_seen_ = 0;
    throw_if_stopped(stop_);
  }

  std::span<Sample> rows(Pending const& node) {
    return std::span{bag_.samples}.subspan(node.begin, node.rows());
  }

  std::uint32_t* counts_at(std::size_t place) {
    auto const needed = (place + 1) * classes_;
    if (counts_.size() < needed) counts_.resize(2 * needed);
    return counts_.data() + place * classes_;
  }

  static constexpr double epsilon = std::numeric_limits<double>::epsilon();

  Problem const& problem_;
  Limits const& limits_;
  Bag& bag_;
  Draws& draws_;
  StopToken const& stop_;
  SplitSearch<Impurity, Draws> search_;
  std::vector<Sample> spare_;
  std::size_t classes_;
  std::vector<std::uint32_t> counts_;
  std::uint64_t rows_seen_ = 0;
  Tree tree_;
};

}  // namespace canopy::forest
