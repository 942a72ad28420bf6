#include <algorithm>
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

// I3, for every entry of the table: as one rank does it.
TEST(Federation, IsTheSameOnAnyRanksWithEveryAggregator) {
  for (auto const& entry : aggregators().entries()) {
    SCOPED_TRACE(entry.name);
    SmallFederation problem;
    choose(problem, entry.name.c_str());
    problem.options.devices.compute = "lognormal:0.001,1";
    expect_as_alone(problem);
  }
}

// I2: any number of combiners gives the bits of none.
TEST(Federation, IsTheSameForAnyCombiners) {
  SmallFederation problem{"mlp:20"};
  problem.options.partition.quantity = "lognormal:0.5";
  auto const flat = on_one(problem);
  problem.options.layout = Layout::tree;
  for (int combiners : {1, 2, 4}) {
    problem.options.combiners = combiners;
    auto const state = problem.run(Communicator::world());
    if (Communicator::world().is_root()) {
      EXPECT_EQ(trail(state), trail(flat));
    }
  }
}

TEST(Federation, UpdatesTellMeanAndRootMeanSquareOfTheirRowsLosses) {
  SmallFederation problem;
  for (auto const& update : on_one(problem).updates) {
    EXPECT_GT(update.rms_loss, update.loss) << "rows differ";
    EXPECT_LT(update.rms_loss, 10 * update.loss);
  }
}

// FEDn's reducer is biased when combiners hold different numbers of rows.
TEST(Federation, UniformReducersAreBiased) {
  SmallFederation problem;
  problem.options.fraction_fit = 1;
  problem.options.clients = 3;
  problem.options.layout = Layout::tree;
  problem.options.combiners = 2;  // clients 0 and 2, and client 1
  auto const fair = on_one(problem);
  problem.options.reducer_weighting = ReducerWeighting::uniform;
  auto const biased = on_one(problem);
  EXPECT_NE(trail(fair).back(), trail(biased).back());
  EXPECT_NEAR(biased.updates[1].weight, 0.5, 1e-12);
  EXPECT_NEAR(fair.updates[1].weight, 1.0 / 3, 0.02);
}

// I1: everybody, one step on all rows, is one step of gradient descent on the pooled rows.
TEST(Federation, FullParticipationWithFullBatchesIsGradientDescent) {
  SmallFederation problem{"mlp:20"};
  problem.options.fraction_fit = 1;
  problem.options.local.batch_size = 0;
  problem.options.partition.quantity = "lognormal:0.5";
  auto const many = on_one(problem);
  choose(problem, "fedsgd");
  EXPECT_EQ(trail(on_one(problem)), trail(many));
  choose(problem, "fedavg");
  problem.options.local.local_epochs = 1;
  problem.options.clients = 1;
  problem.options.partition.quantity = "equal";
  expect_near(many.model, on_one(problem).model, 1e-6);
}

/// With the control variates at 0 in every round: what clients and server keep of them is lost
/// between rounds.
FederationState with_frozen_variates(SmallFederation const& problem) {
  auto const alone = Communicator::world().split(Communicator::world().rank().value);
  auto state = problem.run(alone, nullptr, 1);
  while (state.round < problem.options.rounds) {
    EXPECT_FALSE(state.clients.empty());
    state.clients.clear();
    auto const variates = state.server;
    for (auto const& [name, array] : variates.arrays())
      state.server.put(name, std::vector<float>(array.size()));
    state = problem.run(alone, &state, state.round + 1);
  }
  return state;
}

// I4
TEST(Federation, DriftCorrectionsWithoutDriftAreFedAvg) {
  SmallFederation problem;
  auto const plain = on_one(problem);
  choose(problem, "fedprox");
  problem.options.aggregation.mu = 0;
  EXPECT_EQ(trail(on_one(problem)), trail(plain));
  problem.options.aggregation.mu = 1;
  EXPECT_NE(trail(on_one(problem)), trail(plain));
  choose(problem, "fednova");  // all clients make the same number of steps
  expect_near(on_one(problem).model, plain.model, 1e-6);
  choose(problem, "scaffold");
  EXPECT_EQ(trail(with_frozen_variates(problem)), trail(plain));
  auto const scaffold = on_one(problem);
  EXPECT_EQ(trail(scaffold)[1], trail(plain)[1]) << "they are 0 in the first round";
  EXPECT_NE(trail(scaffold)[2], trail(plain)[2]);
}

// I5
TEST(Federation, ServerMomentumOfZeroIsFedAvg) {
  SmallFederation problem;
  auto const plain = on_one(problem);
  choose(problem, "fedavgm");
  problem.options.aggregation.server_momentum = 0;
  EXPECT_EQ(trail(on_one(problem)), trail(plain));
}

// I6 and I11: everybody at work, equal speeds, nobody ahead: buffered steps are rounds.
TEST(Federation, AsynchronousWithoutStalenessIsSynchronous) {
  SmallFederation problem;
  problem.options.fraction_fit = 1;
  problem.options.local.batch_size = 0;  // so that no order of rows matters
  auto const rounds = on_one(problem);
  choose(problem, "fedbuff");
  problem.options.aggregation.buffer_size = 6;
  for (auto const* staleness : {"inf", "0"}) {
    problem.options.staleness = staleness;
    auto const steps = on_one(problem);
    expect_near(steps.model, rounds.model, 1e-6);
    for (auto const& update : steps.updates) EXPECT_EQ(update.staleness, 0);
  }
  // Devices of different speed: with a bound of 0 still rounds, without one not any more.
  problem.options.devices.compute = "lognormal:0.001,1";
  problem.options.staleness = "0";
  expect_near(on_one(problem).model, rounds.model, 1e-6);
  problem.options.staleness = "inf";
  auto const free = on_one(problem);
  EXPECT_THAT(free.updates, Contains(testing::Field(&UpdateRow::staleness, testing::Gt(0))));
}

// I10
TEST(Federation, RobustRulesThatLeaveNothingOutAreTheMean) {
  SmallFederation problem;
  auto const plain = on_one(problem);
  choose(problem, "trimmed-mean");
  problem.options.aggregation.trim = 0;
  expect_near(on_one(problem).model, plain.model, 1e-6);
  problem.options.clients = 1;
  choose(problem, "fedavg");
  auto const one = on_one(problem);
  choose(problem, "krum");
  expect_near(on_one(problem).model, one.model, 1e-6);
}

TEST(Federation, GoesOnFromAStateAsIfNothingHadHappened) {
  struct Case {
    char const* aggregator;
    char const* late;
  };
  for (auto const& [aggregator, late] :
       {Case{"fedavg", "drop"}, Case{"scaffold", "drop"}, Case{"fedadam", "carry"},
        Case{"fedbuff", "drop"}, Case{"fedasync", "drop"}}) {
    SCOPED_TRACE(aggregator);
    SmallFederation problem;
    choose(problem, aggregator);
    problem.options.rounds = 6;
    problem.options.aggregation.buffer_size = 2;
    problem.options.devices.compute = "lognormal:0.1,1";
    if (std::string{late} == "carry") {
      problem.options.policy.round_policy = "deadline";
      problem.options.policy.deadline = 4;
      problem.options.policy.late = late;
    }
    auto const world = Communicator::world();
    auto const whole = problem.run(world);
    auto half = problem.run(world, nullptr, 3);
    FederationState again;
    if (world.is_root()) {
      EXPECT_EQ(half.round, 3);
      again = FederationState::from_arrays(half.to_arrays(), problem.network.arena_size());
      again.take_tables(half.tables());
    }
    auto const rest = problem.run(world, &again);
    if (world.is_root()) {
      EXPECT_EQ(essence(rest), essence(whole));
    }
  }
}

TEST(Federation, AnAsynchronousRunInWhichNobodyLearnsEnds) {
  SmallFederation problem{"mlp:20"};
  choose(problem, "fedasync");
  problem.options.local.lr = 1e12;
  problem.options.local.local_epochs = 5;
  EXPECT_THROW(on_one(problem), UserError);
}

TEST(Federation, DeadlinesDropAndCarry) {
  SmallFederation problem;
  problem.options.rounds = 5;
  problem.options.fraction_fit = 1;
  problem.options.devices.compute = "lognormal:0.1,1.5";
  problem.options.policy.round_policy = "deadline";
  problem.options.policy.deadline = 5;
  auto const dropped = on_one(problem);
  EXPECT_THAT(dropped.updates, Contains(testing::Field(&UpdateRow::fate, "late")));
  problem.options.policy.late = "carry";
  auto const carried = on_one(problem);
  EXPECT_THAT(carried.updates, Contains(testing::Field(&UpdateRow::fate, "carried")));
  auto const steps = problem.options.local.steps(40);
  for (auto const& update : carried.updates)
    if (update.fate == "carried") {
      EXPECT_EQ(update.steps, steps) << "late, but all of its work";
    }
  problem.options.policy.late = "partial";
  auto const partial = on_one(problem);
  EXPECT_THAT(partial.updates, Contains(testing::Field(&UpdateRow::fate, "partial")));
  EXPECT_NE(trail(dropped), trail(carried));
  EXPECT_NE(trail(dropped), trail(partial));
  expect_as_alone(problem);
}

TEST(Federation, IsDoneWhenItComesToTheTarget) {
  SmallFederation problem;
  problem.options.rounds = 6;
  auto const whole = on_one(problem);
  auto const best = std::ranges::max_element(whole.rounds, {}, &RoundRow::accuracy);
  ASSERT_TRUE(1 < best->round && best->round < 6) << best->round;
  problem.options.target_accuracy = best->accuracy;
  auto const state = on_one(problem);
  EXPECT_EQ(state.round, best->round);
  EXPECT_EQ(state.models.back().id, best->model);
  auto const world = Communicator::world();
  auto const resumed = problem.run(world.split(world.rank().value), &state);
  EXPECT_EQ(resumed.round, state.round) << "there is nothing left to do";
}

TEST(Federation, ARoundDropsWhoseUpdateWasWantedAndDidNotCome) {
  SmallFederation problem{"softmax", 240, 12};
  problem.options.rounds = 6;
  problem.options.devices.compute = "lognormal:0.1,1.5";
  problem.options.devices.dropout = 0.2;
  problem.options.policy.over_selection = 2;
  auto const state = on_one(problem);
  EXPECT_THAT(state.updates, Contains(testing::Field(&UpdateRow::fate, "surplus")));
  EXPECT_THAT(state.updates, Contains(testing::Field(&UpdateRow::fate, "dropped_out")));
  for (auto const& round : state.rounds)
    EXPECT_EQ(round.dropped, std::ranges::count_if(state.updates, [&](UpdateRow const& update) {
                return update.round == round.round && update.fate == "dropped_out";
              }));
}

TEST(Federation, NoClientThatCanMeetTheDeadlineIsAnError) {
  SmallFederation problem;
  problem.options.policy.round_policy = "deadline";
  problem.options.policy.deadline = 1e-6;
  EXPECT_THROW(on_one(problem), UserError);
}

TEST(Federation, LearnsOnManyRanks) {
  SmallFederation problem{"softmax", 1000, 10};
  problem.options.rounds = 15;
  problem.options.local.local_epochs = 2;
  auto const state = problem.run(Communicator::world());
  if (!Communicator::world().is_root()) return;
  EXPECT_GT(state.rounds.back().accuracy, 0.8);
  EXPECT_GT(state.rounds.back().accuracy, state.rounds.front().accuracy);
  EXPECT_EQ(state.models.size(), 16u);
  EXPECT_EQ(state.models[3].parent, state.models[2].id);
}

}  // namespace
}  // namespace canopy::federate
