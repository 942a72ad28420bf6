#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/comm/shared_bytes.hpp"

namespace canopy::comm {
namespace {

TEST(Communicator, BroadcastsTheRootsValue) {
  auto const world = Communicator::world();
  std::vector<std::string> const mine{"rank", std::to_string(world.rank().value)};
  EXPECT_EQ(world.broadcast(mine), (std::vector<std::string>{"rank", "0"}));
}

TEST(Communicator, GathersInRankOrder) {
  auto const world = Communicator::world();
  auto const all = world.gather(world.rank().value * 10);
  ASSERT_EQ(all.size(), world.is_root() ? static_cast<std::size_t>(world.size()) : 0u);
  for (std::size_t r = 0; r < all.size(); ++r) EXPECT_EQ(all[r], static_cast<int>(r) * 10);
}

TEST(Communicator, OneFailureFailsAllWithItsCode) {
  auto const world = Communicator::world();
  int const bad = world.size() - 1;
  try {
    world.together("load", [&] {
      if (world.rank().value == bad) throw DataError{"no such file"};
    });
    FAIL() << "nothing was thrown";
  } catch (UserError const& e) {
    EXPECT_EQ(e.code, ExitCode::data);
    auto const who = bad == 0 ? "" : "rank " + std::to_string(bad) + ": ";
    EXPECT_EQ(e.what(), who + "no such file");
  }
  world.together("load", [] {});  // the communicator is still usable
}

TEST(Communicator, SomethingElseThanAUserErrorNamesTheStep) {
  auto const world = Communicator::world();
  try {
    world.together("encode", [] { throw std::length_error{"too long"}; });
    FAIL() << "nothing was thrown";
  } catch (UserError const&) {
    FAIL() << "a bug must not pass for the user's mistake";
  } catch (std::runtime_error const& e) {
    EXPECT_STREQ(e.what(), "encode: too long");
  }
}

TEST(Communicator, SplitMakesSmallerGroups) {
  auto const world = Communicator::world();
  auto const half = world.split(world.rank().value % 2);
  EXPECT_EQ(half.size(), (world.size() + 1 - world.rank().value % 2) / 2);
}

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

TEST(Launch, KnowsItsRank) {
  auto const world = Communicator::world();
  EXPECT_EQ(launch().rank, world.rank().value);
  EXPECT_EQ(mpi_version().find("Open MPI"), 0u) << mpi_version();
}

}  // namespace
}  // namespace canopy::comm
