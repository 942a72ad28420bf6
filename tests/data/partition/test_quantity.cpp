#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/partition/deals.hpp"

namespace canopy::data {
namespace {

using namespace test;

TEST(Quantity, EqualSizesDifferByOneAtMost) {
  for (auto const clients : {1, 3, 7, 64, 99, 100}) {
    auto const sizes = sizes_of(dealt(options_of("iid"), clients, labels_with({51, 50})));
    EXPECT_LE(std::ranges::max(sizes) - std::ranges::min(sizes), 1u) << clients;
  }
}

TEST(Quantity, PowerLawFallsByRank) {
  auto sizes = sizes_of(dealt(options_of("iid", "power:1.5"), 100, labels_with({60'000})));
  EXPECT_FALSE(std::ranges::is_sorted(sizes, std::greater{})) << "who is large is left to chance";
  std::ranges::sort(sizes, std::greater{});
  for (std::size_t r = 1; r < 100; ++r)
    EXPECT_NEAR(static_cast<double>(sizes[r] - 10),
                static_cast<double>(sizes[0] - 10) * std::pow(static_cast<double>(r + 1), -1.5), 2);
}

TEST(Quantity, WithoutSkewIsEqual) {
  auto const labels = labels_with({500, 500});
  for (auto const* none : {"power:0", "lognormal:0"})
    EXPECT_EQ(dealt(options_of("iid", none), 7, labels), dealt(options_of("iid"), 7, labels));
}

TEST(Quantity, NobodyStaysEmptyHoweverSkewed) {
  auto const labels = labels_with({700, 300});
  for (auto const* quantity : {"power:9", "lognormal:50", "dirichlet:0.001"})
    for (auto const* partition : {"iid", "contiguous", "labels:2", "inner-dirichlet:0.1"})
      for (auto const clients : {10, 400, 500})
        EXPECT_GE(
            std::ranges::min(sizes_of(dealt(options_of(partition, quantity), clients, labels))),
            clients == 10 ? 10u : 1u)
            << partition << ' ' << quantity << ' ' << clients;
}

}  // namespace
}  // namespace canopy::data
