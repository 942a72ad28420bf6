#include "pipeline/lost.hpp"

#include <fmt/format.h>

namespace canopy::train {

comm::LostPeer lost_rank(comm::Grid const& grid, comm::LostPeer const& lost, std::int64_t update,
                         std::string const& what) {
  auto const shape = grid.shape();
  return {lost.peer,
          fmt::format("stage {} of replica {}, in update {}: {} on {}", shape.stage_of(lost.peer),
                      shape.replica_of(lost.peer), update, what, grid.name()),
          lost.seconds};
}

}  // namespace canopy::train
