#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "canopy/comm/time_in_turns.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

void sleep_for(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
}

TEST(TimeInTurns, TellsTheTimesOfTheSlowestRankToAll) {
  auto const world = Communicator::world();
  auto const is_slow = world.rank().value + 1 == world.size();
  auto const timings = time_in_turns(world, {[&] { sleep_for(is_slow ? 6 : 0); }, [] {}});
  ASSERT_EQ(timings.size(), 2u);
  EXPECT_GE(timings[0].best, 6e-3);
  EXPECT_GE(timings[0].median, timings[0].best);
  EXPECT_LT(timings[1].best, 6e-3);
  EXPECT_EQ(world.broadcast(timings[0].median), timings[0].median) << "all know the same";
}

TEST(TimeInTurns, TakesTurnsAndEndsInTime) {
  auto const world = Communicator::world();
  std::vector<int> calls;
  Stopwatch const clock;
  time_in_turns(world, {[&] { calls.push_back(0), sleep_for(60); }, [&] { calls.push_back(1); }});
  EXPECT_EQ(calls, (std::vector<int>{0, 1, 0, 1, 0, 1})) << "to warm up, and the least there is";
  EXPECT_LT(clock.seconds(), 1);
  calls.clear();
  time_in_turns(world, {[&] { calls.push_back(0); }});
  EXPECT_LE(calls.size(), 10u);
  EXPECT_GE(calls.size(), 3u);
}

TEST(TimeInTurns, TriesNothingAgainThatTakesLong) {
  auto const world = Communicator::world();
  int calls = 0;
  auto const timings = time_in_turns(world, {[&] { ++calls, sleep_for(1001); }, [&] { ++calls; }});
  EXPECT_EQ(calls, 2);
  EXPECT_GE(timings[0].best, 1);
  EXPECT_EQ(timings[0].median, timings[0].best);
  EXPECT_LT(timings[1].median, 1);
}

}  // namespace
}  // namespace canopy::comm
