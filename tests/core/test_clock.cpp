#include <thread>

#include <gmock/gmock.h>

#include "canopy/core/clock.hpp"

namespace canopy {
namespace {

TEST(Clock, StopwatchCountsSecondsOfTime) {
  Stopwatch const watch;
  auto const first = watch.seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  EXPECT_GE(first, 0);
  EXPECT_GE(watch.seconds(), 0.02);
  EXPECT_LT(watch.seconds(), 10);
}

TEST(Clock, ProcessorTimeCountsWorkAndNotSleep) {
  auto const process_before = process_cpu_seconds();
  auto const thread_before = thread_cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  EXPECT_LT(thread_cpu_seconds() - thread_before, 0.04);
  Stopwatch const limit;
  while (thread_cpu_seconds() - thread_before < 0.02 && limit.seconds() < 20) {
  }
  EXPECT_GE(thread_cpu_seconds() - thread_before, 0.02);
  EXPECT_GE(process_cpu_seconds() - process_before, 0.015) << "the two clocks tick apart";
}

TEST(Clock, ResidentMemoryIsInBytes) {
  EXPECT_GT(max_resident_bytes(), 1e6);
  EXPECT_LT(max_resident_bytes(), 1e12);
}

TEST(Clock, TimesAreWrittenAsPromised) {
  using ::testing::MatchesRegex;
  EXPECT_THAT(utc_now(), MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"));
  EXPECT_THAT(file_stamp(), MatchesRegex("[0-9]{8}-[0-9]{6}"));
}

}  // namespace
}  // namespace canopy
