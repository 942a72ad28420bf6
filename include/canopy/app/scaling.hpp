#pragma once

#include <span>
#include <string>

namespace canopy::app {

/// `canopy scaling collect RUN.h5... --out FILE.h5`: gathers the runs of a study into the tables
/// /scaling and /fit of one file and prints them. The exit status; 4 when runs found different
/// things.
int run_scaling(std::span<std::string const> words);

}  // namespace canopy::app
