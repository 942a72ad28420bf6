#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "messages/combiner_clock.hpp"

namespace canopy::federate {
namespace {

void pass_time() {
  std::this_thread::sleep_for(std::chrono::milliseconds{3});
}

double all_of(CombinerUse const& use) {
  return use.wait_seconds + use.load_seconds + use.aggregate_seconds;
}

TEST(CombinerClock, WaitsWhileItNeitherLoadsNorAddsUp) {
  CombinerClock clock;
  Stopwatch const whole;
  clock.begin();
  pass_time();
  clock.loaded(0.001, 400);
  clock.added_up(0.0005, 2);
  clock.loaded(0.001, 100);
  auto const use = clock.tell();
  EXPECT_DOUBLE_EQ(use.load_seconds, 0.002);
  EXPECT_DOUBLE_EQ(use.aggregate_seconds, 0.0005);
  EXPECT_EQ(use.bytes, 500);
  EXPECT_EQ(use.updates, 2);
  EXPECT_GE(all_of(use), 0.003);
  EXPECT_LE(all_of(use), whole.seconds());
}

TEST(CombinerClock, CountsNothingWhileNoTrainingIsDue) {
  CombinerClock clock;
  clock.loaded(1, 400);
  clock.added_up(1, 2);
  pass_time();
  Stopwatch const whole;
  clock.begin();
  auto const use = clock.tell();
  EXPECT_LE(all_of(use), whole.seconds());
  EXPECT_EQ(use.bytes, 0);
  EXPECT_EQ(use.updates, 0);
}

// As in asynchronous runs, whose clients have a job each.
TEST(CombinerClock, TellsTimeOnceWhenJobsOverlap) {
  CombinerClock clock;
  Stopwatch const whole;
  clock.begin();
  clock.begin();
  pass_time();
  auto const first = clock.tell();
  pass_time();
  clock.added_up(0.001, 1);
  auto const second = clock.tell();
  EXPECT_GE(all_of(first), 0.003);
  EXPECT_EQ(first.updates, 0);
  EXPECT_GE(all_of(second), 0.003);
  EXPECT_EQ(second.updates, 1);
  EXPECT_LE(all_of(first) + all_of(second), whole.seconds());
}

}  // namespace
}  // namespace canopy::federate
