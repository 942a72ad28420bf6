#include <fstream>

#include <gmock/gmock.h>

#include "canopy/app/command_line.hpp"
#include "canopy/app/train.hpp"
#include "canopy/app/tune.hpp"

#include "support/complaint.hpp"

namespace canopy::app {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::Not;
using Words = std::vector<std::string>;

std::string tune(Words const& words) {
  TuneSettings settings;
  Options options;
  settings.describe(options);
  return test::complaint([&] { read_words("tune", "Tunes.", options, words); });
}

TEST(CommandLine, OptionsAreKnownByTheirCommands) {
  EXPECT_THAT(commands_with(Words{"data", "model", "folds"}), ElementsAre("tune"));
  EXPECT_THAT(commands_with(Words{"data", "parallel"}), ElementsAre("train"));
  EXPECT_THAT(commands_with(Words{"space"}), ElementsAre("tune")) << "a section of its file";
  EXPECT_THAT(commands_with(Words{"batch_size"}), ElementsAre("train", "federate", "plan"));
  EXPECT_THAT(commands_with(Words{"network-bandwidth"}), ElementsAre("plan"));
  EXPECT_THAT(commands_with(Words{"forest-data", "window"}), ElementsAre("calibrate"));
  EXPECT_THAT(commands_with(Words{"folds", "parallel"}), ElementsAre());
}

TEST(CommandLine, AnOptionOfAnotherCommandIsToldWhose) {
  EXPECT_THAT(tune({"--clients", "3"}),
              EndsWith("it is an option of canopy federate or canopy plan"));
  EXPECT_THAT(tune({"--trails", "3"}), Not(testing::HasSubstr("of canopy")));
}

TEST(CommandLine, AFileOfAnotherCommandIsToldWhose) {
  auto const file = testing::TempDir() + "of-another-command.toml";
  std::ofstream{file} << "data = 'mnist'\nparallel = 'data'\n";
  EXPECT_EQ(tune({"--config", file}),
            file +
                ": line 2, column 12: unknown option --parallel; these are "
                "settings of canopy train");
  std::ofstream{file} << "data = 'mnist'\nparallel = 'data'\nfolds = 2\n";
  EXPECT_THAT(tune({"--config", file}), EndsWith("unknown option --parallel"));
}

}  // namespace
}  // namespace canopy::app
