#pragma once

#include <cstdint>
#include <string>

#include "canopy/comm/grid.hpp"
#include "canopy/comm/lost_peer.hpp"

namespace canopy::train {

/// A rank of the grid that does not answer, told with its place and the update; `what` went on
/// here: "receive of gradient of micro-batch 0 waits for it".
comm::LostPeer lost_rank(comm::Grid const& grid, comm::LostPeer const& lost, std::int64_t update,
                         std::string const& what);

}  // namespace canopy::train
