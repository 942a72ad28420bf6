#pragma once

#include "canopy/app/train.hpp"

namespace canopy::app {

/// Collective. run() for --rows-sharded: the rows are dealt to the ranks, and all grow every tree
/// together. The model, its hash and its scores are those of a run that deals trees.
record::RunRecord run_by_rows(comm::Communicator const& comm, TrainSettings const& settings);

}  // namespace canopy::app
