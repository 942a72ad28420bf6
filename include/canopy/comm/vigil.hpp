#pragma once

#include <optional>
#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/process_watch.hpp"
#include "canopy/comm/silence.hpp"

namespace canopy::comm {

/// Who of a group has gone, as one rank finds out. A process that ended on this machine is known at
/// once; one that hangs or that lives elsewhere is taken for lost when nothing was heard of it for
/// long. Sends nothing itself: whoever is watched has to give signs of life now and then.
class Vigil {
 public:
  /// Collective. `silence`: seconds after which a silent rank counts as lost.
  Vigil(Communicator const& comm, double silence);

  void heard(Rank rank) { at(rank).silence.heard(); }
  /// From now on so many seconds of silence are allowed.
  void allow(Rank rank, double silence) { at(rank).silence = Silence{silence, longest_step}; }
  /// To be called often, after everything that has come was heard. Why the rank is taken for lost,
  /// or nothing while it is not.
  std::optional<std::string> why_lost(Rank rank);
  /// Whether its end would be known at once.
  bool sees(Rank rank) { return at(rank).process.sees(); }

 private:
  static constexpr double longest_step = 1;  // that still counts as listening
  struct Watched {
    ProcessWatch process;
    Silence silence;
  };
  Watched& at(Rank rank) { return watched_[static_cast<std::size_t>(rank.value)]; }

  std::vector<Watched> watched_;  ///< by rank
};

}  // namespace canopy::comm
