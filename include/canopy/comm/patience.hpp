#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace canopy::comm {

/// How to wait for a message without burning the core: Open MPI spins in its blocking calls, so we
/// ask, and sleep in between - not at all for the first moments, then longer the longer nothing
/// comes: 1/share of what one has waited so far, so that messages are late by a small part of their
/// way. With the defaults, and while tasks last 0.1 s and more, this costs under 3 % of a core
/// (tests/bench).
class Patience {
 public:
  explicit Patience(std::chrono::microseconds longest = std::chrono::milliseconds{2}, int share = 8)
      : longest_{longest}, share_{share} {}

  /// Something came: be quick again.
  void reset() { since_ = Clock::now(); }

  void rest() {
    auto const idle = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - since_);
    if (idle < std::chrono::microseconds{50})
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::min(idle / share_, longest_));
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::microseconds longest_;
  int share_;
  Clock::time_point since_ = Clock::now();
};

}  // namespace canopy::comm
