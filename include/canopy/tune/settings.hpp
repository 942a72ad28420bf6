#pragma once

#include <optional>
#include <string>
#include <vector>

#include "canopy/core/options.hpp"
#include "canopy/tune/sampler.hpp"
#include "canopy/tune/space.hpp"

namespace canopy::tune {

/// What is searched, how, and how long.
struct SearchSettings {
  std::string model = "forest";
  int trials = 64;
  int folds = 5;
  int repeats = 1;
  int verdict_repeats = 2;
  std::string refit = "advised";
  std::string search = "random";
  std::string scoring = "accuracy";
  std::string points;
  Pending pending = Pending::liar;  ///< what the sampler makes of trials that are not back

  bool slices = false;
  std::string scheduler = "none";
  double eta = 3;
  std::optional<int> min_resource;  ///< none: three rungs below max_resource
  std::optional<int> max_resource;  ///< none: the model's default
  std::string race = "none";
  double race_alpha = 0.05;
  double race_margin = 0;
  /// That train a network together, by rung; the last number goes for all above.
  std::vector<int> ranks_per_trial{1};
  std::optional<int> lag = 8;  ///< none: decides by what has come, so by chance

  std::optional<double> time_limit;
  std::optional<double> walltime;
  std::optional<double> task_timeout;  ///< seconds of a fold
  std::optional<double> task_memory;   ///< megabytes of a fold
  std::optional<Space> space;          ///< none: the model's default space

  int most_ranks_per_trial() const;
  int folds_per_trial() const { return folds * repeats; }
  void describe(Options& options);
  /// UserError when two settings do not go together, or one was set that can have no effect.
  void check() const;
};

}  // namespace canopy::tune
