#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "canopy/app/tune.hpp"
#include "canopy/tune/trial.hpp"
#include "canopy/tune/verdict.hpp"
#include "canopy/tune/workbench.hpp"

#include "run_parts.hpp"
#include "tune_task.hpp"

/// How a search comes to its verdict.
namespace canopy::app {

/// Where a verdict's work is done and kept. All on the coordinator.
struct VerdictPlace {
  comm::Farm& farm;
  record::Journal& journal;
  record::JournalRecords const& records;  ///< of earlier sessions
  std::function<bool()> interrupted;      ///< asked all the time
  Phases& phases;
};

/// Compares the best trial with the default where neither was chosen: in fresh folds, and on unseen
/// rows if there are any.
class VerdictMaker {
 public:
  VerdictMaker(TuneSettings const& settings, TuneTask& task, tune::Workbench const& bench)
      : settings_{settings}, task_{task}, bench_{bench} {}

  /// `trials` of a finished search, the default first. Throws Stopped when interrupted. What is
  /// found is the same on any number of ranks.
  void make(VerdictPlace const& place, std::vector<tune::Trial> const& trials,
            tune::Trial const& best);

  /// The default is to be kept although a trial was better in the search.
  bool keeps_default() const;
  /// /verdict; nothing when none was made.
  std::optional<Table> table() const;
  /// Lines for a person, the remark among them; empty when there is nothing to tell.
  std::string text() const;
  /// Why there is no verdict, or none on unseen rows; empty when there is nothing to tell.
  std::string const& remark() const { return remark_; }

 private:
  bool compare_in_fresh_folds(VerdictPlace const& place, std::vector<tune::Trial> const& trials,
                              tune::Trial const& best);
  void compare_on_unseen_rows(VerdictPlace const& place, tune::Trial const& initial,
                              tune::Trial const& best);

  TuneSettings const& settings_;
  TuneTask& task_;
  tune::Workbench const& bench_;
  tune::Findings findings_;
  std::optional<tune::Verdict> verdict_;
  std::string remark_;
};

}  // namespace canopy::app
