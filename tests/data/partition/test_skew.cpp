#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/data/partition.hpp"

namespace canopy::data {
namespace {

using Values = std::vector<float>;

PartitionOptions noise(double sigma) {
  PartitionOptions options;
  options.feature_noise = sigma;
  return options;
}

PartitionOptions rotation(double degrees) {
  PartitionOptions options;
  options.feature_rotation = degrees;
  return options;
}

/// The values as client `client` of `clients` has them.
Values skewed(PartitionOptions const& options, int client, int clients, Rows const& rows,
              Values values, std::optional<SampleShape> const& image = {},
              std::vector<double> const& units = {}) {
  skew_features(options, {client, clients, rows, values}, image, units, Key{1});
  return values;
}

double deviation(std::span<float const> values) {
  double squares = 0;
  for (auto const v : values) squares += double{v} * v;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST(LabelNoise, ReplacesTheShareByOtherClassesAlike) {
  PartitionOptions options;
  options.label_noise = 0.3;
  RowIndex constexpr rows = 40'000;
  std::map<std::uint16_t, int> seen;
  for (RowIndex row = 0; row < rows; ++row) ++seen[noisy_label(options, 2, 4, row, Key{1})];
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_NEAR(seen[2] / double{rows}, 0.7, 0.01);
  for (auto const c : {0, 1, 3})
    EXPECT_NEAR(seen[static_cast<std::uint16_t>(c)] / double{rows}, 0.1, 0.007);
}

TEST(LabelNoise, IsThatOfKeyAndRow) {
  PartitionOptions options;
  auto const labels = [&](std::uint64_t seed) {
    std::vector<int> seen;
    for (RowIndex row = 0; row < 100; ++row)
      seen.push_back(noisy_label(options, 3, 10, row, Key{seed}));
    return seen;
  };
  EXPECT_THAT(labels(1), testing::Each(3)) << "none by default";
  options.label_noise = 1;
  EXPECT_THAT(labels(1), testing::Each(testing::Ne(3)));
  EXPECT_EQ(labels(1), labels(1));
  EXPECT_NE(labels(1), labels(2));
  EXPECT_EQ(noisy_label(options, 0, 1, 5, Key{1}), 0) << "there is no other class";
}

TEST(FeatureNoise, GrowsFromClientToClient) {
  Rows const rows{3, 9};
  for (int client = 0; client < 4; ++client) {
    auto const values = skewed(noise(0.8), client, 4, rows, Values(20'000));
    EXPECT_NEAR(deviation(values), 0.2 * (client + 1), 0.01) << client;
    EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0) / 20'000, 0, 0.03) << client;
  }
}

TEST(FeatureNoise, IsInUnitsOfTheColumnOrChannel) {
  SampleShape const image{2, 100, 100};
  auto const values = skewed(noise(0.5), 1, 2, {7}, Values(20'000), image, {3, 0});
  EXPECT_NEAR(deviation(std::span{values}.first(10'000)), 1.5, 0.05);
  EXPECT_THAT(std::span{values}.last(10'000), testing::Each(0)) << "a channel that does not vary";
}

TEST(FeatureNoise, OfACopyIsAlwaysTheSame) {
  auto const both = skewed(noise(1), 0, 3, {4, 5}, Values(8));
  auto const second = skewed(noise(1), 0, 3, {5}, Values(4));
  EXPECT_TRUE(std::equal(second.begin(), second.end(), both.begin() + 4));
  EXPECT_NE(Values(both.begin(), both.begin() + 4), second) << "other rows, other noise";
  auto other = skewed(noise(1), 1, 3, {5}, Values(4));
  for (auto& v : other) v /= 2;
  EXPECT_NE(other, second) << "other clients, other noise";
}

TEST(Rotation, TurnsTheFirstClientOneWayAndTheLastTheOther) {
  SampleShape const image{1, 3, 3};
  Values const before{0, 0, 0,  //
                      0, 9, 7,  //
                      0, 0, 0};
  auto const near = [](Values const& values) {
    std::vector<testing::Matcher<float>> all;
    for (auto const v : values) all.push_back(testing::FloatNear(v, 1e-5f));
    return testing::ElementsAreArray(all);
  };
  EXPECT_THAT(skewed(rotation(90), 2, 3, {0}, before, image), near({0, 7, 0, 0, 9, 0, 0, 0, 0}));
  EXPECT_EQ(skewed(rotation(90), 1, 3, {0}, before, image), before);
  EXPECT_THAT(skewed(rotation(90), 0, 3, {0}, before, image), near({0, 0, 0, 0, 9, 0, 0, 7, 0}));
  EXPECT_EQ(skewed(rotation(90), 0, 1, {0}, before, image), before) << "alone";
}

TEST(Rotation, MixesNeighboursAndTakesZeroFromOutside) {
  SampleShape const image{1, 2, 2};
  auto const values = skewed(rotation(45), 1, 2, {0}, {1, 1, 1, 1}, image);
  // A corner comes from 1/sqrt(2) beside the middle, that is from (sqrt(2) - 1)/2 outside.
  auto const inside = static_cast<float>(1 - (std::sqrt(2.0) - 1) / 2);
  for (auto const v : values) EXPECT_NEAR(v, inside, 1e-6);
}

TEST(Rotation, TurnsEveryChannelOfEveryRow) {
  SampleShape const image{2, 2, 2};
  auto const values =
      skewed(rotation(90), 1, 2, {0, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 2, 2, 3, 3, 4, 4}, image);
  Values const turned{2, 4, 1, 3, 6, 8, 5, 7, 1, 2, 1, 2, 3, 4, 3, 4};
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], turned[i], 1e-5) << i;
}

TEST(Rotation, OfWhatIsNoImageIsAnError) {
  EXPECT_THROW(skewed(rotation(10), 0, 2, {0}, {1, 2}), UserError);
  EXPECT_THROW(rotation(10).check_image({}), UserError);
  EXPECT_NO_THROW(rotation(10).check_image(SampleShape{1, 2, 2}));
  EXPECT_NO_THROW(noise(1).check_image({}));
}

TEST(Skew, IsNothingByDefault) {
  Values const values{1, 2, 3, 4};
  EXPECT_FALSE(PartitionOptions{}.skews_features());
  EXPECT_EQ(skewed({}, 1, 2, {0}, values), values);
}

}  // namespace
}  // namespace canopy::data
