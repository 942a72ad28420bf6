#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "canopy/core/output_file.hpp"
#include "canopy/store/arrays.hpp"

namespace canopy::store {
namespace {

/// Owns a POSIX file descriptor.
class Descriptor {
 public:
  Descriptor(std::filesystem::path const& path, int flags) : id_{::open(path.c_str(), flags)} {}
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor() {
    if (id_ >= 0) ::close(id_);
  }
  bool sync() const { return id_ >= 0 && ::fsync(id_) == 0; }

 private:
  int id_;
};

/// Removes the file unless it was kept.
class Temporary {
 public:
  explicit Temporary(std::filesystem::path path) : path_{std::move(path)} {}
  Temporary(Temporary const&) = delete;
  Temporary& operator=(Temporary const&) = delete;
  ~Temporary() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
  }
  std::filesystem::path const& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  std::filesystem::path path_;
};

std::filesystem::path folder_of(std::filesystem::path const& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
}

void sync_and_rename(std::filesystem::path const& from, std::filesystem::path const& to) {
  if (!Descriptor{from, O_RDONLY}.sync()) throw cannot_write(to, std::strerror(errno));
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error) throw cannot_write(to, error.message());
  // Makes the new name last through a power cut; file systems that cannot are no reason to fail.
  Descriptor{folder_of(to), O_RDONLY | O_DIRECTORY}.sync();
}

}  // namespace

void write_atomically(std::filesystem::path const& path, std::function<void(File&)> const& write) {
  make_folder_of(path);
  Temporary part{path.string() + ".part"};
  {
    auto file = File::create(part.path(), path);
    write(file);
    file.close();
  }
  sync_and_rename(part.path(), path);
  part.keep();
}

}  // namespace canopy::store
