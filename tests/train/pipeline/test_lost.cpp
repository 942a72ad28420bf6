#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/comm/lost_peer.hpp"
#include "canopy/core/clock.hpp"

#include "support/aside.hpp"
#include "train/network/small_problem.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;

/// One update by all ranks, and a second one by all but the last: what the others say.
std::string second_update_without_the_last_rank(int stages) {
  test::SmallProblem const problem{"mlp", 128};
  auto const world = Communicator::world();
  auto const aside = world.duplicate();  // which no strategy watches
  ShardPlan const plan{std::ssize(problem.rows_to_learn), problem.training.batch_size};
  StrategyOptions options;
  options.stages = stages;
  options.reduction.allreduce = "own";
  options.timeout = 1;
  Trace trace;
  Assignment const assignment{world, problem.network, problem.feed, plan, problem.training, options,
                              trace};
  auto const strategy = strategies().make("hybrid", assignment);
  std::ranges::copy(fresh_state(problem.network, plan, Key{3}).arena, strategy->arena().begin());
  strategy->perform({1, 0, problem.rows_to_learn, 0.01, Key{5}});
  test::Aside noticed{world};
  std::string said;
  if (world.rank().value + 1 == world.size()) {
    noticed.await(world.size() - 1);
  } else {
    try {
      strategy->perform({2, 1, problem.rows_to_learn, 0.01, Key{5}});
    } catch (comm::LostPeer const& lost) {
      EXPECT_EQ(lost.peer.value, world.size() - 1) << "as mpirun counts";
      said = lost.what();
    }
    noticed.come();
  }
  aside.barrier();
  return aside.broadcast(said);
}

TEST(LostRanks, AreNamedWithStageAndUpdateByTheStageBefore) {
  EXPECT_THAT(second_update_without_the_last_rank(2),
              testing::AllOf(testing::HasSubstr("rank 1 has not answered for 1 s"),
                             testing::HasSubstr("stage 1 of replica 0, in update 2"),
                             testing::HasSubstr("receive of gradient of micro-batch 0")));
}

TEST(LostRanks, AreNamedWithStageAndUpdateByTheOtherReplicas) {
  EXPECT_THAT(second_update_without_the_last_rank(1),
              testing::AllOf(testing::HasSubstr("rank 1 has not answered for 1 s"),
                             testing::HasSubstr("stage 0 of replica 1, in update 2"),
                             testing::HasSubstr("the sum of gradients waits")));
}

/// The seconds of an update in which the last rank has next to nothing to do and waits for the
/// first one.
double lopsided_update(std::string const& parallel, double timeout) {
  constexpr int rows = 3072;
  test::SmallProblem const problem{"cnn", rows};
  auto const world = Communicator::world();
  ShardPlan const plan{world.is_root() ? rows : 16, rows};  // 16 shards of 192 rows, or of 1
  StrategyOptions options;
  options.parallel = parallel;
  options.reduction.allreduce = "own";
  options.timeout = timeout;
  if (parallel == "hybrid") options.stages = 1;
  Trace trace;
  Assignment const assignment{world, problem.network, problem.feed, plan, problem.training, options,
                              trace};
  auto const strategy = strategies().make(parallel, assignment);
  std::ranges::copy(fresh_state(problem.network, plan, Key{3}).arena, strategy->arena().begin());
  world.barrier();
  Stopwatch const clock;
  strategy->perform({1, 0, problem.rows_to_learn, 0.01, Key{5}});
  return world.broadcast(clock.seconds());
}

TEST(LostRanks, AreNotThoseThatComputeForLong) {
  auto const timeout = std::max(0.3, lopsided_update("data", 60) / 4);
  for (auto const* parallel : {"data", "hybrid", "ps"})
    EXPECT_GT(lopsided_update(parallel, timeout), 1.5 * timeout) << "else nothing is shown";
}

}  // namespace
}  // namespace canopy::train
