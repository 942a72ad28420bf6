#pragma once

#include <filesystem>
#include <string>

#include <unistd.h>

#include "canopy/record/run_record.hpp"

namespace canopy::app {

/// A folder for run files that goes away with the test.
class FolderOfRuns {
 public:
  explicit FolderOfRuns(std::string const& test)
      : path_{std::filesystem::temp_directory_path() /
              ("canopy-" + test + "-" + std::to_string(::getpid()))} {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  FolderOfRuns(FolderOfRuns const&) = delete;
  FolderOfRuns& operator=(FolderOfRuns const&) = delete;
  ~FolderOfRuns() { std::filesystem::remove_all(path_); }

  std::filesystem::path operator/(std::string const& name) const { return path_ / name; }
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A finished federation of so many rounds.
inline record::RunRecord federation_of(std::int64_t rounds) {
  record::RunRecord run;
  run.command = "federate";
  run.started = "2026-11-23T04:05:06Z";
  run.finished = "2026-11-23T04:06:06Z";
  run.wall_seconds = 60;
  run.np = 3;
  run.settings = "rounds = 50\n";
  Table table{"rounds"};
  table.column("round", Table::Type::integer).column("accuracy", Table::Type::real);
  for (std::int64_t round = 1; round <= rounds; ++round)
    table.add({round, 0.5 + 0.01 * static_cast<double>(round)});
  run.tables.push_back(table);
  return run;
}

}  // namespace canopy::app
