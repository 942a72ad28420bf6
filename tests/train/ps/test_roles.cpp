#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ps/roles.hpp"
#include "support/complaint.hpp"
#include "train/ps/points.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::Points;
using ::testing::HasSubstr;

std::string complaint(Points const& points) {
  auto const world = Communicator::world();
  return test::complaint([&] { deal_roles(points.assignment(world)); });
}

TEST(Roles, TheLastRanksServeSlicesOfTheArena) {
  auto const world = Communicator::world();
  for (int servers = 1; servers < world.size(); ++servers) {
    Points points;
    points.options.servers = servers;
    auto const roles = deal_roles(points.assignment(world));
    EXPECT_EQ(roles.workers, world.size() - servers);
    EXPECT_EQ(roles.server(servers - 1), comm::Rank{world.size() - 1});
    ASSERT_EQ(roles.servers(), servers);
    std::size_t begin = 0, smallest = points.network.arena_size(), largest = 0;
    for (auto const slice : roles.slices) {
      EXPECT_EQ(slice.begin, begin);
      begin = slice.end;
      smallest = std::min(smallest, slice.size());
      largest = std::max(largest, slice.size());
    }
    EXPECT_EQ(begin, points.network.arena_size());
    EXPECT_LE(largest - smallest, 1u);
  }
}

TEST(Roles, RefuseWhatCannotBe) {
  auto const ranks = Communicator::world().size();
  Points points;
  points.options.servers = ranks;
  EXPECT_THAT(complaint(points), HasSubstr("leaves no worker"));
  EXPECT_THAT(complaint(points), HasSubstr("mpirun -np " + std::to_string(ranks + 1)));
  points.options.servers = 0;
  EXPECT_THAT(complaint(points), HasSubstr("--servers is 0, expected at least 1"));
  if (ranks == 1) return;
  points.options.servers = 1;
  EXPECT_EQ(complaint(points), "none");
  points.options.reduction.zero = true;
  EXPECT_THAT(complaint(points), HasSubstr("--zero"));
  points.options.reduction.zero = false;
  points.options.reduction.wire = comm::Wire::fp16;
  EXPECT_THAT(complaint(points), HasSubstr("--wire-format fp16"));
  points.options.reduction.wire = comm::Wire::fp32;
  points.options.staleness = "-1";
  EXPECT_THAT(complaint(points), HasSubstr("--staleness is -1"));
  points.options.staleness = "some";
  EXPECT_THAT(complaint(points), HasSubstr("or inf"));
}

TEST(Roles, RefuseMoreWorkersThanShards) {
  auto const ranks = Communicator::world().size();
  Points points;
  points.plan = ShardPlan{Points::rows, 16};  // one shard
  if (ranks > 2) {
    EXPECT_THAT(complaint(points), HasSubstr(std::to_string(ranks - 1) + " replicas"));
  } else if (ranks == 2) {
    EXPECT_EQ(complaint(points), "none");
  }
}

TEST(Roles, OptimizersOfWholeTensorsGetWholeOnes) {
  auto const ranks = Communicator::world().size();
  Points points;  // four tensors of 16, 8, 24 and 3 numbers
  points.training.optimizer = "lamb";
  points.options.servers = 2;
  if (ranks > 2) {
    auto const slices = deal_roles(points.assignment(Communicator::world())).slices;
    EXPECT_EQ(slices[0].end, 24u) << "half of 51 is nearest to the end of the second tensor";
  }
  points.options.servers = 7;
  if (ranks > 7) {
    EXPECT_THAT(complaint(points), HasSubstr("needs whole tensors"));
  }
}

}  // namespace
}  // namespace canopy::train
