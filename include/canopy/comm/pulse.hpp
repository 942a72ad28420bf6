#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <mpi.h>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/lost_peer.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {

/// Signs of life. A rank may compute for long while others wait for it, and others again for these:
/// whoever waits must be able to tell who is slow from who is gone. So each rank tells its peers
/// about once a second that it is alive, also in the midst of computing, on a communicator of its
/// own. Who finds one silent tells the others, so that all name the same one.
class Pulse {
 public:
  /// Collective. Signs go to and come from `peers`, all other ranks if none are named; whoever is a
  /// peer of another has that one as a peer. After `timeout` seconds of silence a peer is lost.
  explicit Pulse(Communicator const& comm, double timeout = 9, std::vector<Rank> peers = {});
  Pulse(Pulse const&) = delete;
  Pulse& operator=(Pulse const&) = delete;
  ~Pulse();  ///< collective over peers, unless an exception is on its way; never throws

  double timeout() const { return timeout_; }
  /// The number here of a rank of another communicator.
  Rank rank_here(Communicator const& other, Rank rank) const;

  /// All peers are alive as of now: something begins, and nobody had a reason to beat before.
  void start();
  /// Beats if it is time to; to be called now and then, also while computing.
  void beat();
  /// To be called while a peer is awaited in vain. Throws LostPeer if it has been silent for too
  /// long, or if a peer has told that some rank is lost. Time in which nobody asks does not count,
  /// so that a rank that computed for long takes a look before it blames another.
  void check(Rank peer, std::string_view awaited);
  /// Beats, checks and rests until `is_there()`.
  template <class IsThere>
  void wait_until(IsThere is_there, Rank peer, std::string_view awaited) {
    for (Patience patience; !is_there(); patience.rest()) {
      beat();
      check(peer, awaited);
    }
  }
  /// The same where any of the peers may be awaited, as in a collective that does not block. MPI
  /// does not tell whether its messages move on: while they may be on their way we only yield, for
  /// to sleep would hold them up, and look more often after that.
  template <class IsThere>
  void wait_until(IsThere is_there, std::string_view awaited) {
    if (is_there()) return;
    start();
    Stopwatch const waited;
    for (Patience patience{longest_rest, 32}; !is_there(); patience.rest()) {
      if (waited.seconds() < on_their_way) patience.reset();
      beat();
      for (auto const& peer : peers_) check(peer.rank, awaited);
    }
  }
  /// Collective over peers. Takes in all signs that are on their way, so that none is left when the
  /// communicator goes. Throws LostPeer.
  void settle();

 private:
  static constexpr double on_their_way = 5e-4;  // seconds
  static constexpr std::chrono::milliseconds longest_rest{2};
  enum Kind : std::int64_t { alive, last, lost };
  struct Sign {
    std::int64_t kind;
    std::int64_t rank;  ///< the lost one
  };
  struct Peer {
    Rank rank;
    double asked_in_vain = 0;  ///< seconds
    double asked_last = 0;     ///< by clock_
    int settled = 0;           ///< last signs that have come
    Sign beat{alive, 0};
    Sign notice{last, 0};
    MPI_Request beat_request = MPI_REQUEST_NULL;
    MPI_Request notice_request = MPI_REQUEST_NULL;
  };
  Peer& peer_of(Rank rank) { return peers_[place_of_[static_cast<std::size_t>(rank.value)]]; }
  void listen();
  void heard(Peer& peer);
  void tell(Peer& peer, Sign notice);
  [[noreturn]] void give_up(Rank who, std::string_view awaited);

  Communicator comm_;
  double timeout_;
  std::vector<Peer> peers_;
  std::vector<std::size_t> place_of_;  ///< by rank, in peers_
  Stopwatch clock_;
  double last_beat_ = 0;
  std::optional<Rank> lost_;
};

}  // namespace canopy::comm
