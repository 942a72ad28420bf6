#pragma once

#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/train/pipeline/partition.hpp"
#include "canopy/train/pipeline/schedule.hpp"

#include "pipeline/stage_use.hpp"

namespace canopy::train {

/// What one rank of a grid has to tell.
struct PipelineRank {
  int stage = 0;
  int shards = 0;  ///< of its replica: micro-batches of an update
  StageUse use;
  double update_seconds = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(stage, shards, use, update_seconds);
  }
};

/// The table /pipeline, a row for each stage:
///   stage schedule micro_batches      of the replica that has most
///   first_layer last_layer layers     numbers from 1, the last one included; names
///   forward_seconds backward_seconds weights_seconds      mean of one micro-batch
///   idle_share                        of the stage's updates, waiting for other stages
///   bubble bubble_simulated bubble_textbook      of all stages, alike in each row: as measured; as
///                                     the list gives with these times and no time for messages;
///                                     (S-1) / (M+S-1)
Table pipeline_table(nn::Network const& network, PipelineSchedule const& schedule,
                     std::vector<LayerBlock> const& blocks, std::vector<PipelineRank> const& ranks);

}  // namespace canopy::train
