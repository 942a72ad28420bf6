#include "canopy/comm/process_watch.hpp"

#include <fstream>
#include <utility>

#include <sys/syscall.h>

#include <poll.h>
#include <unistd.h>

namespace canopy::comm {
namespace {

/// This start of this machine, and which of its sets of process numbers is meant: containers have
/// their own.
std::string machine() {
  std::string boot;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> boot;
  char numbers[64];
  auto const length = readlink("/proc/self/ns/pid", numbers, sizeof numbers);
  if (boot.empty() || length <= 0) return "";
  return boot + " " + std::string(numbers, static_cast<std::size_t>(length));
}

/// -1 where the kernel is older than Linux 5.3, or the process has gone.
int open_process(std::int64_t number) {
#ifdef SYS_pidfd_open
  return static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(number), 0));
#else
  static_cast<void>(number);
  return -1;
#endif
}

}  // namespace

ProcessName this_process() {
  return {machine(), getpid()};
}

ProcessWatch::ProcessWatch(ProcessName const& process) {
  if (!process.machine.empty() && process.machine == machine())
    descriptor_ = open_process(process.number);
}

ProcessWatch::ProcessWatch(ProcessWatch&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)} {}

ProcessWatch::~ProcessWatch() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool ProcessWatch::has_ended() const {
  if (descriptor_ < 0) return false;
  pollfd end{descriptor_, POLLIN, 0};
  return poll(&end, 1, 0) > 0;
}

}  // namespace canopy::comm
