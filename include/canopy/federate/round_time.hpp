#pragma once

#include "canopy/federate/roles.hpp"
#include "canopy/train/plan/cluster.hpp"

namespace canopy::federate {

/// A synchronous round, as its ranks see it.
struct RoundWork {
  int clients = 10;               ///< that train
  double seconds_per_client = 0;  ///< to train, and to add its update to its rank's sum
  double model_bytes = 0;         ///< of the model, on its way down
  double sum_bytes = 0;           ///< of a sum of updates, on its way up
  double merge_seconds = 0;       ///< to add one sum to another
};

/// Seconds of the parts of a round, which come one after the other.
struct RoundTime {
  double download = 0;
  double train = 0;
  double upload = 0;
  double aggregate = 0;
  double compute = 0;  ///< mean over ranks of the seconds in which they train or add up
  double seconds() const { return download + train + upload + aggregate; }
};

/// Round as in Bonawitz et al. 2019, "Towards federated learning at scale", with real ranks: the
/// reducer sends the model to its combiners, one after the other, and each of them to its client
/// ranks; a rank trains the clients it is dealt, which are as many as on others or one more; sums
/// go back the same ways. What a rank sends or takes, it does one message after the other, and
/// between machines the link's speed is that of one rank. Evaluation is not in it.
RoundTime predict_round(RoleMap const& roles, RoundWork const& work, train::Cluster const& cluster);

}  // namespace canopy::federate
