#include <gtest/gtest.h>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/environment.hpp"

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

TEST(Launch, KnowsItsRank) {
  auto const world = Communicator::world();
  EXPECT_EQ(launch().rank, world.rank().value);
  EXPECT_EQ(mpi_version().find("Open MPI"), 0u) << mpi_version();
}

}  // namespace
}  // namespace canopy::comm
