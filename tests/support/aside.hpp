#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <sys/mman.h>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "canopy/comm/communicator.hpp"

namespace canopy::test {

/// How many ranks of this machine have come to a point, which they tell each other past MPI: a rank
/// that is to be silent is so until the others have found that out, however long they take, and no
/// longer.
class Aside {
 public:
  /// Collective.
  explicit Aside(comm::Communicator const& world) {
    int file = -1;
    std::string path;
    if (world.is_root()) {
      file = memfd_create("aside", 0);
      if (ftruncate(file, sizeof *come_) != 0) close(file), file = -1;
      path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file);
    }
    path = world.broadcast(path);
    if (!world.is_root()) file = open(path.c_str(), O_RDWR);
    auto* const memory = mmap(nullptr, sizeof *come_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) come_ = static_cast<std::atomic<int>*>(memory);
    EXPECT_NE(come_, nullptr) << path;
    world.barrier();
    close(file);
  }
  Aside(Aside const&) = delete;
  Aside& operator=(Aside const&) = delete;
  ~Aside() {
    if (come_ != nullptr) munmap(come_, sizeof *come_);
  }

  int count() const { return *come_; }
  /// This rank has come.
  void come() { ++*come_; }

  /// Until so many have come. Fails after a minute.
  void await(int ranks) const {
    using namespace std::chrono;
    auto const end = steady_clock::now() + minutes{1};
    while (*come_ < ranks && steady_clock::now() < end)
      std::this_thread::sleep_for(milliseconds{2});
    EXPECT_GE(*come_, ranks) << "ranks have come within a minute";
  }

 private:
  std::atomic<int>* come_ = nullptr;
};

}  // namespace canopy::test
