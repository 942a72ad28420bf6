#pragma once

#include <functional>

#include "canopy/app/train.hpp"

namespace canopy::app {

/// Collective. run() for forests whose trees are dealt to the ranks.
record::RunRecord run_by_trees(comm::Communicator const& comm, TrainSettings const& settings,
                               std::function<void()> const& before_block);

}  // namespace canopy::app
