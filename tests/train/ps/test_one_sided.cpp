#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/comm/window.hpp"
#include "canopy/core/error.hpp"

#include "support/complaint.hpp"
#include "train/network/small_problem.hpp"
#include "train/ps/points.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::SmallProblem;
using ::testing::HasSubstr;

bool can_run() {
  auto const world = Communicator::world();
  return world.size() > 1 && comm::can_make_window(world);
}

StrategyOptions one_sided() {
  StrategyOptions options;
  options.parallel = "ps";
  options.ps_transport = "rma";
  options.staleness = "inf";
  options.servers = Communicator::world().size() > 3 ? 2 : 1;
  return options;
}

TEST(OneSidedServers, TheSameRateLeadsAsFarWithAnyNumberOfWorkers) {
  if (!can_run()) GTEST_SKIP() << "no rank to serve, or no windows";
  auto const world = Communicator::world();
  SmallProblem problem{"mlp", 258};
  problem.network = nn::Network{nn::architecture_from_toml(
      "layers = [{dense = 30}, \"batch_norm\", \"relu\", {dense = \"classes\"}]", "test.toml",
      {1, 28, 28}, 10)};
  problem.training.batch_size = 128;
  problem.training.lr = 1e-4;
  problem.training.momentum = 0;
  problem.training.weight_decay = 0.1;
  StrategyOptions const data;
  auto const arena = problem.train(world, one_sided()).arena;
  auto const expected = problem.train(world.split(world.rank().value), data).arena;
  auto const start = fresh_state(problem.network, ShardPlan{258, 128}, Key{3}).arena;
  double way = 0, difference = 0;
  for (std::size_t i = 0; i < problem.network.parameters(); ++i) {
    way += std::pow(expected[i] - start[i], 2);
    difference += std::pow(arena[i] - expected[i], 2);
  }
  EXPECT_GT(way, 0);
  EXPECT_LT(std::sqrt(difference / way), 0.05);
  for (auto i = problem.network.parameters(); i < arena.size(); ++i)
    EXPECT_NE(arena[i], start[i]) << "running statistics do not run";
}

TEST(OneSidedServers, Learn) {
  if (!can_run()) GTEST_SKIP() << "no rank to serve, or no windows";
  SmallProblem problem{"mlp", 600};
  problem.training.batch_size = 128;
  problem.training.epochs = 12;
  problem.training.lr = 0.1;
  problem.training.momentum = 0;
  auto const epochs = problem.train(Communicator::world(), one_sided()).epochs;
  EXPECT_GT(epochs.front().loss, 1.5);
  EXPECT_LT(epochs.back().loss, 1.0);
}

TEST(OneSidedServers, EveryUpdateIsCounted) {
  if (!can_run()) GTEST_SKIP() << "no rank to serve, or no windows";
  auto const world = Communicator::world();
  test::Points points;
  points.options = one_sided();
  auto const assignment = points.assignment(world);
  auto const strategy = strategies().make("ps", assignment);
  points.initialise(*strategy);
  for (int number = 1; number <= 12; ++number) strategy->perform(points.update(number));
  strategy->collect();
  auto const reports = strategy->reports();
  if (!world.is_root()) return;
  double pushes = 0, updates = 0;
  for (std::size_t row = 0; row < reports[0].rows(); ++row) {
    EXPECT_GE(reports[0].number(row, "staleness"), 0);
    pushes += reports[0].number(row, "pushes");
  }
  for (std::size_t row = 0; row < reports[1].rows(); ++row)
    updates += reports[1].number(row, "updates");
  EXPECT_EQ(pushes, 12 * (world.size() - points.options.servers));
  EXPECT_EQ(updates, pushes);
}

TEST(OneSidedServers, RefuseStateBoundsAndUnknownTransports) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "no rank to serve";
  auto const complaint = [&](test::Points const& points) {
    auto const assignment = points.assignment(world);
    return test::complaint([&] { strategies().make("ps", assignment); });
  };
  test::Points points;
  points.options = one_sided();
  points.options.staleness = "2";
  EXPECT_THAT(complaint(points), HasSubstr("--staleness is 2"));
  points.options.staleness = "inf";
  points.training.momentum = 0.9;
  EXPECT_THAT(complaint(points), HasSubstr("--momentum 0"));
  points.training.optimizer = "adam";
  EXPECT_THAT(complaint(points), HasSubstr("--optimizer adam"));
  points.options.ps_transport = "pigeon";
  EXPECT_THAT(complaint(points), HasSubstr("messages or rma"));
}

}  // namespace
}  // namespace canopy::train
