#pragma once

#include <cstdint>
#include <memory>

#include "canopy/core/registry.hpp"
#include "canopy/nn/training_options.hpp"

namespace canopy::nn {

/// Where a run stands: steps done, steps of the whole run and of an epoch.
struct Progress {
  double step = 0;
  double steps = 1;
  double per_epoch = 1;
};

/// The learning rate over a run, as a factor of `lr`.
class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual double factor(Progress progress) const = 0;
};

/// constant; step (StepLR); cosine (CosineAnnealingLR, T_max = epochs); one_cycle (OneCycleLR with
/// cosine annealing and momentum left alone; lr is its max_lr). one_cycle's values are PyTorch's at
/// every step; those of the others, which PyTorch moves once per epoch, at whole epochs, and cosine
/// goes on step by step in between.
Registry<Schedule, TrainingOptions const&> const& schedules();

/// The learning rate of every step of a run.
class LearningRate {
 public:
  /// `steps_per_epoch` of the global batch.
  LearningRate(TrainingOptions const& options, std::int64_t steps_per_epoch);

  /// Of step `step`, counted from 0: schedule x linear warm-up (Goyal et al. 2017: it grows from
  /// 1/n to 1 over the n steps of warmup_epochs) x lr x batch_size/lr_batch.
  double at(std::int64_t step) const;

 private:
  TrainingOptions options_;
  std::int64_t steps_per_epoch_;
  std::unique_ptr<Schedule> schedule_;
};

}  // namespace canopy::nn
