// Trees as arrays without the forest around them; what forests make of them is in
// test_serialise.cpp.
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/forest/tree_arrays.hpp"

#include "tables.hpp"

namespace canopy::forest {
namespace {

constexpr int classes = 3;

std::vector<Tree> some_trees() {
  return test::grow(test::mixed(120, classes, 5), test::parameters({{"n-estimators", "4"}}))
      .trees();
}

int features() {
  return static_cast<int>(test::mixed(120, classes, 5).features.cols());
}

Tree single_leaf() {
  return {.classes = classes,
          .nodes = {{.impurity = 0.5, .weight = 7, .code_threshold = classes, .samples = 5}},
          .values = {3, 0, 4}};
}

TEST(TreeArrays, ComeBackBitForBit) {
  auto trees = some_trees();
  trees.insert(trees.begin() + 1, single_leaf());  // between trees that have splits
  NamedArrays arrays;
  put_trees(arrays, trees);
  EXPECT_EQ(get_trees(arrays, features(), classes), trees);
}

TEST(TreeArrays, OfATreeDoNotDependOnWhichOthersTravelWithIt) {
  auto const trees = some_trees();
  for (std::size_t t = 0; t < trees.size(); ++t) {
    NamedArrays arrays;
    put_trees(arrays, {trees[t]});
    EXPECT_EQ(get_trees(arrays, features(), classes).at(0), trees[t]);
  }
}

TEST(TreeArrays, MayHoldNoTreeAtAll) {
  NamedArrays arrays;
  put_trees(arrays, {});
  EXPECT_EQ(arrays.at("tree_offsets").size(), 1u);
  EXPECT_TRUE(get_trees(arrays, features(), classes).empty());
}

TEST(TreeArrays, HaveTheLengthsThatTheHeaderPromises) {
  auto const trees = some_trees();
  NamedArrays arrays;
  put_trees(arrays, trees);
  std::size_t nodes = 0, leaves = 0;
  for (auto const& tree : trees) nodes += tree.size(), leaves += tree.leaves();
  EXPECT_EQ(arrays.at("tree_offsets").size(), trees.size() + 1);
  EXPECT_EQ(arrays.at("feature").size(), nodes);
  for (auto const* name : {"threshold", "code_threshold", "impurity", "right"})
    EXPECT_EQ(arrays.at(name).size(), nodes - leaves) << name;
  for (auto const* name : {"samples", "present"}) EXPECT_EQ(arrays.at(name).size(), leaves) << name;
  EXPECT_EQ(arrays.at("present_class").size(), arrays.at("present_count").size());
}

TEST(TreeArrays, AreRefusedForFewerFeaturesOrClasses) {
  NamedArrays arrays;
  put_trees(arrays, some_trees());
  EXPECT_THROW(get_trees(arrays, 1, classes), DataError);
  EXPECT_THROW(get_trees(arrays, features(), classes - 1), DataError);
}

}  // namespace
}  // namespace canopy::forest
