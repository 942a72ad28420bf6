#pragma once

#include "canopy/comm/watch.hpp"
#include "canopy/train/network/replica_update.hpp"
#include "canopy/train/network/strategy.hpp"

#include "network/shard_worker.hpp"

namespace canopy::train {

/// Every rank has the whole network; it works out its block of shards, and the gradients are summed
/// over ranks while the last shard is still on its way back.
class DataParallel : public Strategy {
 public:
  /// Collective. UserError when there are more ranks than shards.
  explicit DataParallel(Assignment const& assignment);

  void perform(Update const& update) override;
  std::span<float> arena() override { return arena_; }
  void collect() override {}  // every rank has everything
  std::vector<nn::Loss>& losses() override { return worker_.losses(); }
  comm::Leaves counted_shards() const override { return update_.block(); }
  StatePieces optimizer_state() const override { return update_.state(); }
  void restore_optimizer(NamedArrays const& whole) override { update_.restore(whole); }
  UpdateUse use() const override;
  Place place() const override;
  std::vector<Table> reports() override { return {update_.report()}; }

 private:
  comm::Communicator const& comm_;
  ShardPlan const& plan_;
  Trace& trace_;
  std::vector<float> arena_;
  comm::Pulse pulse_;
  comm::Watch watch_;
  ReplicaUpdate update_;
  ShardWorker worker_;
  UpdateUse use_;
};

}  // namespace canopy::train
