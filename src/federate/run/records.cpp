#include "canopy/federate/records.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <variant>

namespace canopy::federate {
namespace {

Table::Type type_of(std::int64_t) {
  return Table::Type::integer;
}
Table::Type type_of(double) {
  return Table::Type::real;
}
Table::Type type_of(std::string const&) {
  return Table::Type::text;
}

double mean(std::span<double const> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

}  // namespace

void RoundRow::take_accuracies(std::vector<double> accuracies) {
  if (accuracies.empty()) return;
  std::ranges::sort(accuracies);
  client_accuracy_mean = mean(accuracies);
  double squares = 0;
  for (auto const x : accuracies)
    squares += (x - client_accuracy_mean) * (x - client_accuracy_mean);
  client_accuracy_std = std::sqrt(squares / static_cast<double>(accuracies.size()));
  auto const tenth = std::max<std::size_t>(accuracies.size() / 10, 1);
  client_accuracy_worst_decile = mean(std::span{accuracies}.first(tenth));
}

bool UpdateRow::is_dropped() const {
  return fate == "dropped_out" || fate == "late" || fate == "rejected" || fate == "unavailable";
}

template <class Row>
Table table_of(std::string const& name, std::vector<Row> const& rows) {
  Table table{name};
  Row::each(Row{},
            [&](char const* column, auto const& field) { table.column(column, type_of(field)); });
  std::vector<Cell> cells;
  for (auto const& row : rows) {
    cells.clear();
    Row::each(row, [&](char const*, auto const& field) { cells.emplace_back(field); });
    table.add(cells);
  }
  return table;
}

template <class Row>
std::vector<Row> rows_of(Table const& table) {
  std::vector<Row> rows(table.rows());
  for (std::size_t i = 0; i < rows.size(); ++i)
    Row::each(rows[i], [&](char const* column, auto& field) {
      field = std::get<std::remove_cvref_t<decltype(field)>>(table.at(i, column));
    });
  return rows;
}

template Table table_of(std::string const&, std::vector<RoundRow> const&);
template Table table_of(std::string const&, std::vector<UpdateRow> const&);
template Table table_of(std::string const&, std::vector<CombinerRow> const&);
template Table table_of(std::string const&, std::vector<ValidationRow> const&);
template Table table_of(std::string const&, std::vector<ModelRow> const&);
template Table table_of(std::string const&, std::vector<SessionRow> const&);
template std::vector<RoundRow> rows_of(Table const&);
template std::vector<UpdateRow> rows_of(Table const&);
template std::vector<CombinerRow> rows_of(Table const&);
template std::vector<ValidationRow> rows_of(Table const&);
template std::vector<ModelRow> rows_of(Table const&);
template std::vector<SessionRow> rows_of(Table const&);

}  // namespace canopy::federate
