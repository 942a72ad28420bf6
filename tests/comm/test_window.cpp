#include <vector>

#include <gtest/gtest.h>

#include "canopy/comm/window.hpp"

namespace canopy::comm {
namespace {

TEST(FloatWindow, AddsFromAllRanksAreNotLost) {
  auto const world = Communicator::world();
  if (!can_make_window(world)) GTEST_SKIP() << "this MPI makes no windows here";
  constexpr std::size_t size = 50'000;
  Rank const server{world.size() - 1};
  FloatWindow window{world, world.rank() == server ? size : 0};
  std::vector<float> const ones(size - 10, 1.0f);
  for (int step = 0; step < 5; ++step) window.add(server, 10, ones);
  world.barrier();
  std::vector<float> total(size);
  window.get(server, 0, total);
  EXPECT_EQ(total[9], 0.0f);
  EXPECT_EQ(total[10], static_cast<float>(5 * world.size()));
  EXPECT_EQ(total[size - 1], static_cast<float>(5 * world.size()));
  world.barrier();
}

TEST(FloatWindow, ProbingLeavesTheCommunicatorUsable) {
  auto const world = Communicator::world();
  auto const first = can_make_window(world);
  EXPECT_EQ(can_make_window(world), first);
  EXPECT_EQ(world.broadcast(7), 7);
}

}  // namespace
}  // namespace canopy::comm
