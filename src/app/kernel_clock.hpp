#pragma once

#include <functional>
#include <vector>

#include "canopy/comm/communicator.hpp"

#include "calibration.hpp"

namespace canopy::app {

/// Times what all ranks compute at the same time, as they will when they share memory and
/// processors in a run. Work is repeated for a window of time and its mean taken, so that a quota
/// of the processor, which holds processes back some milliseconds at a time, is in it.
class KernelClock {
 public:
  /// Windows of so many seconds, and so many of them.
  KernelClock(comm::Communicator const& comm, double window, int windows)
      : comm_{comm}, window_{window}, windows_{windows} {}

  /// Collective. `work` tells the seconds of its parts, always as many. Median, least and most of
  /// each part over all ranks and windows; on the root, elsewhere nothing.
  std::vector<Spread> time_parts(std::function<std::vector<double>()> const& work) const;
  /// Collective. Work that is one part.
  Spread time(std::function<void()> const& work) const;

 private:
  comm::Communicator const& comm_;
  double window_;
  int windows_;
};

}  // namespace canopy::app
