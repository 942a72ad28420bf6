#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace canopy::record {

/// The whole records that a journal had when it was opened. They are read from the file whenever
/// they are asked for: those of a long search take ten times the room in memory.
class JournalRecords {
 public:
  JournalRecords() = default;
  /// Reads all lines and parses none. DataError as for Journal::read().
  explicit JournalRecords(std::filesystem::path path);

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  /// How many bytes of the file they fill.
  std::size_t bytes() const { return bytes_; }
  nlohmann::json front() const;
  /// One after the other, each of them gone before the next one comes.
  void each(std::function<void(nlohmann::json const&)> const& take) const;
  /// Those of one `kind`, found much sooner.
  void each_of(std::string const& kind,
               std::function<void(nlohmann::json const&)> const& take) const;

 private:
  std::filesystem::path path_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

/// The truth during a run: a file of checksummed lines that only grows, so that a killed run loses
/// at most the line it was writing.
///
/// One line per record: CRC-32 of the JSON as 8 hex digits, a space, the JSON, a newline. Reals
/// come back bit for bit; those that JSON lacks stand as {"$real": "nan"}, "inf" or "-inf". The
/// file is locked (flock) as long as the journal is open, so that two runs never share one.
class Journal {
 public:
  /// Starts an empty journal, in place of one that is there. UserError when another run holds it
  /// or the file cannot be made.
  static Journal create(std::filesystem::path const& path);

  /// Goes on with a journal: `records` are those that it has. A torn last line is what a killed run
  /// leaves; it is cut off. DataError for a damaged line before the last one, UserError when
  /// another run holds the journal.
  static Journal reopen(std::filesystem::path const& path, JournalRecords& records);

  /// The whole records of a journal, which may be in use; changes nothing. DataError as above.
  static std::vector<nlohmann::json> read(std::filesystem::path const& path);

  /// Whether a journal tells of a run. One that was cut inside its first line does not, as a run
  /// leaves it that died, or found the disk full, while it began. False when there is no such file.
  static bool has_begun(std::filesystem::path const& path);

  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&& other) noexcept;
  Journal(Journal const&) = delete;
  Journal& operator=(Journal const&) = delete;
  ~Journal();

  /// Adds one record with one write: it survives the death of this process when append returns.
  /// UserError when it cannot be written, such as on a full disk; the journal then is as before.
  void append(nlohmann::json const& record);

  /// Forces what was appended to the disk, where it survives the death of the machine.
  void sync();

  /// For fsync in a signal handler; -1 after remove() or a move.
  int descriptor() const { return descriptor_; }
  std::filesystem::path const& path() const { return path_; }

  /// Deletes the file and closes it: the run file now holds everything.
  void remove();

 private:
  Journal(int descriptor, std::filesystem::path path)
      : descriptor_{descriptor}, path_{std::move(path)} {}
  static Journal open_locked(std::filesystem::path const& path, int more_flags);
  void close() noexcept;

  int descriptor_ = -1;
  std::filesystem::path path_;
};

}  // namespace canopy::record
