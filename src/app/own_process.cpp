#include "own_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <string_view>

#include <sys/prctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"

namespace canopy::app {
namespace {

constexpr char good = '+', bad = '-';  // what a report begins with

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    auto const written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void work_and_leave(std::function<std::string()> const& work, int descriptor) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody waits for it any more
  std::string report;
  try {
    report = good + work();
  } catch (std::exception const& e) {
    report = std::string{bad} + e.what();
  } catch (...) {
    report = std::string{bad} + "an unknown error";
  }
  write_all(descriptor, report);
  ::_exit(0);  // what else this process owns, the other one owns too
}

/// A child that has been ended and waited for, at the latest, when this goes.
class Child {
 public:
  explicit Child(pid_t id) : id_{id} {}
  Child(Child const&) = delete;
  Child& operator=(Child const&) = delete;
  ~Child() {
    if (id_ > 0) ::kill(id_, SIGKILL), wait();
  }
  bool is_here() const { return id_ == 0; }
  bool is_there() const { return id_ > 0; }
  /// The signal that it died of, or 0.
  int wait() {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) continue;
    id_ = -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  pid_t id_;
};

/// All until the other end is closed.
std::string read_all(int descriptor, double seconds) {
  Stopwatch const clock;
  std::string all;
  std::array<char, 65536> part{};
  for (;;) {
    auto const left = std::max(0.0, seconds - clock.seconds());
    pollfd waiting{descriptor, POLLIN, 0};
    auto const ready = ::poll(&waiting, 1, static_cast<int>(1000 * left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0)
      throw DataError{
          fmt::format("reading takes longer than {:g} s: it is damaged or too large", seconds)};
    auto const got = ::read(descriptor, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::string in_own_process(std::function<std::string()> const& work, double seconds) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw DataError{std::string{"cannot read it, for want of a pipe: "} + std::strerror(errno)};
  struct Ends {
    int read, write;
    ~Ends() {
      ::close(read);
      if (write >= 0) ::close(write);
    }
  } pipe{ends[0], ends[1]};
  Child child{::fork()};
  if (child.is_here()) work_and_leave(work, pipe.write);
  if (!child.is_there())
    throw DataError{std::string{"cannot read it, for want of a process: "} + std::strerror(errno)};
  ::close(pipe.write), pipe.write = -1;
  auto const report = read_all(pipe.read, seconds);
  if (auto const signal = child.wait(); signal != 0 || report.empty())
    throw DataError{fmt::format("is damaged: reading it crashed ({})", ::strsignal(signal))};
  if (report.front() == bad) throw DataError{report.substr(1)};
  return report.substr(1);
}

}  // namespace canopy::app
