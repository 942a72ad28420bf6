#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/train/shard_plan.hpp"

namespace canopy::train {
namespace {

TEST(ShardPlan, CutsTheBatchByItsSizeAlone) {
  std::vector<std::pair<int, int>> const shards{{1, 1},   {31, 1},  {32, 2},   {63, 2},   {64, 4},
                                                {128, 8}, {255, 8}, {256, 16}, {4096, 16}};
  for (auto const& [batch, expected] : shards)
    EXPECT_EQ(ShardPlan(1000, batch).shards(), expected) << batch;
}

TEST(ShardPlan, CoversEveryRowOnceInNearlyEqualShards) {
  for (int const rows : {1, 3, 64, 65, 100, 255, 1000})
    for (int const batch : {1, 16, 33, 64, 100, 256, 300}) {
      ShardPlan const plan{rows, batch};
      std::size_t next = 0;
      for (std::int64_t step = 0; step < plan.steps_per_epoch(); ++step) {
        auto const all = plan.places(step);
        ASSERT_EQ(all.begin, next);
        std::size_t least = all.size();
        std::size_t most = 0;
        int filled = 0;
        for (int shard = 0; shard < plan.shards(); ++shard) {
          auto const places = plan.places(step, shard);
          ASSERT_EQ(places.begin, next) << rows << ' ' << batch << ' ' << step << ' ' << shard;
          next = places.end;
          least = std::min(least, places.size());
          most = std::max(most, places.size());
          filled += places.size() > 0;
        }
        ASSERT_EQ(all.end, next);
        ASSERT_LE(most - least, 1u);
        ASSERT_LE(most, static_cast<std::size_t>(plan.most_shard_rows()));
        ASSERT_EQ(plan.filled_shards(step), filled);
      }
      ASSERT_EQ(next, static_cast<std::size_t>(rows));
    }
}

TEST(EpochOrder, IsAShuffleOfItsOwnForEveryEpochAndSeed) {
  data::Rows const rows{3, 5, 8, 13, 21, 34, 55, 89, 144, 233};
  std::set<data::Rows> orders;
  for (std::uint64_t seed = 0; seed < 2; ++seed)
    for (int epoch = 0; epoch < 3; ++epoch) {
      auto order = epoch_order(rows, Key{seed}, epoch);
      EXPECT_EQ(order, epoch_order(rows, Key{seed}, epoch));
      orders.insert(order);
      std::ranges::sort(order);
      EXPECT_EQ(order, rows);
    }
  EXPECT_EQ(orders.size(), 6u);
}

TEST(CheckReplicas, NamesBothNumbersAndARemedyThatHelps) {
  EXPECT_NO_THROW(check_replicas(ShardPlan{1000, 64}, 4, "-np 4"));
  try {
    check_replicas(ShardPlan{1000, 64}, 6, "-np 6");
    ADD_FAILURE() << "not refused";
  } catch (UserError const& e) {
    EXPECT_THAT(e.what(),
                testing::AllOf(testing::HasSubstr("6 replicas"), testing::HasSubstr("4 shards"),
                               testing::HasSubstr("--batch-size 128")));
  }
  EXPECT_NO_THROW(check_replicas(ShardPlan{1000, 128}, 6, "-np 6"));
  try {
    check_replicas(ShardPlan{1000, 4096}, 17, "-np 17");
    ADD_FAILURE() << "not refused";
  } catch (UserError const& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("at most 16 replicas"));
    EXPECT_THAT(e.what(), testing::Not(testing::HasSubstr("--batch-size 5")));
  }
}

}  // namespace
}  // namespace canopy::train
