#include "canopy/comm/grid.hpp"

#include <fmt/format.h>

namespace canopy::comm {
namespace {

GridShape checked(GridShape shape, int ranks) {
  if (shape.replicas < 1 || shape.stages < 1 || shape.ranks() != ranks)
    throw UserError{
        fmt::format("{} replica(s) of {} stage(s) take {} ranks and there are {}: start "
                    "as many, or choose a number of stages that divides the ranks",
                    shape.replicas, shape.stages, shape.ranks(), ranks)};
  return shape;
}

}  // namespace

std::string GridShape::name_of(Rank rank) const {
  return fmt::format("rank {} (replica {}, stage {})", rank.value, replica_of(rank),
                     stage_of(rank));
}

Grid::Grid(Communicator const& comm, GridShape shape)
    : shape_{checked(shape, comm.size())},
      rank_{comm.rank()},
      replica_group_{comm.split(stage())},
      stage_group_{comm.split(replica())} {}

}  // namespace canopy::comm
