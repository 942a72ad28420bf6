#include "run_folder.hpp"

#include <algorithm>
#include <optional>

#include <sys/stat.h>

#include <fmt/format.h>

#include "canopy/core/bytes.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"
#include "canopy/record/journal_use.hpp"

#include "headline.hpp"
#include "live_run.hpp"
#include "own_process.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;

constexpr int deepest = 8;  // folders in folders

bool is_run_file(fs::path const& path) {
  return path.extension() == ".h5" || path.extension() == ".hdf5";
}

/// The run file that a journal is of: NAME.h5 of NAME.journal, or FILE of FILE.journal.
fs::path run_file_of(fs::path journal) {
  journal.replace_extension();
  if (fs::exists(journal) || journal.has_extension()) return journal;
  for (auto const* extension : {".h5", ".hdf5"})
    if (auto const file = fs::path{journal} += extension; fs::exists(file)) return file;
  return journal += ".h5";
}

/// What tells whether a file has changed; "-" when it is not there.
std::string state_of(fs::path const& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return "-";
  return fmt::format("{:x}.{:x}.{:x}.{:x}", file.st_mtim.tv_sec, file.st_mtim.tv_nsec, file.st_size,
                     file.st_ino);
}

std::string stamp_of(record::RunFiles const& files) {
  return fmt::format("{}_{}{}", state_of(files.run_file), state_of(files.journal),
                     record::is_in_use(files.journal) ? "_in_use" : "");
}

}  // namespace

RunFolder::RunFolder(fs::path const& folder) {
  std::error_code error;
  folder_ = fs::canonical(folder, error);
  if (error || !fs::is_directory(folder_))
    throw UserError{folder.string() + (error ? ": there is no such folder" : ": is no folder") +
                    "; give the one that holds run files, as in `canopy dashboard results`"};
}

// ---- which runs there are

std::vector<ListedRun> RunFolder::look(double seconds) {
  Stopwatch const clock;
  scan();
  std::vector<Entry*> newest;
  for (auto& [name, entry] : entries_) newest.push_back(&entry);
  std::ranges::sort(newest, [](Entry const* a, Entry const* b) { return a->changed > b->changed; });
  std::vector<ListedRun> runs;
  for (auto* entry : newest) {
    if (clock.seconds() < seconds) refresh(*entry);
    runs.push_back(entry->listed);
  }
  return runs;
}

/// A folder that cannot be read, or goes away meanwhile, has no runs.
void RunFolder::scan() {
  Entries seen;
  std::error_code error;
  auto const options = fs::directory_options::skip_permission_denied;
  auto place = fs::recursive_directory_iterator{folder_, options, error};
  for (; !error && place != fs::recursive_directory_iterator{}; place.increment(error)) {
    if (place->path().filename().string().starts_with('.')) {
      place.disable_recursion_pending();
      continue;
    }
    if (place.depth() >= deepest) place.disable_recursion_pending();
    see(place->path(), seen);
  }
  entries_ = std::move(seen);
}

void RunFolder::see(fs::path const& file, Entries& seen) const {
  bool const is_journal = file.extension() == ".journal";
  std::error_code error;
  if ((!is_journal && !is_run_file(file)) || !fs::is_regular_file(file, error)) return;
  auto const run_file = is_journal ? run_file_of(file) : file;
  auto name = run_file.lexically_relative(folder_);
  if (name.extension() == ".h5") name.replace_extension();
  auto const known = entries_.find(name.string());
  auto& entry = seen[name.string()];
  auto const changed = fs::last_write_time(file, error);
  if (entry.listed.name.empty()) {
    if (known != entries_.end()) entry = known->second;
    entry.changed = changed;
    entry.files = record::files_of(run_file);
    entry.listed.name = name.string();
    if (entry.listed.status.empty()) entry.listed.status = "unread";
  }
  entry.changed = std::max(entry.changed, changed);
}

ListedRun const* RunFolder::find(std::string const& name) {
  auto found = entries_.find(name);
  auto const is_there = [](record::RunFiles const& files) {
    std::error_code error;
    return fs::exists(fs::symlink_status(files.run_file, error)) ||
           fs::exists(files.journal, error);
  };
  if (found == entries_.end() || !is_there(found->second.files))
    scan(), found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  refresh(found->second);
  return &found->second.listed;
}

// ---- one run

void RunFolder::refresh(Entry& entry) const {
  constexpr double patience = 20;
  auto& listed = entry.listed;
  auto stamp = stamp_of(entry.files);
  if (stamp == listed.stamp && listed.status != "unread") return;
  try {
    auto const told = in_own_process(
        [&] {
          auto const bytes = to_bytes(looked_at(entry));
          return std::string{bytes.begin(), bytes.end()};
        },
        patience);
    listed = from_bytes<ListedRun>(Bytes{told.begin(), told.end()});
  } catch (std::exception const& e) {
    auto name = std::move(listed.name);
    listed = {};
    listed.name = std::move(name);
    listed.status = "unreadable";
    listed.problem = without_folder(e.what());
  }
  listed.stamp = std::move(stamp);
}

ListedRun RunFolder::looked_at(Entry const& entry) const {
  auto const run = read(entry);
  ListedRun listed;
  listed.name = entry.listed.name;
  listed.status = run.status;
  listed.command = run.command;
  listed.started = run.started;
  listed.seconds = run.wall_seconds;
  listed.np = run.np;
  listed.headline = headline(run);
  return listed;
}

record::RunRecord RunFolder::read(std::string const& name) {
  auto const found = find(name) == nullptr ? entries_.end() : entries_.find(name);
  if (found == entries_.end())
    throw UserError{"there is no run '" + name + "' here; the list of runs tells which there are"};
  try {
    return read(found->second);
  } catch (std::exception const& e) {
    throw DataError{without_folder(e.what())};
  }
}

/// A journal tells of the run when somebody writes it, when there is nothing else, and when the
/// run file is a checkpoint. One that is left beside a finished run is older.
record::RunRecord RunFolder::read(Entry const& entry) const {
  auto const& files = entry.files;
  require_inside(files.run_file);
  require_inside(files.journal);
  if (record::has_journal_only(files)) return live_run(files);
  auto run = record::read_without_model(files.run_file);
  bool const has_ended =
      run.status == "complete" || (run.status == "failed" && !record::is_in_use(files.journal));
  if (has_ended || !fs::exists(files.journal)) return run;
  return live_run(files);
}

/// Links may point anywhere.
void RunFolder::require_inside(fs::path const& file) const {
  if (!fs::exists(fs::symlink_status(file))) return;
  auto const place = fs::canonical(file).lexically_relative(folder_);
  if (place.empty() || *place.begin() == "..")
    throw DataError{file.string() +
                    ": is a link that points out of the folder; it is not followed"};
}

/// Whoever looks at the page need not know where the folder is.
std::string RunFolder::without_folder(std::string text) const {
  auto const prefix = folder_.string() + "/";
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
    text.erase(at, prefix.size());
  return text;
}

}  // namespace canopy::app
