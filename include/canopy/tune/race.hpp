#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "canopy/core/registry.hpp"
#include "canopy/tune/learner.hpp"

namespace canopy::tune {

struct RaceSettings {
  double alpha = 0.05;  ///< chance that a trial is lost that was worth going on with
  int trials = 64;      ///< how many the search will run
  int folds = 5;        ///< that hold each row once
  /// By how much a trial has to beat the incumbent to be worth going on with: a share of rows.
  double margin = 0;
  std::string scoring = "accuracy";
};

/// Decides after each fold whether a trial is worth its other folds. Decisions depend on scores
/// only, never on time.
class Race {
 public:
  using Folds = std::span<FoldScore const* const>;

  virtual ~Race() = default;
  /// Whether trials are compared at all.
  virtual bool looks() const { return true; }
  /// Why a trial whose first folds scored `so_far` need not go on; nothing: go on. `incumbent` has
  /// all its folds, the same ones in the same order.
  virtual std::optional<std::string> reject(Folds so_far, Folds incumbent) const = 0;
};

/// "none", "forgiving", "rows". To add one: its class in race.cpp and its line in the list.
Registry<Race, RaceSettings const&> const& races();

/// Rows that both have predicted, by who was right.
struct PairedRows {
  std::int64_t won = 0;   ///< the trial right, the incumbent wrong
  std::int64_t lost = 0;  ///< the other way round
  std::int64_t tied = 0;

  PairedRows& operator+=(PairedRows const& other);
  friend bool operator==(PairedRows const&, PairedRows const&) = default;
};
/// Of one fold, by FoldScore::right.
PairedRows paired_rows(FoldScore const& trial, FoldScore const& incumbent);

/// The logarithm of the evidence against "the trial is right in a share of rows that exceeds the
/// incumbent's by at least `margin`" (0 <= margin < 1): what 1 has become for a gambler who bets on
/// each row, with x = 1 won, -1 lost, 0 tied, that x is below the margin. Were the statement true,
/// the stake would be a supermartingale whatever the order of the rows, and would ever reach k with
/// a chance of at most 1/k (Ville's inequality); so one may look after every fold, or every row.
///
/// The stake is the mean over several fractions f of the product of 1 + f (margin - x) over rows
/// (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2023),
/// which depends on the counts alone.
double log_evidence_of_worse(PairedRows const& rows, double margin);

}  // namespace canopy::tune
