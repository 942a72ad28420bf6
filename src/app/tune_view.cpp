#include "tune_view.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>

#include <fmt/format.h>

#include "canopy/core/text.hpp"
#include "canopy/report/text_table.hpp"

namespace canopy::app {
namespace {

using tune::Search;
using tune::Trial;

struct Counts {
  int done = 0, pruned = 0, running = 0, waiting = 0, failed = 0;
};

Counts count(Search const& search) {
  using enum Trial::Status;
  Counts counts;
  for (auto const& trial : search.trials()) {
    if (trial.status == failed)
      ++counts.failed;
    else if (trial.status == complete)
      ++counts.done;
    else if (trial.status == pruned)
      ++counts.pruned;
    else if (trial.folds_done() > 0 || !trial.climbed.empty())
      ++counts.running;
    else
      ++counts.waiting;
  }
  counts.waiting += search.plan().trials_expected() - static_cast<int>(search.trials().size());
  return counts;
}

/// "8 done, 3 pruned, 2 running, 51 waiting", without what there is none of and need not be.
std::string to_text(Counts const& counts, std::string const& comma) {
  auto text = fmt::format("{} done", counts.done);
  auto const add = [&](int number, char const* what) {
    text += fmt::format("{} {} {}", comma, number, what);
  };
  if (counts.pruned > 0) add(counts.pruned, "pruned");
  add(counts.running, "running");
  add(counts.waiting, "waiting");
  if (counts.failed > 0) add(counts.failed, "failed");
  return text;
}

std::string score_text(Trial const& trial) {
  return fmt::format("{:.4f} +- {:.4f}", trial.mean_score(), trial.std_score());
}

/// "1: 98 %  2: 97 %": the share of this session that each worker spent in folds.
std::string utilisation(Search const& search) {
  std::map<int, double> busy;
  auto const session = search.farm().seconds();
  auto const begin = search.seconds() - session;
  for (auto const& task : search.tasks())
    if (task.started >= begin) busy[task.rank] += task.finished - task.started;
  std::string text;
  for (auto const& [rank, seconds] : busy)
    text += fmt::format("  {}: {:.0f} %", rank, 100 * std::min(1.0, seconds / session));
  return text.empty() ? "  -" : text;
}

std::vector<std::string> block(Search const& search, std::string const& title) {
  auto const share = static_cast<double>(search.folds_done()) / std::max(1, search.folds_total());
  std::vector<std::string> lines{
      title, "  trials   " + to_text(count(search), ","),
      fmt::format("  folds    {} {} of {}   {} gone, about {} to go", progress_bar(share, 30),
                  search.folds_done(), search.folds_total(), text::duration(search.seconds()),
                  text::duration(search.seconds_left()))};
  if (auto const* best = tune::best_trial(search.trials()))
    lines.push_back(fmt::format("  best     {}  trial {}: {}", score_text(*best), best->id,
                                tune::to_text(best->configuration)));
  auto const& initial = search.trials().front();
  if (initial.status == Trial::Status::complete)
    lines.push_back("  default  " + score_text(initial));
  lines.push_back("  ranks  " + utilisation(search));
  return lines;
}

std::string line(Search const& search) {
  auto const* best = tune::best_trial(search.trials());
  return fmt::format("{:>8}  folds {}/{}  trials {}  best {}  eta {}",
                     text::duration(search.seconds()), search.folds_done(), search.folds_total(),
                     to_text(count(search), ""), best == nullptr ? "-" : score_text(*best),
                     text::duration(search.seconds_left()));
}

std::string comparison(Trial const& initial, Trial const& best, std::string const& scoring) {
  if (best.id == initial.id)
    return fmt::format("No trial was better than the default: {} {}.\n", scoring,
                       score_text(initial));
  auto text = fmt::format("best     trial {:<4} {}   {}\n", best.id, score_text(best),
                          tune::to_text(best.configuration));
  if (initial.status != Trial::Status::complete) return text;
  int better = 0;
  for (std::size_t f = 0; f < best.folds.size(); ++f)
    better += best.folds[f]->score > initial.folds[f]->score;
  text += fmt::format("default  trial {:<4} {}\n", initial.id, score_text(initial));
  text += fmt::format(
      "gain     {:+.4f} {}, better in {} of {} folds (the best of many is flattered "
      "by its own selection)\n",
      best.mean_score() - initial.mean_score(), scoring, better, best.folds.size());
  return text;
}

}  // namespace

std::string model_text(Trial const& saved, Trial const& best, bool keeps_default) {
  std::string text = "model    the default (trial 0)";
  if (saved.id != 0) text = fmt::format("model    trial {}, the best of the search", saved.id);
  if (saved.id != best.id)
    text += fmt::format(", as the verdict advises; --refit best saves trial {} instead", best.id);
  else if (keeps_default)
    text += ", by --refit best; the verdict advises the default";
  return text + "\n";
}

void TuneView::watch(Search const& search) {
  progress_.update([&] { return block(search, title_); }, [&] { return line(search); });
}

std::string result_text(std::vector<Trial> const& trials,
                        std::vector<std::string> const& parameters, std::string const& scoring) {
  auto const* best = tune::best_trial(trials);
  if (best == nullptr) return "No trial was completed.\n";
  auto const ranks = tune::ranks_by_score(trials);
  std::vector<Trial const*> order;
  for (auto const& trial : trials)
    if (trial.status == Trial::Status::complete) order.push_back(&trial);
  std::ranges::stable_sort(order, {},
                           [&](Trial const* t) { return ranks[static_cast<std::size_t>(t->id)]; });
  constexpr std::size_t shown = 10;

  Table table{"top"};
  for (auto const* name : {"rank", "trial", "mean", "std", "seconds"})
    table.column(name, Table::Type::text);
  for (auto const& name : parameters) table.column(name, Table::Type::text);
  for (auto const* trial : order | std::views::take(shown)) {
    std::vector<Cell> row{std::to_string(ranks[static_cast<std::size_t>(trial->id)]),
                          fmt::format("{}{}", trial->id, trial->id == 0 ? " (default)" : ""),
                          fmt::format("{:.4f}", trial->mean_score()),
                          fmt::format("{:.4f}", trial->std_score()),
                          fmt::format("{:.1f}", trial->total_time())};
    for (auto const& name : parameters) {
      auto const* value = tune::find(trial->configuration, name);
      row.emplace_back(value == nullptr ? "" : *value);
    }
    table.add(row);
  }
  return report::render(table, {}) + "\n" + comparison(trials.front(), *best, scoring);
}

}  // namespace canopy::app
