#include <gmock/gmock.h>

#include "saved_model.hpp"

namespace canopy::app {
namespace {

using testing::HasSubstr;

std::string why(std::string const& command, std::string const& status, bool simulates = false) {
  record::RunRecord run;
  run.command = command;
  run.status = status;
  if (simulates) run.tables.emplace_back("simulation");
  return why_no_model(run);
}

TEST(SavedModel, WhatHasNoneIsToldByWhatItIs) {
  for (auto const* command : {"scaling", "calibrate", "plan"})
    EXPECT_EQ(why(command, "complete"),
              std::string{"is a run file of canopy "} + command +
                  ", which makes no model; give that of a finished canopy tune, train or federate");
  EXPECT_THAT(why("tune", "complete", true), HasSubstr("canopy tune --simulate, which makes no"));
  EXPECT_EQ(
      why("train", "interrupted"),
      "is a run file of canopy train that was interrupted and has no model yet; finish it with "
      "--resume");
  EXPECT_THAT(why("tune", "failed"), HasSubstr("that left no model, status failed; "));
}

}  // namespace
}  // namespace canopy::app
