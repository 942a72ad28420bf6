#include <gmock/gmock.h>

#include "canopy/tune/settings.hpp"

#include "support/complaint.hpp"
#include "support/option_words.hpp"

namespace canopy::tune {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string complaint(SearchSettings const& settings) {
  return test::complaint([&] { settings.check(); });
}

SearchSettings set(std::string const& words) {
  return test::with_options<SearchSettings>(words);
}

TEST(SearchSettings, WhatCanHaveNoEffectIsRefusedWithReasonAndRemedy) {
  struct Case {
    std::string idle;
    std::string reason;
    std::string remedy;  ///< with which it has one; empty: with nothing
  };
  std::vector<Case> const cases{
      {"eta 4", "--scheduler is none", "scheduler asha"},
      {"min-resource 2", "--scheduler is none", "scheduler median"},
      {"max-resource 20", "--scheduler is none", "scheduler hyperband"},
      {"race-alpha 0.1", "--race is none", "race rows"},
      {"race-margin 0.1", "--race is none", "race rows"},
      {"race forgiving; race-alpha 0.1", "--race is forgiving", ""},
      {"pending ignore", "--search is random", "search tpe"},
      {"search grid; pending fantasies", "--search is grid", ""},
      {"search tpe; lag 1; pending ignore", "--lag is 1", ""},
      {"lag 2", "no --search, --scheduler or --race", "search gp"},
      {"lag None", "no --search, --scheduler or --race", "scheduler halving"},
      {"search sobol; lag 2", "no --search, --scheduler or --race", "race forgiving"},
      {"ranks-per-trial 2", "--model is forest", "model mlp"},
      {"model extra_trees; ranks-per-trial 1,2", "--model is extra_trees", ""},
      {"model lenet; slices true", "--model is lenet", ""},
      {"slices true; model mlp:20", "--model is mlp:20", "model extra_trees"},
  };
  for (auto const& [idle, reason, remedy] : cases) {
    auto const told = complaint(set(idle));
    EXPECT_THAT(told, HasSubstr(" but " + reason)) << idle;
    EXPECT_THAT(told, HasSubstr("leave it out (default '")) << idle;
    if (remedy.empty()) continue;
    EXPECT_EQ(complaint(set(idle + "; " + remedy)), "none") << idle << "; " << remedy;
  }
}

TEST(SearchSettings, WhatIsAtItsDefaultIsNoSetting) {
  EXPECT_EQ(complaint({}), "none");
  EXPECT_EQ(complaint(set("eta 3; lag 8; pending liar; race-alpha 0.05; slices false")), "none");
}

TEST(SearchSettings, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_THAT(complaint(set("slices true; scheduler asha")),
              HasSubstr("nothing left for --scheduler asha to save"));
  EXPECT_THAT(complaint(set("slices true; race rows")),
              StartsWith("--race rows compares the rows"));
  EXPECT_THAT(complaint(set("scheduler asha; min-resource 9; max-resource 3")),
              HasSubstr("--min-resource is 9, above --max-resource 3"));
}

}  // namespace
}  // namespace canopy::tune
