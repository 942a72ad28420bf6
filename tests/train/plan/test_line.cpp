#include <vector>

#include <gtest/gtest.h>

#include "canopy/train/plan/line.hpp"

namespace canopy::train {
namespace {

TEST(FitLine, FindsTheLineThatSamplesLieOn) {
  std::vector<Sample> const samples{{16, 3e-3 + 16e-4}, {64, 3e-3 + 64e-4}, {4096, 3e-3 + 0.4096}};
  auto const line = fit_line(samples);
  EXPECT_NEAR(line.fixed, 3e-3, 1e-12);
  EXPECT_NEAR(line.per_unit, 1e-4, 1e-14);
  EXPECT_NEAR(relative_error(line, samples), 0, 1e-9);
}

TEST(FitLine, HasNoNegativePart) {
  std::vector<Sample> const below{{1, 1}, {2, 4}, {3, 9}};  // would begin below zero
  EXPECT_EQ(fit_line(below).fixed, 0);
  EXPECT_GT(fit_line(below).per_unit, 0);
  std::vector<Sample> const falling{{1, 3}, {2, 2}, {3, 1}};
  EXPECT_EQ(fit_line(falling).per_unit, 0);
  EXPECT_GT(fit_line(falling).fixed, 0);
}

TEST(FitLine, WeighsErrorsByWhatTheyAreErrorsOf) {
  // 10 % off at the small end is as bad as 10 % off at the large one.
  std::vector<Sample> const samples{{0, 1.1e-6}, {0, 1e-6}, {1e6, 1.1}, {1e6, 1.0}};
  auto const line = fit_line(samples);
  EXPECT_NEAR(line.fixed, 1.05e-6, 0.05e-6);
  EXPECT_NEAR(line.per_unit, 1.05e-6, 0.05e-6);
}

TEST(FitLine, DoesWithFewSamples) {
  EXPECT_EQ(fit_line({}), (Line{0, 0}));
  std::vector<Sample> const one{{8, 4}};
  EXPECT_EQ(fit_line(one), (Line{0, 0.5}));
  std::vector<Sample> const twice{{8, 4}, {8, 4}};
  EXPECT_EQ(fit_line(twice), (Line{0, 0.5}));
  std::vector<Sample> const empty_message{{0, 2}};
  EXPECT_EQ(fit_line(empty_message), (Line{2, 0}));
}

}  // namespace
}  // namespace canopy::train
