#pragma once

#include <csignal>

#include <sys/resource.h>

namespace canopy::test {

/// As long as it lives no file of this process grows beyond so many bytes: writing fails as on a
/// full disk, with another reason, "File too large".
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit const little{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &little);
  }
  FullDisk(FullDisk const&) = delete;
  FullDisk& operator=(FullDisk const&) = delete;
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace canopy::test
