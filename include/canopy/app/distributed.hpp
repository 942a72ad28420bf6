#pragma once

#include <cstdio>
#include <span>
#include <string>

#include "canopy/app/command_line.hpp"
#include "canopy/comm/communicator.hpp"
#include "canopy/core/options.hpp"

namespace canopy::app {

/// Collective. The root reads the command line, the others take over what it found; so a settings
/// file need be on the first machine only. False when --help was asked for: the root has printed
/// it.
template <class Settings>
bool read_settings(comm::Communicator const& comm, std::string const& command,
                   std::string const& summary, Settings& settings,
                   std::span<std::string const> words) {
  Options options;
  settings.describe(options);
  bool help = false;
  std::string toml;
  comm.together("settings", [&] {
    if (!comm.is_root()) return;
    auto const line = read_words(command, summary, options, words);
    help = line.help.has_value();
    if (help) std::fputs(line.help->c_str(), stdout);
    toml = options.to_toml();
  });
  if (comm.broadcast(help)) return false;
  toml = comm.broadcast(toml);
  if (!comm.is_root()) options.read_toml_text(toml, "settings from rank 0");
  return true;
}

}  // namespace canopy::app
