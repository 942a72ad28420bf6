// Where the real time of combiners goes, which is measured and so not the same twice.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "federate/run/compare.hpp"
#include "federate/small_federation.hpp"

namespace canopy::federate {
namespace {

using namespace test;
using canopy::test::SmallFederation;
using comm::Communicator;

double all_of(CombinerRow const& row) {
  return row.wait_seconds + row.load_seconds + row.aggregate_seconds;
}

std::vector<UpdateRow> updates_of(FederationState const& state, CombinerRow const& row) {
  auto updates = state.updates;
  std::erase_if(updates, [&](UpdateRow const& update) {
    return update.round != row.round || update.combiner != row.combiner;
  });
  return updates;
}

/// Client ranks of a row's combiner that must send it what they have.
std::int64_t remote_ranks(RoleMap const& roles, CombinerRow const& row) {
  auto const place = static_cast<std::size_t>(std::max<std::int64_t>(row.combiner, 1) - 1);
  auto const& ranks = roles.client_ranks[place];
  return std::ssize(ranks) - std::ranges::count(ranks, roles.combiners[place]);
}

void expect_true_times(FederationState const& state, RoleMap const& roles) {
  std::set<std::pair<std::int64_t, std::int64_t>> of_updates;
  for (auto const& update : state.updates) of_updates.emplace(update.round, update.combiner);
  std::set<std::pair<std::int64_t, std::int64_t>> of_rows;
  for (auto const& row : state.combiner_rounds) {
    SCOPED_TRACE(testing::Message() << "round " << row.round << ", combiner " << row.combiner);
    if (!of_rows.empty()) {
      EXPECT_LT(*of_rows.rbegin(), std::pair(row.round, row.combiner)) << "told once, in order";
    }
    of_rows.emplace(row.round, row.combiner);
    EXPECT_GE(row.wait_seconds, 0);
    EXPECT_LE(all_of(row), state.rounds[static_cast<std::size_t>(row.round - 1)].real_seconds);
    auto const updates = updates_of(state, row);
    EXPECT_EQ(row.updates, std::ssize(updates));
    auto const remote = remote_ranks(roles, row) > 0;
    EXPECT_EQ(row.bytes > 0, remote);
    EXPECT_EQ(row.load_seconds > 0, remote);
    if (roles.ranks > 1) continue;
    double trained = 0;
    for (auto const& update : updates) trained += update.real_seconds;
    EXPECT_GE(row.wait_seconds, trained) << "it waits while its own rank trains";
  }
  EXPECT_EQ(of_rows, of_updates);
}

TEST(CombinerRounds, TellWaitLoadAndAggregateOfEachCombiner) {
  auto const world = Communicator::world();
  for (auto const layout : {Layout::fedn, Layout::flat, Layout::tree}) {
    SCOPED_TRACE(TextForm<Layout>::print(layout));
    SmallFederation problem{"mlp:50"};
    problem.options.layout = layout;
    problem.options.combiners = layout == Layout::tree ? 2 : 1;
    problem.options.fraction_fit = 1;
    auto const state = problem.run(world);
    if (!world.is_root()) continue;
    expect_true_times(state, make_roles(layout, problem.options.combiners, world.size()));
  }
}

TEST(CombinerRounds, AreOfTrainingAlone) {
  auto const world = Communicator::world();
  SmallFederation problem;
  auto const bytes = [&] {
    std::vector<std::int64_t> result;
    for (auto const& row : problem.run(world).combiner_rounds) result.push_back(row.bytes);
    return result;
  };
  problem.options.validation = Validation::all;
  auto const validated = bytes();
  problem.options.validation = Validation::none;
  EXPECT_EQ(bytes(), validated);
}

TEST(CombinerRounds, OfEarlierSessionsAreKept) {
  auto const alone = Communicator::world().split(Communicator::world().rank().value);
  SmallFederation problem;
  auto const first = problem.run(alone, nullptr, 2);
  ASSERT_EQ(first.combiner_rounds.size(), 2u);
  auto saved = FederationState::from_arrays(first.to_arrays(), first.model.size());
  saved.take_tables(first.tables());
  auto const whole = problem.run(alone, &saved);
  ASSERT_EQ(whole.combiner_rounds.size(), 3u);
  EXPECT_EQ(whole.combiner_rounds[1].wait_seconds, first.combiner_rounds[1].wait_seconds);
  EXPECT_EQ(whole.combiner_rounds[2].round, 3);
}

// Steps of the server are no rounds of a combiner; what is told adds up all the same.
TEST(CombinerRounds, OfAsynchronousRunsAddUpToTheirTime) {
  auto const world = Communicator::world();
  SmallFederation problem;
  choose(problem, "fedbuff");
  problem.options.aggregation.buffer_size = 2;
  Stopwatch const clock;
  auto const state = problem.run(world);
  auto const seconds = clock.seconds();
  if (!world.is_root()) return;
  double told = 0;
  std::int64_t updates = 0;
  for (auto const& row : state.combiner_rounds) {
    told += all_of(row);
    updates += row.updates;
  }
  EXPECT_GT(told, 0);
  EXPECT_LE(told, seconds);
  EXPECT_GE(updates, std::ssize(state.updates));
  EXPECT_LE(updates, state.dispatches);
}

}  // namespace
}  // namespace canopy::federate
