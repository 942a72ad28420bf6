#pragma once

#include <vector>

#include "canopy/train/network/strategy.hpp"
#include "canopy/train/pipeline/check.hpp"
#include "canopy/train/pipeline/partition.hpp"

namespace canopy::train {

/// Seconds that each layer takes on this rank for one micro-batch of the most rows: medians over
/// some of them, of processor time, so that it does not count who else uses the core.
std::vector<StageTimes> time_layers(Assignment const& assignment);

/// Collective. The network cut into stages by the time that layers take, medians over ranks; the
/// same blocks on every rank, as the root decides. The cut depends on the clock, the weights do not
/// depend on the cut. UserError when there are more stages than layers.
std::vector<LayerBlock> agree_on_blocks(Assignment const& assignment, int stages);

}  // namespace canopy::train
