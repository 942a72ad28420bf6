#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/train/network/strategy.hpp"

namespace canopy::train {

/// Who is what among the ranks of a parameter server (Li et al. 2014): the first ones work, the
/// last ones serve, each a slice of the arena.
struct Roles {
  int workers = 0;
  std::vector<nn::Range> slices;  ///< by server, ascending, none empty
  /// By how many updates a worker may be ahead of the slowest one; none: by any number.
  std::optional<std::int64_t> staleness;

  int servers() const { return static_cast<int>(slices.size()); }
  comm::Rank server(int number) const { return {workers + number}; }
  bool is_server(comm::Rank rank) const { return rank.value >= workers; }
  bool is_synchronous() const { return staleness == 0; }
};

/// The number that --staleness means; none for "inf". UserError for anything else.
std::optional<std::int64_t> staleness_of(std::string const& text);

/// Ranks that are no servers. UserError, with numbers and remedy, when there are none, or more than
/// shards.
int workers_of(StrategyOptions const& options, ShardPlan const& plan, int ranks);

/// UserError, with numbers and remedy, when there are too few ranks for the servers, more workers
/// than shards, fewer tensors than servers while the optimizer needs whole ones, or when an option
/// of the sums among replicas is set that servers do not have. Slices are equal in bytes, so that
/// large tensors are cut; with optimizers that need whole tensors they are as equal as can be.
Roles deal_roles(Assignment const& assignment);

}  // namespace canopy::train
