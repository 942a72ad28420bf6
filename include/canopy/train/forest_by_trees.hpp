#pragma once

#include <vector>

#include "canopy/forest/forest.hpp"

namespace canopy::train {

/// Trees first .. last-1 of a forest: the piece of a fit that one rank takes.
struct TreeBlock {
  int first = 0;
  int last = 0;
  friend bool operator==(TreeBlock, TreeBlock) = default;
};

/// Cuts a fit in blocks of nearly equal size, several per worker so that a slow one is no drag.
/// Any cut gives the same forest, since a tree depends on its own number only.
std::vector<TreeBlock> tree_blocks(int n_estimators, int workers);

/// The whole forest from its blocks, which must stand in tree order.
forest::Forest assemble(std::vector<NamedArrays> const& blocks);

}  // namespace canopy::train
