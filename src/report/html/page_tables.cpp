#include "canopy/report/page_tables.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace canopy::report {
namespace {

using Type = Table::Type;

/// Linear between neighbours; `sorted` is not empty.
double quantile(std::vector<double> const& sorted, double share) {
  auto const at = share * static_cast<double>(sorted.size() - 1);
  auto const low = static_cast<std::size_t>(at);
  auto const high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - static_cast<double>(low));
}

std::vector<std::string> present(Table const& table, std::vector<std::string> const& columns) {
  std::vector<std::string> there;
  for (auto const& column : columns)
    if (table.has_column(column)) there.push_back(column);
  return there;
}

Table heading_of(Table const& table) {
  Table empty{table.name()};
  if (table.rows() == 0) return empty;
  for (std::size_t column = 0; column < table.columns(); ++column) {
    constexpr std::array types{Type::integer, Type::real, Type::text};  // as in Cell
    empty.column(table.column_names()[column], types[table.at(0, column).index()]);
  }
  return empty;
}

template <class Keep>
Table rows_where(Table const& table, Keep keep) {
  auto kept = heading_of(table);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!keep(row)) continue;
    std::vector<Cell> cells;
    for (std::size_t column = 0; column < table.columns(); ++column)
      cells.push_back(table.at(row, column));
    kept.add(cells);
  }
  return kept;
}

/// The rows of the last rounds that fit, whole rounds.
Table last_rounds(Table const& table, std::size_t rows) {
  std::map<std::int64_t, std::size_t, std::greater<>> counts;
  auto const round = [&](std::size_t row) {
    return static_cast<std::int64_t>(table.number(row, "round"));
  };
  for (std::size_t row = 0; row < table.rows(); ++row) ++counts[round(row)];
  std::size_t sum = 0;
  auto first = counts.begin()->first;
  for (auto const& [number, count] : counts) {
    if ((sum += count) > rows && sum > count) break;
    first = number;
  }
  return rows_where(table, [&](std::size_t row) { return round(row) >= first; });
}

bool has_rounds(Table const& table) {
  return (table.name() == "updates" || table.name() == "validations") && table.has_column("round");
}

/// The table, or what fits of it and a note.
Table cut(Table const& table, std::size_t max_cells, std::vector<std::string>& notes) {
  auto const rows = std::max<std::size_t>(1, max_cells / std::max<std::size_t>(1, table.columns()));
  if (table.rows() <= rows) return table;
  auto const note = [&](Table const& kept, std::string const& what) {
    notes.push_back(fmt::format(
        "The table {} has {} rows, too many for a page: it holds {} of them, {}.{}", table.name(),
        table.rows(), kept.rows(), what,
        has_rounds(table) ? " Distributions by round and histograms are of all rows." : ""));
    return kept;
  };
  if (has_rounds(table)) return note(last_rounds(table, rows), "those of the last rounds");
  if (table.name() == "tasks")
    return note(rows_where(table, [&](std::size_t row) { return row < rows; }), "the first ones");
  auto const step = (table.rows() + rows - 1) / rows;
  if (table.name() == "combiner_rounds")
    return note(rows_where(table,
                           [&](std::size_t row) {
                             return static_cast<std::size_t>(table.number(row, "round")) % step ==
                                    1;
                           }),
                fmt::format("those of one round in {}", step));
  return note(
      rows_where(table,
                 [&](std::size_t row) { return row % step == 0 || row + 1 == table.rows(); }),
      fmt::format("every {}th", step));
}

/// What there is to summarise of updates. Who sent nothing, having come late or not at all, has a
/// trip only; an update that is taken in a later round than it was made in tells no real time.
Table measured(Table const& updates) {
  auto const sent = present(updates, {"loss", "norm", "staleness", "real_seconds"});
  bool const has_trips = updates.has_column("virtual_begin") && updates.has_column("virtual_end");
  bool const tells_steps = updates.has_column("steps");
  Table table{"updates"};
  table.column("round", Type::integer);
  for (auto const& column : sent) table.column(column, Type::real);
  if (has_trips) table.column("trip_seconds", Type::real);
  for (std::size_t row = 0; row < updates.rows(); ++row) {
    bool const is_sent = !tells_steps || updates.number(row, "steps") > 0;
    bool const is_timed = !updates.has_column("fate") || updates.text(row, "fate") != "carried";
    std::vector<Cell> cells{updates.at(row, "round")};
    for (auto const& column : sent)
      cells.emplace_back(is_sent && (is_timed || column != "real_seconds")
                             ? updates.number(row, column)
                             : empty_cell);
    if (has_trips)
      cells.emplace_back(updates.number(row, "virtual_end") - updates.number(row, "virtual_begin"));
    table.add(cells);
  }
  return table;
}

/// `by_round` with a column for each fate: how many updates of the round met it.
Table with_fates(Table const& by_round, Table const& updates) {
  std::map<std::string, std::map<std::int64_t, std::int64_t>> fates;
  for (std::size_t row = 0; row < updates.rows(); ++row)
    ++fates[updates.text(row, "fate")][static_cast<std::int64_t>(updates.number(row, "round"))];
  auto table = heading_of(by_round);
  for (auto const& [fate, counts] : fates) table.column("fate_" + fate, Type::integer);
  for (std::size_t row = 0; row < by_round.rows(); ++row) {
    std::vector<Cell> cells;
    for (std::size_t column = 0; column < by_round.columns(); ++column)
      cells.push_back(by_round.at(row, column));
    for (auto& [fate, counts] : fates)
      cells.emplace_back(counts[static_cast<std::int64_t>(by_round.number(row, "round"))]);
    table.add(cells);
  }
  return table;
}

void add_summaries(Table const& table, std::vector<Table>& tables) {
  if (table.rows() == 0 || !has_rounds(table)) return;
  if (table.name() == "validations") {
    tables.push_back(quartiles_by(table, "validations_by_round", "round", {"loss", "accuracy"}));
    return;
  }
  auto const updates = measured(table);
  auto by_round = quartiles_by(updates, "updates_by_round", "round",
                               {"loss", "norm", "staleness", "trip_seconds", "real_seconds"});
  tables.push_back(table.has_column("fate") ? with_fates(by_round, table) : std::move(by_round));
  tables.push_back(
      histograms(updates, "updates_histogram", {"real_seconds", "trip_seconds", "staleness"}));
}

}  // namespace

Table quartiles_by(Table const& table, std::string const& name, std::string const& group,
                   std::vector<std::string> const& columns) {
  auto const there = present(table, columns);
  std::map<std::int64_t, std::vector<std::size_t>> groups;
  for (std::size_t row = 0; row < table.rows(); ++row)
    groups[static_cast<std::int64_t>(table.number(row, group))].push_back(row);
  Table summary{name};
  summary.column(group, Type::integer).column("count", Type::integer);
  for (auto const& column : there)
    for (auto const* part : {"min", "q1", "median", "q3", "max", "mean"})
      summary.column(column + "_" + part, Type::real);
  for (auto const& [value, rows] : groups) {
    std::vector<Cell> cells{value, std::ssize(rows)};
    for (auto const& column : there) {
      std::vector<double> values;
      double sum = 0;
      for (auto const row : rows)
        if (auto const x = table.number(row, column); std::isfinite(x)) {
          values.push_back(x);
          sum += x;
        }
      std::ranges::sort(values);
      for (double const share : {0.0, 0.25, 0.5, 0.75, 1.0})
        cells.emplace_back(values.empty() ? empty_cell : quantile(values, share));
      cells.emplace_back(values.empty() ? empty_cell : sum / static_cast<double>(values.size()));
    }
    summary.add(cells);
  }
  return summary;
}

Table histograms(Table const& table, std::string const& name,
                 std::vector<std::string> const& columns, std::size_t bins) {
  Table all{name};
  all.column("column", Type::text).column("low", Type::real).column("high", Type::real);
  all.column("count", Type::integer);
  for (auto const& column : present(table, columns)) {
    std::vector<double> values;
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (auto const x = table.number(row, column); std::isfinite(x)) values.push_back(x);
    if (values.empty()) continue;
    auto const [least, most] = std::ranges::minmax(values);
    auto const used = most > least ? bins : 1;
    auto const width = most > least ? (most - least) / static_cast<double>(bins) : 1.0;
    std::vector<std::int64_t> counts(used);
    for (auto const x : values)
      ++counts[std::min(used - 1, static_cast<std::size_t>((x - least) / width))];
    for (std::size_t bin = 0; bin < used; ++bin)
      all.add({column, least + static_cast<double>(bin) * width,
               least + static_cast<double>(bin + 1) * width, counts[bin]});
  }
  return all;
}

PageTables page_tables(record::RunRecord const& run, std::size_t max_cells) {
  PageTables shown;
  for (auto const& table : run.tables) {
    if (table.rows() == 0) continue;
    shown.tables.push_back(cut(table, max_cells, shown.notes));
    add_summaries(table, shown.tables);
  }
  return shown;
}

}  // namespace canopy::report
