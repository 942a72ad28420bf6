#pragma once

#include <map>
#include <string>
#include <vector>

#include "canopy/record/run_record.hpp"
#include "canopy/tune/learner.hpp"
#include "canopy/tune/plan.hpp"

namespace canopy::tune {

/// Configurations that were all evaluated once, by `canopy tune --search grid`, to be looked up
/// instead of fitted: what a search would find, and how long it would take on how many ranks.
class ReplayTable final : public Learner {
 public:
  struct Fold {
    double score = 0;
    double seconds = 0;
  };

  /// `name` is for errors. DataError when the run is not a finished search of the whole grid of its
  /// [space].
  ReplayTable(record::RunRecord const& run, std::string const& name);

  int folds() const { return folds_; }
  std::string const& scoring() const { return scoring_; }
  std::size_t size() const { return rows_.size(); }
  /// The highest mean score of all configurations.
  double best() const { return best_; }
  /// DataError when the table does not have it.
  Fold const& at(Configuration const& configuration, int fold) const;
  double mean(Configuration const& configuration) const;

  Configuration defaults() const override { return defaults_; }
  /// The space of the run, with the points of its grid only.
  Space default_space() const override { return space_; }
  void check(Configuration const&) const override {}
  double cost(Configuration const& configuration) const override;
  std::string resource() const override { return resource_; }
  FoldScore fit_and_score(Configuration const&, data::Split const&, Key,
                          StopToken const&) const override;

 private:
  std::vector<Fold> const& row(Configuration const& configuration) const;

  std::string name_;
  Space space_;
  Configuration defaults_;
  std::string scoring_;
  std::string resource_;
  int folds_ = 0;
  double best_ = 0;
  std::map<Configuration, std::vector<Fold>> rows_;  ///< configurations sorted by name
};

/// What a simulated search did.
struct Replay {
  /// One trial that got all folds, in the order in which they were done.
  struct Step {
    int trial = 0;
    double seconds = 0;  ///< since the search began
    double best = 0;     ///< highest mean score so far
  };
  std::vector<Step> steps;
  int folds = 0;
  double seconds = 0;      ///< until the last fold
  double utilisation = 0;  ///< share of the workers' time in folds
};

/// Takes the plan through on a virtual clock: rank 0 coordinates, the others compute folds, one
/// running and one waiting at each; one rank computes in place. `per_result` seconds of rank 0 go
/// into taking a result and handing out the next fold, one result at a time.
Replay replay(SearchPlan plan, ReplayTable const& table, int ranks, double per_result);

}  // namespace canopy::tune
