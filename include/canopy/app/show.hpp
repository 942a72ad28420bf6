#pragma once

#include <span>
#include <string>

namespace canopy::app {

/// `canopy show RUN.h5 [TABLE] [--csv]`: prints what a run left behind, or one part of it. Returns
/// the exit status: 0, or the recorded one for the part `status`, or 75 when there is only a
/// journal so far. Throws UserError for a part the run does not have, DataError for a bad file.
int run_show(std::span<std::string const> words);

}  // namespace canopy::app
