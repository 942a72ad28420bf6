#pragma once

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// Finds out who is lost when everybody waits for somebody. In a ring each rank waits for its
/// neighbour, who may itself be waiting: so ranks that time out tell all others whom they wait for,
/// and each follows these notes from rank to rank until one that has sent none.
class RollCall {
 public:
  /// Notes travel under this tag of the communicator.
  RollCall(Communicator comm, int tag) : comm_{std::move(comm)}, tag_{tag} {}

  /// Takes half a second, as others may time out a little later.
  Rank find_lost(Rank waits_for);

 private:
  Communicator comm_;
  int tag_;
  int note_ = 0;  ///< a send to a lost rank may never be over, so it stays
};

}  // namespace canopy::comm
