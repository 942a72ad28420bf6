#include "canopy/forest/tree.hpp"

#include <algorithm>

namespace canopy::forest {

int Tree::depth() const {
  std::int32_t deepest = 0;
  for (auto const& node : nodes) deepest = std::max(deepest, node.depth);
  return deepest;
}

std::size_t Tree::leaves() const {
  return static_cast<std::size_t>(std::ranges::count_if(nodes, &Node::is_leaf));
}

}  // namespace canopy::forest
