#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/data/encoded.hpp"

#include "synthetic.hpp"

namespace canopy::data {
namespace {

bool all_whole(Dataset const& set, float low, float high) {
  auto const* const first = set.features.data();
  return std::all_of(first, first + set.features.size(),
                     [&](float v) { return v == std::round(v) && low <= v && v <= high; });
}

std::vector<std::int64_t> class_counts(Dataset const& set) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(set.classes()));
  for (auto const label : set.labels) ++counts.at(label);
  return counts;
}

bool begins_with(Dataset const& large, Dataset const& small) {
  return large.features.topRows(small.rows()) == small.features &&
         std::equal(small.labels.begin(), small.labels.end(), large.labels.begin());
}

TEST(SyntheticForestCover, HasTheColumnsOfForestCover) {
  auto const set = synthetic_forest_cover(700, Key{1});
  EXPECT_EQ(set.rows(), 700);
  ASSERT_EQ(set.feature_names.size(), 54u);
  EXPECT_EQ(set.columns(), 54);
  EXPECT_EQ(set.feature_names.front(), "Elevation");
  EXPECT_EQ(set.feature_names[9], "Horizontal_Distance_To_Fire_Points");
  EXPECT_EQ(set.feature_names[10], "Wilderness_Area1");
  EXPECT_EQ(set.feature_names[14], "Soil_Type1");
  EXPECT_EQ(set.feature_names.back(), "Soil_Type40");
  EXPECT_EQ(set.label_name, "Cover_Type");
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7"}));
  EXPECT_TRUE(all_whole(set, -3000, 7000));
}

TEST(SyntheticForestCover, ClassesAreBalanced) {
  EXPECT_EQ(class_counts(synthetic_forest_cover(7 * 30, Key{1})), std::vector<std::int64_t>(7, 30));
}

TEST(SyntheticForestCover, EncodesToTenColumnsAndGroupsOf4And40) {
  auto const table = EncodedTable::encode(synthetic_forest_cover(5000, Key{1}));
  ASSERT_EQ(table.blocks().size(), 12u);
  for (std::size_t b = 0; b < 10; ++b) EXPECT_FALSE(table.blocks()[b].is_group());
  EXPECT_EQ(table.blocks()[10].features, 4);
  EXPECT_EQ(table.blocks()[10].codes, 4u);  // every row has its area and its soil
  EXPECT_EQ(table.blocks()[11].features, 40);
  EXPECT_EQ(table.blocks()[11].codes, 40u);
}

TEST(SyntheticForestCover, SmallTableIsTheBeginningOfALargeOne) {
  auto const large = synthetic_forest_cover(500, Key{1});
  EXPECT_TRUE(begins_with(large, synthetic_forest_cover(123, Key{1})));
  EXPECT_FALSE(begins_with(large, synthetic_forest_cover(123, Key{2})));
}

TEST(SyntheticForestCover, ElevationTellsCoverTypesApart) {
  auto const set = synthetic_forest_cover(7000, Key{1});
  std::vector<double> mean(7);
  for (std::int64_t i = 0; i < set.rows(); ++i)
    mean[set.labels[static_cast<std::size_t>(i)]] += set.features(i, 0) / 1000.0;
  EXPECT_NEAR(mean[6] - mean[3], 3362 - 2223, 20);  // krummholz grows highest, cottonwood lowest
  EXPECT_EQ(std::ranges::max(mean), mean[6]);
  EXPECT_EQ(std::ranges::min(mean), mean[3]);
}

TEST(SyntheticMnist, HasTheShapeOfMnist) {
  auto const [train, test] = synthetic_mnist(1000, Key{1});
  EXPECT_EQ(train.rows(), 1000);
  EXPECT_EQ(test.rows(), 200);
  for (auto const* set : {&train, &test}) {
    EXPECT_EQ(set->columns(), 784);
    EXPECT_EQ(set->classes(), 10);
    EXPECT_EQ(set->feature_names.front(), "pixel0");
    EXPECT_EQ(set->feature_names.back(), "pixel783");
    EXPECT_TRUE(all_whole(*set, 0, 255));
    EXPECT_GT(std::ranges::min(class_counts(*set)), set->rows() / 20);
  }
}

TEST(SyntheticMnist, SmallSetIsTheBeginningOfALargeOne) {
  auto const [large, large_test] = synthetic_mnist(200, Key{1});
  auto const [small, small_test] = synthetic_mnist(50, Key{1});
  EXPECT_TRUE(begins_with(large, small));
  EXPECT_TRUE(begins_with(large_test, small_test));
  EXPECT_FALSE(begins_with(large, small_test));
  EXPECT_FALSE(begins_with(large, synthetic_mnist(50, Key{2}).first));
}

/// The share of test images whose nearest mean image is that of their class: far above chance as
/// the digits look alike, below 1 as no two are the same.
TEST(SyntheticMnist, DigitsCanBeLearned) {
  auto const [train, test] = synthetic_mnist(2000, Key{1});
  Eigen::MatrixXf means = Eigen::MatrixXf::Zero(10, 784);
  auto const counts = class_counts(train);
  for (std::int64_t i = 0; i < train.rows(); ++i) {
    auto const digit = train.labels[static_cast<std::size_t>(i)];
    means.row(digit) += train.features.row(i) / static_cast<float>(counts[digit]);
  }
  int right = 0;
  for (std::int64_t i = 0; i < test.rows(); ++i) {
    Eigen::Index nearest = 0;
    (means.rowwise() - test.features.row(i)).rowwise().squaredNorm().minCoeff(&nearest);
    right += nearest == test.labels[static_cast<std::size_t>(i)];
  }
  EXPECT_GT(right, test.rows() * 6 / 10);
  EXPECT_LT(right, test.rows());
}

TEST(Synthetic, TooFewRowsIsAnError) {
  EXPECT_THROW(synthetic_forest_cover(0, Key{1}), UserError);
  EXPECT_THROW(synthetic_mnist(-1, Key{1}), UserError);
}

}  // namespace
}  // namespace canopy::data
