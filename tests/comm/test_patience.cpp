#include <algorithm>

#include <gtest/gtest.h>

#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

using std::chrono::milliseconds;

double seconds_of_rest(Patience& patience) {
  Stopwatch const clock;
  patience.rest();
  return clock.seconds();
}

TEST(Patience, RestsLongerTheLongerNothingComes) {
  Patience patience{milliseconds{1000}, 4};
  std::this_thread::sleep_for(milliseconds{80});
  auto const first = seconds_of_rest(patience);
  EXPECT_GE(first, 0.02) << "a quarter of what it has waited";
  EXPECT_GE(seconds_of_rest(patience), 0.025) << "its own rest included";
}

TEST(Patience, RestsNoLongerThanItIsAllowedTo) {
  Patience patience{milliseconds{1}, 1};
  std::this_thread::sleep_for(milliseconds{200});
  Stopwatch const clock;
  for (int i = 0; i < 10; ++i) patience.rest();
  EXPECT_GE(clock.seconds(), 0.01);
  EXPECT_LT(clock.seconds(), 1.5) << "ten rests of a millisecond, not of two hundred";
}

TEST(Patience, IsQuickAgainOnceSomethingCame) {
  auto least = 1.0;  // of some, as others may hold the core at one time
  for (int i = 0; i < 4; ++i) {
    Patience patience{milliseconds{10000}, 1};
    std::this_thread::sleep_for(milliseconds{100});
    patience.reset();
    least = std::min(least, seconds_of_rest(patience));
  }
  EXPECT_LT(least, 0.09) << "without the reset it would be 0.1";
}

}  // namespace
}  // namespace canopy::comm
