#include "csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "canopy/core/error.hpp"
#include "canopy/core/printable.hpp"
#include "canopy/core/text.hpp"
#include "canopy/data/readers.hpp"

#include "columns.hpp"
#include "labels.hpp"
#include "lines.hpp"
#include "row_blocks.hpp"

namespace canopy::data {
namespace {

/// Where in the file something was found; it becomes the head of an error message.
struct Place {
  std::filesystem::path const& path;
  std::int64_t line;
  std::size_t column;  ///< from 0

  [[noreturn]] void fail(std::string const& problem) const {
    throw DataError{path.string() + ": line " + std::to_string(line) + ", column " +
                    std::to_string(column + 1) + ": " + text::printable(problem)};
  }
};

/// The text of one field: where it ends in the line, and what it says.
struct Field {
  char const* end;  ///< at the separator, or the end of the line
  std::string_view word;
  bool is_quoted = false;
};

/// `at` stands on the opening quote; two quotes inside stand for one and go to `scratch`.
Field quoted_field(char const* at, char const* end, char separator, std::string& scratch,
                   Place const& place) {
  scratch.clear();
  for (++at; at != end; ++at) {
    if (*at != '"') {
      scratch += *at;
    } else if (at + 1 != end && at[1] == '"') {
      scratch += *at++;
    } else {
      ++at;
      while (at != end && *at == ' ') ++at;
      if (at != end && *at != separator)
        place.fail("there is text after the closing quote, expected a separator");
      return {at, scratch, true};
    }
  }
  place.fail("the quote is not closed, expected '\"' before the end of the line");
}

Field next_field(char const* at, char const* end, char separator, std::string& scratch,
                 Place const& place) {
  auto const* first = at;
  while (first != end && *first == ' ') ++first;
  if (first != end && *first == '"') return quoted_field(first, end, separator, scratch, place);
  auto const* stop = std::find(first, end, separator);
  return {stop, text::trim({first, static_cast<std::size_t>(stop - first)})};
}

std::vector<std::string> split_fields(std::string_view line, char separator, Place place) {
  std::vector<std::string> words;
  std::string scratch;
  auto const* at = line.data();
  auto const* end = at + line.size();
  for (place.column = 0;; ++place.column) {
    auto const field = next_field(at, end, separator, scratch, place);
    words.emplace_back(field.word);
    if (field.end == end) return words;
    at = field.end + 1;
  }
}

char detect_separator(std::string_view line) {
  auto best = std::pair{std::ptrdiff_t{0}, ','};
  for (char const candidate : {',', ';', '\t'}) {
    bool quoted = false;
    auto const n = std::ranges::count_if(line, [&](char c) {
      quoted ^= c == '"';
      return !quoted && c == candidate;
    });
    if (n > best.first) best = {n, candidate};
  }
  return best.second;
}

/// See read_csv: a word among many numbers is a class or a mistake, not a heading.
bool looks_like_header(std::vector<std::string> const& fields) {
  std::vector<double> numbers;
  std::ptrdiff_t words = 0;
  for (auto const& field : fields) {
    if (auto const number = text::to_double(field))
      numbers.push_back(*number);
    else if (!field.empty())
      ++words;
  }
  if (words == 0) return false;
  if (2 * words >= std::ssize(fields)) return true;
  auto const counts_up = [](double a, double b) { return b != a + 1; };
  return numbers.size() > 1 && std::ranges::adjacent_find(numbers, counts_up) == numbers.end();
}

bool is_covertype(std::filesystem::path const& path, std::size_t columns) {
  auto const name = path.filename().string();
  return columns == forest_cover_names().size() &&
         (name.ends_with(".data") || name.ends_with(".data.gz"));
}

CsvColumns name_columns(std::filesystem::path const& path, std::vector<std::string> fields,
                        bool header) {
  if (header) return {std::move(fields), true};
  if (is_covertype(path, fields.size())) return {forest_cover_names(), true};
  std::size_t number = 0;
  for (auto& field : fields) field = "column" + std::to_string(++number);
  return {std::move(fields), false};
}

float parse_number(std::string_view word, Place const& place) {
  if (word.empty()) place.fail("the field is empty, expected a number");
  float value = 0;
  auto const* first = word.data() + (word.front() == '+' && word.size() > 1 && word[1] != '-');
  auto const* end = word.data() + word.size();
  auto const [stop, error] = std::from_chars(first, end, value);
  if (error == std::errc::result_out_of_range && stop == end)
    value = static_cast<float>(text::to_double(word).value_or(HUGE_VAL));  // 1e-50 is 0
  else if (error != std::errc{} || stop != end)
    place.fail("'" + std::string{word.substr(0, 40)} + "' is not a number, expected one");
  if (!std::isfinite(value))
    place.fail("the value is '" + std::string{word} + "', expected a finite number");
  return value + 0.0f;  // no -0, which has other bits
}

/// Whole numbers are nearly all of what tables hold. Reads one that ends at the separator or the
/// end of the line and moves `at` there; else leaves `at` where it was. Up to 18 digits are exact
/// in 64 bits, so that the one rounding to float is the right one.
inline bool read_integer(char const*& at, char const* end, char separator, float& value) {
  auto const* p = at;
  bool const negative = p != end && *p == '-';
  p += negative;
  auto const* digits = p;
  std::int64_t number = 0;
  for (; p != end; ++p) {
    auto const digit = static_cast<unsigned>(*p - '0');
    if (digit > 9 || p - digits == 18) break;
    number = 10 * number + digit;
  }
  if (p == digits || (p != end && *p != separator)) return false;
  value = static_cast<float>(negative ? -number : number);  // "-0" is 0
  at = p;
  return true;
}

/// What a column is for; a number from 0 is a place among the features.
enum Role : std::int32_t { skipped = -1, label = -2, identity = -3 };

/// Reads rows by a plan, without an allocation per field.
class RowReader {
 public:
  RowReader(std::filesystem::path const& path, char separator, CsvColumns columns, CsvPlan plan)
      : path_{path},
        separator_{separator},
        columns_{std::move(columns)},
        plan_{std::move(plan)},
        roles_(columns_.names.size(), skipped),
        rows_{plan_.features.size()} {
    for (std::size_t i = 0; i < plan_.features.size(); ++i)
      roles_[plan_.features[i]] = static_cast<std::int32_t>(i);
    if (plan_.label) roles_[*plan_.label] = label;
    is_plain_ = !plan_.id;
    if (plan_.id && roles_[*plan_.id] == skipped) roles_[*plan_.id] = identity;
  }

  std::int64_t rows() const { return static_cast<std::int64_t>(rows_.rows()); }

  void read(std::string_view line, std::int64_t number) {
    auto* row = rows_.next_row();
    auto const* at = line.data();
    auto const* end = at + line.size();
    auto const columns = roles_.size();
    if (!is_plain_) keep_identity(line, number);
    for (std::size_t column = 0;; ++column) {
      auto const role = roles_[column];
      if (role < 0 || !read_integer(at, end, separator_, row[role]))
        at = read_slowly(at, end, role, row, {path_, number, column});
      if (column + 1 == columns) break;
      if (at == end) wrong_count(line, {path_, number, column});
      ++at;
    }
    if (at != end) wrong_count(line, {path_, number, columns});
  }

  CsvTable finish() {
    CsvTable table;
    table.dataset.features = rows_.finish();
    for (auto const column : plan_.features)
      table.dataset.feature_names.push_back(columns_.names[column]);
    if (plan_.label) {
      table.dataset.label_name = columns_.names[*plan_.label];
      labels_.finish(table.dataset);
    }
    table.id = std::move(id_);
    return table;
  }

 private:
  char const* read_slowly(char const* at, char const* end, std::int32_t role, float* row,
                          Place const& place) {
    auto const field = next_field(at, end, separator_, scratch_, place);
    if (role >= 0) {
      row[role] = parse_number(text::trim(field.word), place);
    } else if (role == label) {
      if (auto const problem = labels_.add(field.word); !problem.empty()) place.fail(problem);
    }
    return field.end;
  }

  /// The id may also be a feature, or the label, so it is read apart.
  void keep_identity(std::string_view line, std::int64_t number) {
    auto words = split_fields(line, separator_, {path_, number, 0});
    if (words.size() > *plan_.id) id_.push_back(std::move(words[*plan_.id]));
  }

  [[noreturn]] void wrong_count(std::string_view line, Place const& place) {
    auto const n = split_fields(line, separator_, place).size();
    place.fail("the line has " + std::to_string(n) + (n == 1 ? " field" : " fields") +
               ", expected " + std::to_string(roles_.size()) + " as in line 1");
  }

  std::filesystem::path const& path_;
  char separator_;
  CsvColumns columns_;
  CsvPlan plan_;
  std::vector<std::int32_t> roles_;
  bool is_plain_;
  RowBlocks rows_;
  LabelCollector labels_;
  std::vector<std::string> id_;
  std::string scratch_;
};

CsvPlan plan_by_options(std::filesystem::path const& path, CsvColumns const& columns,
                        CsvOptions const& options) {
  std::vector<bool> taken(columns.names.size(), true);
  for (auto const& word : options.drop)
    taken[require_column(path, columns.names, word, "--drop")] = false;
  CsvPlan plan;
  if (options.label.empty()) {
    auto const last = std::find(taken.rbegin(), taken.rend(), true);
    if (last == taken.rend()) throw DataError{path.string() + ": --drop leaves no column"};
    plan.label = static_cast<std::size_t>(taken.rend() - last) - 1;
  } else {
    plan.label = require_column(path, columns.names, options.label, "the label (--label)");
    if (!taken[*plan.label])
      throw DataError{path.string() + ": column '" + options.label +
                      "' is both --label and in --drop, expected it in one of them"};
  }
  taken[*plan.label] = false;
  for (std::size_t i = 0; i < taken.size(); ++i)
    if (taken[i]) plan.features.push_back(i);
  if (plan.features.empty())
    throw DataError{path.string() + ": line 1: there is no column beside the label '" +
                    columns.names[*plan.label] + "', expected at least one feature"};
  return plan;
}

}  // namespace

CsvTable scan_csv(std::filesystem::path const& path, std::optional<bool> header,
                  std::int64_t max_rows, std::function<CsvPlan(CsvColumns const&)> const& choose) {
  LineReader lines{path};
  auto line = lines.next();
  if (!line) throw DataError{path.string() + ": the file is empty, expected a table"};
  if (line->find('\0') != std::string_view::npos)
    throw DataError{path.string() +
                    ": line 1 is no text, expected a table (CSV in UTF-8), or a file in IDX or "
                    "HDF5 form"};
  auto const separator = detect_separator(*line);
  auto fields = split_fields(*line, separator, {path, lines.number(), 0});
  auto const has_header = header.value_or(looks_like_header(fields));
  auto columns = name_columns(path, std::move(fields), has_header);
  auto plan = choose(columns);
  RowReader reader{path, separator, std::move(columns), std::move(plan)};
  if (has_header) line = lines.next();
  for (; line && reader.rows() < max_rows; line = lines.next()) reader.read(*line, lines.number());
  if (reader.rows() == 0)
    throw DataError{path.string() + ": line " + std::to_string(lines.number() + 1) +
                    ": there is only a header, expected at least one row of data"};
  return reader.finish();
}

Dataset read_csv(std::filesystem::path const& path, CsvOptions const& options) {
  auto const choose = [&](CsvColumns const& columns) {
    return plan_by_options(path, columns, options);
  };
  auto dataset = scan_csv(path, options.header, options.max_rows, choose).dataset;
  dataset.name = path.string();
  return dataset;
}

}  // namespace canopy::data
