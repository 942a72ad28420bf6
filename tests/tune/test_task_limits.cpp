#include <chrono>
#include <new>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"
#include "canopy/tune/task_limits.hpp"

namespace canopy::tune {
namespace {

using ::testing::HasSubstr;

/// Asks its token every millisecond, for so long.
auto naps(double seconds) {
  return [seconds](StopToken const& stop) {
    for (Stopwatch const clock; clock.seconds() < seconds;) {
      throw_if_stopped(stop);
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return to_bytes(7);
  };
}

/// Takes memory bit by bit, and gives it back at the end.
auto takes(std::size_t megabytes) {
  return [megabytes](StopToken const& stop) {
    std::vector<std::vector<char>> taken;
    while (taken.size() < megabytes) {
      taken.emplace_back(1'000'000, 'x');
      if (taken.size() % 10 == 0) naps(0.01)(stop);
    }
    return to_bytes(7);
  };
}

std::string why(TaskLimits const& limits, std::function<Bytes(StopToken const&)> const& task) {
  try {
    limits.run(task, {});
  } catch (std::runtime_error const& e) {
    return e.what();
  }
  return "";
}

TEST(TaskLimits, LetOtherTasksBe) {
  TaskLimits const limits{5.0, 200.0};
  EXPECT_EQ(from_bytes<int>(limits.run(naps(0.05), {})), 7);
  EXPECT_EQ(from_bytes<int>(limits.run(takes(100), {})), 7);
  EXPECT_EQ(from_bytes<int>(TaskLimits{}.run(naps(0.05), {})), 7);
}

TEST(TaskLimits, StopWhatTakesTooLong) {
  Stopwatch const clock;
  EXPECT_EQ(why({0.1, {}}, naps(10)),
            "stopped after 0.1 s: a fold may take 0.1 s (--task-timeout)");
  EXPECT_LT(clock.seconds(), 5);
}

TEST(TaskLimits, StopWhatNeedsTooMuchMemoryAndForgetItForTheNext) {
  TaskLimits const limits{{}, 100.0};
  EXPECT_THAT(why(limits, takes(300)), HasSubstr("a fold may take 100 MB (--task-memory)"));
  EXPECT_EQ(why(limits, takes(50)), "");
}

TEST(TaskLimits, DoNotCountWhatTheRankHadBefore) {
  std::vector<char> const kept(150'000'000, 'x');  // such as trees that may be wanted again
  EXPECT_EQ(from_bytes<int>(TaskLimits{{}, 100.0}.run(naps(0.05), {})), 7);
  EXPECT_EQ(kept.back(), 'x');
}

TEST(TaskLimits, TellThatThereWasNoMemory) {
  EXPECT_EQ(why({}, [](StopToken const&) -> Bytes { throw std::bad_alloc{}; }),
            "there was not enough memory for it");
}

TEST(TaskLimits, AreNotBlamedWhenTheFarmStops) {
  TaskLimits const limits{5.0, 100.0};
  EXPECT_THROW(limits.run(naps(1), [] { return true; }), Stopped);
}

}  // namespace
}  // namespace canopy::tune
