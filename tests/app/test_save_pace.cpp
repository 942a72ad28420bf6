#include <gtest/gtest.h>

#include "save_pace.hpp"

namespace canopy::app {
namespace {

TEST(SavePace, IsNeverFasterThanEveryTwoSeconds) {
  SavePace pace;
  pace.begin(10);
  EXPECT_FALSE(pace.is_due(11.9, 1));
  EXPECT_TRUE(pace.is_due(12, 1));
  pace.saved(12, 12.01, 1);
  EXPECT_FALSE(pace.is_due(14, 1));
  EXPECT_TRUE(pace.is_due(14.02, 1));
}

TEST(SavePace, TakesATwentiethOfTheTimeAtMost) {
  SavePace pace;
  pace.begin(0);
  pace.saved(100, 103, 1000);  // 3 ms a node
  EXPECT_FALSE(pace.is_due(103 + 59, 1000));
  EXPECT_TRUE(pace.is_due(103 + 61, 1000));
  EXPECT_FALSE(pace.is_due(103 + 61, 2000)) << "twice as many nodes take twice as long";
  EXPECT_TRUE(pace.is_due(103 + 121, 2000));
}

TEST(SavePace, GuessesOnTheSafeSideAtFirst) {
  SavePace pace;
  pace.begin(0);
  EXPECT_FALSE(pace.is_due(2, 1'000'000)) << "half a second for a million nodes";
  EXPECT_TRUE(pace.is_due(11, 1'000'000));
}

TEST(SavePace, MayHaveSavedNothing) {
  SavePace pace;
  pace.saved(0, 1, 0);
  EXPECT_TRUE(pace.is_due(3, 0));
}

}  // namespace
}  // namespace canopy::app
