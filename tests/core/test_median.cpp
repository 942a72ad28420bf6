#include <cmath>

#include <gtest/gtest.h>

#include "canopy/core/median.hpp"

namespace canopy {
namespace {

TEST(Median, StandsInTheMiddleInWhateverOrder) {
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({9, 1, 4, 5}), 4.5);
}

TEST(Median, OfNothingIsNotANumber) {
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(Median, ValuesWithoutBoundCount) {
  EXPECT_EQ(median({INFINITY, 2, 1}), 2);
  EXPECT_EQ(median({INFINITY, INFINITY, 1}), INFINITY);
}

}  // namespace
}  // namespace canopy
