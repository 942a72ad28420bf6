#include <gtest/gtest.h>

#include "canopy/core/stop.hpp"

namespace canopy {
namespace {

TEST(Stop, ThrowsWhenTheTokenSaysSo) {
  bool stop = false;
  StopToken const token = [&] { return stop; };
  EXPECT_NO_THROW(throw_if_stopped(token));
  stop = true;
  EXPECT_THROW(throw_if_stopped(token), Stopped);
}

TEST(Stop, AnEmptyTokenMeansNever) {
  EXPECT_NO_THROW(throw_if_stopped({}));
}

}  // namespace
}  // namespace canopy
