#pragma once

#include "canopy/comm/grid.hpp"
#include "canopy/train/network/strategy.hpp"
#include "canopy/train/shard_plan.hpp"

namespace canopy::train {

/// All ranks are stages of one replica (--parallel pipeline). UserError, as for the other, when the
/// numbers do not fit.
comm::GridShape pipeline_shape(StrategyOptions const& options, int ranks);

/// As many replicas as the ranks have room for (--parallel hybrid).
comm::GridShape hybrid_shape(StrategyOptions const& options, ShardPlan const& plan, int ranks);

}  // namespace canopy::train
