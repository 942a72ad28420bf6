#pragma once

#include <optional>
#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/tune/learner.hpp"

namespace canopy::tune {

/// One configuration and how it did in each fold.
struct Trial {
  enum class Status { running, complete, failed, stopped };

  int id = 0;
  std::string origin;  ///< default, points, random, grid, sobol
  Configuration configuration;
  Status status = Status::running;
  std::string stop_reason;  ///< why it failed or was stopped
  std::vector<std::optional<FoldScore>> folds;

  int folds_done() const;
  double mean_score() const;  ///< NaN unless complete
  double std_score() const;   ///< population standard deviation, as in scikit-learn
  double total_time() const;  ///< seconds in all folds
};

char const* to_text(Trial::Status status);

/// Where and when one fold was computed; seconds since the run started.
struct TaskRow {
  int trial = 0;
  int fold = 0;
  int rank = 0;
  double queued = 0;
  double started = 0;
  double finished = 0;
  double score = empty_cell;
};

/// The complete trial of the highest mean score, the earliest of equals; nothing if none completed.
Trial const* best_trial(std::vector<Trial> const& trials);

/// scikit-learn's rank_test_score: 1 is best, equals share the better rank; 0 when not complete.
std::vector<int> ranks_by_score(std::vector<Trial> const& trials);

/// /trials: scikit-learn's cv_results_ columns beside id, origin, status, stop_reason, folds_done.
/// A parameter that is not numeric in all trials, or missing in some, is a text column.
Table trials_table(std::vector<Trial> const& trials, std::vector<std::string> const& parameters);
/// /best and /default: one row about one trial.
Table trial_table(std::string name, Trial const& trial, std::vector<std::string> const& parameters);
/// /tasks, sorted by trial and fold.
Table tasks_table(std::vector<TaskRow> rows);

}  // namespace canopy::tune
