#pragma once

#include <cstdint>
#include <string>

#include "canopy/comm/grid.hpp"
#include "canopy/comm/lost_peer.hpp"

namespace canopy::train {

/// Another stage of this replica does not answer, told in ranks that mpirun knows; `what` waits.
comm::LostPeer lost_stage(comm::Grid const& grid, int stage, std::int64_t update,
                          std::string const& what, double seconds);

/// `lost` while replicas summed gradients, likewise.
comm::LostPeer lost_replica(comm::Grid const& grid, comm::LostPeer const& lost,
                            std::int64_t update);

}  // namespace canopy::train
