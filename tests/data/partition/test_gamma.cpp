#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "partition/gamma.hpp"

namespace canopy::data {
namespace {

std::vector<double> drawn(double shape, int n) {
  Stream stream{Key{1}.with("gamma")};
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(std::exp(log_gamma_draw(stream, shape)));
  return values;
}

struct Point {
  double shape;
  double x;
  double probability;  ///< scipy.stats.gamma.cdf(x, shape)
};

class Gamma : public testing::TestWithParam<Point> {};

TEST_P(Gamma, IsBelowAPointAsOftenAsItsDistributionSays) {
  auto const [shape, x, probability] = GetParam();
  int constexpr n = 100'000;
  auto const values = drawn(shape, n);
  auto const below = std::ranges::count_if(values, [&](double v) { return v < x; });
  auto const deviation = std::sqrt(probability * (1 - probability) / n);
  EXPECT_NEAR(static_cast<double>(below) / n, probability, 4 * deviation);
}

INSTANTIATE_TEST_SUITE_P(
    Points, Gamma,
    testing::Values(Point{0.1, 0.1, 0.8275517595858504}, Point{0.1, 1, 0.9758726562736721},
                    Point{0.5, 0.1, 0.34527915398142317}, Point{0.5, 1, 0.8427007929497151},
                    Point{0.5, 3, 0.9856941215645704}, Point{2.5, 0.1, 0.0008861387888124438},
                    Point{2.5, 1, 0.15085496391539038}, Point{2.5, 3, 0.6937810815867212}));

TEST(Gamma, HasAFiniteLogarithmForTheSmallestAndTheLargestShape) {
  Stream stream{Key{1}};
  for (auto const shape : {1e-9, 1e-3, 1.0, 1e9})
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(std::isfinite(log_gamma_draw(stream, shape)));
  EXPECT_NEAR(log_gamma_draw(stream, 1e9), std::log(1e9), 2e-4);
}

}  // namespace
}  // namespace canopy::data
