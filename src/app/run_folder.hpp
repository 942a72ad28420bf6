#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "canopy/record/run_files.hpp"
#include "canopy/record/run_record.hpp"

namespace canopy::app {

/// What a list of runs tells of one.
struct ListedRun {
  std::string name;  ///< of its run file below the folder, without .h5
  /// As in the record, or running, unreadable, or unread: not yet looked at.
  std::string status;
  std::string problem;  ///< why it is unreadable
  std::string command, started, headline;
  double seconds = 0;
  int np = 0;
  std::string stamp;  ///< changes whenever its files or its status do
  template <class Archive>
  void fields(Archive& archive) {
    archive(name, status, problem, command, started, headline, seconds, np, stamp);
  }
};

/// The runs of a folder and of the folders in it, for as long as they come, grow and go. Nothing
/// outside is ever read: runs are known by the names that were found below the folder, and links
/// that point out of it are not followed. Opens files to read only, and locks none. Looks at each
/// of them in a process of its own, as there are damaged ones over which HDF5 crashes.
class RunFolder {
 public:
  /// UserError when there is no such folder.
  explicit RunFolder(std::filesystem::path const& folder);

  std::string name() const { return folder_.filename(); }
  /// Looks again, and reads those files that are new or have changed for `seconds` at most; others
  /// keep what was known of them, or are "unread". Newest first.
  std::vector<ListedRun> look(double seconds);

  /// How a run stands now; nothing known by that name: nullptr.
  ListedRun const* find(std::string const& name);
  /// A run as its files tell it now; in this process. UserError when there is none of that name,
  /// DataError when it cannot be read.
  record::RunRecord read(std::string const& name);

 private:
  struct Entry {
    record::RunFiles files;
    std::filesystem::file_time_type changed;
    ListedRun listed;
  };
  using Entries = std::map<std::string, Entry>;

  void scan();
  void see(std::filesystem::path const& file, Entries& seen) const;
  void refresh(Entry& entry) const;
  ListedRun looked_at(Entry const& entry) const;
  record::RunRecord read(Entry const& entry) const;
  void require_inside(std::filesystem::path const& file) const;
  std::string without_folder(std::string text) const;

  std::filesystem::path folder_;  ///< canonical
  Entries entries_;
};

}  // namespace canopy::app
