#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/comm/pulse.hpp"
#include "canopy/core/clock.hpp"

#include "support/allocations.hpp"
#include "support/aside.hpp"

namespace canopy::comm {
namespace {

constexpr double timeout = 0.4;

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
}

/// Waits for a rank that does not come; whom LostPeer names, or -1 after so many seconds.
int wait_in_vain(Pulse& pulse, Rank peer, double seconds) {
  Stopwatch const clock;
  try {
    pulse.wait_until([&] { return clock.seconds() > seconds; }, peer, "a message");
  } catch (LostPeer const& e) {
    return e.peer.value;
  }
  return -1;
}

TEST(Pulse, ARankThatBeatsIsWaitedForHoweverLongItTakes) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "nobody to wait for";
  Pulse pulse{world, timeout};
  world.barrier();
  pulse.start();
  if (world.rank().value + 1 == world.size()) {
    for (Stopwatch const clock; clock.seconds() < 3 * timeout; sleep_for(0.01)) pulse.beat();
  } else {
    EXPECT_EQ(wait_in_vain(pulse, {world.size() - 1}, 3 * timeout), -1);
  }
  world.barrier();
}

/// Each waits for the next one, and only one of them for the one that is silent.
TEST(Pulse, AllNameTheSilentRankAlsoThoseThatWaitForAnother) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "nobody to lose";
  Pulse pulse{world, timeout};
  test::Aside noticed{world};
  pulse.start();
  auto const me = world.rank().value;
  Stopwatch const clock;
  if (me + 1 == world.size()) {
    noticed.await(world.size() - 1);
  } else {
    EXPECT_EQ(wait_in_vain(pulse, {me + 1}, 30), world.size() - 1) << "rank " << me;
    EXPECT_GE(clock.seconds(), timeout);
    noticed.come();
  }
  world.barrier();
}

TEST(Pulse, TimeInWhichNobodyAsksDoesNotCount) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "nobody to wait for";
  Pulse pulse{world, timeout};
  world.barrier();
  pulse.start();
  if (world.is_root()) sleep_for(2 * timeout);  // computes, and then waits for the others a little
  EXPECT_EQ(wait_in_vain(pulse, {world.is_root() ? world.size() - 1 : 0}, timeout / 2), -1);
  world.barrier();
}

/// As a server does, which listens to its clients in between.
TEST(Pulse, QuestionsAFifthOfASecondApartCount) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "nobody to lose";
  Pulse pulse{world, timeout};
  world.barrier();
  pulse.start();
  if (world.is_root()) {
    int questions = 0;
    auto const ask = [&] {
      while (++questions < 100) {
        sleep_for(0.2);
        pulse.check({1}, "a request");
      }
    };
    EXPECT_THROW(ask(), LostPeer);
    EXPECT_LE(questions, 3) << "more than 0.4 s";
  }
  world.barrier();
}

TEST(Pulse, KnowsRanksByTheirNumbersInOtherCommunicators) {
  auto const world = Communicator::world();
  Pulse pulse{world, timeout};
  auto const half = world.split(world.rank().value % 2);
  for (int rank = 0; rank < half.size(); ++rank)
    EXPECT_EQ(pulse.rank_here(half, {rank}).value, 2 * rank + world.rank().value % 2);
}

TEST(Pulse, BeatsWithoutAllocating) {
  auto const world = Communicator::world();
  Pulse pulse{world, 1e-3};  // beats at almost every call
  world.barrier();
  auto const before = allocations();
  pulse.start();
  for (int i = 0; i < 50; ++i) {
    pulse.beat();
    sleep_for(1e-3);
  }
  EXPECT_EQ(allocations(), before);
  world.barrier();
}

}  // namespace
}  // namespace canopy::comm
