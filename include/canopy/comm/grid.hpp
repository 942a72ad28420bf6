#pragma once

#include <string>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// Ranks laid out as replicas x stages: rank = replica * stages + stage, so that the stages of a
/// replica are neighbours (on one machine when it has that many slots).
struct GridShape {
  int replicas = 1;
  int stages = 1;
  int ranks() const { return replicas * stages; }
  int replica_of(Rank rank) const { return rank.value / stages; }
  int stage_of(Rank rank) const { return rank.value % stages; }
  Rank rank_of(int replica, int stage) const { return {replica * stages + stage}; }
  /// "rank 5 (replica 2, stage 1)", for people.
  std::string name_of(Rank rank) const;
};

/// This rank's place on the grid and the two groups it belongs to.
class Grid {
 public:
  /// Collective. Throws UserError on all ranks unless the shape has exactly comm.size() ranks.
  Grid(Communicator const& comm, GridShape shape);

  GridShape shape() const { return shape_; }
  int replica() const { return shape_.replica_of(rank_); }
  int stage() const { return shape_.stage_of(rank_); }
  std::string name() const { return shape_.name_of(rank_); }

  /// The same stage in every replica, rank = replica: those that sum gradients.
  Communicator const& replica_group() const { return replica_group_; }
  /// The stages of this replica, rank = stage: those that pass activations on.
  Communicator const& stage_group() const { return stage_group_; }

 private:
  GridShape shape_;
  Rank rank_;
  Communicator replica_group_;
  Communicator stage_group_;
};

}  // namespace canopy::comm
