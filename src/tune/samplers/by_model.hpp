#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "samplers/history.hpp"

namespace canopy::tune {

/// A sampler that knows a model of the score. Where that knows nothing yet, the first
/// startup_trials, it proposes Sobol points; where it finds nothing new, draws.
class ByModel : public Sampler {
 public:
  ByModel(SamplerSettings const& settings, std::string_view name)
      : encoding_{settings.space},
        key_{settings.key.with(name)},
        pending_{settings.pending},
        first_{make_first(settings)} {}

  bool looks_back() const override { return true; }
  std::optional<Configuration> propose(int index,
                                       std::span<Observation const> earlier) const override;

 protected:
  Encoding const& encoding() const { return encoding_; }
  Pending policy() const { return pending_; }  ///< for trials that are not back

 private:
  /// The point that the model would try as proposal `index`, whose randomness is that of `key`;
  /// nothing when it has none.
  virtual std::optional<Point> search(int index, History const& history, Key key) const = 0;

  Encoding encoding_;
  Key key_;
  Pending pending_;
  std::unique_ptr<Sampler> first_;
};

}  // namespace canopy::tune
