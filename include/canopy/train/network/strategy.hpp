#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/core/array.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/registry.hpp"
#include "canopy/core/table.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/pass.hpp"
#include "canopy/nn/training_options.hpp"
#include "canopy/train/network/feed.hpp"
#include "canopy/train/network/optimizer_state.hpp"
#include "canopy/train/network/replica_update.hpp"
#include "canopy/train/network/trace.hpp"
#include "canopy/train/shard_plan.hpp"

namespace canopy::train {

/// How the work of an update is divided among ranks.
struct StrategyOptions {
  std::string parallel = "data";  ///< a name of strategies()
  /// Blocks of layers, each on a rank of its own. Nothing: as many as there are ranks with
  /// `pipeline`, 2 with `hybrid`.
  std::optional<int> stages;
  std::string schedule = "1f1b";  ///< a name of pipeline_schedules()
  int servers = 1;                ///< of `ps`: the last ranks
  std::string staleness = "0";  ///< of `ps`: updates that a worker may be ahead; "inf": any number
  std::string ps_transport = "messages";  ///< of `ps`: messages, or rma for one-sided ones
  ReductionOptions reduction;
  /// Seconds without a sign of life until a rank counts as lost. Not an option of the program,
  /// which promises that all end within ten: signs come each second, and to end all takes up to
  /// three.
  double timeout = 6;
};

/// What a strategy is made for. All of it must outlive the strategy.
struct Assignment {
  comm::Communicator const& comm;
  nn::Network const& network;
  Feed const& feed;
  ShardPlan const& plan;
  nn::TrainingOptions const& training;
  StrategyOptions const& options;
  Trace& trace;
};

/// One update of the weights: which rows, and by how much.
struct Update {
  std::int64_t number = 1;                ///< in the run, from 1
  std::int64_t in_epoch = 0;              ///< in its epoch, from 0
  std::span<data::RowIndex const> order;  ///< of the epoch
  double lr = 0;
  Key dropout{0};
};

/// How one rank spent its updates.
struct UpdateUse {
  std::int64_t micro_batches = 0;
  double update_seconds = 0;   ///< all of it
  double exposed_seconds = 0;  ///< waiting for messages
  std::uint64_t bytes_sent = 0;

  double compute_seconds() const { return update_seconds - exposed_seconds; }
  template <class Archive>
  void fields(Archive& archive) {
    archive(micro_batches, update_seconds, exposed_seconds, bytes_sent);
  }
};

/// What a rank does, for the record.
struct Place {
  std::string strategy;
  std::string role;
  int replica = 0;
  int stage = 0;
  LayerBlock layers;
  int first_shard = 0;
  int last_shard = 0;
  std::string sums;  ///< what adds up the gradients
  SumTimes sum_times{};
  template <class Archive>
  void fields(Archive& archive) {
    archive(strategy, role, replica, stage, layers, first_shard, last_shard, sums, sum_times);
  }
};

/// A way to spread updates over ranks: made of passes, sums over ranks and optimizers. Whatever the
/// way, with ReductionOptions::order = tree and wire = fp32 the weights are the same bits.
class Strategy {
 public:
  virtual ~Strategy() = default;

  /// Collective. One update of the weights.
  virtual void perform(Update const& update) = 0;
  /// This rank's copy of the network's arena. Between collect() and perform() all of it is up to
  /// date on every rank.
  virtual std::span<float> arena() = 0;
  /// Collective.
  virtual void collect() = 0;

  /// By shard: losses of all rows since they were last cleared. Those of counted_shards() count on
  /// this rank; every shard is counted on one rank.
  virtual std::vector<nn::Loss>& losses() = 0;
  virtual comm::Leaves counted_shards() const = 0;

  virtual StatePieces optimizer_state() const = 0;
  /// The state of the whole arena, on every rank.
  virtual void restore_optimizer(NamedArrays const& whole) = 0;

  virtual UpdateUse use() const = 0;
  virtual Place place() const = 0;
  /// What else there is to tell, as tables of the run file; on the root. Collective.
  virtual std::vector<Table> reports() { return {}; }
};

/// The choices (--parallel):
///   data      every rank has the network and works out some shards of each update
///   pipeline  every rank has some of the layers, and all shards run through all ranks
///   hybrid    replicas of such pipelines, each for some shards of each update
///   ps        the last ranks are servers of slices of the network, the others work as above
Registry<Strategy, Assignment const&> const& strategies();

/// The update's settings for an optimizer.
nn::StepInfo step_info(Update const& update, ShardPlan const& plan);

}  // namespace canopy::train
