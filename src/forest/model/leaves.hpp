#pragma once

#include <cstddef>

#include "canopy/forest/tree.hpp"

#include "model/pairwise_sum.hpp"

namespace canopy::forest {

/// The leaf that a row of raw values reaches from node `at`.
inline std::size_t leaf_of(Tree const& tree, float const* row, std::size_t at = 0) {
  while (!tree.nodes[at].is_leaf()) {
    auto const& node = tree.nodes[at];
    at = static_cast<std::size_t>(row[node.feature] <= node.threshold ? node.left : node.right);
  }
  return at;
}

/// Adds the class shares of one leaf. All ways of predicting add these numbers in tree order, so
/// they agree.
inline void add_leaf(Tree const& tree, std::size_t leaf, double* sums) {
  auto const& node = tree.nodes[leaf];
  if (tree.has_one_class(node)) {
    sums[node.code_threshold] += 1.0;  // the others would get + 0.0
    return;
  }
  auto const value = tree.value(node);
  auto const weight = weight_for_shares(value);
  for (std::size_t k = 0; k < value.size(); ++k) sums[k] += value[k] / weight;
}

}  // namespace canopy::forest
