#pragma once

#include <stdexcept>
#include <string>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// A rank has not answered for as long as we were ready to wait. The text names it and what was
/// going on. Other ranks may be anywhere, and messages may still be leaving from our buffers: print
/// it and call Environment::abort where these still live, as MPI_Finalize may wait for ever.
struct LostPeer : std::runtime_error {
  LostPeer(Rank who, std::string const& operation, double seconds);
  Rank peer;  ///< in the communicator of the operation, or of its pulse
  double seconds;
};

}  // namespace canopy::comm
