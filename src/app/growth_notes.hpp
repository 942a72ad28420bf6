#pragma once

#include "canopy/record/journal.hpp"

namespace canopy::app {

/// Tells the journal how many trees of a forest have grown, for who watches: once a second.
class GrowthNotes {
 public:
  /// `seconds` since the session began.
  void note(record::Journal& journal, double seconds, int grown) {
    if (seconds < next_) return;
    next_ = seconds + 1;
    journal.append({{"kind", "trees"}, {"trees", grown}, {"seconds", seconds}});
  }

 private:
  double next_ = 0;
};

}  // namespace canopy::app
