#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "canopy/comm/farm.hpp"
#include "canopy/core/options.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/tune/trial.hpp"

namespace canopy::tune {

/// What is searched and how long.
struct SearchSettings {
  std::string model = "forest";
  int trials = 64;
  int folds = 5;
  int repeats = 1;
  std::string search = "random";
  std::string scoring = "accuracy";
  std::string points;
  std::optional<double> time_limit;
  std::optional<double> walltime;
  std::optional<Space> space;  ///< none: the model's default space

  void describe(Options& options);
};

/// The trials of a search before any of them has run: the default first, then the given points,
/// then the sampler's. A configuration that makes no sense is there too, as failed.
std::vector<Trial> propose_trials(SearchSettings const& settings, Learner const& learner,
                                  std::uint64_t seed);

/// One piece of work, as it travels: a fold of a trial, or some trees of the final model.
struct Task {
  enum class Kind : std::uint8_t { fold, trees };
  Kind kind = Kind::fold;
  Configuration configuration;
  int fold = 0;
  int first_tree = 0;
  int last_tree = 0;

  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, configuration, fold, first_tree, last_tree);
  }
};

/// Why a search ended.
enum class Ending { finished, time_limit, interrupted };

/// Cross-validates trials over a farm; lives on the coordinator. Every result goes to the journal
/// before anything else is done with it. What is found depends on trials and folds only, not on who
/// computed what when.
class Search {
 public:
  struct Limits {
    std::optional<double> time_limit;   ///< seconds of search after which nothing new is begun
    std::function<bool()> interrupted;  ///< asked all the time; true calls everything off
  };

  Search(comm::Farm& farm, record::Journal& journal, Learner const& learner,
         std::vector<Trial> trials);

  /// Takes over what an earlier, killed run had finished.
  void restore(std::vector<nlohmann::json> const& records);
  Ending run(Limits const& limits, std::function<void(Search const&)> const& watch);

  std::vector<Trial> const& trials() const { return trials_; }
  std::vector<TaskRow> const& tasks() const { return tasks_; }
  int folds_total() const;
  int folds_done() const { return static_cast<int>(tasks_.size()); }
  int folds_restored() const { return restored_; }
  /// Seconds until the end at the pace so far; NaN before the first result.
  double seconds_left() const;
  double seconds() const { return offset_ + farm_.seconds(); }
  comm::Farm const& farm() const { return farm_; }

 private:
  void plan_queue(bool longest_first);
  void assign_next();
  void take(comm::TaskReport const& report);
  void store(TaskRow const& row, std::optional<FoldScore> score, std::string const& error);
  void settle(Trial& trial);
  void close_open_trials(Ending ending);
  std::size_t folds_per_trial() const { return trials_.front().folds.size(); }

  comm::Farm& farm_;
  record::Journal& journal_;
  Learner const& learner_;
  std::vector<Trial> trials_;
  std::vector<TaskRow> tasks_;
  std::vector<comm::TaskId> queue_;                 ///< last one next
  std::vector<std::map<int, std::string>> errors_;  ///< by trial, of its failed folds
  std::vector<double> costs_;                       ///< by trial
  double cost_done_ = 0;                            ///< in this session
  double offset_ = 0;                               ///< seconds spent by earlier sessions
  int restored_ = 0;
};

}  // namespace canopy::tune
