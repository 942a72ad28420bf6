#pragma once

#include <cstdint>
#include <memory>

#include "canopy/core/registry.hpp"
#include "canopy/nn/training_options.hpp"

namespace canopy::nn {

/// The learning rate over a run, as a factor of `lr`.
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// `epoch` counts from 0 and has fractions: steps done / steps per epoch. `total` epochs in all.
  virtual double factor(double epoch, double total) const = 0;
};

/// constant; step (StepLR); cosine (CosineAnnealingLR, T_max = epochs); one_cycle (OneCycleLR with
/// cosine annealing; lr is its max_lr). Values are PyTorch's at whole epochs; in between they go on
/// step by step.
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
