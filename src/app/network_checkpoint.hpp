#pragma once

#include <optional>

#include "canopy/nn/network.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/train/network/training_state.hpp"
#include "canopy/train/shard_plan.hpp"

#include "run_parts.hpp"

namespace canopy::app {

/// Marks arrays as the state of an unfinished run, of such a form, of this network and data.
void mark_checkpoint(NamedArrays& arrays, std::string const& form, nn::Network const& network,
                     std::string const& fingerprint);

/// The record with a state of such a form that an earlier session of this run has saved; nothing
/// when it saved none. A journal of this run makes a run file of another one a thing of the past,
/// which a killed run with --overwrite was to replace; else such a file is a UserError.
std::optional<record::RunRecord> earlier_record(RunStart& start, RunIdentity const& identity,
                                                std::string const& form,
                                                nn::Network const& network);

/// What an unfinished fit of a network saves as its model: the state of training, whatever the
/// ranks, with the layers and the data that it belongs to.
NamedArrays network_checkpoint(train::TrainingState const& state, nn::Network const& network,
                               std::string const& fingerprint);

/// The state that earlier_record() finds.
std::optional<train::TrainingState> earlier_state(RunStart& start, RunIdentity const& identity,
                                                  nn::Network const& network,
                                                  train::ShardPlan const& plan);

}  // namespace canopy::app
