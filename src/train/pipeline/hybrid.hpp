#pragma once

#include <memory>
#include <span>
#include <vector>

#include "canopy/comm/grid.hpp"
#include "canopy/comm/pulse.hpp"
#include "canopy/train/network/replica_update.hpp"
#include "canopy/train/network/strategy.hpp"
#include "canopy/train/pipeline/schedule.hpp"

#include "pipeline/stage_worker.hpp"

namespace canopy::train {

/// Replicas x stages: the layers are cut into stages, and each stage of each replica is a rank. The
/// shards of a replica run through its stages one after the other; ranks with the same layers sum
/// their gradients as DataParallel does.
class Hybrid : public Strategy {
 public:
  /// Collective, as is the other; UserError when ranks, stages, layers and shards do not fit.
  /// All ranks are stages of one replica (--parallel pipeline).
  static std::unique_ptr<Strategy> pipeline(Assignment const& assignment);
  /// As many replicas as the ranks have room for (--parallel hybrid).
  static std::unique_ptr<Strategy> hybrid(Assignment const& assignment);

  Hybrid(Assignment const& assignment, comm::GridShape shape);

  void perform(Update const& update) override;
  std::span<float> arena() override { return arena_; }
  void collect() override;
  std::vector<nn::Loss>& losses() override { return worker_.losses(); }
  comm::Leaves counted_shards() const override;
  StatePieces optimizer_state() const override { return update_->state(); }
  void restore_optimizer(NamedArrays const& whole) override { update_->restore(whole); }
  UpdateUse use() const override;
  Place place() const override;
  std::vector<Table> reports() override;

 private:
  Assignment assignment_;
  PipelineSchedule const& schedule_;
  comm::Grid grid_;
  std::vector<LayerBlock> blocks_;  ///< by stage
  std::vector<float> arena_;        ///< between collect()s up to date in this stage's layers only
  bool is_collected_ = true;
  comm::Pulse pulse_;
  comm::Watch watch_;
  comm::Watch watch_on_stages_;
  std::unique_ptr<ReplicaUpdate> update_;
  StageWorker worker_;
  double update_seconds_ = 0;
};

}  // namespace canopy::train
