#include <vector>

#include <gtest/gtest.h>

#include "canopy/comm/shared_bytes.hpp"

namespace canopy::comm {
namespace {

TEST(SharedBytes, AreTheRootsOnEveryRankAndStoredOncePerNode) {
  auto const world = Communicator::world();
  std::vector<std::byte> mine(1000);
  if (world.is_root())
    for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = static_cast<std::byte>(i % 251);
  auto const shared = share(
      world, world.is_root() ? std::span<std::byte const>{mine} : std::span<std::byte const>{});
  ASSERT_EQ(shared.bytes.size(), 1000u);
  for (std::size_t i = 0; i < 1000; ++i)
    ASSERT_EQ(shared.bytes[i], static_cast<std::byte>(i % 251));

  // All ranks of this test are on one machine: what the root changes there, everyone sees.
  world.barrier();
  if (world.is_root()) const_cast<std::byte&>(shared.bytes[7]) = std::byte{99};
  world.barrier();
  EXPECT_EQ(shared.bytes[7], std::byte{99});
  world.barrier();
}

TEST(SharedBytes, MayBeEmpty) {
  EXPECT_TRUE(share(Communicator::world(), {}).bytes.empty());
}

TEST(SharedBytes, StayWhileAnybodyOnTheRankHoldsThem) {
  auto const world = Communicator::world();
  std::vector<std::byte> const mine(5, std::byte{17});
  std::shared_ptr<void const> owner;
  std::span<std::byte const> bytes;
  {
    auto const shared = share(world, mine);
    owner = shared.owner;
    bytes = shared.bytes;
  }
  for (auto const byte : bytes) EXPECT_EQ(byte, std::byte{17});
  owner.reset();  // all ranks together
}

}  // namespace
}  // namespace canopy::comm
