#include "canopy/app/show.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include <sys/ioctl.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "canopy/core/options.hpp"
#include "canopy/core/toml.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/report/text_table.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using record::RunRecord;

constexpr int digits = 6;  // of real numbers, for people

struct ShowSettings {
  std::string run;
  std::string table;
  bool csv = false;
  std::vector<std::string> columns;
  std::size_t rows = 0;

  void describe(Options& o) {
    o.group("Show");
    o.positional("RUN", run, "the run file", any<std::string>("FILE.h5"));
    o.positional("TABLE", table,
                 "what to print: a table of the run, or model, settings, environment, status; of a "
                 "search also cv_results; without it an overview",
                 any<std::string>("NAME"));
    o.row("csv", csv, "print tables as CSV, numbers exactly", any<bool>("true or false"));
    o.row("columns", columns, "print only these columns, in this order",
          any<std::vector<std::string>>("NAME,..."));
    o.row("rows", rows, "print only so many rows, the first ones; 0 prints all",
          at_least(std::size_t{0}));
  }
};

/// A reader that has seen enough and closed the pipe is no failure; a full disk is.
void print(std::string const& text) {
  auto const written = std::fwrite(text.data(), 1, text.size(), stdout);
  if ((written < text.size() || std::fflush(stdout) != 0) && errno != EPIPE)
    throw UserError{std::string{"cannot write to the standard output: "} + std::strerror(errno)};
}

/// Characters per line of the terminal; nothing when the output goes to a file or another program.
std::optional<std::size_t> terminal_width() {
  winsize size{};
  if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return {};
  return size.ws_col;
}

void print(Table const& table, bool as_csv) {
  if (as_csv) return print(report::csv(table));
  print(report::render(table, {.digits = digits, .width = terminal_width()}));
}

void print_chosen(Table const& table, ShowSettings const& settings) {
  auto const columns = settings.columns.empty() ? table.column_names() : settings.columns;
  print(report::select(table, columns, settings.rows == 0 ? table.rows() : settings.rows),
        settings.csv);
}

Table name_value_table(std::string name) {
  Table table{std::move(name)};
  table.column("name", Table::Type::text).column("value", Table::Type::text);
  return table;
}

/// Which data the run was about, if its settings say so.
std::optional<std::string> data_name(RunRecord const& run) try {
  return toml::parse(run.settings)["data"].value<std::string>();
} catch (toml::parse_error const&) {
  return {};  // the rest of the file may still be worth a look
}

/// How far a run had come when it last told its journal, if there is one that tells.
std::optional<std::string> last_heard_of(fs::path const& journal) {
  std::optional<std::string> last;
  if (!fs::exists(journal)) return last;
  for (auto const& record : record::Journal::read(journal)) {
    if (record.contains("step"))
      last = fmt::format("update {}", record.at("step").get<std::int64_t>());
    if (record.contains("trees"))
      last = fmt::format("{} trees", record.at("trees").get<std::int64_t>());
  }
  return last;
}

Table facts(RunRecord const& run, fs::path const& run_file) {
  auto table = name_value_table("run");
  table.add({"command", run.command});
  table.add({"status", fmt::format("{} (exit status {})", run.status, run.exit_code)});
  table.add({"version", run.git.empty() ? run.version : run.version + " " + run.git});
  table.add({"started", run.started});
  table.add({"finished", run.finished});
  table.add({"wall time", text::duration(run.wall_seconds)});
  if (auto const data = data_name(run)) table.add({"data", *data});
  if (auto const last = last_heard_of(record::files_of(run_file).journal))
    table.add({"last heard of", *last + ", by its journal"});
  table.add({"seed", std::to_string(run.seed)});
  table.add({"processes", fmt::format("{} on {} machine(s)", run.np, run.nodes)});
  return table;
}

Table contents(RunRecord const& run) {
  Table table{"tables"};
  table.column("table", Table::Type::text)
      .column("rows", Table::Type::integer)
      .column("columns", Table::Type::integer);
  auto const add = [&table](std::string const& name, Table const& part) {
    table.add(
        {name, static_cast<std::int64_t>(part.rows()), static_cast<std::int64_t>(part.columns())});
  };
  for (auto const& part : run.tables) add(part.name(), part);
  if (run.model_row) add("model", *run.model_row);
  return table;
}

/// What the run found, of the tables that hold one row about it.
std::vector<Table const*> findings(RunRecord const& run) {
  std::vector<Table const*> found;
  for (auto const* name : {"best", "default", "final", "verdict"})
    if (auto const* table = run.table(name); table != nullptr && table->rows() == 1)
      found.push_back(table);
  return found;
}

void print_overview(RunRecord const& run, ShowSettings const& settings) {
  if (settings.csv) return print(contents(run), true);
  print(facts(run, settings.run), false);
  print("\n");
  if (auto const found = findings(run); !found.empty()) {
    print(report::side_by_side(found, digits), false);
    print("\n");
  }
  print(contents(run), false);
  print(
      fmt::format("\n`canopy show {} NAME` prints one of these, or settings, environment, status\n",
                  settings.run));
}

Table environment(RunRecord const& run) {
  auto table = name_value_table("environment");
  for (auto const& [name, value] : run.environment.attributes())
    table.add({name, std::visit([](auto const& v) { return to_text(Cell{v}); }, value)});
  return table;
}

std::string python_value(std::string const& word) {
  if (word == "true") return "True";
  if (word == "false") return "False";
  return text::to_double(word) || word == "None" ? word : "'" + word + "'";
}

/// "{'max_depth': 20, 'criterion': 'gini'}", as Python writes a trial's parameters.
std::string python_dict(Table const& trials, std::size_t row) {
  std::vector<std::string> entries;
  for (auto const& column : trials.column_names()) {
    auto const value = trials.text(row, column);
    if (!column.starts_with("param_") || value.empty()) continue;
    entries.push_back(fmt::format("'{}': {}", column.substr(6), python_value(value)));
  }
  return "{" + text::join(entries, ", ") + "}";
}

/// The trials of a search, of which there is one at least, in the columns of scikit-learn's
/// cv_results_ and in its order.
Table cv_results(Table const& trials) {
  std::vector<std::string> columns{"mean_fit_time", "std_fit_time", "mean_score_time",
                                   "std_score_time"};
  auto const take = [&](auto const& is_wanted) {
    for (auto const& column : trials.column_names())
      if (is_wanted(column)) columns.push_back(column);
  };
  take([](std::string const& column) { return column.starts_with("param_"); });
  auto const params = columns.size();
  take([](std::string const& column) { return column.starts_with("split"); });
  columns.insert(columns.end(), {"mean_test_score", "std_test_score", "rank_test_score"});
  auto const chosen = report::select(trials, columns, trials.rows());
  Table table{"cv_results"};
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (c == params) table.column("params", Table::Type::text);
    table.column(columns[c], static_cast<Table::Type>(chosen.at(0, c).index()));
  }
  for (std::size_t row = 0; row < chosen.rows(); ++row) {
    std::vector<Cell> cells;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (c == params) cells.emplace_back(python_dict(trials, row));
      cells.push_back(chosen.at(row, c));
    }
    table.add(cells);
  }
  return table;
}

UserError unknown_part(RunRecord const& run, ShowSettings const& settings) {
  std::vector<std::string> names;
  for (auto const& table : run.tables) names.push_back(table.name());
  if (run.model_row) names.emplace_back("model");
  names.insert(names.end(), {"settings", "environment", "status"});
  return UserError{fmt::format("{} has no table '{}'{}; it has {}", settings.run, settings.table,
                               text::did_you_mean(settings.table, names), text::join(names, ", "))};
}

int print_part(RunRecord const& run, ShowSettings const& settings) {
  auto const& part = settings.table;
  if (part == "status") {
    print(run.status + "\n");
    return run.exit_code;
  }
  if (part.empty())
    print_overview(run, settings);
  else if (part == "settings")
    print(run.settings);
  else if (part == "environment")
    print_chosen(environment(run), settings);
  else if (part == "model" && run.model_row)
    print_chosen(*run.model_row, settings);
  else if (auto const* table = run.table(part))
    print_chosen(*table, settings);
  else if (auto const* trials = run.table("trials"); trials != nullptr && part == "cv_results")
    print_chosen(cv_results(*trials), settings);
  else
    throw unknown_part(run, settings);
  return 0;
}

/// Said on stdout for the overview and for `status`, which jobs ask; no table can be had yet.
int report_journal(fs::path const& journal, ShowSettings const& settings) {
  auto const last = last_heard_of(journal);
  auto const text =
      fmt::format("no finished run file yet: {} records in the journal {}{}; resume with --resume",
                  record::Journal::read(journal).size(), journal.string(),
                  last ? ", the last one of " + *last : "");
  if (!settings.table.empty() && settings.table != "status")
    throw UserError{text, ExitCode::interrupted};
  print("unfinished: " + text + "\n");
  return static_cast<int>(ExitCode::interrupted);
}

}  // namespace

int run_show(std::span<std::string const> words) {
  ShowSettings settings;
  Options options;
  settings.describe(options);
  auto const line =
      read_command_line("show", "Prints what a run left behind, as text or CSV.", options, words);
  if (line.help) {
    print(*line.help);
    return 0;
  }
  if (settings.run.empty())
    throw UserError{"which run? Give its file, as in `canopy show results/NAME.h5`"};
  auto const files = record::files_of(settings.run);
  if (record::has_journal_only(files)) return report_journal(files.journal, settings);
  return print_part(record::read_without_model(settings.run), settings);
}

}  // namespace canopy::app
