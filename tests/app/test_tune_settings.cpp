#include <gmock/gmock.h>

#include "canopy/app/tune.hpp"

#include "support/complaint.hpp"
#include "support/option_words.hpp"

namespace canopy::app {
namespace {

using testing::HasSubstr;

std::string complaint(std::string const& words) {
  auto const settings = test::with_options<TuneSettings>(words);
  return test::complaint([&] { settings.check(); });
}

TEST(TuneSettings, ClustersAreSimulatedOrReal) {
  for (auto const* words : {"ranks 1,8", "seeds 3", "per-result 0.1"}) {
    EXPECT_THAT(complaint(words), HasSubstr("there is no --simulate")) << words;
    EXPECT_EQ(complaint(std::string{words} + "; simulate table.h5"), "none") << words;
  }
}

TEST(TuneSettings, ASimulationRefusesWhatItsTableSays) {
  for (std::string const words :
       {"resume true", "data mnist", "data-dir elsewhere", "test-size 0.1", "model mlp", "folds 3",
        "repeats 2", "scoring f1_macro", "verdict-repeats 0", "refit best", "time-limit 5",
        "walltime 5", "task-timeout 5", "task-memory 5", "label 3", "drop 3"}) {
    EXPECT_EQ(complaint(words), "none") << words;
    EXPECT_THAT(complaint(words + "; simulate table.h5"),
                HasSubstr("--simulate looks folds up in table.h5"))
        << words;
  }
  for (auto const* words : {"slices true", "race rows"})
    EXPECT_THAT(complaint("simulate table.h5; " + std::string{words}),
                HasSubstr("--simulate takes the space and the folds from its table"));
}

TEST(TuneSettings, ASimulationTakesAllThatSearchesGoBy) {
  EXPECT_EQ(
      complaint("simulate table.h5; search tpe; pending ignore; lag 3; scheduler asha; eta 2; "
                "min-resource 2; race forgiving; trials 9; seed 3; quiet true; overwrite "
                "true; progress none"),
      "none");
}

}  // namespace
}  // namespace canopy::app
