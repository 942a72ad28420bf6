#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "canopy/core/array.hpp"

namespace canopy {

/// One value of a table; a real NaN means "empty", and so does an empty text.
using Cell = std::variant<std::int64_t, double, std::string>;

inline constexpr double empty_cell = std::numeric_limits<double>::quiet_NaN();

/// "12", "0.1", "sqrt": numbers in shortest round-trip form.
std::string to_text(Cell const& cell);

/// Rows under named columns, each column of one type. What a run leaves behind is made of these.
class Table {
 public:
  enum class Type { integer, real, text };

  explicit Table(std::string name) : name_{std::move(name)} {}

  /// Columns first, then rows. Returns *this, so that a table reads as a list of its columns.
  Table& column(std::string name, Type type);
  /// One cell per column, in order; a whole number is accepted in a real column.
  void add(std::vector<Cell> const& row);

  std::string const& name() const { return name_; }
  std::vector<std::string> column_names() const;
  bool has_column(std::string_view name) const;
  std::size_t columns() const { return columns_.size(); }
  std::size_t rows() const { return rows_; }
  Cell at(std::size_t row, std::size_t column) const;
  Cell at(std::size_t row, std::string_view column) const;
  double number(std::size_t row, std::string_view column) const;
  std::string text(std::size_t row, std::string_view column) const;

  /// As one array per column, and back (DataError when the columns differ in length).
  NamedArrays to_arrays() const;
  static Table from_arrays(std::string name, NamedArrays const& arrays);

  friend bool operator==(Table const&, Table const&) = default;

 private:
  struct Column {
    std::string name;
    std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> values;
    friend bool operator==(Column const&, Column const&) = default;
  };

  std::size_t index_of(std::string_view column) const;

  std::string name_;
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
};

}  // namespace canopy
