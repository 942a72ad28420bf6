#include "canopy/core/table.hpp"

#include <algorithm>
#include <cassert>

#include "canopy/core/text.hpp"

namespace canopy {

std::string to_text(Cell const& cell) {
  if (auto const* whole = std::get_if<std::int64_t>(&cell)) return std::to_string(*whole);
  if (auto const* real = std::get_if<double>(&cell)) return text::shortest(*real);
  return std::get<std::string>(cell);
}

Table& Table::column(std::string name, Type type) {
  assert(rows_ == 0);
  auto& added = columns_.emplace_back(std::move(name), std::vector<std::int64_t>{});
  if (type == Type::real) added.values = std::vector<double>{};
  if (type == Type::text) added.values = std::vector<std::string>{};
  return *this;
}

void Table::add(std::vector<Cell> const& row) {
  if (row.size() != columns_.size())
    throw std::logic_error{"table " + name_ + ": a row of " + std::to_string(row.size()) +
                           " cells for " + std::to_string(columns_.size()) + " columns"};
  for (std::size_t c = 0; c < row.size(); ++c)
    std::visit(
        [&]<class T>(std::vector<T>& values) {
          if constexpr (std::is_same_v<T, double>)
            if (auto const* whole = std::get_if<std::int64_t>(&row[c]))
              return values.push_back(static_cast<double>(*whole));
          values.push_back(std::get<T>(row[c]));
        },
        columns_[c].values);
  ++rows_;
}

std::vector<std::string> Table::column_names() const {
  std::vector<std::string> names;
  for (auto const& column : columns_) names.push_back(column.name);
  return names;
}

bool Table::has_column(std::string_view name) const {
  return std::ranges::find(columns_, name, &Column::name) != columns_.end();
}

std::size_t Table::index_of(std::string_view column) const {
  auto const found = std::ranges::find(columns_, column, &Column::name);
  if (found == columns_.end())
    throw DataError{"table " + name_ + " has no column '" + std::string{column} + "'"};
  return static_cast<std::size_t>(found - columns_.begin());
}

Cell Table::at(std::size_t row, std::size_t column) const {
  return std::visit([&](auto const& values) -> Cell { return values.at(row); },
                    columns_.at(column).values);
}

Cell Table::at(std::size_t row, std::string_view column) const {
  return at(row, index_of(column));
}

double Table::number(std::size_t row, std::string_view column) const {
  auto const cell = at(row, column);
  if (auto const* whole = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*whole);
  if (auto const* real = std::get_if<double>(&cell)) return *real;
  throw DataError{"table " + name_ + ": column '" + std::string{column} + "' holds no numbers"};
}

std::string Table::text(std::size_t row, std::string_view column) const {
  return to_text(at(row, column));
}

NamedArrays Table::to_arrays() const {
  NamedArrays arrays;
  for (auto const& column : columns_)
    std::visit([&](auto const& values) { arrays.put(column.name, values); }, column.values);
  return arrays;
}

Table Table::from_arrays(std::string name, NamedArrays const& arrays) {
  Table table{std::move(name)};
  for (auto const& [column, array] : arrays.arrays()) {
    if (!table.columns_.empty() && array.size() != table.rows_)
      throw DataError{"table " + table.name_ + ": column '" + column + "' differs in length"};
    table.rows_ = array.size();
    std::visit(
        [&]<class T>(std::vector<T> const& values) {
          if constexpr (std::is_same_v<T, std::string>)
            table.columns_.emplace_back(column, values);
          else if constexpr (std::is_integral_v<T>)
            table.columns_.emplace_back(column,
                                        std::vector<std::int64_t>(values.begin(), values.end()));
          else
            table.columns_.emplace_back(column, std::vector<double>(values.begin(), values.end()));
        },
        array.data);
  }
  return table;
}

}  // namespace canopy
