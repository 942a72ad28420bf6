#include "canopy/tune/task_limits.hpp"

#include <fstream>
#include <new>
#include <stdexcept>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <fmt/format.h>
#include <unistd.h>

#include "canopy/core/clock.hpp"

namespace canopy::tune {
namespace {

/// What a task that failed had is not to count against the next one.
void give_freed_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/// Looks at the limits when the task asks its token, and remembers which was passed.
class Watch {
 public:
  explicit Watch(TaskLimits const& limits) : limits_{limits} {}

  bool is_beyond() {
    auto const now = clock_.seconds();
    if (limits_.seconds && now > *limits_.seconds)
      why_ = fmt::format("stopped after {:.1f} s: a fold may take {:g} s (--task-timeout)", now,
                         *limits_.seconds);
    if (limits_.megabytes && why_.empty() && now >= next_look_) look_at_memory(now);
    return !why_.empty();
  }
  std::string const& why() const { return why_; }

 private:
  void look_at_memory(double now) {
    constexpr double pause = 0.005;  // reading it costs some microseconds
    next_look_ = now + pause;
    auto const megabytes = (own_bytes() - own_before_) / 1e6;
    if (megabytes > *limits_.megabytes)
      why_ = fmt::format("stopped at {:.0f} MB of memory: a fold may take {:g} MB (--task-memory)",
                         megabytes, *limits_.megabytes);
  }

  TaskLimits const& limits_;
  double own_before_ = limits_.megabytes ? own_bytes() : 0;  ///< such as trees kept for later
  Stopwatch clock_;
  double next_look_ = 0;
  std::string why_;
};

}  // namespace

double own_bytes() {
  double size = 0;
  double resident = 0;
  double shared = 0;
  std::ifstream{"/proc/self/statm"} >> size >> resident >> shared;  // pages
  return (resident - shared) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

Bytes TaskLimits::run(std::function<Bytes(StopToken const&)> const& task,
                      StopToken const& stop) const {
  Watch watch{*this};
  std::string why;
  try {
    return task([&] { return (stop && stop()) || watch.is_beyond(); });
  } catch (Stopped const&) {
    if (watch.why().empty()) throw;
    why = watch.why();
  } catch (std::bad_alloc const&) {
    why = "there was not enough memory for it";
  }
  give_freed_memory_back();
  throw std::runtime_error{why};
}

}  // namespace canopy::tune
