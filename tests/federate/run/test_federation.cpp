#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "federate/small_federation.hpp"

namespace canopy::federate {
namespace {

using comm::Communicator;
using test::SmallFederation;
using testing::Contains;

std::vector<std::string> trail(FederationState const& state) {
  std::vector<std::string> ids;
  for (auto const& model : state.models) ids.push_back(model.id);
  return ids;
}

/// What must not depend on ranks: everything but real times, bytes and who did it.
std::vector<std::string> essence(FederationState const& state) {
  auto lines = trail(state);
  for (auto const& r : state.rounds)
    lines.push_back(std::to_string(r.accuracy) + " " + std::to_string(r.loss) + " " +
                    std::to_string(r.train_loss) + " " + std::to_string(r.client_accuracy_mean) +
                    " " + std::to_string(r.virtual_seconds));
  for (auto const& u : state.updates)
    lines.push_back(std::to_string(u.client) + u.fate + std::to_string(u.weight) + " " +
                    std::to_string(u.staleness) + " " + std::to_string(u.virtual_end));
  return lines;
}

void expect_as_alone(SmallFederation& problem) {
  auto const world = Communicator::world();
  auto const mine = problem.alone(world);
  auto const layout = problem.options.layout;
  auto const state = problem.run(world);
  if (world.is_root()) {
    EXPECT_EQ(essence(state), essence(mine));
    EXPECT_EQ(std::ssize(state.rounds), problem.options.rounds);
  }
  problem.options.layout = layout;
}

void expect_near(std::vector<float> const& a, std::vector<float> const& b, double relative) {
  ASSERT_EQ(a.size(), b.size());
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double{a[i]} - b[i], 2);
    size += std::pow(double{b[i]}, 2);
  }
  EXPECT_LE(std::sqrt(difference), relative * std::sqrt(size));
}

FederationState on_one(SmallFederation const& problem) {
  return problem.alone(Communicator::world());
}

void choose(SmallFederation& problem, char const* aggregator) {
  problem.options.aggregation.aggregator = aggregator;
}

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
