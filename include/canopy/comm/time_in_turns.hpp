#pragma once

#include <functional>
#include <vector>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// How long something took, in seconds of the slowest rank.
struct Timing {
  double best = 0;
  double median = 0;  ///< of an even number the lower one
};

/// Collective. Times what ranks do together, each work once in each of some rounds, so that
/// whatever else the machine does meets all of them alike. A first round finds connections and
/// pages not yet made and does not count; at most nine follow, and none after the second once a
/// seventh of a second is over. A first round of more than a second counts alone: beside that the
/// connections and pages are little. The same numbers on every rank.
std::vector<Timing> time_in_turns(Communicator const& comm,
                                  std::vector<std::function<void()>> const& works);

}  // namespace canopy::comm
