#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>

#include "canopy/comm/communicator.hpp"
#include "canopy/core/random.hpp"
#include "canopy/train/network/training_state.hpp"

namespace canopy::tune {

/// Networks that were fitted here for some epochs a while ago, to go on with. A state tells all
/// that a fit depends on, so going on comes to the same bits as beginning afresh, wherever the
/// first epochs have stayed.
class KeptNetworks {
 public:
  explicit KeptNetworks(std::size_t most_bytes) : most_{most_bytes} {}

  /// The state of the fit called so, unless it has come beyond so many updates.
  std::optional<train::TrainingState> find(std::string const& name, Key key, std::int64_t steps);
  /// In place of an earlier one of the same fit. Those that were not used for longest go.
  void keep(std::string const& name, Key key, train::TrainingState state);

 private:
  struct Kept {
    std::string name;
    Key key;
    train::TrainingState state;
    std::size_t bytes;
  };

  std::size_t most_;
  std::list<Kept> kept_;  ///< the last one used first
};

/// Collective. The furthest of the states that the ranks have, on every rank; nothing when nobody
/// has one.
std::optional<train::TrainingState> furthest(comm::Communicator const& team,
                                             std::optional<train::TrainingState> mine,
                                             std::size_t arena_size, int shards);

}  // namespace canopy::tune
