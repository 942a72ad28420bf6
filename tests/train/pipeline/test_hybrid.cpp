#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/train/pipeline/schedule.hpp"

#include "support/allocations.hpp"
#include "support/complaint.hpp"
#include "train/network/small_problem.hpp"
#include "train/pipeline/random_delays.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::SmallProblem;

/// All that layers can have: statistics, masks, no parameters at all. As many layers as 9 stages
/// take; batches of 128 are 8 shards, and of the last batch's 5 rows 3 shards get none.
SmallProblem deep_problem(int rows = 133, int validation = 0) {
  SmallProblem problem{"softmax", rows, validation};
  problem.network = nn::Network{nn::architecture_from_toml(
      "layers = [{conv2d = 4, kernel = 3}, 'batch_norm', 'relu', {max_pool = 2}, "
      "{conv2d = 5, kernel = 3, stride = 2}, 'tanh', {dropout = 0.2}, {dense = 16}, 'relu', "
      "'batch_norm', {dense = 10}]",
      "deep.toml", {1, 28, 28}, 10)};
  problem.training.batch_size = 128;
  return problem;
}

StrategyOptions options_of(std::string const& parallel, int stages, std::string const& schedule) {
  StrategyOptions options;
  options.parallel = parallel;
  options.stages = stages;
  options.schedule = schedule;
  return options;
}

/// Ways to lay `ranks` out as replicas x stages.
std::vector<int> stages_for(int ranks) {
  std::vector<int> stages;
  for (int s = 1; s <= ranks; ++s)
    if (ranks % s == 0) stages.push_back(s);
  return stages;
}

void expect_equal(TrainingState const& state, TrainingState const& expected) {
  EXPECT_EQ(nn::sha256(state.arena), nn::sha256(expected.arena));
  if (!Communicator::world().is_root()) return;
  EXPECT_EQ(state.optimizer, expected.optimizer);
  ASSERT_EQ(state.epochs.size(), expected.epochs.size());
  for (std::size_t epoch = 0; epoch < state.epochs.size(); ++epoch) {
    EXPECT_EQ(state.epochs[epoch].loss, expected.epochs[epoch].loss);
    EXPECT_EQ(state.epochs[epoch].accuracy, expected.epochs[epoch].accuracy);
  }
  for (std::size_t shard = 0; shard < state.losses.size(); ++shard)
    EXPECT_EQ(state.losses[shard].sum, expected.losses[shard].sum);
}

/// What `--parallel data` on one process gives.
TrainingState alone(SmallProblem const& problem, std::int64_t stop_after = 1 << 20) {
  auto const world = Communicator::world();
  StrategyOptions const data;
  return problem.train(world.split(world.rank().value), data, nullptr, stop_after);
}

class Schedules : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(All, Schedules, testing::Values("gpipe", "1f1b", "zb-h1"),
                         [](auto const& named) {
                           auto name = named.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(Schedules, GiveTheWeightsOfOneProcessInEveryLayout) {
  auto const problem = deep_problem();
  auto const expected = alone(problem);
  auto const world = Communicator::world();
  for (auto const stages : stages_for(world.size())) {
    SCOPED_TRACE(std::to_string(stages) + " stages");
    expect_equal(problem.train(world, options_of("hybrid", stages, GetParam())), expected);
  }
  expect_equal(problem.train(world, options_of("pipeline", world.size(), GetParam())), expected);
}

TEST_P(Schedules, GiveTheWeightsOfOneProcessWhenRanksStopAtRandom) {
  auto const problem = deep_problem();
  auto const expected = alone(problem);
  auto const world = Communicator::world();
  for (unsigned seed = 0; seed < 2; ++seed)
    for (auto const stages : stages_for(world.size())) {
      SCOPED_TRACE(std::to_string(stages) + " stages");
      test::RandomDelays const delays{100 * seed + static_cast<unsigned>(world.rank().value)};
      expect_equal(problem.train(world, options_of("hybrid", stages, GetParam())), expected);
    }
}

TEST_P(Schedules, GiveTheWeightsOfOneProcessWithSlicedOptimizersAndMpisOwnSums) {
  auto problem = deep_problem();
  problem.training.optimizer = "adam";
  problem.training.lr = 0.003;
  auto const expected = alone(problem);
  auto const world = Communicator::world();
  for (auto const stages : stages_for(world.size()))
    for (auto const* allreduce : {"own", "mpi"}) {
      SCOPED_TRACE(std::to_string(stages) + " stages, " + allreduce);
      auto options = options_of("hybrid", stages, GetParam());
      options.reduction.zero = true;
      options.reduction.allreduce = allreduce;
      expect_equal(problem.train(world, options), expected);
    }
}

TEST_P(Schedules, AllocateNothingInAnUpdate) {
  auto const problem = deep_problem();
  auto const world = Communicator::world();
  ShardPlan const plan{std::ssize(problem.rows_to_learn), problem.training.batch_size};
  for (auto const stages : stages_for(world.size())) {
    auto const options = options_of("hybrid", stages, GetParam());
    Trace trace;
    Assignment const assignment{
        world, problem.network, problem.feed, plan, problem.training, options, trace};
    auto const strategy = strategies().make("hybrid", assignment);
    std::ranges::copy(fresh_state(problem.network, plan, Key{3}).arena, strategy->arena().begin());
    auto const perform = [&](std::int64_t number) {
      strategy->perform({number, (number - 1) % 2, problem.rows_to_learn, 0.01, Key{5}});
    };
    perform(1);
    auto const before = allocations();
    for (std::int64_t number = 2; number <= 5; ++number) perform(number);
    EXPECT_EQ(allocations() - before, 0u) << stages << " stages";
  }
}

TEST(Hybrid, GoesOnFromAStateOfAnotherLayout) {
  auto const problem = deep_problem(300, 40);
  auto const world = Communicator::world();
  auto const expected = alone(problem);
  auto const stages = stages_for(world.size());
  for (std::int64_t const stop : {1, 3}) {  // an epoch has 3 updates
    auto const begun =
        problem.train(world, options_of("hybrid", stages.back(), "zb-h1"), nullptr, stop);
    auto const state = TrainingState::from_arrays(world.broadcast(begun.to_arrays()),
                                                  problem.network.arena_size(), 8);
    EXPECT_EQ(state.step, stop);
    expect_equal(problem.train(world, options_of("hybrid", stages.front(), "1f1b"), &state),
                 expected);
    expect_equal(problem.train(world, options_of("hybrid", stages.back(), "gpipe"), &state),
                 expected);
  }
}

TEST(Hybrid, CountsEveryShardOnceAndTellsWhoDoesWhat) {
  auto const problem = deep_problem();
  auto const world = Communicator::world();
  ShardPlan const plan{std::ssize(problem.rows_to_learn), problem.training.batch_size};
  for (auto const stages : stages_for(world.size())) {
    auto const options = options_of("hybrid", stages, "1f1b");
    Trace trace;
    Assignment const assignment{
        world, problem.network, problem.feed, plan, problem.training, options, trace};
    auto const strategy = strategies().make("hybrid", assignment);
    auto const counted = strategy->counted_shards();
    auto const places = world.gather(strategy->place());
    auto const counts = world.gather(std::vector{counted.first, counted.end});
    int next_shard = 0;
    for (std::size_t rank = 0; rank < places.size(); ++rank) {
      auto const& place = places[rank];
      EXPECT_EQ(place.stage, static_cast<int>(rank) % stages);
      EXPECT_EQ(place.replica, static_cast<int>(rank) / stages);
      auto const first_layer = place.stage == 0 ? 0 : places[rank - 1].layers.last;
      EXPECT_EQ(place.layers.first, first_layer);
      if (place.stage + 1 < stages) {
        EXPECT_EQ(counts[rank][0], counts[rank][1]);
        continue;
      }
      EXPECT_EQ(place.layers.last, problem.network.depth());
      EXPECT_EQ(counts[rank], (std::vector{next_shard, place.last_shard}));
      next_shard = place.last_shard;
    }
    if (world.is_root()) {
      EXPECT_EQ(next_shard, plan.shards());
    }
  }
}

TEST(Hybrid, ReportsTimesAndBubbleOfEachStage) {
  auto const problem = deep_problem();
  auto const world = Communicator::world();
  auto const stages = world.size();
  ShardPlan const plan{std::ssize(problem.rows_to_learn), problem.training.batch_size};
  auto const options = options_of("pipeline", stages, "1f1b");
  Trace trace;
  Assignment const assignment{world, problem.network, problem.feed, plan, problem.training, options,
                              trace};
  auto const strategy = strategies().make("pipeline", assignment);
  std::ranges::copy(fresh_state(problem.network, plan, Key{3}).arena, strategy->arena().begin());
  for (std::int64_t number = 1; number <= 4; ++number)
    strategy->perform({number, 0, problem.rows_to_learn, 0.01, Key{5}});
  auto const tables = strategy->reports();
  auto const micro_batches = world.gather(strategy->use().micro_batches);
  if (!world.is_root()) {
    EXPECT_TRUE(tables.empty());
    return;
  }
  EXPECT_THAT(micro_batches, testing::Each(4 * 8));
  ASSERT_EQ(tables.size(), 2u);
  auto const& table = tables.front();
  EXPECT_EQ(table.name(), "pipeline");
  ASSERT_EQ(table.rows(), static_cast<std::size_t>(stages));
  EXPECT_EQ(table.number(0, "first_layer"), 1);
  EXPECT_EQ(table.number(table.rows() - 1, "last_layer"), problem.network.depth());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    EXPECT_EQ(table.number(row, "micro_batches"), 8);
    EXPECT_GT(table.number(row, "forward_seconds"), 0);
    EXPECT_GT(table.number(row, "weights_seconds"), 0);
    EXPECT_DOUBLE_EQ(table.number(row, "bubble_textbook"), (stages - 1) / (8.0 + stages - 1));
    EXPECT_GE(table.number(row, "bubble_simulated"), 0);
    EXPECT_GE(table.number(row, "idle_share"), 0);
    EXPECT_LT(table.number(row, "bubble"), 1);
    if (stages == 1) {
      EXPECT_EQ(table.number(row, "bubble"), 0) << "there is nobody to wait for";
    }
  }
}

/// What is said when these options are given, the same on every rank.
std::string refusal(SmallProblem const& problem, StrategyOptions const& options) {
  return canopy::test::complaint([&] { problem.train(Communicator::world(), options); });
}

TEST(Hybrid, RefusesWhatDoesNotFitBeforeItTrains) {
  using testing::AllOf;
  using testing::HasSubstr;
  auto problem = deep_problem();
  auto const ranks = Communicator::world().size();
  for (auto const* parallel : {"pipeline", "hybrid"}) {
    EXPECT_THAT(refusal(problem, options_of(parallel, 0, "1f1b")), HasSubstr("--stages is 0"));
    EXPECT_THAT(refusal(problem, options_of(parallel, ranks, "2f2b")),
                AllOf(HasSubstr("--schedule is '2f2b'"), HasSubstr("zb-h1")));
  }
  auto const more = std::to_string(ranks + 1);
  EXPECT_THAT(refusal(problem, options_of("pipeline", ranks + 1, "1f1b")),
              AllOf(HasSubstr("--stages " + more + " on " + std::to_string(ranks) + " ranks"),
                    HasSubstr("start " + more + " ranks")));
  EXPECT_THAT(refusal(problem, options_of("hybrid", ranks + 1, "1f1b")),
              AllOf(HasSubstr(more + " stages on " + std::to_string(ranks) + " ranks"),
                    HasSubstr("--stages among the divisors")));
}

TEST(Hybrid, RefusesMoreStagesThanLayersAndMoreReplicasThanShards) {
  auto const ranks = Communicator::world().size();
  if (ranks == 1) GTEST_SKIP() << "one rank fits everything";
  SmallProblem problem{"softmax", 133};  // one layer
  EXPECT_THAT(
      refusal(problem, options_of("pipeline", ranks, "1f1b")),
      testing::HasSubstr("--stages is " + std::to_string(ranks) + " but the network has 1 layers"));
  problem.training.batch_size = 16;  // one shard
  EXPECT_THAT(refusal(problem, options_of("hybrid", 1, "1f1b")),
              testing::HasSubstr("--parallel hybrid with 1 stages on " + std::to_string(ranks)));
}

/// Some stages have no parameters, and so nothing to say against the optimizer.
TEST(Hybrid, RefusesSlicesOfOptimizersThatNeedWholeTensorsOnEveryRank) {
  auto problem = deep_problem();
  problem.training.optimizer = "lars";
  for (auto const stages : stages_for(Communicator::world().size())) {
    auto options = options_of("hybrid", stages, "1f1b");
    options.reduction.zero = true;
    EXPECT_THAT(refusal(problem, options), testing::HasSubstr("--zero"));
  }
}

}  // namespace
}  // namespace canopy::train
