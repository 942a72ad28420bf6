#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "canopy/tune/race.hpp"
#include "canopy/tune/sampler.hpp"
#include "canopy/tune/scheduler.hpp"
#include "canopy/tune/settings.hpp"
#include "canopy/tune/slices.hpp"
#include "canopy/tune/trial.hpp"

namespace canopy::tune {

/// One fold to be computed: of a job, which is one trial at one rung.
struct FoldId {
  std::int64_t job = 0;
  int fold = 0;
  friend auto operator<=>(FoldId const&, FoldId const&) = default;
};

/// The course of a search, apart from who computes what. It makes decisions one after the other:
/// which trial begins with what configuration, which one climbs, and whether it is worth its next
/// fold. Decision i knows the outcome of decisions up to i - lag, all of them and no later ones,
/// though these may be known already. So it is the same whoever computed what when, on any number
/// of ranks, after any delay, and when a killed search goes on. A search that asks for no outcome
/// (no sampler, scheduler or race that looks at one) makes all decisions at once.
class SearchPlan {
 public:
  /// UserError when the space names what the model does not have, and when settings do not go
  /// together.
  SearchPlan(SearchSettings const& settings, Learner const& learner, std::uint64_t seed);

  /// Makes all decisions that can be made; folds that can be computed now and could not before,
  /// those first that are needed first. Without a lag one decision, and only when `hungry`.
  std::vector<FoldId> advance(bool hungry = true);
  void settle(FoldId fold, FoldScore score);
  void fail(FoldId fold, std::string const& error);
  /// Begins nothing new, for this reason; what is being computed may still come.
  void end_early(std::string reason) { early_ = std::move(reason); }
  bool ends_early() const { return early_.has_value(); }
  /// This fold will not come.
  void abandon(FoldId fold, std::string const& reason);
  /// All trials that are not through are stopped, for this reason. Nothing can follow.
  void stop(std::string const& reason);
  /// Nothing is left to be decided or computed.
  bool finished() const { return finished_; }

  std::vector<Trial> const& trials() const { return trials_; }
  Trial const& trial(FoldId fold) const { return trials_[index(job(fold).trial)]; }
  /// What is to be fitted for it.
  Configuration configuration(FoldId fold) const;
  bool has_slices(FoldId fold) const { return job(fold).sliced; }
  /// How many are to work on it together.
  int ranks(FoldId fold) const;
  /// Expected work of the fold relative to others.
  double cost(FoldId fold) const { return job(fold).cost; }

  /// What proposals are made of.
  Space const& space() const { return space_; }
  /// All trials as a sampler that knows everything would see them.
  std::vector<Observation> observations() const;
  SliceAxes const& axes() const { return axes_; }
  /// Parameters of the configurations, in the order of tables.
  std::vector<std::string> parameters() const;
  /// No decision waits for an outcome.
  bool decides_at_once() const { return !looks_; }
  bool is_reproducible() const { return !looks_ || settings_.lag.has_value(); }
  int folds_handed_out() const { return handed_out_; }
  std::int64_t decisions() const { return std::ssize(jobs_); }
  /// Trials that will be there in the end, as far as that can be said.
  int trials_expected() const;
  /// The least lag at which so many workers always have a fold to do and one to come.
  int lag_for(int workers) const;

 private:
  struct Job {
    int trial = -1;  ///< none: the decision was to wait
    int rung = 0;
    int incumbent = -1;  ///< the trial that it races against
    int open = 0;        ///< folds that have been handed out or wait to be
    bool sliced = false;
    bool done = true;
    double cost = 0;                         ///< of a fold
    std::map<int, std::string> errors = {};  ///< by fold
  };

  static std::size_t index(std::int64_t number) { return static_cast<std::size_t>(number); }
  Job& job(FoldId fold) { return jobs_[index(fold.job)]; }
  Job const& job(FoldId fold) const { return jobs_[index(fold.job)]; }
  int top() const { return static_cast<int>(resources_.size()) - 1; }

  bool decide();
  Move next_move();
  bool may_begin() const;
  std::optional<std::pair<std::string, Configuration>> next_configuration();
  bool is_new(Configuration configuration);
  void begin_trial(std::string origin, Configuration configuration, int rung);
  bool confirm_best_slice();
  void begin_job(int trial, int rung, bool sliced);
  void hand_out(std::int64_t job, int fold);
  void fold_done(FoldId fold);
  void close(Job& job);
  void reveal(Job const& job);
  Observation observation(Trial const& trial) const;
  void reveal_all_done();
  void finish();

  SearchSettings settings_;
  Learner const& learner_;
  Space space_;  ///< that proposals are made in
  SliceAxes axes_;
  std::vector<int> resources_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Race> race_;
  bool looks_;

  std::vector<Trial> trials_;
  std::vector<Job> jobs_;  ///< by decision
  std::vector<FoldId> ready_;
  std::vector<std::int64_t> arrived_;  ///< without a lag: jobs that are done and not yet revealed

  // What decisions know.
  std::int64_t revealed_ = 0;  ///< the first so many decisions
  std::vector<Standing> standings_;
  std::vector<Observation> observations_;
  int incumbent_ = -1;  ///< the best complete trial

  std::vector<Configuration> points_;  ///< to be tried before the sampler is asked
  std::set<std::string> seen_;
  int proposals_ = 0;
  bool exhausted_ = false;
  std::optional<std::string> early_;  ///< why nothing new begins
  int undone_ = 0;                    ///< jobs
  int handed_out_ = 0;                ///< folds
  bool confirmed_ = false;
  double slice_score_ = 0;  ///< of the best slice, when it is confirmed
  bool finished_ = false;
};

}  // namespace canopy::tune
