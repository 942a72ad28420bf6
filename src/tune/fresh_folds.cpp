#include "canopy/tune/fresh_folds.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/tune/search.hpp"

namespace canopy::tune {
namespace {

constexpr auto kind = "verdict-fold";
/// Numbers of their own among the tasks of the farm.
constexpr comm::TaskId first_id = comm::TaskId{1} << 41;

class FreshFolds {
 public:
  FreshFolds(comm::Farm& farm, record::Journal& journal, std::vector<Trial> trials, int folds)
      : farm_{farm}, journal_{journal}, trials_{std::move(trials)}, folds_{folds} {
    for (auto& trial : trials_) trial.folds.assign(static_cast<std::size_t>(folds), {});
  }

  void restore(record::JournalRecords const& records) {
    records.each_of(kind, [this](nlohmann::json const& record) {
      auto const trial = std::ranges::find(trials_, record.at("trial").get<int>(), &Trial::id);
      auto const fold = record.at("fold").get<int>();
      if (trial == trials_.end() || fold < 0 || fold >= folds_)
        throw DataError{"the journal tells of a fresh fold that this search does not have"};
      if (record.contains("error"))
        errors_[{trial->id, fold}] = record.at("error");
      else
        trial->folds[static_cast<std::size_t>(fold)] = FoldScore{record.at("score"),
                                                                 record.at("fit_time"),
                                                                 record.at("score_time"),
                                                                 record.at("confusion"),
                                                                 {},
                                                                 {}};
    });
  }

  std::vector<Trial> run(std::function<bool()> const& interrupted) {
    plan();
    bool stopped = false;
    auto const idle = [&] {
      if (stopped || !interrupted()) return;
      stopped = true;
      queue_.clear();
      farm_.cancel_all();
    };
    while (!queue_.empty() || farm_.outstanding() > 0) {
      while (!queue_.empty() && farm_.wants_task()) assign_next();
      if (auto const report = farm_.wait(0.1, idle)) take(*report);
      idle();
    }
    if (stopped) throw Stopped{};
    settle();
    return std::move(trials_);
  }

 private:
  Trial& trial_of(int task) { return trials_[static_cast<std::size_t>(task / folds_)]; }

  /// Trial by trial, last one next.
  void plan() {
    for (int task = static_cast<int>(trials_.size()) * folds_; task-- > 0;) {
      auto const& trial = trial_of(task);
      auto const fold = task % folds_;
      if (!trial.folds[static_cast<std::size_t>(fold)] && !errors_.contains({trial.id, fold}))
        queue_.push_back(task);
    }
  }

  void assign_next() {
    auto const task = queue_.back();
    queue_.pop_back();
    farm_.assign(first_id + task,
                 to_bytes(Task{Task::Kind::fresh_fold, trial_of(task).configuration, task % folds_,
                               false, 0, 0}));
  }

  void take(comm::TaskReport const& report) {
    if (report.outcome == comm::TaskReport::Outcome::cancelled) return;
    auto const task = static_cast<int>(report.task - first_id);
    auto const fold = task % folds_;
    auto& trial = trial_of(task);
    nlohmann::json record{{"kind", kind}, {"trial", trial.id}, {"fold", fold}};
    if (report.outcome == comm::TaskReport::Outcome::failed) {
      record["error"] = report.error;
      errors_[{trial.id, fold}] = report.error;
    } else {
      auto const score = from_bytes<FoldScore>(report.result);
      record.update({{"score", score.score},
                     {"fit_time", score.fit_time},
                     {"score_time", score.score_time},
                     {"confusion", score.confusion}});
      trial.folds[static_cast<std::size_t>(fold)] = score;
    }
    journal_.append(record);
  }

  void settle() {
    for (auto& trial : trials_) trial.status = Trial::Status::complete;
    for (auto const& [place, error] : errors_) {
      auto& trial = *std::ranges::find(trials_, place.first, &Trial::id);
      if (trial.status == Trial::Status::failed) continue;  // by a lower fold
      trial.status = Trial::Status::failed;
      trial.stop_reason = fmt::format("fresh fold {}: {}", place.second, error);
    }
  }

  comm::Farm& farm_;
  record::Journal& journal_;
  std::vector<Trial> trials_;
  int folds_;
  std::vector<int> queue_;
  std::map<std::pair<int, int>, std::string> errors_;  ///< by trial and fold
};

}  // namespace

std::vector<Trial> in_fresh_folds(comm::Farm& farm, record::Journal& journal,
                                  record::JournalRecords const& records, std::vector<Trial> trials,
                                  int folds, std::function<bool()> const& interrupted) {
  FreshFolds fresh{farm, journal, std::move(trials), folds};
  fresh.restore(records);
  return fresh.run(interrupted);
}

}  // namespace canopy::tune
