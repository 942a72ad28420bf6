#include <limits>

#include <gtest/gtest.h>

#include "canopy/core/rule.hpp"

namespace canopy {
namespace {

TEST(Rule, BoundsAreWithinOrWithoutAsTheTextSays) {
  auto const least = at_least(3);
  EXPECT_EQ(least.text, "at least 3");
  EXPECT_TRUE(least.holds(3));
  EXPECT_FALSE(least.holds(2));

  auto const more = more_than(0.0);
  EXPECT_EQ(more.text, "more than 0");
  EXPECT_FALSE(more.holds(0.0));
  EXPECT_TRUE(more.holds(1e-300));

  auto const inside = between(0.25, 1.0);
  EXPECT_EQ(inside.text, "between 0.25 and 1");
  EXPECT_TRUE(inside.holds(0.25) && inside.holds(1.0));
  EXPECT_FALSE(inside.holds(0.2) || inside.holds(1.1));
}

TEST(Rule, NothingThatIsNotANumberIsWithinBounds) {
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(at_least(0.0).holds(nan) || more_than(0.0).holds(nan) ||
               between(0.0, 1.0).holds(nan));
}

TEST(Rule, NothingInfiniteIsWithinBounds) {
  auto const infinity = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(at_least(0.0).holds(infinity) || more_than(0.0).holds(infinity));
  EXPECT_TRUE(at_least(1).holds(std::numeric_limits<int>::max()));
}

TEST(Rule, NamesAreTakenWhole) {
  auto const shades = one_of({"light", "dark"});
  EXPECT_EQ(shades.text, "one of light, dark");
  EXPECT_TRUE(shades.holds("dark"));
  EXPECT_FALSE(shades.holds("dar") || shades.holds("") || shades.holds("light, dark"));
}

}  // namespace
}  // namespace canopy
