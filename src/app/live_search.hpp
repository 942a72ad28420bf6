#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "canopy/core/table.hpp"

namespace canopy::app {

/// The tables of a search, of `folds` folds per trial, as far as its journal tells them: trials,
/// tasks and, where there are any, rungs, best and default. What became of a trial is known from
/// journals that tell of trials; in older ones all are running.
std::vector<Table> live_search(std::vector<nlohmann::json> const& records, int folds);

}  // namespace canopy::app
