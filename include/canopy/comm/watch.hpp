#pragma once

#include <functional>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/pulse.hpp"

namespace canopy::comm {

/// While it lives nobody waits for a lost rank in barrier, broadcast, gather or together of this
/// communicator (or of a copy), nor in all_gather and time_in_turns: who waits gives signs of life
/// and looks for those of the pulse's peers, and LostPeer is thrown when one is silent. MPI may
/// still write to what the collective was to fill, so the program has to end then.
///
/// Whoever is long about something in between has to give signs as well: see below.
class Watch {
 public:
  /// `pulse` outlives it. Of several on a communicator the newest counts.
  Watch(Communicator const& comm, Pulse& pulse);
  Watch(Watch const&) = delete;
  Watch& operator=(Watch const&) = delete;
  ~Watch();

 private:
  Communicator comm_;
  Pulse& pulse_;
};

/// Gives a sign of life if it is time to, where the communicator is watched.
void beat(Communicator const& comm);

/// Does work that cannot give signs of life, such as writing a file, in a thread of its own, while
/// this one gives them; where nobody watches, just does it. The work is not to use MPI.
void beat_meanwhile(Communicator const& comm, std::function<void()> const& work);

}  // namespace canopy::comm
