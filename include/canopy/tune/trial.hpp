#pragma once

#include <optional>
#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/tune/learner.hpp"

namespace canopy::tune {

/// One configuration and how it did in each fold.
struct Trial {
  enum class Status { running, complete, pruned, failed, stopped };
  /// What it reached with part of the trees or epochs.
  struct Rung {
    int resource = 0;
    double score = 0;  ///< mean over folds
  };

  int id = 0;
  std::string origin;  ///< default, points, slice, or the name of a sampler
  Configuration configuration;
  Status status = Status::running;
  std::string stop_reason;    ///< why it failed, was pruned or stopped
  int resource = 0;           ///< trees or epochs behind `folds`; 0: what the configuration says
  std::vector<Rung> climbed;  ///< the rungs it has finished, in order
  std::vector<std::optional<FoldScore>> folds;

  int folds_done() const;
  double score_so_far() const;  ///< mean over the folds that are done; NaN when none is
  double mean_score() const;    ///< NaN unless complete
  /// By slice: mean over the folds that are done; empty when the trial has no slices.
  std::vector<double> slice_scores() const;
  double std_score() const;   ///< population standard deviation, as in scikit-learn
  double total_time() const;  ///< seconds in all folds
  /// Of all folds; nothing when one has none, as where only slices were scored.
  std::optional<data::ConfusionMatrix> confusion() const;
};

char const* to_text(Trial::Status status);

/// Where and when one fold was computed; seconds since the run started.
struct TaskRow {
  int trial = 0;
  int fold = 0;
  int resource = 0;  ///< as in Trial
  int rank = 0;
  double queued = 0;
  double started = 0;
  double finished = 0;
  double score = empty_cell;
};

/// The complete trial of the highest mean score, the earliest of equals, but a slice that was
/// fitted by itself before the trial it comes from; nothing if none completed.
Trial const* best_trial(std::vector<Trial> const& trials);

/// scikit-learn's rank_test_score: 1 is best, equals share the better rank; 0 when not complete.
std::vector<int> ranks_by_score(std::vector<Trial> const& trials);

/// The narrowest type of column that holds all words: whole numbers, numbers, else text.
Table::Type column_type(std::vector<std::string> const& words);
/// A word in a column of that type.
Cell cell_of(std::string const& word, Table::Type type);

/// /trials: scikit-learn's cv_results_ columns beside id, origin, status, stop_reason, folds_done,
/// and resource, which is 0 where there is no scheduler. Scores of folds are those of the last
/// rung. A parameter that is not numeric in all trials, or missing in some, is a text column.
Table trials_table(std::vector<Trial> const& trials, std::vector<std::string> const& parameters);
/// /rungs: trial, resource, score of every rung that was finished, by trial.
Table rungs_table(std::vector<Trial> const& trials);
/// /best, /default and /final: one row about one trial.
Table trial_table(std::string name, Trial const& trial, std::vector<std::string> const& parameters);
/// /tasks, sorted by trial, resource and fold.
Table tasks_table(std::vector<TaskRow> rows);

}  // namespace canopy::tune
