#pragma once

#include <functional>
#include <vector>

#include "canopy/comm/farm.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/tune/trial.hpp"

namespace canopy::tune {

/// On the coordinator: `trials` once more, in `folds` fresh folds that had no part in choosing them
/// (Workbench deals them by a key of their own); the same on any number of ranks. Each result goes
/// to the journal, and what `records` of an earlier session tell is not computed again. The trials
/// come back complete or failed. Asks `interrupted` all the time and throws Stopped when it says
/// so.
std::vector<Trial> in_fresh_folds(comm::Farm& farm, record::Journal& journal,
                                  record::JournalRecords const& records, std::vector<Trial> trials,
                                  int folds, std::function<bool()> const& interrupted);

}  // namespace canopy::tune
