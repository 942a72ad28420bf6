#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/comm/lost_peer.hpp"
#include "canopy/core/clock.hpp"

#include "train/network/small_problem.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;

/// One update by all ranks, and a second one by all but the last: what the others say.
std::string second_update_without_the_last_rank(int stages) {
  test::SmallProblem const problem{"mlp", 128};
  auto const world = Communicator::world();
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
  std::string said;
  if (world.rank().value + 1 == world.size()) {
    std::this_thread::sleep_for(std::chrono::seconds{3});
  } else {
    try {
      strategy->perform({2, 1, problem.rows_to_learn, 0.01, Key{5}});
    } catch (comm::LostPeer const& lost) {
      EXPECT_EQ(lost.peer.value, world.size() - 1) << "as mpirun counts";
      said = lost.what();
    }
  }
  world.barrier();
  return world.broadcast(said);
}

TEST(LostRanks, AreNamedWithStageAndUpdateByTheStageBefore) {
  Stopwatch const clock;
  EXPECT_THAT(second_update_without_the_last_rank(2),
              testing::AllOf(testing::HasSubstr("rank 1 has not answered for 1 s"),
                             testing::HasSubstr("stage 1 of replica 0, in update 2"),
                             testing::HasSubstr("receive of gradient of micro-batch 0")));
  EXPECT_LT(clock.seconds(), 10);
}

TEST(LostRanks, AreNamedWithStageAndUpdateByTheOtherReplicas) {
  Stopwatch const clock;
  EXPECT_THAT(second_update_without_the_last_rank(1),
              testing::AllOf(testing::HasSubstr("rank 1 has not answered for 1 s"),
                             testing::HasSubstr("stage 0 of replica 1, in update 2"),
                             testing::HasSubstr("the sum of gradients waits")));
  EXPECT_LT(clock.seconds(), 10);
}

/// The last rank has next to nothing to do, and waits for the first one for longer than a rank may
/// be silent.
void one_rank_computes_for_long(std::string const& parallel) {
  constexpr double timeout = 0.4;
  test::SmallProblem const problem{"cnn", 4096};
  auto const world = Communicator::world();
  ShardPlan const plan{world.is_root() ? 4096 : 16, 4096};  // 16 shards of 256 rows, or of 1
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
  EXPECT_GT(clock.seconds(), 1.5 * timeout) << "else nothing is shown";
  world.barrier();
}

TEST(LostRanks, AreNotThoseThatComputeForLong) {
  for (auto const* parallel : {"data", "hybrid", "ps"}) one_rank_computes_for_long(parallel);
}

}  // namespace
}  // namespace canopy::train
