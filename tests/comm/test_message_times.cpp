#include <array>

#include <gtest/gtest.h>

#include "canopy/comm/message_times.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

TEST(MessageTimes, AreThoseOfTheTwoRanksAndKnownToAll) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "one rank sends nothing";
  std::array<std::size_t, 4> const sizes{0, 8, 63'000, 1'000'000};
  Rank const last{world.size() - 1};
  for (auto const ways : {Ways::one, Ways::both}) {
    Stopwatch const clock;
    auto const times = time_messages(world, {0}, last, ways, sizes, 0.01);
    EXPECT_LT(clock.seconds(), 10);
    ASSERT_EQ(times.size(), sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      EXPECT_EQ(times[i].bytes, sizes[i]);
      EXPECT_GT(times[i].least, 0);
      EXPECT_LE(times[i].least, times[i].median);
      EXPECT_LE(times[i].median, times[i].most);
      EXPECT_EQ(world.broadcast(times[i].median), times[i].median);
    }
    EXPECT_GT(times[3].least, times[1].least) << "a megabyte takes longer than eight bytes";
  }
}

}  // namespace
}  // namespace canopy::comm
