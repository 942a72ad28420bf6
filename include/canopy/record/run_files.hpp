#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace canopy::record {

/// The two files of one run: the result, and the journal beside it that is the truth meanwhile.
struct RunFiles {
  std::filesystem::path run_file;
  std::filesystem::path journal;  ///< NAME.journal for NAME.h5
};

/// The files of a run that is written to `run_file`; touches neither.
RunFiles files_of(std::filesystem::path const& run_file);

/// True while the journal is all there is of the latest run: there is no run file, or a complete
/// one that a run with --overwrite is about to replace. DataError for a damaged or foreign run
/// file.
bool has_journal_only(RunFiles const& files);

/// Where a run of `command` puts its files: at `out`, or results/COMMAND-YYYYMMDD-HHMMSS.h5 when
/// that is empty. Makes the folder. UserError when it cannot be made or written to.
RunFiles run_files(std::string const& out, std::string const& command);

/// What a run does about files that an earlier one left.
enum class Start { fresh, resume, already_complete };

/// Files that are there need --overwrite (fresh) or --resume, or it is a UserError. --resume goes
/// on from a journal or an unfinished run file, starts afresh when there is neither, and
/// has nothing to do when the run file is complete: only a newer journal makes it a thing of the
/// past, and one that was cut inside its first line does not. DataError for a damaged or foreign
/// run file.
Start decide_start(RunFiles const& files, bool overwrite, bool resume);

/// The settings that differ between two TOML texts, one line each and sorted by key: "trials: 10 ->
/// 20"; a missing one reads "(not set)". Keys in tables have dots, "space.max_depth". Names in
/// `may_differ` are left out, a table with all that is in it. UserError when a text is not TOML.
std::vector<std::string> settings_differences(std::string const& old_toml,
                                              std::string const& new_toml,
                                              std::span<std::string const> may_differ);

}  // namespace canopy::record
