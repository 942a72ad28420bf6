#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "canopy/tune/makespan.hpp"

namespace canopy::tune {
namespace {

TEST(Makespan, OfEqualTasksIsTheNumberOfRounds) {
  std::vector<double> const tasks(50, 2.0);
  for (int workers = 1; workers <= 64; ++workers) {
    auto const time = makespan(tasks, workers, 0);
    EXPECT_DOUBLE_EQ(time.seconds, 2 * std::ceil(50.0 / workers)) << workers;
    EXPECT_NEAR(time.utilisation, 100 / (workers * time.seconds), 1e-12);
  }
  EXPECT_EQ(makespan({}, 3, 1).seconds, 0);
}

TEST(Makespan, GivesTheNextTaskToWhoIsFreeFirst) {
  EXPECT_DOUBLE_EQ(makespan(std::vector<double>{3, 1, 1, 1}, 2, 0).seconds, 3);
  EXPECT_DOUBLE_EQ(makespan(std::vector<double>{1, 1, 1, 3}, 2, 0).seconds, 4);
}

TEST(Makespan, IsBoundByTheCoordinatorAtLast) {
  std::vector<double> const tasks(1000, 1.0);
  // A task in 0.01 s: 100 workers are busy, more are not.
  EXPECT_NEAR(makespan(tasks, 100, 0.01).seconds, 11, 0.02);
  EXPECT_NEAR(makespan(tasks, 800, 0.01).seconds, 11, 1e-9);
  EXPECT_NEAR(makespan(tasks, 1, 0.01).seconds, 1000.01, 1e-9);
}

}  // namespace
}  // namespace canopy::tune
