#pragma once

#include <filesystem>

namespace canopy::record {

/// Processes that wanted a processor, on average over the last minute; NaN where nothing tells.
double load_average();

/// For how long the processes of this one's control group were held back so far because their share
/// of the processors was used up; NaN where nothing tells. Of control groups of either version,
/// whose files are read below `root`, as tests want it.
double throttled_seconds(std::filesystem::path const& root = "/");

}  // namespace canopy::record
