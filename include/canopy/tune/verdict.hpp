#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/tune/race.hpp"

/// Whether the best trial of a search is better than the default, as far as one can know.
namespace canopy::tune {

/// How much better a is than b, from their differences in folds.
struct Gain {
  double mean = empty_cell;
  double low = empty_cell;  ///< of the interval that holds the truth 95 times in 100
  double high = empty_cell;
  double p = empty_cell;  ///< two-sided
};

/// The corrected t-test for repeated cross-validation. Folds of one data set share most of what
/// they train on, so the variance of the mean of n differences is taken as (1/n + test/train) times
/// theirs, not 1/n times (Nadeau and Bengio, "Inference for the generalization error", 2003;
/// Bouckaert and Frank 2004). `test_to_train`: 1/4 for five folds. At least two differences.
Gain corrected_gain(std::span<double const> differences, double test_to_train);

/// Exact McNemar test of "both are right equally often": two-sided p, and mid-p, which errs on the
/// safe side by less (Fagerland, Lydersen and Laake 2013).
struct McNemar {
  double p = empty_cell;
  double mid_p = empty_cell;
};
McNemar mcnemar(PairedRows const& rows);

/// Rows of each class, as shares of all.
std::vector<double> class_shares(data::ConfusionMatrix const& confusion);
/// The accuracy to expect where classes are as frequent as `shares` says: recalls, weighed by them.
/// NaN when a class that occurs there has no rows here.
double reweighted_accuracy(data::ConfusionMatrix const& confusion, std::span<double const> shares);

/// Both final models on rows that neither has seen.
struct HeldOut {
  std::string name;  ///< "hold-out", "full set"
  PairedRows rows;   ///< won: the best right, the default wrong
  data::ConfusionMatrix initial;
  data::ConfusionMatrix best;
};

/// What a search found, and how that held.
struct Findings {
  std::string scoring = "accuracy";
  int trials = 0;                     ///< that were compared
  int best = 0;                       ///< the best one's number
  double search = 0;                  ///< its score in the search
  int folds = 0;                      ///< of one repeat
  std::vector<double> fresh_initial;  ///< scores of the default in folds that chose nothing
  std::vector<double> fresh_best;
  std::optional<data::ConfusionMatrix> confusion;  ///< of the best, in these folds
  std::optional<HeldOut> held_out;
};

struct Verdict {
  Gain gain;                          ///< of the best over the default, in fresh folds
  double fresh_initial = empty_cell;  ///< means
  double fresh_best = empty_cell;
  double gap = empty_cell;  ///< by how much the search overrated its best (winner's curse)
  bool is_better = false;   ///< beyond chance; else the default is to be kept
  McNemar held_out;
  double plain = empty_cell;       ///< accuracy of the best in fresh folds,
  double reweighted = empty_cell;  ///< by the class shares of the held-out rows,
  double measured = empty_cell;    ///< and on these
  std::vector<std::string> sentences;
};

/// The best is better when the interval of its gain is above zero and held-out rows do not prove
/// the contrary. When the default itself is the best trial there is nothing to compare.
Verdict judge(Findings const& findings);

/// /verdict: one row.
Table verdict_table(Findings const& findings, Verdict const& verdict);

}  // namespace canopy::tune
