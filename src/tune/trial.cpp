#include "canopy/tune/trial.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "canopy/core/text.hpp"

namespace canopy::tune {
namespace {

using Values = std::vector<double>;

template <class Get>
Values over_folds(Trial const& trial, Get get) {
  Values values;
  for (auto const& fold : trial.folds)
    if (fold) values.push_back(std::invoke(get, *fold));
  return values;
}

double mean(Values const& values) {
  if (values.empty()) return empty_cell;
  double sum = 0;
  for (auto const value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double standard_deviation(Values const& values) {
  auto const center = mean(values);
  double squares = 0;
  for (auto const value : values) squares += (value - center) * (value - center);
  return values.empty() ? empty_cell : std::sqrt(squares / static_cast<double>(values.size()));
}

/// Which type of column holds a parameter's values in all trials.
Table::Type type_of(std::vector<Trial> const& trials, std::string const& parameter) {
  std::vector<std::string> words;
  for (auto const& trial : trials) {
    auto const* word = find(trial.configuration, parameter);
    if (word == nullptr) return Table::Type::text;
    words.push_back(*word);
  }
  return column_type(words);
}

Cell cell(Trial const& trial, std::string const& parameter, Table::Type type) {
  auto const* word = find(trial.configuration, parameter);
  return word == nullptr ? Cell{std::string{}} : cell_of(*word, type);
}

}  // namespace

int Trial::folds_done() const {
  return static_cast<int>(
      std::ranges::count_if(folds, [](auto const& f) { return f.has_value(); }));
}

double Trial::score_so_far() const {
  return mean(over_folds(*this, &FoldScore::score));
}

double Trial::mean_score() const {
  return status == Status::complete ? score_so_far() : empty_cell;
}

std::vector<double> Trial::slice_scores() const {
  std::vector<double> sums;
  for (auto const& fold : folds) {
    if (!fold) continue;
    sums.resize(fold->slices.size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += fold->slices[i];
  }
  for (auto& sum : sums) sum /= folds_done();
  return sums;
}

double Trial::std_score() const {
  return status == Status::complete ? standard_deviation(over_folds(*this, &FoldScore::score))
                                    : empty_cell;
}

double Trial::total_time() const {
  double total = 0;
  for (auto const& fold : folds)
    if (fold) total += fold->fit_time + fold->score_time;
  return total;
}

std::optional<data::ConfusionMatrix> Trial::confusion() const {
  std::optional<data::ConfusionMatrix> sum;
  for (auto const& fold : folds) {
    if (!fold || fold->confusion.empty()) return {};
    auto const counts = data::ConfusionMatrix::from_counts(fold->confusion);
    sum ? * sum += counts : sum.emplace(counts);
  }
  return sum;
}

char const* to_text(Trial::Status status) {
  switch (status) {
    case Trial::Status::running:
      return "running";
    case Trial::Status::complete:
      return "complete";
    case Trial::Status::pruned:
      return "pruned";
    case Trial::Status::failed:
      return "failed";
    case Trial::Status::stopped:
      return "stopped";
  }
  return "";
}

Trial const* best_trial(std::vector<Trial> const& trials) {
  Trial const* best = nullptr;
  for (auto const& trial : trials) {
    if (trial.status != Trial::Status::complete) continue;
    if (best == nullptr || trial.mean_score() > best->mean_score() ||
        (trial.origin == "slice" && trial.mean_score() == best->mean_score()))
      best = &trial;
  }
  return best;
}

std::vector<int> ranks_by_score(std::vector<Trial> const& trials) {
  std::vector<double> scores;
  for (auto const& trial : trials)
    if (trial.status == Trial::Status::complete && !std::isnan(trial.mean_score()))
      scores.push_back(trial.mean_score());
  std::ranges::sort(scores, std::ranges::greater{});
  std::vector<int> ranks;
  for (auto const& trial : trials) {
    auto const place = std::ranges::lower_bound(scores, trial.mean_score(), std::ranges::greater{});
    ranks.push_back(
        trial.status != Trial::Status::complete ? 0 : 1 + static_cast<int>(place - scores.begin()));
  }
  return ranks;
}

Table::Type column_type(std::vector<std::string> const& words) {
  auto type = Table::Type::integer;
  for (auto const& word : words) {
    if (!text::to_double(word)) return Table::Type::text;
    if (!text::to_int(word)) type = Table::Type::real;
  }
  return type;
}

Cell cell_of(std::string const& word, Table::Type type) {
  if (type == Table::Type::integer) return *text::to_int(word);
  if (type == Table::Type::real) return *text::to_double(word);
  return word;
}

Table trials_table(std::vector<Trial> const& trials, std::vector<std::string> const& parameters) {
  using Type = Table::Type;
  Table table{"trials"};
  table.column("id", Type::integer).column("origin", Type::text);
  table.column("status", Type::text).column("stop_reason", Type::text);
  std::vector<Type> types;
  for (auto const& parameter : parameters) {
    types.push_back(type_of(trials, parameter));
    table.column("param_" + parameter, types.back());
  }
  auto const folds = trials.empty() ? 0 : trials.front().folds.size();
  table.column("mean_test_score", Type::real).column("std_test_score", Type::real);
  for (std::size_t f = 0; f < folds; ++f)
    table.column("split" + std::to_string(f) + "_test_score", Type::real);
  for (auto const* name : {"mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"})
    table.column(name, Type::real);
  for (auto const* name : {"rank_test_score", "folds_done", "resource"})
    table.column(name, Type::integer);

  auto const ranks = ranks_by_score(trials);
  for (std::size_t t = 0; t < trials.size(); ++t) {
    auto const& trial = trials[t];
    std::vector<Cell> row{std::int64_t{trial.id}, trial.origin, to_text(trial.status),
                          trial.stop_reason};
    for (std::size_t p = 0; p < parameters.size(); ++p)
      row.push_back(cell(trial, parameters[p], types[p]));
    row.insert(row.end(), {trial.mean_score(), trial.std_score()});
    for (auto const& fold : trial.folds) row.emplace_back(fold ? fold->score : empty_cell);
    for (auto const get : {&FoldScore::fit_time, &FoldScore::score_time}) {
      auto const values = over_folds(trial, get);
      row.insert(row.end(), {mean(values), standard_deviation(values)});
    }
    row.insert(row.end(), {std::int64_t{ranks[t]}, std::int64_t{trial.folds_done()},
                           std::int64_t{trial.resource}});
    table.add(row);
  }
  return table;
}

Table rungs_table(std::vector<Trial> const& trials) {
  using Type = Table::Type;
  Table table{"rungs"};
  table.column("trial", Type::integer).column("resource", Type::integer);
  table.column("score", Type::real);
  for (auto const& trial : trials)
    for (auto const& rung : trial.climbed)
      table.add({std::int64_t{trial.id}, std::int64_t{rung.resource}, rung.score});
  return table;
}

Table trial_table(std::string name, Trial const& trial,
                  std::vector<std::string> const& parameters) {
  using Type = Table::Type;
  Table table{std::move(name)};
  table.column("trial", Type::integer);
  std::vector<Cell> row{std::int64_t{trial.id}};
  for (auto const& parameter : parameters) {
    auto const type = type_of({trial}, parameter);
    table.column("param_" + parameter, type);
    row.push_back(cell(trial, parameter, type));
  }
  table.column("mean_test_score", Type::real).column("std_test_score", Type::real);
  row.insert(row.end(), {trial.mean_score(), trial.std_score()});
  table.column("fit_and_score_time", Type::real);
  row.emplace_back(trial.total_time());
  table.add(row);
  return table;
}

Table tasks_table(std::vector<TaskRow> rows) {
  using Type = Table::Type;
  std::ranges::sort(rows, {}, [](TaskRow const& row) {
    return std::tuple{row.trial, row.resource, row.fold};
  });
  Table table{"tasks"};
  for (auto const* name : {"trial", "fold", "resource", "rank"}) table.column(name, Type::integer);
  for (auto const* name : {"queued", "started", "finished", "score"})
    table.column(name, Type::real);
  for (auto const& row : rows)
    table.add({std::int64_t{row.trial}, std::int64_t{row.fold}, std::int64_t{row.resource},
               std::int64_t{row.rank}, row.queued, row.started, row.finished, row.score});
  return table;
}

}  // namespace canopy::tune
