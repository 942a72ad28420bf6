#include "canopy/report/text_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::report {
namespace {

constexpr std::size_t gap = 2;  // blanks between columns

/// One column ready to print: heading first, then a text per row.
struct Column {
  std::vector<std::string> cells;
  std::size_t width = 0;
  bool right = false;
};

/// Takes one sign off the front. What is not UTF-8 comes out byte by byte, as U+FFFD.
char32_t take_sign(std::string_view& text) {
  auto const first = static_cast<unsigned char>(text.front());
  std::size_t const size = first < 0x80         ? 1
                           : first >> 5 == 0x06 ? 2
                           : first >> 4 == 0x0e ? 3
                           : first >> 3 == 0x1e ? 4
                                                : 0;
  auto sign = static_cast<char32_t>(size <= 1 ? first : first & (0x7fu >> size));
  auto const is_tail = [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; };
  bool const whole =
      size > 0 && size <= text.size() && std::ranges::all_of(text.substr(1, size - 1), is_tail);
  if (whole)
    for (char const c : text.substr(1, size - 1))
      sign = sign << 6 | (static_cast<unsigned char>(c) & 0x3fu);
  text.remove_prefix(whole ? size : 1);
  return whole ? sign : U'\ufffd';
}

std::size_t sign_width(char32_t sign) {
  using Range = std::pair<char32_t, char32_t>;
  constexpr std::array none{Range{0x0300, 0x036f}, Range{0x200b, 0x200f}, Range{0x20d0, 0x20ff},
                            Range{0xfe00, 0xfe0f}};
  constexpr std::array two{Range{0x1100, 0x115f}, Range{0x2e80, 0xa4cf},   Range{0xac00, 0xd7a3},
                           Range{0xf900, 0xfaff}, Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},
                           Range{0xffe0, 0xffe6}, Range{0x1f300, 0x1faff}, Range{0x20000, 0x3fffd}};
  auto const holds = [sign](Range range) { return range.first <= sign && sign <= range.second; };
  if (std::ranges::any_of(none, holds)) return 0;
  return std::ranges::any_of(two, holds) ? 2 : 1;
}

/// A line break or a tab inside a cell would tear the table apart.
std::string on_one_line(std::string word) {
  std::ranges::replace_if(
      word, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return word;
}

std::string shown(Cell const& cell, std::optional<int> digits) {
  auto const* real = std::get_if<double>(&cell);
  if (!real || !digits || std::isnan(*real)) return on_one_line(to_text(cell));
  return fmt::format("{:.{}g}", *real, *digits);
}

Column column_of(Table const& table, std::size_t c, std::string heading,
                 std::optional<int> digits) {
  Column column;
  column.cells.push_back(on_one_line(std::move(heading)));
  for (std::size_t r = 0; r < table.rows(); ++r) {
    auto const cell = table.at(r, c);
    column.right = !std::holds_alternative<std::string>(cell);
    column.cells.push_back(shown(cell, digits));
  }
  for (auto const& cell : column.cells) column.width = std::max(column.width, display_width(cell));
  return column;
}

/// How many columns fit in the width, at least one.
std::size_t fitting(std::vector<Column> const& columns, std::optional<std::size_t> width) {
  if (!width) return columns.size();
  std::size_t used = 0;
  std::size_t count = 0;
  for (auto const& column : columns) {
    used += column.width + (count == 0 ? 0 : gap);
    if (used > *width && count > 0) break;
    ++count;
  }
  return count;
}

std::string line(std::vector<Column> const& columns, std::size_t row) {
  std::string out;
  std::size_t owed = 0;  // blanks are written only before something, so that no line ends in them
  for (auto const& column : columns) {
    auto const& cell = column.cells[row];
    auto const padding = column.width - display_width(cell);
    if (column.right) owed += padding;
    if (!cell.empty()) out += std::string(std::exchange(owed, 0), ' ') + cell;
    owed += gap + (column.right ? 0 : padding);
  }
  return out + '\n';
}

std::string rule(std::vector<Column> const& columns) {
  std::vector<std::string> dashes;
  for (auto const& column : columns) dashes.emplace_back(column.width, '-');
  return text::join(dashes, std::string(gap, ' ')) + '\n';
}

std::string csv_field(std::string word) {
  if (word.find_first_of(",\"\r\n") == std::string::npos) return word;
  std::string quoted{"\""};
  for (char const c : word) quoted += c == '"' ? std::string{"\"\""} : std::string{c};
  return quoted + '"';
}

std::string csv_line(std::vector<std::string> words) {
  // A lone empty field would be an empty line, which readers skip.
  if (words.size() == 1 && words[0].empty()) return "\"\"\n";
  std::ranges::transform(words, words.begin(), csv_field);
  return text::join(words, ",") + '\n';
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) width += sign_width(take_sign(text));
  return width;
}

Table select(Table const& table, std::vector<std::string> const& columns, std::size_t rows) {
  auto const names = table.column_names();
  auto const arrays = table.to_arrays();
  NamedArrays chosen;
  for (auto const& column : columns) {
    if (!table.has_column(column))
      throw UserError{fmt::format("table {} has no column '{}'{}; it has {}", table.name(), column,
                                  text::did_you_mean(column, names), text::join(names, ", "))};
    auto data = arrays.at(column).data;
    std::visit([rows](auto& values) { values.resize(std::min(rows, values.size())); }, data);
    chosen.put(column, std::move(data));
  }
  return Table::from_arrays(table.name(), chosen);
}

Table side_by_side(std::vector<Table const*> const& tables, std::optional<int> digits) {
  Table result{"side_by_side"};
  result.column("name", Table::Type::text);
  std::vector<std::string> names;
  for (auto const* table : tables) {
    result.column(table->name(), Table::Type::text);
    for (auto const& name : table->column_names())
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  for (auto const& name : names) {
    std::vector<Cell> row{name};
    for (auto const* table : tables)
      row.emplace_back(table->has_column(name) ? shown(table->at(0, name), digits) : std::string{});
    result.add(row);
  }
  return result;
}

std::string render(Table const& table, TextTableOptions const& options) {
  auto const names = table.column_names();
  std::vector<Column> columns;
  for (std::size_t c = 0; c < names.size(); ++c)
    columns.push_back(column_of(table, c, names[c], options.digits));
  columns.resize(fitting(columns, options.width));
  auto out = line(columns, 0) + rule(columns);
  for (std::size_t r = 0; r < table.rows(); ++r) out += line(columns, r + 1);
  if (columns.size() < names.size())
    out += fmt::format("(columns that do not fit in {} characters: {})\n", *options.width,
                       text::join(std::span{names}.subspan(columns.size()), ", "));
  return out;
}

std::string csv(Table const& table) {
  auto out = csv_line(table.column_names());
  for (std::size_t r = 0; r < table.rows(); ++r) {
    std::vector<std::string> words;
    for (std::size_t c = 0; c < table.columns(); ++c) words.push_back(to_text(table.at(r, c)));
    out += csv_line(std::move(words));
  }
  return out;
}

}  // namespace canopy::report
