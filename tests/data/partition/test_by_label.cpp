#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/partition/deals.hpp"

namespace canopy::data {
namespace {

using namespace test;

TEST(Shards, TwoOfMnistAreTwoDigitsForMostClients) {
  auto const labels = mnist_labels();
  auto const partition = dealt(options_of("shards:2"), 100, labels);
  EXPECT_THAT(sizes_of(partition), testing::Each(600u));
  int pure = 0;
  for (int k = 0; k < 100; ++k) {
    EXPECT_LE(labels_of(partition, k, labels), 4u);
    pure += labels_of(partition, k, labels) <= 2;
  }
  EXPECT_GE(pure, 91);
}

TEST(Shards, AreBlocksOfTheRowsSortedByClass) {
  Labels const labels{1, 0, 1, 0, 1, 0, 1, 0};
  auto const partition = dealt(options_of("shards:1"), 4, labels);
  std::vector<Rows> blocks;
  for (int k = 0; k < 4; ++k)
    blocks.emplace_back(partition.rows(k).begin(), partition.rows(k).end());
  EXPECT_THAT(blocks,
              testing::UnorderedElementsAre(Rows{1, 3}, Rows{5, 7}, Rows{0, 2}, Rows{4, 6}));
}

TEST(Labels, GiveEachClientSoManyAndEachClassEquallyManyClients) {
  auto const labels = mnist_labels();
  for (std::size_t each = 1; each <= 10; ++each) {
    auto const partition = dealt(options_of("labels:" + std::to_string(each)), 37, labels);
    std::vector<std::size_t> holders(10);
    for (int k = 0; k < 37; ++k) {
      std::set<std::uint16_t> own;
      for (auto const row : partition.rows(k)) own.insert(labels[row]);
      EXPECT_EQ(own.size(), each);
      for (auto const c : own) ++holders[c];
    }
    EXPECT_LE(std::ranges::max(holders) - std::ranges::min(holders), 1u) << each;
  }
}

// What FLUTE and FedProx train on: 1,000 clients of two digits, sizes by a heavy-tailed law.

TEST(Labels, WithLognormalSizesAreFedProxsData) {
  auto const labels = mnist_labels();
  auto const partition = dealt(options_of("labels:2", "lognormal:2"), 1000, labels);
  auto sizes = sizes_of(partition);
  for (int k = 0; k < 1000; ++k) EXPECT_EQ(labels_of(partition, k, labels), 2u);
  std::ranges::sort(sizes);
  EXPECT_GE(sizes.front(), 10u);
  EXPECT_LT(sizes[500], 30u);
  EXPECT_GT(sizes.back(), 1000u);
}

}  // namespace
}  // namespace canopy::data
