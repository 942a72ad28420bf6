#pragma once

#include <string>
#include <vector>

#include "canopy/app/calibrate.hpp"
#include "canopy/nn/network.hpp"

#include "calibration.hpp"
#include "kernel_clock.hpp"
#include "run_parts.hpp"

/// The kernels that `canopy calibrate` times. All are collective; rows are the root's.
namespace canopy::app {

/// Passes of micro-batches by layer, the optimizer, updates in sums.
void time_network(KernelClock const& clock, std::string const& model, nn::Network const& network,
                  data::Samples const& samples, CalibrateSettings const& settings,
                  std::vector<KernelTime>& kernels);
/// A tree of a forest as it is by default.
void time_tree(KernelClock const& clock, SharedData const& data, CalibrateSettings const& settings,
               std::vector<KernelTime>& kernels);
/// Adding floats to floats.
void time_adds(KernelClock const& clock, std::vector<KernelTime>& kernels);
/// What rank 0 does for each task of a farm. Nothing for one rank.
void time_tasks(comm::Communicator const& comm, std::vector<KernelTime>& kernels);

/// Whole updates by --parallel data with so many rows, all ranks together, in seconds of the root.
Spread time_updates(comm::Communicator const& comm, nn::Network const& network,
                    data::Samples const& samples, int batch, CalibrateSettings const& settings);

/// Arrays that an optimizer keeps for each parameter.
int optimizer_states(nn::Network const& network, std::string const& optimizer);

}  // namespace canopy::app
