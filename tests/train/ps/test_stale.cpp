#include <chrono>
#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "train/network/small_problem.hpp"
#include "train/ps/points.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::Points;

/// What a table of counts says, over all servers.
struct Counts {
  std::int64_t total = 0;
  double largest = 0;
  Counts(Table const& table, char const* number, char const* count) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      total += static_cast<std::int64_t>(table.number(row, count));
      largest = std::max(largest, table.number(row, number));
    }
  }
};

std::vector<Table> run(Points const& points, Communicator const& world, int updates,
                       std::function<void(int update)> const& delay) {
  auto const assignment = points.assignment(world);
  auto const strategy = strategies().make("ps", assignment);
  points.initialise(*strategy);
  for (int number = 1; number <= updates; ++number) {
    delay(number);
    strategy->perform(points.update(number));
  }
  strategy->collect();
  for (auto const weight : strategy->arena()) EXPECT_TRUE(std::isfinite(weight));
  return strategy->reports();
}

void sleep(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
}

TEST(StaleServers, NoWorkerIsFurtherAheadThanAllowed) {
  auto const world = Communicator::world();
  constexpr int updates = 24;
  for (int const bound : {1, 3}) {
    for (int servers = 1; servers < std::min(world.size(), 3); ++servers) {
      Points points;
      points.options.staleness = std::to_string(bound);
      points.options.servers = servers;
      auto const workers = world.size() - servers;
      Stream delays{Key{11}.with(static_cast<std::uint64_t>(world.rank().value))};
      auto const reports = run(points, world, updates, [&](int) {
        // The root is slow all the time, the others now and then.
        sleep(world.is_root() ? 0.01 : 0.004 * delays.uniform());
      });
      if (!world.is_root()) continue;
      Counts const leads{reports[1], "lead", "updates"};
      EXPECT_LE(leads.largest, bound);
      EXPECT_EQ(leads.total, updates * workers * servers);
      if (workers > 1) {
        EXPECT_GE(leads.largest, 1) << "the bound was never put to the test";
      }
      Counts const staleness{reports[0], "staleness", "pushes"};
      EXPECT_EQ(staleness.total, updates * workers * servers);
      // While a worker is at its update, each other one can finish those that lie within the bound
      // on either side of it, and the one that is under way.
      EXPECT_LE(staleness.largest, (2 * bound + 1) * (workers - 1));
    }
  }
}

TEST(StaleServers, WithoutABoundAWorkerGoesOnAsItPleases) {
  auto const world = Communicator::world();
  if (world.size() < 3) GTEST_SKIP() << "needs two workers";
  Points points;
  points.options.staleness = "inf";
  auto const reports = run(points, world, 20, [&](int) {
    if (world.is_root()) sleep(0.02);
  });
  if (!world.is_root()) return;
  EXPECT_GT((Counts{reports[1], "lead", "updates"}).largest, 5);
}

// One worker's pushes are the updates of a process alone, up to rounding: the sums are over other
// shards, and means are taken before they are sent.
TEST(StaleServers, WithOneWorkerAreTheSameUpdates) {
  auto const world = Communicator::world();
  if (world.size() != 2) GTEST_SKIP() << "for one worker and one server";
  for (auto const* optimizer : {"sgd", "adam"}) {
    test::SmallProblem problem{"mlp", 300};
    problem.training.optimizer = optimizer;
    problem.training.lr = 0.002;
    StrategyOptions options;
    options.parallel = "ps";
    options.staleness = "4";
    auto const state = problem.train(world, options);
    auto const expected = problem.train(world.split(world.rank().value), StrategyOptions{});
    for (std::size_t i = 0; i < state.arena.size(); ++i)
      ASSERT_NEAR(state.arena[i], expected.arena[i], 2e-4) << optimizer << ", number " << i;
    EXPECT_NEAR(state.epochs.back().loss, expected.epochs.back().loss, 1e-3);
  }
}

// With tiny steps it does not matter from which weights a gradient was worked out, so the way must
// be as long as that of one process, with decay, with rows of unequal number, in every epoch.
TEST(StaleServers, TheSameRateLeadsAsFarWithAnyNumberOfWorkers) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "no rank to serve";
  test::SmallProblem problem{"mlp", 258};
  problem.training.batch_size = 128;
  problem.training.lr = 1e-4;
  problem.training.momentum = 0;
  problem.training.weight_decay = 0.1;
  StrategyOptions options;
  options.parallel = "ps";
  options.staleness = "inf";
  auto const arena = problem.train(world, options).arena;
  auto const expected = problem.train(world.split(world.rank().value), {}).arena;
  auto const start = fresh_state(problem.network, ShardPlan{258, 128}, Key{3}).arena;
  double way = 0, difference = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    way += std::pow(expected[i] - start[i], 2);
    difference += std::pow(arena[i] - expected[i], 2);
  }
  EXPECT_GT(way, 0);
  EXPECT_LT(std::sqrt(difference / way), 0.02);
}

TEST(StaleServers, Learn) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "no rank to serve";
  for (auto const* staleness : {"2", "inf"}) {
    test::SmallProblem problem{"mlp", 600};
    problem.training.batch_size = 128;
    problem.training.epochs = 12;
    problem.training.lr = 0.1;
    problem.training.momentum = 0;
    StrategyOptions options;
    options.parallel = "ps";
    options.servers = world.size() > 3 ? 2 : 1;
    options.staleness = staleness;
    auto const epochs = problem.train(world, options).epochs;
    EXPECT_GT(epochs.front().loss, 1.5);  // ln 10 = 2.3 is knowing nothing
    EXPECT_LT(epochs.back().loss, 1.0);
  }
}

}  // namespace
}  // namespace canopy::train
