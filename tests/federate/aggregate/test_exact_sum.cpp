#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/bytes.hpp"
#include "canopy/core/random.hpp"
#include "canopy/federate/exact_sum.hpp"

namespace canopy::federate {
namespace {

using Floats = std::vector<float>;
using testing::ElementsAre;

std::vector<Floats> random_updates(int count, std::size_t length) {
  Stream stream{Key{5}};
  std::vector<Floats> updates(static_cast<std::size_t>(count), Floats(length));
  for (auto& update : updates)
    for (auto& x : update) x = static_cast<float>(stream.normal());
  return updates;
}

TEST(UpdateSum, IsTheWeightedSum) {
  UpdateSum sum{Reduce::exact, 2};
  EXPECT_TRUE(sum.add(0.25, Floats{1, -8}));
  EXPECT_TRUE(sum.add(0.75, Floats{2, 4}));
  EXPECT_THAT(sum.values(), ElementsAre(1.75f, 1.0f));
  EXPECT_THAT(sum.values(0.5), ElementsAre(3.5f, 2.0f));
}

// What float would not: 1e8 + 1 - 1e8 in any order.
TEST(UpdateSum, HasTheSameBitsInEveryOrderAndTree) {
  auto const updates = random_updates(7, 50);
  auto const weights = std::vector<double>{0.1, 0.3, 0.05, 0.25, 0.1, 0.15, 0.05};
  UpdateSum forwards{Reduce::exact, 50};
  UpdateSum backwards{Reduce::exact, 50};
  std::array<UpdateSum, 3> parts;
  parts.fill(UpdateSum{Reduce::exact, 50});
  for (std::size_t i = 0; i < updates.size(); ++i) {
    auto const other = updates.size() - 1 - i;
    forwards.add(weights[i], updates[i]);
    backwards.add(weights[other], updates[other]);
    parts[i % 3].add(weights[i], updates[i]);
  }
  parts[2].add(parts[0]);
  parts[2].add(parts[1]);
  EXPECT_EQ(forwards.values(), backwards.values());
  EXPECT_EQ(forwards.values(), parts[2].values());
  auto const copy = from_bytes<UpdateSum>(to_bytes(forwards));
  EXPECT_EQ(copy.values(), forwards.values());
}

TEST(UpdateSum, IsNearTheSumInDouble) {
  auto const updates = random_updates(100, 20);
  UpdateSum sum{Reduce::exact, 20};
  for (auto const& update : updates) sum.add(0.01, update);
  auto const values = sum.values();
  for (std::size_t i = 0; i < 20; ++i) {
    double expected = 0;
    for (auto const& update : updates) expected += 0.01 * update[i];
    EXPECT_NEAR(values[i], expected, 100 * 0x1p-40 + 1e-7 * std::abs(expected));
  }
}

TEST(UpdateSum, RefusesWhatIsNotFiniteOrWouldWrap) {
  auto const infinity = std::numeric_limits<float>::infinity();
  UpdateSum sum{Reduce::exact, 2};
  sum.add(0.5, Floats{1, 1});
  for (auto const bad : {infinity, -infinity, std::nanf(""), 0x1p22f, -1e30f})
    EXPECT_FALSE(sum.add(0.5, Floats{1, bad})) << bad;
  EXPECT_FALSE(sum.add(std::nan(""), Floats{1, 1}));
  EXPECT_FALSE(sum.add(1e300, Floats{1, 1}));
  EXPECT_THAT(sum.values(), ElementsAre(0.5f, 0.5f)) << "what was refused has left no trace";
  // The largest terms that are taken, as many as weights of 1 in all allow, do not wrap.
  UpdateSum full{Reduce::exact, 1};
  auto const largest = std::nextafter(0x1p22f, 0.0f);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(full.add(0.25, Floats{largest}));
  EXPECT_FLOAT_EQ(full.values()[0], largest);
}

TEST(UpdateSum, EmptyOnesCountAsNothing) {
  UpdateSum sum;
  EXPECT_TRUE(sum.empty());
  UpdateSum one{Reduce::fast, 1};
  one.add(1, Floats{3});
  sum.add(one);
  sum.add(UpdateSum{});
  EXPECT_THAT(sum.values(), ElementsAre(3.0f));
}

}  // namespace
}  // namespace canopy::federate
