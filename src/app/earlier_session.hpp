#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "canopy/record/run_files.hpp"
#include "canopy/record/run_record.hpp"

#include "run_parts.hpp"
#include "run_tables.hpp"

/// What sessions before this one left of a run that goes on.
namespace canopy::app {

/// Of "2026-11-23T04:05:06Z"; 0 for anything else.
std::time_t seconds_of(std::string const& utc);

/// The checkpoint of the run whose journal begins with `start`, without its model. Nothing when
/// there is none: a complete file, or one older than a journal that does not resume it, is of a run
/// that this one replaces.
std::optional<record::RunRecord> checkpoint_of(record::RunFiles const& files,
                                               nlohmann::json const& start);

/// Ends a run that must not go on, before anything of it is written: without its new journal, which
/// would make the run file a thing of the past for the next --resume.
[[noreturn]] void refuse(RunStart& start, std::string const& why);

/// Gives the record of a run that failed the model of its last checkpoint, in whose place it is
/// written: else --resume would have nothing to go on from.
void keep_checkpoint(record::RunRecord& failed, RunStart const& start, RunIdentity const& identity);

/// The events that earlier sessions saved of a run that resumes; their times count from the start
/// of the session that each was of.
std::vector<Event> earlier_events(RunStart const& start);

}  // namespace canopy::app
