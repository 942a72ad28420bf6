#pragma once

#include <algorithm>
#include <chrono>

#include "canopy/comm/patience.hpp"

namespace canopy::comm {

/// How long we have asked in vain. Time in which nobody asked does not count, so that a rank that
/// computed for long takes a look before it blames another.
class Silence {
 public:
  /// `longest_step`: seconds between two looks that count as asking.
  explicit Silence(double timeout, double longest_step = 0.1)
      : timeout_{timeout}, longest_step_{longest_step} {}

  double timeout() const { return timeout_.count(); }

  void heard() {
    asked_in_vain_ = {};
    last_look_ = Clock::now();
  }

  /// To be called after each look that found nothing.
  bool is_too_long() {
    auto const now = Clock::now();
    asked_in_vain_ += std::min<Seconds>(now - last_look_, longest_step_);
    last_look_ = now;
    return asked_in_vain_ > timeout_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  Seconds timeout_;
  Seconds longest_step_;
  Seconds asked_in_vain_{};
  Clock::time_point last_look_ = Clock::now();
};

/// Looks until `is_there()`, with patience; when it takes longer than `timeout`, `give_up()` is to
/// throw.
template <class IsThere, class GiveUp>
void wait_until(IsThere is_there, double timeout, GiveUp give_up) {
  Patience patience;
  Silence silence{timeout};
  while (!is_there()) {
    if (silence.is_too_long()) give_up();
    patience.rest();
  }
}

}  // namespace canopy::comm
