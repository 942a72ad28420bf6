#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/farm.hpp"
#include "canopy/core/random.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/federate/clients.hpp"
#include "canopy/federate/devices.hpp"
#include "canopy/federate/options.hpp"
#include "canopy/federate/roles.hpp"
#include "canopy/federate/state.hpp"
#include "canopy/nn/network.hpp"

namespace canopy::federate {

/// What happens on the reducer's rank while a federation runs. All may be empty.
struct FederationHooks {
  std::function<void(RoundRow const&)> round;              ///< after every round
  std::function<void()> idle;                              ///< while it waits, often
  std::function<bool()> interrupted;                       ///< asked before every round
  std::function<void(FederationState const&)> checkpoint;  ///< after every round
  std::function<void(std::string const& kind, std::string const& text)> event;
};

/// A combiner is gone, and with it what it had summed up: the run cannot go on.
struct LostCombiner : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What every rank of a federation has.
struct FederationTask {
  nn::Network const& network;
  data::Rows const& test_rows;
  Clients& clients;
  FederationOptions const& options;
  Key key{0};
};

/// A round takes and frees blocks of the model's size many times over. Given back to the system,
/// their pages cost more than all that is done with them. Holds for the whole process, so it is
/// for a program to call.
void keep_freed_memory();

/// Training by clients whose rows stay where they are: in rounds, or with an asynchronous
/// aggregator in steps of the server.
class Federation {
 public:
  /// Collective. All of `task` must outlive it. UserError when no client can meet the deadline.
  Federation(comm::Communicator const& comm, RoleMap const& roles, FederationTask const& task);
  ~Federation();

  /// A state to begin with: from this model, or one that the key initialises.
  FederationState fresh_state(std::vector<float> model = {}) const;

  /// On the reducer's rank, from this state: true when the last round is done, false when it was
  /// interrupted. The others serve() meanwhile. Throws when a combiner is lost.
  bool run(FederationState state, FederationHooks const& hooks);
  /// Ends the process when a rank was lost meanwhile: nothing that all do together works then.
  void serve();
  /// On the reducer's rank, ends the others: how every rank spent its time.
  std::vector<comm::RankUse> shut_down();

  FederationState const& state() const;
  /// What a client's device takes for one update, if nothing comes in between.
  Trip trip(int client) const;
  /// Whether state() is as the last round left it, and not in the middle of the next.
  bool is_whole() const;
  /// Whether a rank was lost: the process must then end without MPI.
  bool has_lost_ranks() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace canopy::federate
