#include <gtest/gtest.h>

#include "canopy/train/forest_by_trees.hpp"

#include "forest/tables.hpp"

namespace canopy::train {
namespace {

TEST(TreeBlocks, CoverEveryTreeOnceAndInOrder) {
  for (int const trees : {1, 2, 3, 7, 10, 64, 100, 333, 1000})
    for (int const workers : {1, 2, 3, 8, 100, 5000}) {
      int next = 0;
      int smallest = trees, largest = 0;
      for (auto const& [first, last] : tree_blocks(trees, workers)) {
        EXPECT_EQ(first, next);
        EXPECT_LT(first, last) << "an empty block";
        smallest = std::min(smallest, last - first);
        largest = std::max(largest, last - first);
        next = last;
      }
      EXPECT_EQ(next, trees) << workers << " workers";
      EXPECT_LE(largest - smallest, 1) << trees << " trees, " << workers << " workers";
    }
}

TEST(TreeBlocks, AreEnoughForEveryWorker) {
  EXPECT_GT(tree_blocks(100, 3).size(), 3u) << "a slow worker must not hold up the others";
  EXPECT_EQ(tree_blocks(5, 100).size(), 5u);
}

TEST(Assemble, AnyCutGivesTheWholeForestBitForBit) {
  auto const set = forest::test::mixed(200, 3, 1);
  auto const table = data::EncodedTable::encode(set);
  auto const rows = forest::test::all_rows(table);
  auto const parameters = forest::test::parameters({{"n-estimators", "13"}});
  Key const key{4};
  auto const grown = [&](int first, int last) {
    return forest::Forest{parameters, forest::grow_trees(table, rows, parameters, key, first, last),
                          set.class_names, set.feature_names};
  };
  auto const whole = grown(0, 13);
  for (int const workers : {1, 2, 3, 20}) {
    std::vector<NamedArrays> blocks;
    for (auto const& [first, last] : tree_blocks(13, workers))
      blocks.push_back(grown(first, last).to_arrays());
    auto const assembled = assemble(blocks);
    EXPECT_EQ(assembled.trees().size(), 13u);
    EXPECT_EQ(assembled.to_arrays().sha256(), whole.to_arrays().sha256()) << workers;
    EXPECT_EQ(assembled, whole);
  }
}

}  // namespace
}  // namespace canopy::train
