#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "canopy/comm/farm.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/tune/plan.hpp"
#include "canopy/tune/task.hpp"
#include "canopy/tune/trial.hpp"

namespace canopy::tune {

/// Why a search ended.
enum class Ending { finished, time_limit, interrupted };

/// Takes a plan through over a farm; lives on the coordinator. Every result goes to the journal
/// before anything else is done with it. What is found depends on the plan only, not on who
/// computed what when.
class Search {
 public:
  struct Limits {
    std::optional<double> time_limit;   ///< seconds of search after which nothing new is begun
    std::function<bool()> interrupted;  ///< asked all the time; true calls everything off
  };

  /// `block`: ranks behind each worker of the farm.
  Search(comm::Farm& farm, record::Journal& journal, SearchPlan plan, int block = 1);

  /// Takes over what an earlier, killed run had finished. DataError when that is another search's.
  void restore(record::JournalRecords const& records);
  Ending run(Limits const& limits, std::function<void(Search const&)> const& watch);
  /// After run() left by an exception: trials that are not through are stopped, for this reason.
  void stop(std::string const& reason) { plan_.stop(reason); }

  SearchPlan const& plan() const { return plan_; }
  std::vector<Trial> const& trials() const { return plan_.trials(); }
  std::vector<TaskRow> const& tasks() const { return tasks_; }
  /// Of all trials, as far as that can be said beforehand.
  int folds_total() const;
  int folds_done() const { return static_cast<int>(tasks_.size()); }
  int folds_restored() const { return restored_; }
  /// What a task of the farm computes.
  FoldId fold_of(comm::TaskId task) const;
  /// Seconds until the end at the pace so far; NaN before the first result.
  double seconds_left() const;
  double seconds() const { return offset_ + farm_.seconds(); }
  comm::Farm const& farm() const { return farm_; }

 private:
  struct Waiting {
    FoldId fold;
    double cost;
  };

  void advance(bool hungry);
  void enqueue(std::vector<FoldId> const& folds);
  void assign_next();
  Task task_for(FoldId fold) const;
  void take(comm::TaskReport const& report);
  void take_fold(FoldId id, comm::TaskReport const& report, Outcome const& outcome);
  void store(FoldId id, TaskRow row, std::optional<FoldScore> score, std::string const& error);
  void hand_out();
  void end_by_time_limit();
  void abandon(FoldId fold);
  std::optional<comm::Rank> who_has_begun(FoldId fold) const;
  double cost_ahead() const;
  void tell_of_decisions();
  nlohmann::json record_of(Trial const& trial) const;

  comm::Farm& farm_;
  record::Journal& journal_;
  SearchPlan plan_;
  std::vector<std::string> parameters_;
  std::vector<TaskRow> tasks_;
  std::deque<Waiting> queue_;
  int block_;
  std::map<comm::TaskId, std::vector<FoldId>> assigned_;
  std::string why_cancelled_;
  std::map<std::pair<int, int>, comm::Rank> begun_;  ///< by trial and fold: on a lower rung
  double cost_queued_ = 0;                           ///< of all folds so far
  double cost_known_ = 0;                            ///< of those of them that are done
  double cost_done_ = 0;  ///< of those that were computed in this session
  double offset_ = 0;     ///< seconds spent by earlier sessions
  int restored_ = 0;
  std::size_t told_ = 0;    ///< trials that the journal tells of
  std::vector<int> going_;  ///< those of them that it calls running
};

}  // namespace canopy::tune
