#pragma once

#include <string>
#include <vector>

#include "canopy/app/common.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/tune/settings.hpp"

namespace canopy::app {

/// A search that looks folds up instead of computing them.
struct SimulationSettings {
  std::string simulate;  ///< run file of a searched grid; empty: no simulation
  std::vector<int> ranks{2};
  int seeds = 1;
  double per_result = 50e-6;  ///< seconds of rank 0

  void describe(Options& options);
};

/// Runs the search by the table for every number of ranks and seed, prints what it found how
/// quickly, and writes a run file with the tables
///   /simulation  ranks seed trials folds seconds utilisation speed_up best regret near
///                (near: trials until 0.001 below the table's best; empty when that never came)
///   /regret      ranks seed evaluation trial seconds best regret
record::RunRecord simulate(CommonSettings const& common, tune::SearchSettings search,
                           SimulationSettings const& simulation, std::string const& settings_toml);

}  // namespace canopy::app
