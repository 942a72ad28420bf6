#include <gtest/gtest.h>

#include "canopy/core/idle_options.hpp"

#include "support/complaint.hpp"

namespace canopy {
namespace {

struct Oven {
  int degrees = 180;
  bool fan = false;
  std::string tray;

  void describe(Options& o) {
    o.row("degrees", degrees, "", at_least(0));
    o.row("fan", fan, "", any<bool>(""));
    o.row("tray", tray, "", any<std::string>(""));
  }
};

std::string complaint(Oven const& oven, bool is_off) {
  std::vector<IdleOptions> const rules{
      {{"fan", "degrees"}, is_off, "the oven is off", "switch it on"},
      {{"tray"}, true, "this oven has none", ""},
  };
  return test::complaint([&] { refuse_idle(oven, rules); });
}

TEST(IdleOptions, OnesThatWereSetAreRefusedWithReasonAndRemedy) {
  EXPECT_EQ(complaint({200, false, ""}, true),
            "--degrees is 200 but the oven is off; switch it on, or leave it out (default '180')");
  EXPECT_EQ(complaint({180, false, "flat"}, false),
            "--tray is flat but this oven has none; leave it out (default '')");
}

TEST(IdleOptions, TheFirstOfSeveralRulesIsTold) {
  EXPECT_TRUE(complaint({200, true, "flat"}, true).starts_with("--fan is true"));
}

TEST(IdleOptions, DefaultsAndWhatHasAnEffectAreLeftAlone) {
  EXPECT_EQ(complaint({}, true), "none");
  EXPECT_EQ(complaint({200, true, ""}, false), "none");
}

TEST(IdleOptions, DefaultsAreThoseOfTheSettingsBesideWhichOneIsHeld) {
  Oven const hot{250, false, ""};
  std::vector<IdleOptions> const rules{{{"degrees"}, true, "it is off", ""}};
  EXPECT_NO_THROW(refuse_idle(hot, rules, hot));
  EXPECT_THROW(refuse_idle(Oven{}, rules, hot), UserError);
}

}  // namespace
}  // namespace canopy
