#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "federate/small_federation.hpp"

namespace canopy::federate::test {

inline std::vector<std::string> trail(FederationState const& state) {
  std::vector<std::string> ids;
  for (auto const& model : state.models) ids.push_back(model.id);
  return ids;
}

/// What must not depend on ranks: everything but real times, bytes and who did it.
inline std::vector<std::string> essence(FederationState const& state) {
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

inline void expect_as_alone(canopy::test::SmallFederation& problem) {
  auto const world = comm::Communicator::world();
  auto const mine = problem.alone(world);
  auto const layout = problem.options.layout;
  auto const state = problem.run(world);
  if (world.is_root()) {
    EXPECT_EQ(essence(state), essence(mine));
    EXPECT_EQ(std::ssize(state.rounds), problem.options.rounds);
  }
  problem.options.layout = layout;
}

inline void expect_near(std::vector<float> const& a, std::vector<float> const& b, double relative) {
  ASSERT_EQ(a.size(), b.size());
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double{a[i]} - b[i], 2);
    size += std::pow(double{b[i]}, 2);
  }
  EXPECT_LE(std::sqrt(difference), relative * std::sqrt(size));
}

inline FederationState on_one(canopy::test::SmallFederation const& problem) {
  return problem.alone(comm::Communicator::world());
}

inline void choose(canopy::test::SmallFederation& problem, char const* aggregator) {
  problem.options.aggregation.aggregator = aggregator;
}

}  // namespace canopy::federate::test
