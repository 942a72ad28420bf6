#include <gtest/gtest.h>

#include "canopy/federate/devices.hpp"

#include "federate/selection/populations.hpp"
#include "federate/small_federation.hpp"
#include "support/allocations.hpp"

namespace canopy::federate::test {
namespace {

constexpr int clients = 100'000;

TEST(Memory, AnIdleDeviceTakesNone) {
  auto const before = allocated_bytes();
  Devices const devices{
      {.compute = "lognormal:0.001,1", .availability = "share:0.5,600"}, clients, Key{1}};
  EXPECT_LT(allocated_bytes() - before, 20'000u) << "checking the options";
  auto const ready = allocations();
  for (int k = 0; k < clients; k += 97) {
    devices.trip(k, 3, 600, 1e6, 1e6);
    devices.next_available(k, 1e5);
  }
  EXPECT_EQ(allocations(), ready);
}

TEST(Memory, AnIdleClientTakesAtMostWhatTheTableSays) {
  ASSERT_EQ(selectors().names().size(), 6u) << "a new selector needs its line below";
  for (auto const& [name, bytes] :
       std::vector<std::pair<std::string, std::size_t>>{{"uniform", 0},
                                                        {"poisson", 0},
                                                        {"by-size", 0},
                                                        {"round-robin", 0},
                                                        {"power-of-choice", 16},
                                                        {"oort", 24}}) {
    auto const all = equal_clients(clients);
    auto const before = allocated_bytes();
    auto const made = selector(name, all);
    EXPECT_LE(allocated_bytes() - before, bytes * clients + 500) << name;
    auto const built = allocated_bytes();
    made->select(1, 100, {}, Key{1});
    if (bytes == 0) {
      EXPECT_LT(allocated_bytes() - built, 20'000u) << name << ", in a round";
    }
  }
}

/// All that is asked for, even what is freed at once; a round is to take nothing for the idle.
TEST(Memory, ARegisteredClientTakesAtMost256Bytes) {
  canopy::test::SmallFederation problem;
  problem.options.clients = clients;
  problem.options.fraction_fit = 1e-5;
  problem.options.rounds = 4;
  problem.options.evaluate_every = 100;
  problem.options.validation = Validation::none;
  problem.test.clear();
  for (std::size_t i = problem.learn.size(); i < clients; ++i)
    problem.learn.push_back(problem.learn[i % 240]);
  auto const world = comm::Communicator::world();
  auto const roles = make_roles(Layout::flat, 1, 1);
  auto const before = allocated_bytes();
  auto mine = problem.clients();
  Federation federation{
      world, roles, {problem.network, problem.test, mine, problem.options, Key{3}}};
  auto state = federation.fresh_state();
  EXPECT_LT(allocated_bytes() - before, 256u * clients);
  auto const registered = allocated_bytes();
  federation.run(std::move(state), {});
  federation.shut_down();
  EXPECT_LT(allocated_bytes() - registered, 4u * clients * sizeof(int));
}

}  // namespace
}  // namespace canopy::federate::test
