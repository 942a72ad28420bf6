#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/core/table.hpp"

namespace canopy::record {

/// The layout of the run file; a reader refuses any other.
inline constexpr std::string_view schema = "canopy-run/1";

/// What one run leaves behind: how it went, under which settings, its tables and its model.
struct RunRecord {
  std::string command;
  std::string status = "complete";  ///< complete, interrupted or failed
  int exit_code = 0;
  std::string version, git;
  std::string started, finished;  ///< UTC, as utc_now() writes it; empty when not yet known
  double wall_seconds = 0;
  std::uint64_t seed = 0;   ///< text in the file from 2^63 on: attributes are signed there
  int np = 1;               ///< processes
  int nodes = 1;            ///< machines
  std::string settings;     ///< effective settings as TOML; feeding them back repeats the run
  NamedArrays environment;  ///< attributes only: compiler, cpu, hostname, ...
  std::vector<Table> tables;
  std::optional<NamedArrays> model;  ///< arrays and attributes, stored in /model/arrays
  std::optional<Table> model_row;    ///< one row, stored as the columns of /model

  /// The table of that name, or nullptr.
  Table const* table(std::string_view name) const;
};

/// Writes the run file. At any moment `path` is absent, the old file, or the complete new one.
/// UserError when it cannot be written there.
void write(RunRecord const& run, std::filesystem::path const& path);

/// Reads a run file; equal bit for bit to what was written, with the tables in the same order.
/// DataError when it is missing, damaged, or not a run file.
RunRecord read(std::filesystem::path const& path);

/// As read(), but without the model's arrays: quick, however large the model.
RunRecord read_without_model(std::filesystem::path const& path);

/// The model of a run file alone, without its tables. DataError as for read(), and when the run
/// left no model.
NamedArrays read_model(std::filesystem::path const& path);

}  // namespace canopy::record
