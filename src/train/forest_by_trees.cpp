#include "canopy/train/forest_by_trees.hpp"

#include <algorithm>
#include <iterator>

namespace canopy::train {

std::vector<TreeBlock> tree_blocks(int n_estimators, int workers) {
  constexpr int blocks_per_worker = 4;
  int const count = std::clamp(workers * blocks_per_worker, 1, n_estimators);
  std::vector<TreeBlock> blocks;
  for (int b = 0; b < count; ++b)
    blocks.push_back({static_cast<int>(std::int64_t{n_estimators} * b / count),
                      static_cast<int>(std::int64_t{n_estimators} * (b + 1) / count)});
  return blocks;
}

forest::Forest assemble(std::vector<NamedArrays> const& blocks) {
  std::vector<forest::Tree> trees;
  auto const first = forest::Forest::from_arrays(blocks.at(0));
  for (auto const& block : blocks)
    std::ranges::copy(forest::Forest::from_arrays(block).trees(), std::back_inserter(trees));
  return {first.parameters(), std::move(trees), first.class_names(), first.feature_names()};
}

}  // namespace canopy::train
