#pragma once

#include <string>

#include "canopy/core/options.hpp"

namespace canopy::nn {

/// What a network is trained by, with PyTorch's names, meanings and defaults (its examples' where
/// it has none).
struct TrainingOptions {
  int epochs = 10;
  int batch_size = 64;  ///< the global batch
  std::string optimizer = "sgd";
  double lr = 0.01;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double trust_coefficient = 0.001;  ///< LARS
  double label_smoothing = 0;

  std::string schedule = "constant";
  double warmup_epochs = 0;  ///< linear, from 0
  int lr_batch = 0;          ///< lr is meant for this batch and grows with batch-size; 0: as it is
  double step_size = 30;     ///< epochs, of `step`
  double gamma = 0.1;        ///< of `step`
  double eta_min = 0;        ///< of `cosine`
  double pct_start = 0.3;    ///< of `one_cycle`
  double div_factor = 25;
  double final_div_factor = 1e4;

  /// One row for each field.
  void describe(Options& options);
  /// UserError when a field is out of range or two do not go together.
  void check() const;
  friend bool operator==(TrainingOptions const&, TrainingOptions const&) = default;
};

}  // namespace canopy::nn
