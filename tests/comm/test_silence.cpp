#include <stdexcept>

#include <gtest/gtest.h>

#include "canopy/comm/silence.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

using std::chrono::milliseconds;

TEST(Silence, IsTooLongOnceItWasAskedInVainForSoLong) {
  Silence silence{0.1};
  EXPECT_FALSE(silence.is_too_long());
  Stopwatch const clock;
  while (!silence.is_too_long()) std::this_thread::sleep_for(milliseconds{5});
  EXPECT_GE(clock.seconds(), 0.09);
}

TEST(Silence, BeginsAnewWhenSomethingWasHeard) {
  Silence silence{0.6, 1};
  std::this_thread::sleep_for(milliseconds{350});
  EXPECT_FALSE(silence.is_too_long());
  silence.heard();
  std::this_thread::sleep_for(milliseconds{300});
  EXPECT_FALSE(silence.is_too_long()) << "0.65 s in all, 0.3 s since it was heard";
  std::this_thread::sleep_for(milliseconds{350});
  EXPECT_TRUE(silence.is_too_long());
}

TEST(Silence, TimeInWhichNobodyAskedDoesNotCount) {
  Silence silence{0.15, 0.05};
  std::this_thread::sleep_for(milliseconds{300});
  EXPECT_FALSE(silence.is_too_long()) << "one look counts as 0.05 s at most";
}

TEST(WaitUntil, ReturnsAsSoonAsItIsThereAndGivesUpWhenItNeverComes) {
  int looks = 0;
  auto const give_up = [] { throw std::runtime_error{"too long"}; };
  wait_until([&] { return ++looks == 3; }, 60, give_up);
  EXPECT_EQ(looks, 3);
  Stopwatch const clock;
  EXPECT_THROW(wait_until([] { return false; }, 0.05, give_up), std::runtime_error);
  EXPECT_GE(clock.seconds(), 0.04);
}

}  // namespace
}  // namespace canopy::comm
