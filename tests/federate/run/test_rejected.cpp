#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "federate/run/compare.hpp"
#include "federate/small_federation.hpp"

namespace canopy::federate {
namespace {

using namespace test;
using canopy::test::SmallFederation;
using comm::Communicator;
using testing::Contains;

// A client that diverges is told of and left out; nothing wraps, the model stays finite.
TEST(Federation, DivergingClientsAreRejected) {
  SmallFederation problem{"mlp:20"};
  problem.options.local.lr = 1e12;
  problem.options.local.local_epochs = 5;
  auto const state = problem.run(Communicator::world());
  if (!Communicator::world().is_root()) return;
  EXPECT_THAT(problem.events, Contains("rejected-update"));
  for (auto const x : state.model) ASSERT_TRUE(std::isfinite(x));
  EXPECT_GT(state.rounds[0].dropped, 0);
}

/// A decay that multiplies weights by -1000 in every step: clients with two steps are sound, those
/// with three are beyond what fixed point takes.
struct SomeRejected : testing::Test {
  SomeRejected() {
    problem.options.rounds = 1;
    problem.options.fraction_fit = 1;
    problem.options.partition.quantity = "lognormal:0.5";
    problem.options.local.lr = 0.1;
    problem.options.local.weight_decay = 1.001e4;
  }
  SmallFederation problem;
};

// By their own rows among the rows of those who count, as if the others had not been asked.
TEST_F(SomeRejected, TheOthersAreAveragedByTheirRows) {
  auto const state = problem.run(Communicator::world());
  if (!Communicator::world().is_root()) return;
  auto clients = problem.clients();
  std::vector<float> model(problem.network.arena_size());
  problem.network.initialise(Key{3}.with("initial"), std::span{model});
  LocalTrainer trainer{problem.network, problem.options.local};
  std::vector<double> sum(model.size());
  double rows = 0;
  double planned = 0;
  std::ptrdiff_t rejected = 0;
  for (auto const& update : state.updates) {
    auto const client = static_cast<int>(update.client);
    auto const steps = problem.options.local.steps(clients.rows(client));
    EXPECT_EQ(update.fate, steps <= 2 ? "full" : "rejected") << steps;
    EXPECT_EQ(update.weight > 0, steps <= 2);
    planned += update.weight;
    if (steps > 2) {
      ++rejected;
      continue;
    }
    LocalWork work;
    work.key = Key{3}.with("client").with(static_cast<std::uint64_t>(client)).with(1);
    work.steps = steps;
    work.batch_size = problem.options.local.batch_size;
    trainer.train(model, clients.data(client), work);
    auto const delta = trainer.delta(model);
    auto const share = static_cast<double>(clients.rows(client));
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += share * delta[i];
    rows += share;
  }
  ASSERT_EQ(state.updates.size(), 6u);
  ASSERT_GT(rejected, 0);
  ASSERT_LT(rejected, 6);
  EXPECT_LT(planned, 1) << "of the round as it was planned";
  EXPECT_EQ(state.rounds[0].clients, 6 - rejected);
  EXPECT_EQ(state.rounds[0].dropped, rejected);
  EXPECT_EQ(std::ranges::count(problem.events, "rejected-update"), rejected);
  for (std::size_t i = 0; i < model.size(); ++i) model[i] += static_cast<float>(sum[i] / rows);
  expect_near(state.model, model, 1e-6);
}

TEST_F(SomeRejected, TheResultIsTheSameOnAnyRanksAndCombiners) {
  for (auto const* aggregator : {"fedavg", "fednova", "scaffold", "qffl", "median"}) {
    SCOPED_TRACE(aggregator);
    choose(problem, aggregator);
    problem.options.layout = Layout::flat;
    auto const flat = on_one(problem);
    EXPECT_GT(flat.rounds[0].dropped, 0);
    EXPECT_GT(flat.rounds[0].clients, 0);
    problem.options.layout = Layout::tree;
    for (int combiners : {1, 2}) {
      problem.options.combiners = combiners;
      auto const state = problem.run(Communicator::world());
      if (Communicator::world().is_root()) {
        EXPECT_EQ(essence(state), essence(flat));
      }
    }
  }
}

}  // namespace
}  // namespace canopy::federate
