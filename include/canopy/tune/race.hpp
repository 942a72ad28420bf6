#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "canopy/core/registry.hpp"
#include "canopy/tune/learner.hpp"

namespace canopy::tune {

struct RaceSettings {
  double alpha = 0.05;
  int trials = 64;
  int folds = 5;
};

/// Decides after each fold whether a trial is worth the next one.
class Race {
 public:
  virtual ~Race() = default;
  /// Whether trials are compared at all.
  virtual bool looks() const { return true; }
  /// Why a trial whose first folds scored `so_far` need not go on, compared with the incumbent,
  /// whose folds are all there; nothing: it goes on. Folds are the same ones in the same order.
  virtual std::optional<std::string> reject(std::span<FoldScore const* const> so_far,
                                            std::span<FoldScore const* const> incumbent) const = 0;
};

/// "none", "forgiving". To add one: its class and its line.
Registry<Race, RaceSettings const&> const& races();

}  // namespace canopy::tune
