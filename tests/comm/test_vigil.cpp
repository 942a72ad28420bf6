#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/comm/vigil.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

TEST(Vigil, TellsWhoIsSilentFromWhoIsHeard) {
  auto const world = Communicator::world();
  Vigil vigil{world, 0.2};
  for (Stopwatch const clock; clock.seconds() < 0.4; sleep_seconds(0.01)) {
    EXPECT_FALSE(vigil.why_lost({0}).has_value());
    vigil.heard({0});
    if (world.size() > 1) vigil.why_lost({1});
  }
  if (world.size() > 1) {
    EXPECT_EQ(vigil.why_lost({1}).value(), "nothing was heard of it for 0.2 s");
    vigil.allow({1}, 10);
    EXPECT_FALSE(vigil.why_lost({1}).has_value());
  }
  world.barrier();
}

TEST(Vigil, TimeInWhichNobodyLookedDoesNotCount) {
  auto const world = Communicator::world();
  Vigil vigil{world, 1.2};
  vigil.why_lost({0});
  sleep_seconds(1.5);
  EXPECT_FALSE(vigil.why_lost({0}).has_value());
  world.barrier();
}

}  // namespace
}  // namespace canopy::comm
