#pragma once

#include "canopy/app/train.hpp"

namespace canopy::app {

/// `canopy train` of a network: the counterpart of run() for forests. Collective.
record::RunRecord run_network(comm::Communicator const& comm, TrainSettings const& settings);

}  // namespace canopy::app
