#include <memory>

#include "canopy/train/network/strategy.hpp"

#include "network/data_parallel.hpp"
#include "pipeline/hybrid.hpp"
#include "ps/parameter_server.hpp"

namespace canopy::train {

Registry<Strategy, Assignment const&> const& strategies() {
  static Registry<Strategy, Assignment const&> const table{
      {"data", "every rank has the whole network and takes a part of each batch",
       [](Assignment const& a) { return std::make_unique<DataParallel>(a); }},
      {"pipeline", "every rank has some of the layers, and micro-batches run through all ranks",
       Hybrid::pipeline},
      {"hybrid", "replicas of pipelines, each for a part of each batch", Hybrid::hybrid},
      {"ps", "parameter servers hold the network, the other ranks work out gradients",
       [](Assignment const& a) { return make_parameter_server(a, a.options.timeout); }},
  };
  return table;
}

nn::StepInfo step_info(Update const& update, ShardPlan const& plan) {
  return {update.number, update.lr, 1.0 / plan.rows_of_step(update.in_epoch),
          1.0 / plan.filled_shards(update.in_epoch)};
}

}  // namespace canopy::train
