#include "messages/combiner_clock.hpp"

#include <algorithm>
#include <utility>

namespace canopy::federate {

void CombinerClock::begin() {
  if (due_++ == 0) since_ = Stopwatch{};
}

void CombinerClock::loaded(double seconds, std::uint64_t bytes) {
  if (due_ == 0) return;
  use_.load_seconds += seconds;
  use_.bytes += static_cast<std::int64_t>(bytes);
}

void CombinerClock::added_up(double seconds, std::int64_t updates) {
  if (due_ == 0) return;
  use_.aggregate_seconds += seconds;
  use_.updates += updates;
}

CombinerUse CombinerClock::tell() {
  --due_;
  auto use = std::exchange(use_, {});
  auto const all = std::exchange(since_, {}).seconds();
  use.wait_seconds = std::max(0.0, all - use.load_seconds - use.aggregate_seconds);
  return use;
}

}  // namespace canopy::federate
