#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/pulse.hpp"
#include "canopy/comm/reduce/reduction.hpp"
#include "canopy/comm/watch.hpp"
#include "canopy/core/array.hpp"
#include "canopy/core/table.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/optimizer.hpp"
#include "canopy/train/network/gradient_sums.hpp"
#include "canopy/train/network/optimizer_state.hpp"
#include "canopy/train/pipeline/partition.hpp"

namespace canopy::train {

/// How replicas sum their gradients.
struct ReductionOptions {
  comm::Order order = comm::Order::tree;
  std::string allreduce = "auto";  ///< a name of comm::reductions()
  comm::Wire wire = comm::Wire::fp32;
  /// ZeRO-1 (Rajbhandari et al. 2020): each replica updates its slice of every bucket, keeps the
  /// optimizer's state of that slice only, and the replicas gather the parameters.
  bool zero = false;
};

/// Layers [lowest, ...) whose gradients are summed over replicas in one go, or running statistics.
struct Bucket {
  nn::Range range;
  int lowest;  ///< the layer whose gradient completes it; they come from the last to the first
};

/// The gradients of a block of layers as buckets, those first that are complete first. Neighbouring
/// layers share a bucket until it is large enough for the link to be busy (256 KB).
std::vector<Bucket> cut_buckets(nn::Network const& network, LayerBlock layers);

/// What the sums of one update took at the start, by themselves: those of a rank's own shards and
/// those over replicas; the median of some, in seconds of the slowest replica. Whoever asks for one
/// order is told what the other would have cost. Empty where there is one replica only.
struct SumTimes {
  double tree = empty_cell;
  double free = empty_cell;
  template <class Archive>
  void fields(Archive& archive) {
    archive(tree, free);
  }
};

/// What ranks with the same layers do together in an update: sum the gradients of their shards
/// while the last ones are still computed, and update the parameters. Members marked so are
/// collective over the replicas. Nothing is allocated after construction.
class ReplicaUpdate {
 public:
  /// Collective. `shards` is V; `pulse` is of all ranks that take part in the update, and outlives
  /// this. UserError when ZeRO meets an optimizer that needs whole tensors.
  ReplicaUpdate(comm::Communicator const& replicas, nn::Network const& network, LayerBlock layers,
                int shards, nn::TrainingOptions const& training, ReductionOptions const& options,
                comm::Pulse& pulse);

  /// The virtual shards of this replica.
  comm::Leaves block() const { return sums_.block(); }
  LayerBlock layers() const { return layers_; }

  void begin() { sums_.begin(); }
  nn::TreeSum::Place place(int shard) { return sums_.place(shard); }
  /// The layer's gradient of this shard is in its place. Layers come from the last to the first,
  /// shards in ascending order. The last shard sets the sums over replicas going.
  void layer_done(int shard, int layer);
  /// All layers of the shard are done.
  void shard_done(int shard) { sums_.close(shard); }
  /// A shard without rows.
  void skip(int shard);
  /// Moves messages on and gives a sign of life; to be called now and then.
  void poll();
  /// Collective. Updates the parameters of these layers in `arena`, and waits where it must.
  void finish(std::span<float> arena, nn::StepInfo const& info);

  /// Seconds that went into waiting for messages so far.
  double exposed_seconds() const { return exposed_seconds_; }
  std::uint64_t bytes_sent() const;
  std::string description() const;
  SumTimes const& sum_times() const { return sum_times_; }
  /// Table "buckets": how fast the sums of each went at best, as this rank saw it, from start to
  /// end; megabytes_per_second is what each rank has to send at least, 2(p-1)/p of the bucket, by
  /// that time. No rows for one replica.
  Table report() const;

  /// This rank's part of the optimizer's state; nothing where another replica has the same.
  StatePieces state() const;
  void restore(NamedArrays const& whole);

 private:
  nn::Range own_part(Bucket const& bucket) const;
  void time_sums(std::string const& allreduce, comm::ReductionPlan plan);
  void gather_parameters(std::span<float> arena);

  comm::Communicator replicas_;
  comm::Pulse& pulse_;
  comm::Watch watch_;
  LayerBlock layers_;
  ReductionOptions options_;
  GradientSums sums_;
  std::vector<Bucket> buckets_;
  std::vector<std::unique_ptr<nn::Optimizer>> optimizers_;  ///< by bucket, of this rank's part
  std::unique_ptr<comm::Reduction> sum_;
  std::unique_ptr<comm::Reduction> gather_;  ///< with ZeRO, over `gathered_`
  std::vector<float> gathered_;
  std::vector<double> fastest_;  ///< by bucket: seconds of a sum
  SumTimes sum_times_;
  std::uint64_t sent_before_ = 0;  ///< bytes, to measure these
  double exposed_seconds_ = 0;
};

}  // namespace canopy::train
