#pragma once

#include <span>
#include <string>
#include <vector>

#include "canopy/core/options.hpp"

namespace canopy::app {

/// The commands that take all these options and sections of a settings file, in their order of
/// `canopy --help`.
std::vector<std::string> commands_with(std::span<std::string const> names);

/// As read_command_line(); whoever gives an option, or a settings file, of another command is told
/// which.
CommandLine read_words(std::string const& command, std::string const& summary, Options& options,
                       std::span<std::string const> words);

}  // namespace canopy::app
