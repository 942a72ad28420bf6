#pragma once

#include <vector>

#include "canopy/comm/requests.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::train {

/// Signs of life between workers and servers. A server may wait long for a slow worker, and the
/// other workers with it: whoever waits must be able to tell who is slow from who is gone. Each
/// rank tells its peers once a second that it is alive, on a communicator of its own.
class Pulse {
 public:
  /// Collective. Peers are the ranks first .. end-1; after `timeout` seconds of silence one of them
  /// is lost.
  Pulse(comm::Communicator const& comm, comm::Rank first, comm::Rank end, double timeout);

  /// All peers are alive as of now: an update begins, and nobody had a reason to beat before.
  void start();
  /// Beats if it is time to; to be called now and then, also while computing.
  void beat();
  /// Throws LostPeer if this peer has been silent for too long.
  void check(comm::Rank peer, char const* awaited);
  /// Collective over peers. Takes in all beats that are on their way, so that none is left when the
  /// communicator goes. Throws LostPeer.
  void settle();

 private:
  void listen();
  comm::Rank rank_of(std::size_t peer) const { return {first_.value + static_cast<int>(peer)}; }

  comm::Communicator comm_;
  comm::Rank first_;
  double timeout_;
  comm::RequestServer ear_;
  comm::RequestClient mouth_;
  Stopwatch clock_;
  double last_beat_ = 0;
  std::vector<int> settled_;        ///< by peer: last beats that have come
  std::vector<double> last_heard_;  ///< by peer, on `clock_`
};

}  // namespace canopy::train
