#pragma once

#include <algorithm>
#include <cstddef>

namespace canopy::app {

/// When trees that are grown so far are worth saving: when that takes at most a twentieth of the
/// time since it was done last. All of them are written each time, so quick fits save nothing.
class SavePace {
 public:
  void begin(double now) { saved_at_ = now; }

  bool is_due(double now, std::size_t nodes) const {
    constexpr double least = 2, share = 1.0 / 20;
    auto const since = now - saved_at_;
    return since >= least && seconds_per_node_ * static_cast<double>(nodes) <= share * since;
  }

  /// So many nodes were saved from `from` to `to`, in seconds.
  void saved(double from, double to, std::size_t nodes) {
    saved_at_ = to;
    seconds_per_node_ = (to - from) / static_cast<double>(std::max<std::size_t>(1, nodes));
  }

 private:
  double saved_at_ = 0;
  double seconds_per_node_ = 0.5e-6;  ///< until it is measured a guess on the safe side
};

}  // namespace canopy::app
