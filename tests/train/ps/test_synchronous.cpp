#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "train/network/small_problem.hpp"
#include "train/ps/points.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::Points;
using test::SmallProblem;

/// Digits in batches of 8 shards: 300 rows leave 44 for the last one, 258 leave 2.
SmallProblem digits(std::string const& model, int rows = 300) {
  SmallProblem problem{model, rows};
  problem.training.batch_size = 128;
  return problem;
}

StrategyOptions servers(int count) {
  StrategyOptions options;
  options.parallel = "ps";
  options.servers = count;
  return options;
}

/// Weights, optimizer and losses must be those of one process that trains by `data`.
void expect_same(TrainingState const& state, TrainingState const& expected) {
  EXPECT_EQ(nn::sha256(state.arena), nn::sha256(expected.arena));
  if (!Communicator::world().is_root()) return;
  EXPECT_EQ(state.step, expected.step);
  EXPECT_EQ(state.optimizer, expected.optimizer);
  ASSERT_EQ(state.epochs.size(), expected.epochs.size());
  for (std::size_t e = 0; e < state.epochs.size(); ++e) {
    EXPECT_EQ(state.epochs[e].loss, expected.epochs[e].loss);
    EXPECT_EQ(state.epochs[e].accuracy, expected.epochs[e].accuracy);
  }
}

TrainingState alone(SmallProblem const& problem, TrainingState const* from = nullptr) {
  auto const world = Communicator::world();
  StrategyOptions const data;
  return problem.train(world.split(world.rank().value), data, from);
}

void expect_as_alone(SmallProblem const& problem, int most_servers = 3) {
  auto const world = Communicator::world();
  auto const expected = alone(problem);
  for (int count = 1; count <= std::min(world.size() - 1, most_servers); ++count) {
    SCOPED_TRACE(count);
    expect_same(problem.train(world, servers(count)), expected);
  }
}

TEST(SynchronousServers, GiveTheWeightsOfOneProcess) {
  for (int const rows : {300, 258}) expect_as_alone(digits("mlp", rows));
}

TEST(SynchronousServers, GiveTheWeightsOfOneProcessWithEveryOptimizer) {
  for (auto const* optimizer : {"sgd", "adam", "adamw", "lars", "lamb"}) {
    SCOPED_TRACE(optimizer);
    auto problem = digits("mlp:40", 150);
    problem.training.optimizer = optimizer;
    problem.training.weight_decay = 0.01;
    problem.training.schedule = "one_cycle";
    expect_as_alone(problem, 2);  // lars and lamb have few tensors to share
  }
}

TEST(SynchronousServers, GiveTheWeightsOfOneProcessWithBatchNormAndDropout) {
  auto problem = digits("mlp", 258);
  problem.network = nn::Network{nn::architecture_from_toml(
      "layers = [{dense = 30}, \"batch_norm\", \"relu\", {dropout = 0.3}, {dense = 20}, "
      "\"batch_norm\", \"tanh\", {dense = \"classes\"}]",
      "test.toml", {1, 28, 28}, 10)};
  expect_as_alone(problem);
}

TEST(SynchronousServers, GiveTheWeightsOfOneProcessWithConvolutions) {
  auto problem = digits("lenet", 150);
  problem.training.epochs = 1;
  expect_as_alone(problem);
}

TEST(SynchronousServers, WithSumsInFreeOrderLearnAsWell) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "no rank to serve";
  auto const problem = digits("mlp");
  auto options = servers(1);
  options.reduction.order = comm::Order::free;
  auto const loss = problem.train(world, options).epochs.back().loss;
  auto const expected = alone(problem).epochs.back().loss;
  EXPECT_NEAR(loss, expected, 0.001 * expected);
}

TEST(SynchronousServers, AStateGoesOnElsewhere) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "no rank to serve";
  auto problem = digits("mlp");
  problem.training.optimizer = "adam";
  auto const whole = alone(problem);
  auto const most = std::min(world.size() - 1, 3);
  for (std::int64_t const stop : {1, 3}) {  // in an epoch, and at its end
    auto const part =
        world.broadcast(problem.train(world, servers(most), nullptr, stop).to_arrays());
    auto const state = TrainingState::from_arrays(part, problem.network.arena_size(), 8);
    ASSERT_EQ(state.step, stop);
    expect_same(problem.train(world, servers(1), &state), whole);
    expect_same(alone(problem, &state), whole);
  }
}

TEST(SynchronousServers, AllocateNothingInAnUpdate) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "no rank to serve";
  Points points;
  points.options.servers = world.size() > 3 ? 2 : 1;
  auto const assignment = points.assignment(world);
  auto const strategy = strategies().make("ps", assignment);
  points.initialise(*strategy);
  for (int number = 1; number < 3; ++number) strategy->perform(points.update(number));
  auto const before = allocations();
  for (int number = 3; number < 8; ++number) strategy->perform(points.update(number));
  EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace canopy::train
