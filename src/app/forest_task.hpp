#pragma once

#include "canopy/app/train.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/train/forest_by_trees.hpp"

#include "run_parts.hpp"

namespace canopy::app {

/// What all ranks know about a forest that they grow: enough for any of its trees.
struct ForestTask {
  data::EncodedTable table;
  data::Split split;
  forest::ForestParameters parameters;
  Key key;

  train::Trees grow(train::TreeBlock block, StopToken const& stop) const;
};

/// The keys are those of canopy tune: the same parameters, rows and seed give the same model there.
/// DataError when no row is left to learn from.
ForestTask make_forest_task(TrainSettings const& settings, SharedData const& data);

}  // namespace canopy::app
