#pragma once

#include <cstdint>

#include "canopy/core/clock.hpp"

#include "messages/messages.hpp"

namespace canopy::federate {

/// Where the real time of a combiner goes while its clients have training to do. It waits while it
/// neither loads updates nor adds them up, even if its rank trains meanwhile.
class CombinerClock {
 public:
  /// Training was dealt to its clients; the end of that is told once.
  void begin();
  /// Spent on receiving and unpacking a part of an update, or all of it. Nothing counts while no
  /// training is due.
  void loaded(double seconds, std::uint64_t bytes);
  void added_up(double seconds, std::int64_t updates);
  /// Training that was dealt has ended: what there is to tell since tell() was last called.
  CombinerUse tell();

 private:
  int due_ = 0;
  Stopwatch since_;
  CombinerUse use_;
};

}  // namespace canopy::federate
