#include "canopy/tune/search.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/data/metrics.hpp"
#include "canopy/forest/parameters.hpp"
#include "canopy/tune/sampler.hpp"

namespace canopy::tune {

namespace {

/// What [space] may name, from the rows that check it.
std::string parameter_help() {
  forest::ForestParameters parameters;
  Options rows;
  parameters.describe(rows);
  std::string text = "\n  Parameters of forest and extra_trees (range) [default]:\n";
  for (auto const& row : rows.rows())
    text += fmt::format("    {:<26}{} ({}) [{}]\n", text::replace_all(row.name, '-', '_'), row.help,
                        row.range, row.initial);
  return text;
}

}  // namespace

void SearchSettings::describe(Options& o) {
  std::vector<std::string> const models = learners().names();
  o.group("Search");
  o.row("model", model, "what is tuned", one_of(models));
  o.row("search", search, "how configurations are chosen", one_of(samplers().names()));
  o.row("trials", trials, "configurations to try, the default (trial 0) included", at_least(1));
  o.row("points", points, "CSV file of configurations to try first", any<std::string>("FILE"));
  o.row("folds", folds, "parts of the stratified cross-validation", at_least(2));
  o.row("repeats", repeats, "fresh divisions into folds", at_least(1));
  o.row("scoring", scoring, "what is maximised", one_of(data::scoring_names()));
  o.group("Stop rules");
  Rule<std::optional<double>> const seconds{"None or seconds above 0",
                                            [](auto const& s) { return !s || *s > 0; }};
  o.row("time-limit", time_limit, "seconds of search; then refit and finish (exit 0)", seconds);
  o.row("walltime", walltime,
        "seconds until the allocation ends: save and leave with exit 75; "
        "Slurm's end time - 60 s if it is known",
        seconds);
  o.section(
      {"space",
       "  What the search varies, one line per parameter; without it the model's default\n"
       "  space is searched. Each line is a range, a list of values, or one fixed value:\n"
       "    n_estimators = { type = \"int\", low = 50, high = 300 }\n"
       "    max_depth = { type = \"int\", low = 10, high = 40, also = [\"None\"] }\n"
       "    min_impurity_decrease = { type = \"float\", low = 1e-6, high = 1e-2, log = true }\n"
       "    max_features = [\"sqrt\", \"log2\", 0.2, 0.4]\n"
       "    max_samples = { type = \"float\", low = 0.5, high = 1.0, if = \"bootstrap\", is = "
       "[true] }\n"
       "    criterion = \"gini\"\n" +
           parameter_help(),
       [this](TomlNode const& table) { space = Space::from_toml(table); },
       [this] { return space ? space->to_toml() : std::string{}; }});
}

namespace {

void refuse_unknown_names(Space const& space, Configuration const& known) {
  std::vector<std::string> names;
  for (auto const& [name, value] : known) names.push_back(name);
  for (auto const& name : space.names())
    if (find(known, name) == nullptr)
      throw UserError{
          fmt::format("[space] names '{}', which the model does not have{}; known are {}", name,
                      text::did_you_mean(name, names), text::join(names, ", "))};
}

/// The default of every searched parameter; what the space fixes stays fixed.
Configuration default_configuration(Space const& space, Configuration const& defaults) {
  auto configuration = space.fixed();
  for (auto const& parameter : space.searched())
    configuration.emplace_back(parameter.name, *find(defaults, parameter.name));
  return configuration;
}

/// Collects trials, each configuration once.
class TrialList {
 public:
  TrialList(SearchSettings const& settings, Learner const& learner)
      : folds_(static_cast<std::size_t>(settings.folds * settings.repeats)), learner_{learner} {}

  void add(std::string origin, Configuration configuration) {
    auto sorted = configuration;
    std::ranges::sort(sorted);
    if (!seen_.insert(to_text(sorted)).second) return;
    auto& trial = trials_.emplace_back();
    trial.id = static_cast<int>(trials_.size()) - 1;
    trial.origin = std::move(origin);
    trial.configuration = std::move(configuration);
    trial.folds.resize(folds_);
    try {
      learner_.check(trial.configuration);
    } catch (UserError const& e) {
      trial.status = Trial::Status::failed;
      trial.stop_reason = e.what();
    }
  }
  int size() const { return static_cast<int>(trials_.size()); }
  std::vector<Trial> take() { return std::move(trials_); }

 private:
  std::size_t folds_;
  Learner const& learner_;
  std::set<std::string> seen_;
  std::vector<Trial> trials_;
};

}  // namespace

std::vector<Trial> propose_trials(SearchSettings const& settings, Learner const& learner,
                                  std::uint64_t seed) {
  auto const space = settings.space.value_or(learner.default_space());
  auto const defaults = learner.defaults();
  refuse_unknown_names(space, defaults);
  TrialList list{settings, learner};
  list.add("default", default_configuration(space, defaults));
  if (!settings.points.empty())
    for (auto& point : read_points(settings.points, space))
      if (list.size() < settings.trials) list.add("points", std::move(point));
  auto const sampler =
      samplers().make(settings.search, {space, Key{seed}.with("sampler"), settings.trials});
  int const patience = 20 * settings.trials;  // a small space repeats itself: then it is exhausted
  for (int index = 0; index < patience && list.size() < settings.trials; ++index) {
    auto configuration = sampler->propose(index, {});
    if (!configuration) break;
    list.add(settings.search, std::move(*configuration));
  }
  return list.take();
}

Search::Search(comm::Farm& farm, record::Journal& journal, Learner const& learner,
               std::vector<Trial> trials)
    : farm_{farm},
      journal_{journal},
      learner_{learner},
      trials_{std::move(trials)},
      errors_(trials_.size()) {
  for (auto const& trial : trials_)
    costs_.push_back(trial.status == Trial::Status::failed ? 0
                                                           : learner_.cost(trial.configuration));
}

int Search::folds_total() const {
  auto const runnable = std::ranges::count_if(costs_, [](double cost) { return cost > 0; });
  return static_cast<int>(runnable) * static_cast<int>(folds_per_trial());
}

double Search::seconds_left() const {
  auto const all =
      std::accumulate(costs_.begin(), costs_.end(), 0.0) * static_cast<double>(folds_per_trial());
  double done = 0;
  for (auto const& task : tasks_) done += costs_[static_cast<std::size_t>(task.trial)];
  return cost_done_ > 0 ? farm_.seconds() / cost_done_ * (all - done) : empty_cell;
}

void Search::restore(std::vector<nlohmann::json> const& records) {
  for (auto const& record : records) {
    if (record.at("kind") != "fold") continue;
    TaskRow row;
    row.trial = record.at("trial");
    row.fold = record.at("fold");
    if (row.trial < 0 || static_cast<std::size_t>(row.trial) >= trials_.size() || row.fold < 0 ||
        static_cast<std::size_t>(row.fold) >= folds_per_trial())
      throw DataError{"the journal tells of a fold that this search does not have"};
    row.rank = record.at("rank");
    row.queued = record.at("queued");
    row.started = record.at("started");
    row.finished = record.at("finished");
    offset_ = std::max(offset_, row.finished);
    std::optional<FoldScore> score;
    if (!record.contains("error"))
      score = FoldScore{record.at("score"),
                        record.at("fit_time"),
                        record.at("score_time"),
                        record.at("confusion"),
                        {}};
    store(row, score, record.value("error", ""));
    ++restored_;
  }
}

void Search::plan_queue(bool longest_first) {
  std::set<std::pair<int, int>> done;
  for (auto const& task : tasks_) done.emplace(task.trial, task.fold);
  std::vector<int> order(trials_.size());
  std::iota(order.begin(), order.end(), 0);
  if (longest_first)  // the default still comes first: it is what everything is compared with
    std::stable_sort(order.begin() + 1, order.end(), [&](int a, int b) {
      return costs_[static_cast<std::size_t>(a)] > costs_[static_cast<std::size_t>(b)];
    });
  auto const folds = static_cast<int>(folds_per_trial());
  for (int const trial : order)
    for (int fold = 0; fold < folds; ++fold)
      if (costs_[static_cast<std::size_t>(trial)] > 0 && !done.contains({trial, fold}))
        queue_.push_back(std::int64_t{trial} * folds + fold);
  std::ranges::reverse(queue_);
}

void Search::assign_next() {
  auto const task = queue_.back();
  queue_.pop_back();
  auto const folds = static_cast<std::int64_t>(folds_per_trial());
  auto const& trial = trials_[static_cast<std::size_t>(task / folds)];
  farm_.assign(task, to_bytes(Task{Task::Kind::fold, trial.configuration,
                                   static_cast<int>(task % folds), 0, 0}));
}

Ending Search::run(Limits const& limits, std::function<void(Search const&)> const& watch) {
  // A search that may be cut short keeps the order of the proposals, or it would have tried
  // long trials only.
  plan_queue(!limits.time_limit);
  auto ending = Ending::finished;
  auto const idle = [&] {
    watch(*this);
    if (ending == Ending::interrupted || !limits.interrupted()) return;
    ending = Ending::interrupted;
    queue_.clear();
    farm_.cancel_all();
  };
  while (!queue_.empty() || farm_.outstanding() > 0) {
    while (!queue_.empty() && farm_.wants_task()) assign_next();
    if (auto const report = farm_.wait(0.1, idle)) take(*report);
    idle();
    bool const late = limits.time_limit && seconds() > *limits.time_limit;
    if (ending == Ending::finished && late && trials_.front().status != Trial::Status::running) {
      ending = queue_.empty() ? ending : Ending::time_limit;
      queue_.clear();
      farm_.cancel_waiting();
    }
  }
  close_open_trials(ending);
  return ending;
}

void Search::take(comm::TaskReport const& report) {
  if (report.outcome == comm::TaskReport::Outcome::cancelled) return;
  auto const folds = static_cast<std::int64_t>(folds_per_trial());
  TaskRow row;
  row.trial = static_cast<int>(report.task / folds);
  row.fold = static_cast<int>(report.task % folds);
  row.rank = report.rank.value;
  row.queued = offset_ + report.queued;
  row.started = offset_ + report.started;
  row.finished = offset_ + report.finished;
  nlohmann::json record{{"kind", "fold"},          {"trial", row.trial},   {"fold", row.fold},
                        {"rank", row.rank},        {"queued", row.queued}, {"started", row.started},
                        {"finished", row.finished}};
  std::optional<FoldScore> score;
  if (report.outcome == comm::TaskReport::Outcome::done) {
    score = from_bytes<FoldScore>(report.result);
    record.update({{"score", score->score},
                   {"fit_time", score->fit_time},
                   {"score_time", score->score_time},
                   {"confusion", score->confusion}});
  } else {
    record["error"] = report.error;
  }
  journal_.append(record);
  cost_done_ += costs_[static_cast<std::size_t>(row.trial)];
  store(row, std::move(score), report.error);
}

void Search::store(TaskRow const& row, std::optional<FoldScore> score, std::string const& error) {
  auto& trial = trials_[static_cast<std::size_t>(row.trial)];
  auto added = row;
  if (score) {
    added.score = score->score;
    trial.folds[static_cast<std::size_t>(row.fold)] = std::move(score);
  } else {
    errors_[static_cast<std::size_t>(row.trial)][row.fold] = error;
  }
  tasks_.push_back(added);
  settle(trial);
}

void Search::settle(Trial& trial) {
  auto const& errors = errors_[static_cast<std::size_t>(trial.id)];
  if (static_cast<std::size_t>(trial.folds_done()) + errors.size() < trial.folds.size()) return;
  trial.status = errors.empty() ? Trial::Status::complete : Trial::Status::failed;
  if (errors.empty()) return;
  auto const& [fold, error] = *errors.begin();  // whichever fold failed first in time
  trial.stop_reason = fmt::format("fold {}: {}", fold, error);
}

void Search::close_open_trials(Ending ending) {
  for (auto& trial : trials_) {
    if (trial.status != Trial::Status::running) continue;
    trial.status = Trial::Status::stopped;
    trial.stop_reason = ending == Ending::time_limit ? "time_limit" : "interrupted";
  }
}

}  // namespace canopy::tune
