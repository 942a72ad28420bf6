#pragma once

#include <array>
#include <optional>
#include <string>

#include "canopy/comm/reduce/reduction.hpp"
#include "canopy/core/options.hpp"
#include "canopy/nn/training_options.hpp"
#include "canopy/train/network/fit.hpp"
#include "canopy/train/network/strategy.hpp"

namespace canopy {

template <>
struct Names<comm::Order> {
  static constexpr std::array value{"tree", "free"};
};
template <>
struct Names<comm::Wire> {
  static constexpr std::array value{"fp32", "fp16"};
};

}  // namespace canopy

namespace canopy::app {

/// What a network is trained by, and how the work is divided among ranks.
struct NetworkSettings {
  /// As nn::TrainingOptions, but for a learning rate that suits the optimizer and ends at 0.
  NetworkSettings() { training.schedule = "cosine"; }

  nn::TrainingOptions training;  ///< but for lr
  std::optional<double> lr;      ///< None: by the optimizer
  double validation_split = 0;
  train::FitOptions fit;
  train::StrategyOptions strategy;
  std::string trace;  ///< file for what all ranks did when; empty: none

  void describe(Options& options);
  /// The training options with their learning rate.
  nn::TrainingOptions training_options() const;
  /// Throws UserError when two settings do not go together, before any data is read.
  void check() const;
};

}  // namespace canopy::app
