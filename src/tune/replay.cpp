#include "canopy/tune/replay.hpp"

#include <algorithm>
#include <deque>
#include <queue>

#include <fmt/format.h>

#include "canopy/core/toml.hpp"
#include "canopy/tune/trial.hpp"

namespace canopy::tune {
namespace {

Configuration sorted(Configuration configuration) {
  std::erase_if(configuration, [](auto const& entry) { return entry.second.empty(); });
  std::ranges::sort(configuration);
  return configuration;
}

Configuration configuration_of(Table const& trials, std::size_t row) {
  constexpr std::string_view prefix = "param_";
  Configuration configuration;
  for (auto const& column : trials.column_names())
    if (column.starts_with(prefix))
      configuration.emplace_back(column.substr(prefix.size()), trials.text(row, column));
  return sorted(std::move(configuration));
}

}  // namespace

ReplayTable::ReplayTable(record::RunRecord const& run, std::string const& name) : name_{name} {
  auto const* trials = run.table("trials");
  auto const* tasks = run.table("tasks");
  if (run.command != "tune" || run.status != "complete" || trials == nullptr || tasks == nullptr)
    throw DataError{name +
                    ": is not a finished run of canopy tune; a table is made by canopy tune "
                    "--search grid"};
  auto const settings = toml::parse(run.settings);
  if (settings["space"].as_table() == nullptr)
    throw DataError{name +
                    ": was searched without a [space] of its own; write one and use "
                    "--search grid"};
  space_ = Space::from_toml({*settings["space"].as_table(), name}).stepped();
  scoring_ = settings["scoring"].value_or("accuracy");
  resource_ = settings["model"].value_or("forest") == std::string{"forest"} ||
                      settings["model"].value_or("") == std::string{"extra_trees"}
                  ? "n_estimators"
                  : "epochs";
  std::vector<Configuration> by_trial;
  for (std::size_t row = 0; row < trials->rows(); ++row) {
    auto configuration = configuration_of(*trials, row);
    if (trials->text(row, "origin") == "default") defaults_ = configuration;
    by_trial.push_back(configuration);
  }
  for (std::size_t row = 0; row < tasks->rows(); ++row) {
    auto const trial = static_cast<std::size_t>(tasks->number(row, "trial"));
    auto const fold = static_cast<std::size_t>(tasks->number(row, "fold"));
    auto& folds = rows_[by_trial.at(trial)];
    folds.resize(std::max(folds.size(), fold + 1));
    folds[fold] = {tasks->number(row, "score"),
                   tasks->number(row, "finished") - tasks->number(row, "started")};
    folds_ = std::max(folds_, static_cast<int>(fold) + 1);
  }
  for (auto const& configuration : space_.grid()) best_ = std::max(best_, mean(configuration));
}

std::vector<ReplayTable::Fold> const& ReplayTable::row(Configuration const& configuration) const {
  auto const found = rows_.find(sorted(configuration));
  if (found == rows_.end())
    throw DataError{
        fmt::format("{}: has no configuration {}; it must have the whole grid of its "
                    "[space], and all rungs of a scheduler",
                    name_, to_text(configuration))};
  return found->second;
}

ReplayTable::Fold const& ReplayTable::at(Configuration const& configuration, int fold) const {
  return row(configuration).at(static_cast<std::size_t>(fold));
}

double ReplayTable::mean(Configuration const& configuration) const {
  double sum = 0;
  auto const& folds = row(configuration);
  for (auto const& fold : folds) sum += fold.score;
  return sum / static_cast<double>(folds.size());
}

double ReplayTable::cost(Configuration const& configuration) const {
  double sum = 0;
  for (auto const& fold : row(configuration)) sum += fold.seconds;
  return sum;
}

FoldScore ReplayTable::fit_and_score(Configuration const&, data::Split const&, Key,
                                     StopToken const&) const {
  throw std::logic_error{"a table is looked up by replay()"};
}

namespace {

/// Ranks that compute folds on a virtual clock, and the one that hands them out.
class VirtualFarm {
 public:
  VirtualFarm(SearchPlan plan, ReplayTable const& table, int ranks, double per_result)
      : plan_{std::move(plan)},
        table_{table},
        posts_(static_cast<std::size_t>(std::max(1, ranks - 1))),
        depth_{ranks == 1 ? 1u : 2u},
        per_result_{per_result} {}

  Replay run() {
    if (plan_.decides_at_once()) take_up_longest_first();
    for (hand_out(); !ends_.empty(); hand_out()) {
      auto const end = ends_.top();
      ends_.pop();
      auto& post = posts_[end.worker];
      auto const fold = post.front().fold;
      post.pop_front();
      if (!post.empty()) start(end.worker, end.seconds);
      now_ = std::max(now_, end.seconds) + per_result_;
      result_.seconds = std::max(result_.seconds, end.seconds);
      ++result_.folds;
      take(fold);
    }
    result_.utilisation = busy_ / (static_cast<double>(posts_.size()) * result_.seconds);
    return std::move(result_);
  }

 private:
  struct End {
    double seconds;
    std::size_t worker;
    bool operator<(End const& other) const {
      return std::pair{seconds, worker} > std::pair{other.seconds, other.worker};
    }
  };

  struct Assigned {
    FoldId fold;
    double seconds;  ///< when
  };
  using Post = std::deque<Assigned>;

  void take_up_longest_first() {
    for (auto const fold : plan_.advance()) queue_.push_back(fold);
    std::ranges::stable_sort(queue_, std::greater{}, [&](FoldId fold) { return plan_.cost(fold); });
  }

  /// Everything that can be begun, as Search and comm::Farm do it.
  void hand_out() {
    for (;;) {
      auto const freest = std::ranges::min_element(posts_, {}, &Post::size);
      bool const hungry = freest->size() < depth_;
      auto const before = plan_.decisions();
      for (auto const fold : plan_.advance(queue_.empty() && hungry)) queue_.push_back(fold);
      if (queue_.empty() && hungry && plan_.decisions() > before) continue;
      if (queue_.empty() || !hungry) return;
      freest->push_back({queue_.front(), now_});
      queue_.pop_front();
      if (freest->size() == 1) start(static_cast<std::size_t>(freest - posts_.begin()), 0);
    }
  }

  /// The worker is free from then on; what it does next may have been assigned later.
  void start(std::size_t worker, double free) {
    auto const [fold, assigned] = posts_[worker].front();
    auto const seconds = table_.at(plan_.configuration(fold), fold.fold).seconds;
    busy_ += seconds;
    ends_.push({std::max(free, assigned) + seconds, worker});
  }

  void take(FoldId fold) {
    auto const configuration = plan_.configuration(fold);
    plan_.settle(fold, {table_.at(configuration, fold.fold).score, 0, 0, {}, {}, {}});
    auto const& trial = plan_.trial(fold);
    if (trial.status != Trial::Status::complete) return;
    auto const best = result_.steps.empty() ? trial.mean_score() : result_.steps.back().best;
    result_.steps.push_back({trial.id, now_, std::max(best, trial.mean_score())});
  }

  SearchPlan plan_;
  ReplayTable const& table_;
  std::deque<FoldId> queue_;
  std::vector<Post> posts_;  ///< by worker, the running fold first
  std::size_t depth_;
  double per_result_;
  std::priority_queue<End> ends_;
  double now_ = 0;  ///< rank 0's time
  double busy_ = 0;
  Replay result_;
};

}  // namespace

Replay replay(SearchPlan plan, ReplayTable const& table, int ranks, double per_result) {
  return VirtualFarm{std::move(plan), table, ranks, per_result}.run();
}

}  // namespace canopy::tune
