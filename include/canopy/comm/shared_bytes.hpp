#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// One copy of the root's bytes on every machine, read by all ranks of that machine (an MPI-3
/// shared window; MPI 3.1, section 11.2.3).
struct SharedBytes {
  std::span<std::byte const> bytes;
  std::shared_ptr<void const> owner;  ///< keeps `bytes`; ranks must let go of it together
};

/// Collective. `from_root` matters on the root only. The root sends to one rank per machine.
SharedBytes share(Communicator const& comm, std::span<std::byte const> from_root);

}  // namespace canopy::comm
