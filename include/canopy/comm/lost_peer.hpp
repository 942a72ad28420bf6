#pragma once

#include <stdexcept>
#include <string>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// A rank has not answered for as long as we were ready to wait. The text names it and what was
/// going on. The communicator cannot be used any more: other ranks may be anywhere.
struct LostPeer : std::runtime_error {
  LostPeer(Rank who, std::string const& operation, double seconds);
  Rank peer;  ///< in the communicator of the operation
};

}  // namespace canopy::comm
