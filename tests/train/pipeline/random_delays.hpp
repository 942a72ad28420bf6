#pragma once

#include <csignal>
#include <cstdint>
#include <ctime>

#include <sys/time.h>

namespace canopy::test {

/// While this lives, the process stops for up to 2 ms again and again, wherever it happens to be:
/// in the midst of a layer or of a call to MPI. Ranks with other seeds stop at other times.
class RandomDelays {
 public:
  explicit RandomDelays(unsigned seed) {
    state() = seed * 2654435761u + 12345;
    struct sigaction action {};
    action.sa_handler = [](int) { stop_a_while(); };
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before_);
    ring_every(1'700 + static_cast<long>(seed % 7) * 300);
  }
  RandomDelays(RandomDelays const&) = delete;
  RandomDelays& operator=(RandomDelays const&) = delete;
  ~RandomDelays() {
    ring_every(0);
    sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  static std::uint32_t volatile& state() {
    static std::uint32_t volatile value;
    return value;
  }
  static void stop_a_while() {
    state() = state() * 1664525u + 1013904223u;  // Numerical Recipes' generator
    timespec const pause{0, static_cast<long>(state() >> 8) % 2'000'000};
    nanosleep(&pause, nullptr);
  }
  static void ring_every(long microseconds) {
    itimerval const timer{{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &timer, nullptr);
  }

  struct sigaction before_ {};
};

}  // namespace canopy::test
