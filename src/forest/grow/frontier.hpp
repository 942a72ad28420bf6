#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace canopy::forest {

/// Grows a tree best node first: the node whose split gains most is divided next, until there are
/// enough leaves. `add(node)` puts a node into the tree and gives an Open (with its `split`) if it
/// may be divided; `divide(open, leaves)` gives the two children. Leaves wait in the heap as well:
/// among equal gains their presence decides, here as in scikit-learn.
template <class Open, class Pending, class Add, class Divide>
void grow_best_first(Pending const& root, int max_leaf_nodes, Add add, Divide divide) {
  struct Waiting {
    double improvement;
    std::optional<Open> open;
  };
  std::vector<Waiting> frontier;
  auto const offer = [&](Pending pending) {
    pending.known_constants = 0;  // what is known is a stack, and this order is not
    auto open = add(pending);
    frontier.push_back({open ? open->split.improvement : 0.0, std::move(open)});
    std::ranges::push_heap(frontier, {}, &Waiting::improvement);
  };
  offer(root);
  for (int leaves = 1; leaves < max_leaf_nodes && !frontier.empty();) {
    std::ranges::pop_heap(frontier, {}, &Waiting::improvement);
    auto const open = std::move(frontier.back().open);
    frontier.pop_back();
    if (!open) continue;
    auto const [left, right] = divide(*open, leaves);
    offer(left);
    offer(right);
    ++leaves;
  }
}

}  // namespace canopy::forest
