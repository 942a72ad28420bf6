#include "canopy/record/journal_use.hpp"

#include <chrono>
#include <fstream>
#include <string>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace canopy::record {
namespace {

namespace fs = std::filesystem;

/// "12: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF": flock(2) of this machine, which fcntl(2)
/// does not see. File systems without a device of their own (btrfs, overlayfs) list another one
/// here than they tell stat(2); their files are known by number alone.
bool is_listed(struct stat const& file) {
  bool const has_device = major(file.st_dev) != 0;
  auto const wanted = has_device ? fmt::format(" {:02x}:{:02x}:{} ", major(file.st_dev),
                                               minor(file.st_dev), file.st_ino)
                                 : fmt::format(":{} ", file.st_ino);
  std::ifstream locks{"/proc/locks"};
  for (std::string line; std::getline(locks, line);)
    if (line.find(" FLOCK ") != std::string::npos && line.find(wanted) != std::string::npos)
      return true;
  return false;
}

enum class Answer { held, free, unknown };

/// NFS turns flock(2) into a lock of the whole file on the server, of which other machines hear.
Answer asked_of_file_system(int descriptor) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return Answer::unknown;
  return lock.l_type == F_UNLCK ? Answer::free : Answer::held;
}

bool grew_within_a_minute(fs::path const& path) {
  std::error_code error;
  auto const time = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - time < std::chrono::minutes{1};
}

}  // namespace

bool is_in_use(fs::path const& journal) {
  auto const descriptor = ::open(journal.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  struct stat file {};
  bool const is_there = ::fstat(descriptor, &file) == 0;
  auto const answer = asked_of_file_system(descriptor);
  ::close(descriptor);
  if (!is_there) return false;
  if (answer == Answer::held || is_listed(file)) return true;
  return answer == Answer::unknown && grew_within_a_minute(journal);
}

}  // namespace canopy::record
