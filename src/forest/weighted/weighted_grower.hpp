#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "canopy/core/stop.hpp"
#include "canopy/forest/tree.hpp"

#include "grow/frontier.hpp"
#include "grow/pending_node.hpp"
#include "grow/problem.hpp"
#include "grow/tree_builder.hpp"
#include "weighted/weighted_search.hpp"

namespace canopy::forest {

/// Grows one tree from rows with real weights. Nodes are weighed anew when their turn comes, from
/// their rows as they stand then, because that is when scikit-learn weighs them.
template <class Draws>
class WeightedGrower {
 public:
  /// The bag in `memory` must have been filled.
  WeightedGrower(Problem const& problem, Draws& draws, StopToken const& stop,
                 WeightedMemory& memory)
      : limits_{problem.limits},
        rows_{static_cast<std::uint32_t>(memory.bag.keys.size())},
        draws_{draws},
        stop_{stop},
        search_{problem, draws, memory},
        tree_{memory.tree},
        builder_{tree_} {
    builder_.start(static_cast<std::size_t>(problem.table.classes()), true);
  }

  Tree grow() {
    if (limits_.max_leaf_nodes)
      grow_best_first<Open>(
          root(), *limits_.max_leaf_nodes, [&](Pending const& node) { return add(node); },
          [&](Open const& open, int) { return divide(open); });
    else
      depth_first();
    return builder_.finished();
  }

 private:
  using Place = typename Draws::Place;

  /// A node that is not yet in the tree.
  struct Pending : PendingNode<Draws> {
    std::uint32_t begin;  ///< its rows in the bag
    std::uint32_t end;
  };

  /// A node of the tree that may be split.
  struct Open {
    Pending node;
    std::int32_t number;
    std::array<Place, 2> children;
    Split split;
  };

  Pending root() {
    auto& node = search_.enter(0, rows_);
    return {{0, -1, false, 0, node.node_impurity(), node.weight(), draws_.root()}, 0, rows_};
  }

  /// An explicit stack, right child first, as in Grower.
  void depth_first() {
    std::vector<Pending> stack{root()};
    while (!stack.empty()) {
      auto const pending = stack.back();
      stack.pop_back();
      auto const open = add(pending);
      if (!open) continue;
      auto const [left, right] = divide(*open);
      stack.push_back(right);
      stack.push_back(left);
    }
  }

  /// Puts the node into the tree, as a leaf; gives its split if it may have one.
  std::optional<Open> add(Pending const& pending) {
    pause(pending.end - pending.begin);
    Open open{pending, append(pending), {pending.place, pending.place}, {}};
    if (is_leaf(pending)) return {};
    draws_.enter(pending.place, pending.known_constants);
    open.children = draws_.children();
    auto const found = search_.find(pending.impurity, open.split);
    open.node.known_constants = draws_.leave();
    if (!found || open.split.improvement + epsilon < limits_.min_impurity_decrease) return {};
    return open;
  }

  bool is_leaf(Pending const& node) const {
    return node.depth >= limits_.max_depth || node.end - node.begin < limits_.min_samples_split ||
           weight_ < 2 * search_.min_weight_leaf() || node.impurity <= epsilon;
  }

  std::int32_t append(Pending const& pending) {
    auto const& node = search_.enter(pending.begin, pending.end);
    weight_ = node.weight();
    auto const number = builder_.append({.rows = pending.end - pending.begin,
                                         .impurity = pending.impurity,
                                         .weight = weight_,
                                         .depth = pending.depth,
                                         .parent = pending.parent,
                                         .is_left = pending.is_left});
    std::ranges::copy(node.class_weights(), builder_.values(number).begin());
    return number;
  }

  /// The search has put the rows to their sides already.
  std::pair<Pending, Pending> divide(Open const& open) {
    auto const& node = open.node;
    auto const& split = open.split;
    builder_.divide(open.number, split);
    auto const middle = node.begin + split.rows_left;
    return {{node.left_child(open.number, split, open.children), node.begin, middle},
            {node.right_child(open.number, split, open.children), middle, node.end}};
  }

  /// Asks now and then whether to go on: about every million rows.
  void pause(std::uint32_t rows_of_node) {
    rows_seen_ += rows_of_node;
    if (rows_seen_ < 1'000'000) return;
    rows_seen_ = 0;
    throw_if_stopped(stop_);
  }

  static constexpr double epsilon = std::numeric_limits<double>::epsilon();

  Limits const& limits_;
  std::uint32_t rows_;
  Draws& draws_;
  StopToken const& stop_;
  WeightedSearch<Draws> search_;
  Tree& tree_;
  TreeBuilder builder_;
  double weight_ = 0;  ///< of the node that was appended last
  std::uint64_t rows_seen_ = 0;
};

}  // namespace canopy::forest
