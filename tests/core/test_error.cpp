#include <gtest/gtest.h>

#include "canopy/core/error.hpp"

namespace canopy {
namespace {

TEST(Errors, EndTheProgramWithTheStatusThatTheReadmePromises) {
  EXPECT_EQ(static_cast<int>(UserError{""}.code), 2);
  EXPECT_EQ(static_cast<int>(DataError{""}.code), 3);
  EXPECT_EQ(static_cast<int>(ExitCode::done), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::partial), 4);
  EXPECT_EQ(static_cast<int>(ExitCode::interrupted), 75) << "EX_TEMPFAIL: try again";
}

TEST(Errors, WhoeverTakesTheUsersErrorsTakesThoseOfDataToo) {
  try {
    throw DataError{"x.csv: empty"};
  } catch (UserError const& e) {
    EXPECT_EQ(e.code, ExitCode::data);
    EXPECT_STREQ(e.what(), "x.csv: empty");
  }
}

TEST(Errors, ToStopIsNoFaultOfTheUsers) {
  EXPECT_THROW(throw Stopped{}, std::runtime_error);
  EXPECT_FALSE((std::is_base_of_v<UserError, Stopped>));
}

}  // namespace
}  // namespace canopy
