#include "canopy/core/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace canopy {
namespace {

namespace fs = std::filesystem;

/// The folder itself, or the first above it that is there: what is missing can be made inside.
fs::path first_that_exists(fs::path folder) {
  std::error_code ignored;
  while (!folder.empty() && !fs::exists(folder, ignored)) folder = folder.parent_path();
  return folder.empty() ? fs::path{"."} : folder;
}

/// Why no file can be made in the folder, or "": only trying tells, since the administrator may
/// write anywhere by the book.
std::string why_not_in(fs::path const& folder) {
  auto const probe = folder / fmt::format(".canopy-{}", ::getpid());
  auto const file = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return errno == EEXIST ? "" : std::strerror(errno);
  ::close(file);
  ::unlink(probe.c_str());
  return "";
}

}  // namespace

void check_output(std::string const& option, fs::path const& path, std::string const& ending,
                  std::vector<std::string> const& read) {
  if (path.empty()) return;
  std::error_code ignored;
  auto const status = fs::status(path, ignored);
  if (!path.has_filename() || fs::is_directory(status))
    throw UserError{option + " is " + path.string() + ", a folder; expected a file such as " +
                    (path / ("NAME" + ending)).string()};
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw UserError{option + " is " + path.string() +
                    ", which is no file to replace; give another name"};
  for (auto const& file : read)
    if (fs::equivalent(path, file, ignored))
      throw UserError{option + " is " + path.string() +
                      ", which is read and would be lost; give another name"};
  auto const folder = first_that_exists(path.parent_path());
  if (auto const reason = why_not_in(folder); !reason.empty())
    throw UserError{
        fmt::format("{} is {}, but nothing can be written into {}: {}; choose another "
                    "folder",
                    option, path.string(), folder.string(), reason)};
}

UserError cannot_write(fs::path const& path, std::string const& reason) {
  return UserError{path.string() + ": cannot be written: " + reason +
                   "; see to that, or choose another place"};
}

void make_folder_of(fs::path const& path) {
  if (!path.has_parent_path()) return;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) throw cannot_write(path, error.message());
}

void write_text(fs::path const& path, std::function<void(std::ostream&)> const& write) {
  make_folder_of(path);
  fs::path const part = path.string() + ".part";
  std::error_code error;
  errno = 0;
  std::ofstream file{part, std::ios::binary};
  if (file) write(file);
  file.close();
  if (!file) error = {errno == 0 ? EIO : errno, std::generic_category()};
  if (!error) fs::rename(part, path, error);
  if (!error) return;
  std::error_code ignored;
  fs::remove(part, ignored);
  throw cannot_write(path, error.message());
}

}  // namespace canopy
