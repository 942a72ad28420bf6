#include "headline.hpp"

#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "canopy/core/text.hpp"
#include "canopy/core/toml.hpp"

namespace canopy::app {
namespace {

using record::RunRecord;

std::string setting(RunRecord const& run, char const* name) try {
  auto const table = toml::parse(run.settings);
  auto const* node = table.get(name);
  return node == nullptr ? "" : toml_text({table, "settings"}, *node);
} catch (std::exception const&) {
  return {};  // the tables may still tell
}

/// A real number of a table's row; NaN when there is no such column.
double number(Table const& table, std::size_t row, char const* column) {
  return table.has_column(column) ? table.number(row, column) : empty_cell;
}

void add(std::vector<std::string>& words, char const* form, double value) {
  if (!std::isnan(value)) words.push_back(fmt::format(fmt::runtime(form), value));
}

/// "12 of 50 rounds", or "50 rounds" when it has come to its end.
std::string count(RunRecord const& run, std::size_t done, std::string const& expected,
                  char const* what) {
  if (run.status == "complete" || expected.empty()) return fmt::format("{} {}", done, what);
  return fmt::format("{} of {} {}", done, expected, what);
}

void tell_search(RunRecord const& run, std::vector<std::string>& words) {
  auto const scoring = setting(run, "scoring");
  for (auto const* name : {"best", "default"})
    if (auto const* table = run.table(name); table != nullptr && table->rows() == 1)
      add(words,
          name == std::string{"best"} ? ("best {:.4f} " + scoring).c_str() : "default {:.4f}",
          number(*table, 0, "mean_test_score"));
  auto const* trials = run.table("trials");
  if (trials == nullptr) return;
  std::size_t ended = 0, failed = 0;
  for (std::size_t row = 0; row < trials->rows() && trials->has_column("status"); ++row) {
    auto const status = trials->text(row, "status");
    if (status != "running") ++ended;
    if (status == "failed") ++failed;
  }
  words.push_back(count(run, ended, setting(run, "trials"), "trials"));
  if (failed > 0) words.push_back(fmt::format("{} failed", failed));
}

void tell_evaluation(RunRecord const& run, std::vector<std::string>& words) {
  auto const* table = run.table("evaluation");
  if (table == nullptr || table->rows() == 0) return;
  words.push_back(fmt::format("{:.4f} {} on {}", table->number(0, "score"),
                              table->text(0, "scoring"), table->text(0, "rows_from")));
}

void tell_training(RunRecord const& run, std::vector<std::string>& words) {
  tell_evaluation(run, words);
  if (auto const* growth = run.table("growth"); growth != nullptr && growth->rows() > 0) {
    auto const trees = growth->number(growth->rows() - 1, "trees");
    words.push_back(
        count(run, static_cast<std::size_t>(trees), setting(run, "n_estimators"), "trees"));
  }
  auto const* epochs = run.table("epochs");
  if (epochs == nullptr || epochs->rows() == 0) return;
  auto const last = epochs->rows() - 1;
  if (words.empty()) {
    add(words, "loss {:.4g}", number(*epochs, last, "loss"));
    add(words, "accuracy {:.4f}", number(*epochs, last, "accuracy"));
  }
  words.push_back(count(run, epochs->rows(), setting(run, "epochs"), "epochs"));
}

void tell_federation(RunRecord const& run, std::vector<std::string>& words) {
  auto const* rounds = run.table("rounds");
  if (rounds == nullptr) return;
  for (auto row = rounds->rows(); row-- > 0 && words.empty();)
    add(words, "accuracy {:.4f}", number(*rounds, row, "accuracy"));
  words.push_back(count(run, rounds->rows(), setting(run, "rounds"), "rounds"));
}

void tell_scaling(RunRecord const& run, std::vector<std::string>& words) {
  auto const* table = run.table("scaling");
  if (table == nullptr || table->rows() == 0) return;
  double best = 0, size = 0;
  for (std::size_t row = 0; row < table->rows(); ++row)
    if (auto const speed_up = number(*table, row, "speed_up"); speed_up > best)
      best = speed_up, size = number(*table, row, "size");
  auto const* scaled = setting(run, "growth") == "weak" ? "scaled " : "";
  words.push_back(fmt::format("{}speed-up {:.3g} at {}", scaled, best, size));
}

}  // namespace

std::string headline(RunRecord const& run) {
  std::vector<std::string> words;
  if (run.command == "tune") tell_search(run, words);
  if (run.command == "train") tell_training(run, words);
  if (run.command == "federate") tell_federation(run, words);
  if (run.command == "scaling") tell_scaling(run, words);
  return text::join(words, ", ");
}

}  // namespace canopy::app
