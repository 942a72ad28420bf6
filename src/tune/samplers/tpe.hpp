#pragma once

#include <vector>

#include "canopy/tune/sampler.hpp"

#include "samplers/history.hpp"

namespace canopy::tune {

/// Multivariate tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for
/// hyper-parameter optimization") with the rules and numbers of Optuna 5's TPESampler: after
/// startup_trials draws the best tenth of the scored trials, 25 at most, make a density l, the
/// others g, and the one of 24 draws from l is proposed for which l / g is highest.
///
/// Trials that were stopped early rank behind complete ones, those that came farther first. Failed
/// ones always stand in g, and with Pending::liar pending ones too (Optuna's constant_liar).
/// Different from Optuna: what a condition switches on is drawn jointly with the rest, and no
/// earlier configuration is proposed again.
class Tpe final : public Sampler {
 public:
  explicit Tpe(SamplerSettings const& settings);
  bool looks_back() const override { return true; }
  std::optional<Configuration> propose(int index,
                                       std::span<Observation const> earlier) const override;

 private:
  Encoding encoding_;
  Key key_;
  Pending pending_;
};

/// Points of l and g, in order of trials.
struct TpeSplit {
  std::vector<Point> good;
  std::vector<Point> rest;
};
TpeSplit split(History const& history, Pending pending);

}  // namespace canopy::tune
