#include "canopy/app/command_line.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "canopy/app/calibrate.hpp"
#include "canopy/app/federate.hpp"
#include "canopy/app/plan.hpp"
#include "canopy/app/train.hpp"
#include "canopy/app/tune.hpp"

namespace canopy::app {
namespace {

template <class Settings>
bool takes_all(std::span<std::string const> names) {
  Settings settings;
  Options options;
  settings.describe(options);
  return std::ranges::all_of(names, [&](auto const& name) { return options.takes(name); });
}

}  // namespace

std::vector<std::string> commands_with(std::span<std::string const> names) {
  std::vector<std::string> commands;
  if (takes_all<TuneSettings>(names)) commands.emplace_back("tune");
  if (takes_all<TrainSettings>(names)) commands.emplace_back("train");
  if (takes_all<FederateSettings>(names)) commands.emplace_back("federate");
  if (takes_all<CalibrateSettings>(names)) commands.emplace_back("calibrate");
  if (takes_all<PlanSettings>(names)) commands.emplace_back("plan");
  return commands;
}

CommandLine read_words(std::string const& command, std::string const& summary, Options& options,
                       std::span<std::string const> words) {
  try {
    return read_command_line(command, summary, options, words);
  } catch (UnknownOption const& e) {
    auto const commands = commands_with(e.all);
    if (commands.empty()) throw;
    auto const* what = e.all.size() > 1 ? "these are settings" : "it is an option";
    throw UserError{
        fmt::format("{}; {} of canopy {}", e.what(), what, text::join(commands, " or canopy "))};
  }
}

}  // namespace canopy::app
