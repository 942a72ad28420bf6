#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "canopy/federate/distribution.hpp"

#include "support/complaint.hpp"

namespace canopy::federate::test {
namespace {

constexpr int draws = 20'000;

std::vector<double> drawn(std::string const& text) {
  auto const distribution = Distribution::parse("compute", text);
  std::vector<double> values;
  for (std::uint64_t i = 0; i < draws; ++i) values.push_back(distribution.draw(Key{3}.with(i)));
  return values;
}

struct Quantile {
  double share;
  double value;
};

/// Each share is within four standard deviations of itself.
void expect_quantiles(std::string const& text, std::vector<Quantile> const& quantiles) {
  auto const values = drawn(text);
  for (auto const [share, value] : quantiles) {
    auto const below = std::ranges::count_if(values, [v = value](double x) { return x <= v; });
    EXPECT_NEAR(static_cast<double>(below) / draws, share,
                4 * std::sqrt(share * (1 - share) / draws))
        << text << " at " << value;
  }
}

TEST(Distribution, AConstantIsItself) {
  for (double const x : drawn("0.25")) ASSERT_EQ(x, 0.25);
}

TEST(Distribution, HasTheQuantilesOfItsName) {
  // The normal quantiles of 0.1, 0.5, 0.75 and 0.99.
  auto const lognormal = [](double z) { return 2 * std::exp(0.5 * z); };
  expect_quantiles("lognormal:2,0.5", {{0.1, lognormal(-1.281552)},
                                       {0.5, 2},
                                       {0.75, lognormal(0.674490)},
                                       {0.99, lognormal(2.326348)}});
  // 1 - (MIN/x)^ALPHA
  expect_quantiles("pareto:3,2", {{0.5, 3 * std::sqrt(2.0)}, {0.75, 6}, {0.99, 30}});
  expect_quantiles("uniform:1,5", {{0.25, 2}, {0.5, 3}, {0.9, 4.6}});
}

TEST(Distribution, StaysInItsRange) {
  for (double const x : drawn("pareto:3,2")) ASSERT_GE(x, 3);
  for (double const x : drawn("uniform:1,5")) ASSERT_TRUE(1 <= x && x <= 5);
  for (double const x : drawn("pareto:1e300,0.001")) ASSERT_TRUE(std::isfinite(x));
  for (double const x : drawn("lognormal:1e-300,200")) ASSERT_TRUE(std::isfinite(x) && x > 0);
}

TEST(Distribution, AValueBelongsToItsKey) {
  auto const distribution = Distribution::parse("upload", "lognormal:1,1");
  EXPECT_EQ(distribution.draw(Key{1}), distribution.draw(Key{1}));
  EXPECT_NE(distribution.draw(Key{1}), distribution.draw(Key{2}));
}

TEST(Distribution, BadNotationIsExplained) {
  using testing::HasSubstr;
  auto const says = [](std::string const& text) {
    return canopy::test::complaint([&] { Distribution::parse("compute", text); });
  };
  EXPECT_EQ(says("lognormal:0.01,1"), "none");
  EXPECT_THAT(says("lognormall:1,2"), HasSubstr("--compute is 'lognormall:1,2' (did you mean "
                                                "'lognormal'?), expected CONSTANT|lognormal:"));
  EXPECT_THAT(says("lognormal:1"), HasSubstr("expected lognormal:MEDIAN,SIGMA with MEDIAN more"));
  EXPECT_THAT(says("lognormal"), HasSubstr("expected lognormal:MEDIAN,SIGMA"));
  EXPECT_THAT(says("uniform:5,2"), HasSubstr("HIGH at least LOW"));
  EXPECT_THAT(says("pareto:0,2"), HasSubstr("MIN and ALPHA more than 0"));
  EXPECT_THAT(says("0"), HasSubstr("--compute is '0', expected CONSTANT with more than 0"));
  for (auto const* text : {"", "-1", "nan", "inf", "1,2", "uniform:1,2,3", "uniform:a,b", "fast",
                           "pareto:1,inf", ":1"})
    EXPECT_THAT(says(text), HasSubstr("--compute is '" + std::string{text} + "'"));
}

}  // namespace
}  // namespace canopy::federate::test
