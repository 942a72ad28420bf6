#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"

#include "federate/small_federation.hpp"

namespace canopy::federate {
namespace {

using comm::Communicator;
using test::SmallFederation;

/// Batches of 64 and 36 rows: four shards and two. As many ranks a client as a flat layout has
/// beside the reducer.
struct Teams : testing::Test {
  Teams() {
    problem.options.local.batch_size = 64;
    problem.options.ranks_per_client = Communicator::world().size() - 1;
  }
  SmallFederation problem{"mlp:20", 600, 6};
};

bool suits(FederationOptions const& options) {
  try {
    make_roles(options.layout, options.combiners, Communicator::world().size(),
               options.ranks_per_client);
    return true;
  } catch (UserError const&) {
    return false;
  }
}

std::vector<std::string> essence(FederationState const& state) {
  std::vector<std::string> lines;
  for (auto const& model : state.models) lines.push_back(model.id);
  for (auto const& row : state.rounds)
    lines.push_back(std::to_string(row.train_loss) + " " + std::to_string(row.train_accuracy) +
                    " " + std::to_string(row.accuracy));
  return lines;
}

void expect_as_one_rank(SmallFederation& problem) {
  auto const world = Communicator::world();
  auto const ranks = std::exchange(problem.options.ranks_per_client, 1);
  auto const alone = problem.alone(world);
  problem.options.ranks_per_client = ranks;
  auto const state = problem.run(world);
  if (!world.is_root()) return;
  EXPECT_EQ(essence(state), essence(alone));
}

TEST_F(Teams, AnyRanksPerClientTrainTheModelOfOne) {
  int teams = 0;
  for (auto const layout : {Layout::flat, Layout::fedn})
    for (int ranks = 1; ranks <= 4; ++ranks) {
      problem.options.layout = layout;
      problem.options.ranks_per_client = ranks;
      if (!suits(problem.options)) continue;
      SCOPED_TRACE(ranks);
      teams += ranks > 1;
      expect_as_one_rank(problem);
    }
  EXPECT_GE(teams, 1);
}

// Corrections of the gradient, states of clients, losses before training, all rows in one step,
// updates one by one.
TEST_F(Teams, TrainByEveryAggregator) {
  for (auto const& entry : aggregators().entries()) {
    SCOPED_TRACE(entry.name);
    problem.options.aggregation.aggregator = entry.name;
    expect_as_one_rank(problem);
  }
}

TEST_F(Teams, ShareShardsThatAreCutInPieces) {
  SmallFederation large{"softmax", 5000, 1};  // shards of 312 rows, of which 256 go together
  large.options.rounds = 2;
  large.options.local.batch_size = 0;
  large.options.ranks_per_client = problem.options.ranks_per_client;
  expect_as_one_rank(large);
}

TEST_F(Teams, EveryRankHasAPartInTheWork) {
  auto const world = Communicator::world();
  auto const& options = problem.options;
  auto const roles =
      make_roles(options.layout, options.combiners, world.size(), options.ranks_per_client);
  auto clients = problem.clients();
  Federation federation{world, roles, {problem.network, problem.test, clients, options, Key{3}}};
  if (!world.is_root()) return federation.serve();
  federation.run(federation.fresh_state(), {});
  auto const uses = federation.shut_down();
  for (std::size_t rank = 1; rank < uses.size(); ++rank) {
    EXPECT_GE(uses[rank].tasks, 9) << "three clients in three rounds";
    EXPECT_GT(uses[rank].bytes_sent, 9 * sizeof(float) * problem.network.parameters());
  }
}

}  // namespace
}  // namespace canopy::federate
