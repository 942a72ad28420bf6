#pragma once

#include "canopy/core/array.hpp"
#include "canopy/train/network/strategy.hpp"
#include "canopy/train/plan/cluster.hpp"
#include "canopy/train/plan/model_costs.hpp"

/// How long an update would take by a way to spread it over ranks (strategies()), from what kernels
/// and links were measured to take. The weights are the same for all of them, so seconds are all
/// there is to predict.
///
/// Not in it: ranks that wait the longer for each other the more of them there are (a meeting costs
/// what it did when measured), ranks that share a machine's memory bandwidth beyond what was
/// measured, sums of gradients that slow down whom they overlap with.
namespace canopy::train {

/// What a rank spends an update on. Where ranks differ `seconds` is of the slowest and the rest are
/// means, so that seconds = compute + exposed + idle.
struct UpdateCost {
  double seconds = 0;
  double compute = 0;
  double exposed = 0;  ///< messages that nothing is computed behind
  double idle = 0;
  double bubble = 0;  ///< of `idle`: what the schedule of a pipeline makes
  double memory = 0;  ///< bytes of weights, sums, optimizer and passes on the fullest rank
};

/// What is planned for.
struct UpdatePlan {
  ModelCosts const& model;
  Cluster const& cluster;
  ShardPlan const& shards;
  StrategyOptions const& options;  ///< parallel, stages, schedule, servers, reduction.order
  int ranks = 1;
};

/// By options.parallel. UserError, with numbers and remedy, when the layout cannot divide so many
/// ranks, the model its layers, or the batch its shards.
///
/// data      each rank computes V/p shards, rounded up, then sums gradients. Bucket k is ready when
///           the last shard's backward has come to it, and takes the link after the ones before:
///           end_k = max(ready_k, end_(k-1)) + T(all-reduce) (Li et al. 2020, "PyTorch
///           distributed"). Only what outlasts the backward is exposed, and only between machines:
///           within one the processor itself moves the bytes, so that nothing is hidden there.
/// pipeline, hybrid
///           stages as cut_layers() cuts them, the schedule played through by simulate() with these
///           times and the largest message, then the sums among replicas as above. For equal stages
///           and messages that take no time gpipe and 1f1b take (m + s - 1) / m of the work of a
///           stage (Huang et al. 2019, "GPipe").
/// ps        synchronous (Li et al. 2014, "Scaling distributed machine learning with the parameter
///           server"): compute of V/W shards, then gradients go to S servers and weights come back,
///           each way max(n, W n / S) bytes through a rank, more where ranks share a link.
UpdateCost predict_update(UpdatePlan const& plan);

/// predict_update() for one rank alone, whatever the layout.
UpdateCost predict_alone(UpdatePlan const& plan);

}  // namespace canopy::train
