#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/tune/sampler.hpp"

#include "samplers/encoding.hpp"

namespace canopy::tune {

/// The earlier trials that have something of the space, as models of the score see them.
class History {
 public:
  struct Entry {
    Point point;
    std::optional<double> score;  ///< finite
    bool failed = false;          ///< or its score is not a number that a model can learn from
    int resource = 0;             ///< as in Observation

    bool is_pending() const { return !score && !failed; }
  };

  History(Encoding const& encoding, std::span<Observation const> earlier);

  std::vector<Entry> const& entries() const { return entries_; }
  int scored() const { return scored_; }
  bool is_new(Point const& settled) const;

 private:
  std::vector<Entry> entries_;
  int scored_ = 0;
};

/// Trials that a model is not asked about: it knows nothing before. Optuna's n_startup_trials.
inline constexpr int startup_trials = 10;

/// An independent draw from the space that no earlier trial had. Nothing when a thousand draws find
/// none: then the space is exhausted.
std::optional<Point> draw_new(Encoding const& encoding, History const& history, Key key);

/// Sobol points, or random ones in a space of too many dimensions for them.
std::unique_ptr<Sampler> make_first(SamplerSettings const& settings);
/// What `first` proposes, if it is new; else draw_new().
std::optional<Configuration> propose_first(Sampler const& first, Encoding const& encoding,
                                           History const& history, int index, Key key);

}  // namespace canopy::tune
