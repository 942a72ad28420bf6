#pragma once

#include <cstdint>
#include <string>

#include "canopy/core/options.hpp"
#include "canopy/core/progress.hpp"

namespace canopy::app {

/// What every command that leaves a run file understands.
struct CommonSettings {
  std::uint64_t seed = 0;
  std::string out;
  bool overwrite = false;
  bool resume = false;
  bool quiet = false;
  ProgressMode progress = ProgressMode::automatic;

  void describe(Options& options);
  /// UserError when no run file can be written at --out.
  void check() const;
};

}  // namespace canopy::app
