#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "canopy/app/tune.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/tune/trial.hpp"
#include "canopy/tune/verdict.hpp"
#include "canopy/tune/workbench.hpp"

#include "run_parts.hpp"

/// How a search comes to its verdict.
namespace canopy::app {

/// Rows that no part of a search has seen: those held out by --test-size, else a test set that came
/// with the data, else, for forest-cover, the full set's rows that Kaggle's does not have.
class UnseenRows {
 public:
  UnseenRows(data::Source const& source, SharedData const& data, data::Rows held_out);

  bool empty() const { return labels_.empty(); }
  /// Why there are none, where there might have been some.
  std::string const& why_empty() const { return why_empty_; }
  /// Predicted by both final models.
  tune::HeldOut compare(forest::Forest const& initial, forest::Forest const& best) const;

 private:
  void take_full_set(data::Source const& source, SharedData const& data);
  std::vector<std::uint16_t> predict(forest::Forest const& model) const;

  std::string name_;
  std::string why_empty_;
  data::EncodedTable table_;
  data::Rows rows_;                       ///< of the table,
  std::optional<data::Dataset> dataset_;  ///< unless they are all of these
  std::vector<std::uint16_t> labels_;
};

/// Where a verdict's work is done and kept. All on the coordinator.
struct VerdictPlace {
  comm::Farm& farm;
  record::Journal& journal;
  std::vector<nlohmann::json> const& records;  ///< of earlier sessions
  std::function<bool()> interrupted;           ///< asked all the time
  Phases& phases;
};

/// Compares the best trial with the default where neither was chosen: in fresh folds, and on unseen
/// rows if there are any.
class VerdictMaker {
 public:
  VerdictMaker(TuneSettings const& settings, SharedData const& data, tune::Workbench const& bench,
               data::Rows held_out)
      : settings_{settings}, data_{data}, bench_{bench}, held_out_{std::move(held_out)} {}

  /// `trials` of a finished search, the default first; `model`: the best, refitted. Throws Stopped
  /// when interrupted. What is found is the same on any number of ranks.
  void make(VerdictPlace const& place, std::vector<tune::Trial> const& trials,
            tune::Trial const& best, forest::Forest const& model);

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
                              forest::Forest const& model);

  TuneSettings const& settings_;
  SharedData const& data_;
  tune::Workbench const& bench_;
  data::Rows held_out_;
  tune::Findings findings_;
  std::optional<tune::Verdict> verdict_;
  std::string remark_;
};

}  // namespace canopy::app
