#include <gmock/gmock.h>

#include "canopy/tune/slices.hpp"
#include "canopy/tune/trial.hpp"

#include "support/complaint.hpp"

namespace canopy::tune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Configuration const defaults{{"trees", "100"}, {"depth", "None"}, {"leaf", "1"}};

SliceAxes two_axes() {
  return {{"trees", "depth"},
          Space::from_toml_text("trees = [10, 20, 30]\ndepth = [4, 'None']\nleaf = [1, 2]"),
          defaults};
}

TEST(SliceAxes, CountThroughAllCombinationsTheLastAxisQuickest) {
  auto const axes = two_axes();
  EXPECT_EQ(axes.size(), 6u);
  EXPECT_EQ(axes.at(0), (Configuration{{"trees", "10"}, {"depth", "4"}}));
  EXPECT_EQ(axes.at(1), (Configuration{{"trees", "10"}, {"depth", "None"}}));
  EXPECT_EQ(axes.at(5), (Configuration{{"trees", "30"}, {"depth", "None"}}));
  EXPECT_EQ(SliceAxes{}.size(), 0u);
}

TEST(SliceAxes, WhatTheSpaceDoesNotSearchHasOneValue) {
  SliceAxes const axes{
      {"trees", "depth"}, Space::from_toml_text("trees = 7\nleaf = [1, 2]"), defaults};
  EXPECT_EQ(axes.size(), 1u);
  EXPECT_EQ(axes.at(0), (Configuration{{"trees", "7"}, {"depth", "None"}}))
      << "fixed by the space, and the default";
}

TEST(SliceAxes, AnAxisMustNotDependOnAnotherParameter) {
  auto const space = Space::from_toml_text(
      "leaf = [1, 2]\ntrees = { type = 'int', low = 1, high = 3, if = 'leaf', is = [1] }");
  EXPECT_THAT(test::complaint([&] { SliceAxes({"trees"}, space, defaults); }),
              HasSubstr("[space] makes trees depend on leaf"));
}

TEST(SlicesTable, HasTheMeansOfTrialsWhoseFoldsAreAllThere) {
  Trial whole, part;
  whole.id = 3;
  part.id = 4;
  whole.folds = {FoldScore{.slices = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}},
                 FoldScore{.slices = {0.3, 0.2, 0.1, 0.0, 0.5, 0.8}}};
  part.folds = {whole.folds.front(), std::nullopt};
  auto const table = slices_table({whole, part}, two_axes());
  EXPECT_THAT(table.column_names(), ElementsAre("trial", "trees", "depth", "score"));
  ASSERT_EQ(table.rows(), 6u);
  for (std::size_t row = 0; row < 6; ++row) EXPECT_EQ(table.number(row, "trial"), 3);
  EXPECT_DOUBLE_EQ(table.number(0, "score"), 0.2);
  EXPECT_DOUBLE_EQ(table.number(5, "score"), 0.7);
  EXPECT_EQ(table.number(5, "trees"), 30);
  EXPECT_EQ(table.text(4, "depth"), "4");
}

}  // namespace
}  // namespace canopy::tune
