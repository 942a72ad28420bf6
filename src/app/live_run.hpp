#pragma once

#include "canopy/record/run_files.hpp"
#include "canopy/record/run_record.hpp"

namespace canopy::app {

/// How far a run that goes on, or was killed, has come: what its last checkpoint holds, if there is
/// one, and all that its journal tells since. The status is "running" when somebody writes the
/// journal, else "interrupted". Folds and trials of a search, rounds of a federation, epochs of
/// a network and the number of trees of a forest are as new as the journal; the other tables as old
/// as the checkpoint. Locks and changes nothing. DataError when the journal, or a run file beside it, is missing or damaged.
record::RunRecord live_run(record::RunFiles const& files);

}  // namespace canopy::app
