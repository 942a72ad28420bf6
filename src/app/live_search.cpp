#include "live_search.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "canopy/core/error.hpp"
#include "canopy/tune/trial.hpp"

namespace canopy::app {
namespace {

using nlohmann::json;
using tune::Trial;

Trial::Status status_of(std::string const& word) {
  using enum Trial::Status;
  for (auto const status : {running, complete, pruned, failed, stopped})
    if (word == tune::to_text(status)) return status;
  throw DataError{"the journal has a trial of the unknown status '" + word + "'"};
}

class LiveSearch {
 public:
  explicit LiveSearch(int folds) : folds_{static_cast<std::size_t>(std::max(folds, 1))} {}

  void take(json const& record) {
    auto const& kind = record.at("kind");
    if (kind == "trial") take_trial(record);
    if (kind == "fold") take_fold(record);
  }

  std::vector<Table> tables() const {
    std::vector<Table> all{tune::trials_table(trials_, parameters_), tune::tasks_table(tasks_)};
    if (climbs_) all.push_back(tune::rungs_table(trials_));
    if (auto const* best = tune::best_trial(trials_))
      all.push_back(tune::trial_table("best", *best, parameters_));
    if (!trials_.empty() && trials_.front().status == Trial::Status::complete)
      all.push_back(tune::trial_table("default", trials_.front(), parameters_));
    return all;
  }

 private:
  Trial& trial(json const& record) {
    constexpr std::size_t most = 10'000'000;  // no search has more; a foreign file may say so
    auto const number = record.at("trial").get<std::size_t>();
    if (number >= most) throw DataError{"the journal tells of an impossible trial"};
    while (trials_.size() <= number) {
      auto& added = trials_.emplace_back();
      added.id = static_cast<int>(trials_.size()) - 1;
      added.folds.resize(folds_);
    }
    return trials_[number];
  }

  void take_trial(json const& record) {
    auto& mine = trial(record);
    mine.origin = record.at("origin");
    mine.status = status_of(record.at("status"));
    mine.stop_reason = record.at("stop_reason");
    mine.configuration = record.at("parameters").get<tune::Configuration>();
    for (auto const& [name, value] : mine.configuration)
      if (std::ranges::find(parameters_, name) == parameters_.end()) parameters_.push_back(name);
  }

  void take_fold(json const& record) {
    auto& mine = trial(record);
    tune::TaskRow row{mine.id, record.at("fold"), record.at("resource"), record.at("rank")};
    row.queued = record.at("queued");
    row.started = record.at("started");
    row.finished = record.at("finished");
    if (row.resource != mine.resource) mine.folds.assign(folds_, {});
    mine.resource = row.resource;
    if (auto const place = static_cast<std::size_t>(row.fold);
        place < folds_ && !record.contains("error")) {
      row.score = record.at("score");
      mine.folds[place] = {row.score, record.at("fit_time"), record.at("score_time"), {}, {}, {}};
      if (row.resource > 0 && mine.folds_done() == std::ssize(mine.folds)) {
        mine.climbed.push_back({row.resource, mine.score_so_far()});
        climbs_ = true;
      }
    }
    tasks_.push_back(row);
  }

  std::size_t folds_;
  std::vector<Trial> trials_;
  std::vector<std::string> parameters_;
  std::vector<tune::TaskRow> tasks_;
  bool climbs_ = false;
};

}  // namespace

std::vector<Table> live_search(std::vector<json> const& records, int folds) {
  LiveSearch search{folds};
  for (auto const& record : records) search.take(record);
  return search.tables();
}

}  // namespace canopy::app
