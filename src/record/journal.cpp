#include "canopy/record/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "canopy/core/digest.hpp"
#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::record {
namespace {

using nlohmann::json;

constexpr std::size_t prefix = 9;  // 8 digits and a space

constexpr char const* real_key = "$real";

/// JSON knows no NaN and no infinity: dump() would turn them into null.
bool is_beyond_json(json const& value) {
  return value.is_number_float() && !std::isfinite(value.get<double>());
}

bool holds_beyond_json(json const& value) {
  if (value.is_structured()) return std::ranges::any_of(value, holds_beyond_json);
  return is_beyond_json(value);
}

json spelled_out(json value) {
  if (is_beyond_json(value)) {
    auto const real = value.get<double>();
    return {{real_key, std::isnan(real) ? "nan" : real > 0 ? "inf" : "-inf"}};
  }
  if (value.is_structured())
    for (auto& child : value) child = spelled_out(std::move(child));
  return value;
}

json taken_back(json value) {
  if (value.is_object() && value.size() == 1 && value.contains(real_key))
    return text::to_double(value.at(real_key).get<std::string>()).value();
  if (value.is_structured())
    for (auto& child : value) child = taken_back(std::move(child));
  return value;
}

std::string text_of(json const& record) {
  // A text that is no UTF-8 (a file name, say) must not cost the run its record.
  return record.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string line_of(json const& record) {
  auto const text = holds_beyond_json(record) ? text_of(spelled_out(record)) : text_of(record);
  return fmt::format("{:08x} {}\n", crc32(text), text);
}

/// The JSON of a line, or nothing when it is damaged.
std::optional<std::string_view> text_in(std::string_view line) {
  if (line.size() < prefix || line[prefix - 1] != ' ') return {};
  std::uint32_t sum = 0;
  auto const digits = line.substr(0, prefix - 1);
  auto const [end, error] = std::from_chars(digits.begin(), digits.end(), sum, 16);
  auto const text = line.substr(prefix);
  if (error != std::errc{} || end != digits.end() || sum != crc32(text)) return {};
  return text;
}

json record_in(std::string_view text) {
  auto record = json::parse(text, nullptr, false);
  if (record.is_discarded())
    throw DataError{
        "a line of the journal is no JSON, though it has its checksum; it is damaged, "
        "start again with --overwrite"};
  if (text.find(real_key) != std::string_view::npos) return taken_back(std::move(record));
  return record;
}

/// Shows `take` the JSON of every whole record, up to `most` of them.
void read_lines(std::filesystem::path const& path, std::size_t most,
                std::function<void(std::string_view)> const& take) {
  std::ifstream file{path, std::ios::binary};
  if (!file) throw DataError{path.string() + ": cannot open this journal: " + std::strerror(errno)};
  std::string line;
  for (std::size_t number = 1; number <= most && std::getline(file, line); ++number) {
    if (file.eof()) return;
    auto const text = text_in(line);
    bool const is_torn = !text && file.peek() == std::ifstream::traits_type::eof();
    if (is_torn) return;
    if (!text)
      throw DataError{fmt::format(
          "{}: line {}: damaged (wrong checksum), and whole lines follow it; restore the file or "
          "start again with --overwrite",
          path.string(), number)};
    take(*text);
  }
  if (file.bad()) throw DataError{path.string() + ": cannot read this journal"};
}

constexpr auto all_of_them = std::numeric_limits<std::size_t>::max();

UserError failure(std::filesystem::path const& path, std::string const& what, int error) {
  return UserError{path.string() + ": cannot " + what + ": " + std::strerror(error)};
}

/// Some cluster file systems have no locks; a journal is worth more than a lock.
bool has_no_locks(int error) {
  return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
}

bool is_removed(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && status.st_nlink == 0;
}

void truncate(int descriptor, std::size_t bytes, std::filesystem::path const& path) {
  if (::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0)
    throw failure(path, "shorten this journal", errno);
}

ssize_t write_once(int descriptor, std::string_view line) {
  ssize_t written = 0;
  do written = ::write(descriptor, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  return written;
}

}  // namespace

JournalRecords::JournalRecords(std::filesystem::path path) : path_{std::move(path)} {
  read_lines(path_, all_of_them, [this](std::string_view text) {
    ++count_;
    bytes_ += prefix + text.size() + 1;
  });
}

json JournalRecords::front() const {
  json first;
  read_lines(path_, 1, [&](std::string_view text) { first = record_in(text); });
  return first;
}

void JournalRecords::each(std::function<void(json const&)> const& take) const {
  if (empty()) return;
  read_lines(path_, count_, [&](std::string_view text) { take(record_in(text)); });
}

void JournalRecords::each_of(std::string const& kind,
                             std::function<void(json const&)> const& take) const {
  if (empty()) return;
  auto const wanted = "\"kind\":" + json(kind).dump();
  read_lines(path_, count_, [&](std::string_view text) {
    if (text.find(wanted) == std::string_view::npos) return;  // parsing takes most of the time
    if (auto const record = record_in(text); record.at("kind") == kind) take(record);
  });
}

Journal Journal::open_locked(std::filesystem::path const& path, int more_flags) {
  Journal journal{::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | more_flags, 0666), path};
  if (journal.descriptor_ < 0) throw failure(path, "open this journal", errno);
  if (::flock(journal.descriptor_, LOCK_EX | LOCK_NB) != 0 && !has_no_locks(errno)) {
    if (errno != EWOULDBLOCK) throw failure(path, "lock this journal", errno);
    throw UserError{path.string() +
                    ": another run is writing this journal; wait for it, or give another --out"};
  }
  if (is_removed(journal.descriptor_))
    throw UserError{path.string() + ": another run has just finished with this journal; try again"};
  return journal;
}

Journal Journal::create(std::filesystem::path const& path) {
  auto journal = open_locked(path, O_CREAT);
  truncate(journal.descriptor_, 0, path);
  return journal;
}

Journal Journal::reopen(std::filesystem::path const& path, JournalRecords& records) {
  auto journal = open_locked(path, 0);
  records = JournalRecords{path};
  truncate(journal.descriptor_, records.bytes(), path);
  return journal;
}

std::vector<json> Journal::read(std::filesystem::path const& path) {
  std::vector<json> records;
  read_lines(path, all_of_them, [&](std::string_view text) { records.push_back(record_in(text)); });
  return records;
}

bool Journal::has_begun(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  std::string line;
  std::getline(file, line);
  if (!file.good()) return false;
  // More behind a damaged line is for those to tell who read it.
  return text_in(line).has_value() || file.peek() != std::ifstream::traits_type::eof();
}

Journal::Journal(Journal&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)}, path_{std::move(other.path_)} {}

Journal& Journal::operator=(Journal&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

Journal::~Journal() {
  close();
}

void Journal::close() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void Journal::append(json const& record) {
  auto const line = line_of(record);
  auto const written = write_once(descriptor_, line);
  if (written == static_cast<ssize_t>(line.size())) return;
  auto const error = written < 0 ? errno : ENOSPC;
  // A part of a line would turn the next record, if space comes back, into damage.
  if (written > 0)
    truncate(descriptor_, static_cast<std::size_t>(::lseek(descriptor_, 0, SEEK_END) - written),
             path_);
  throw failure(path_, "add to this journal", error);
}

void Journal::sync() {
  if (::fsync(descriptor_) != 0) throw failure(path_, "sync this journal to disk", errno);
}

void Journal::remove() {
  if (::unlink(path_.c_str()) != 0) throw failure(path_, "remove this journal", errno);
  close();
}

}  // namespace canopy::record
