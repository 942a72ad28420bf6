#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/registry.hpp"

namespace canopy::tune {

/// A ladder that trials climb, and what decides who climbs.
struct SchedulerSettings {
  /// Trees or epochs behind the score of each rung, ascending; the last one is all of it.
  std::vector<int> resources{0};
  double eta = 3;  ///< one in eta climbs
  int trials = 1;  ///< that the search means to begin
};

/// Rungs from `least` to `most`, each eta times the one below: most, most / eta, most / eta^2 ...
/// rounded, down to `least` or the last one above it.
std::vector<int> rungs_between(int least, int most, double eta);

/// How far a trial has come, as far as decisions may know.
struct Standing {
  int first_rung = 0;
  std::vector<double> scores;  ///< by rung, from the first
  bool busy = true;            ///< on its way to the next rung, or to its first
  bool out = false;            ///< failed, or stopped

  int rung() const { return first_rung + static_cast<int>(scores.size()) - 1; }
  bool has(int rung) const { return first_rung <= rung && rung <= this->rung(); }
  double score(int rung) const { return scores[static_cast<std::size_t>(rung - first_rung)]; }
};

/// What a search does next.
struct Move {
  enum class Kind {
    begin,   ///< a new trial at `rung`
    climb,   ///< `trial`, to `rung`
    stop,    ///< `trial`, for `reason`
    wait,    ///< nothing, until more is known
    finish,  ///< nothing any more
  };
  Kind kind = Kind::wait;
  int rung = 0;
  int trial = -1;
  std::string reason = {};
};

/// Decides which trials are worth more trees or epochs. A function of what it is shown, never of
/// time, so a search finds the same on any number of ranks. Scores: higher is better; of equals the
/// earlier trial counts as better.
class Scheduler {
 public:
  explicit Scheduler(SchedulerSettings settings) : settings_{std::move(settings)} {}
  virtual ~Scheduler() = default;
  /// Trials in their order. `can_begin`: there are configurations left to try.
  virtual Move next(std::span<Standing const> trials, bool can_begin) const = 0;

 protected:
  int top() const { return static_cast<int>(settings_.resources.size()) - 1; }
  SchedulerSettings settings_;
};

/// "none", "median", "halving", "asha", "hyperband". To add one: its class and its line; help,
/// checks and the contract suite pick it up by name.
Registry<Scheduler, SchedulerSettings const&> const& schedulers();

}  // namespace canopy::tune
