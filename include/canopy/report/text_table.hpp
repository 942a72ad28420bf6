#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "canopy/core/table.hpp"

namespace canopy::report {

/// How a table is laid out for people.
struct TextTableOptions {
  std::optional<int> digits;  ///< significant digits of real numbers; empty: shortest exact form
  std::optional<std::size_t> width;  ///< characters per line; empty: as wide as the table is
};

/// The table for people: a heading, a rule, one line per row, each ended by a newline. Number
/// columns stand to the right, empty cells are blank. Columns that do not fit in `width` are left
/// out from the right, never the first, and a last line names them.
std::string render(Table const& table, TextTableOptions const& options = {});

/// The table for programs: comma-separated with RFC 4180's quoting, heading first, numbers in
/// shortest round-trip form, empty cells empty. Lines end in a bare newline, as Unix tools want it.
std::string csv(Table const& table);

/// The named columns in that order, of the first `rows` rows. UserError when there is no such
/// column.
Table select(Table const& table, std::vector<std::string> const& columns, std::size_t rows);

/// Tables of one row each beside one another: a row for every column name in any of them, a column
/// for every table. Blank where a table has no such column; `digits` as in TextTableOptions.
Table side_by_side(std::vector<Table const*> const& tables, std::optional<int> digits = {});

/// Places that UTF-8 text takes on a terminal: wide East Asian signs and emoji take two, combining
/// marks none. A byte that is not UTF-8 counts as one.
std::size_t display_width(std::string_view text);

}  // namespace canopy::report
