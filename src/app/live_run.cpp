#include "live_run.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <limits>

#include <nlohmann/json.hpp>

#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"
#include "canopy/core/toml.hpp"
#include "canopy/federate/records.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/record/journal_use.hpp"
#include "canopy/train/network/training_state.hpp"

#include "earlier_session.hpp"
#include "live_search.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using record::RunRecord;

std::time_t last_change(fs::path const& path) {
  auto const time = std::chrono::file_clock::to_sys(fs::last_write_time(path));
  return std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
}

/// What the settings say of how many folds a trial has, and of the seed.
struct Told {
  int folds = 1;
  std::uint64_t seed = 0;
};

Told told_by(std::string const& settings) try {
  auto const table = toml::parse(settings);
  return {table["folds"].value_or(1) * table["repeats"].value_or(1),
          static_cast<std::uint64_t>(table["seed"].value_or(std::int64_t{0}))};
} catch (toml::parse_error const&) {
  return {};  // the rest may still be worth a look
}

/// The checkpoint that the journal goes on from, or a record without tables.
RunRecord record_before(record::RunFiles const& files, json const& start) {
  if (auto earlier = checkpoint_of(files, start)) return std::move(*earlier);
  RunRecord record;
  record.command = start.value("command", "");
  record.settings = start.value("settings", "");
  record.started = start.value("started", "");
  record.version = start.value("version", "");
  record.git = start.value("git", "");
  record.seed = told_by(record.settings).seed;
  record.np = start.value("np", 0);
  record.nodes = start.value("nodes", 0);
  return record;
}

void put(RunRecord& record, Table table) {
  auto const same = std::ranges::find(record.tables, table.name(), &Table::name);
  if (same == record.tables.end())
    record.tables.push_back(std::move(table));
  else
    *same = std::move(table);
}

/// The fields of a row that the journal's line has; older lines have fewer.
template <class Row>
Row row_of(json const& line) {
  Row row;
  Row::each(row, [&](char const* name, auto& field) {
    if (line.contains(name)) line.at(name).get_to(field);
  });
  return row;
}

/// The rows of `before` and of the journal's lines of that kind, in the order of their number. A
/// session that begins at an earlier one than was reached takes its own rows from there on.
template <class Row>
std::vector<Row> grown(std::vector<Row> before, std::vector<json> const& records, char const* kind,
                       std::int64_t Row::*number) {
  for (auto const& line : records) {
    if (line.at("kind") != kind) continue;
    auto row = row_of<Row>(line);
    line.at(kind).get_to(row.*number);
    while (!before.empty() && before.back().*number >= row.*number) before.pop_back();
    before.push_back(std::move(row));
  }
  return before;
}

std::vector<train::EpochRow> epochs_of(Table const* table) {
  std::vector<train::EpochRow> rows(table == nullptr ? 0 : table->rows());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].epoch = static_cast<std::int64_t>(table->number(i, "epoch"));
    train::EpochRow::each(rows[i],
                          [&](char const* name, double& field) { field = table->number(i, name); });
  }
  return rows;
}

/// How many trees had grown when; times begin anew with each session, and so does the table.
Table growth_table(std::vector<json> const& records) {
  std::vector<std::pair<double, std::int64_t>> notes;
  for (auto const& line : records) {
    if (line.at("kind") != "trees") continue;
    auto const seconds = line.at("seconds").get<double>();
    auto const trees = line.at("trees").get<std::int64_t>();
    if (!notes.empty() && (seconds <= notes.back().first || trees < notes.back().second))
      notes.clear();
    notes.emplace_back(seconds, trees);
  }
  Table table{"growth"};
  table.column("seconds", Table::Type::real).column("trees", Table::Type::integer);
  for (auto const& [seconds, trees] : notes) table.add({seconds, trees});
  return table;
}

void take_journal(RunRecord& record, std::vector<json> const& records) {
  auto const has = [&](char const* kind) {
    return std::ranges::any_of(records, [&](json const& line) { return line.at("kind") == kind; });
  };
  if (record.command == "tune" && (has("fold") || has("trial")))
    for (auto& table : live_search(records, told_by(record.settings).folds))
      put(record, std::move(table));
  if (record.command == "federate" && has("round")) {
    auto const* rounds = record.table("rounds");
    put(record,
        federate::table_of("rounds",
                           grown(rounds == nullptr ? std::vector<federate::RoundRow>{}
                                                   : federate::rows_of<federate::RoundRow>(*rounds),
                                 records, "round", &federate::RoundRow::round)));
  }
  if (record.command == "train" && has("epoch"))
    put(record, train::epochs_table(grown(epochs_of(record.table("epochs")), records, "epoch",
                                          &train::EpochRow::epoch)));
  if (record.command == "train" && has("trees")) put(record, growth_table(records));
}

}  // namespace

RunRecord live_run(record::RunFiles const& files) try {
  bool const runs = record::is_in_use(files.journal);
  auto const records = record::Journal::read(files.journal);
  if (records.empty() || records.front().value("kind", "") != "start")
    throw DataError{files.journal.string() + ": does not yet tell which run it is of"};
  auto const& start = records.front();
  auto record = record_before(files, start);
  take_journal(record, records);
  record.status = runs ? "running" : "interrupted";
  record.exit_code = runs ? 0 : static_cast<int>(ExitCode::interrupted);
  record.finished = "";
  auto const end = runs ? std::time(nullptr) : last_change(files.journal);
  record.wall_seconds =
      static_cast<double>(std::max<std::time_t>(0, end - seconds_of(record.started)));
  return record;
} catch (json::exception const& e) {
  throw DataError{files.journal.string() +
                  ": has a record of another form than this version's: " + e.what()};
}

}  // namespace canopy::app
