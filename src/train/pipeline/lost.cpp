#include "pipeline/lost.hpp"

#include <fmt/format.h>

#include "canopy/comm/reduce/reduction.hpp"

namespace canopy::train {

comm::LostPeer lost_stage(comm::Grid const& grid, int stage, std::int64_t update,
                          std::string const& what, double seconds) {
  return {grid.shape().rank_of(grid.replica(), stage),
          fmt::format("stage {} of replica {}, in update {}: {} waits for it on {}", stage,
                      grid.replica(), update, what, grid.name()),
          seconds};
}

comm::LostPeer lost_replica(comm::Grid const& grid, comm::LostPeer const& lost,
                            std::int64_t update) {
  return {grid.shape().rank_of(lost.peer.value, grid.stage()),
          fmt::format("stage {} of replica {}, in update {}: the sum of gradients waits for it on "
                      "{}",
                      grid.stage(), lost.peer.value, update, grid.name()),
          comm::ReductionPlan{}.timeout};
}

}  // namespace canopy::train
