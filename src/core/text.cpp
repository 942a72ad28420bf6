#include "canopy/core/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace canopy::text {

std::string shortest(double value) {
  if (std::isnan(value)) return "";
  std::array<char, 32> buffer;
  auto const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

namespace {

template <class Number>
std::optional<Number> parse(std::string_view word) {
  if (word.starts_with('+')) word.remove_prefix(1);
  Number value{};
  auto const [end, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || status != std::errc{} || end != word.data() + word.size()) return {};
  return value;
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, no place
/// changed twice (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_above(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    two_above.swap(above);
    above.swap(row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({row[j] + 1, above[j + 1] + 1, above[j] + (a[i] != b[j])});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        row[j + 1] = std::min(row[j + 1], two_above[j - 1] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::optional<double> to_double(std::string_view word) {
  return parse<double>(word);
}
std::optional<std::int64_t> to_int(std::string_view word) {
  return parse<std::int64_t>(word);
}

std::string join(std::span<std::string const> words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::vector<std::string> split(std::string_view line, char separator) {
  std::vector<std::string> words;
  for (;;) {
    auto const end = line.find(separator);
    words.emplace_back(line.substr(0, end));
    if (end == std::string_view::npos) return words;
    line.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view word) {
  auto const first = word.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return word.substr(first, word.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower(std::string_view word) {
  std::string result{word};
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string replace_all(std::string word, char from, char to) {
  std::ranges::replace(word, from, to);
  return word;
}

std::string did_you_mean(std::string_view word, std::span<std::string const> candidates) {
  auto const small = lower(word);
  auto const distance = [&](std::string const& c) { return edit_distance(small, lower(c)); };
  auto const nearest = std::ranges::min_element(candidates, {}, distance);
  if (nearest == candidates.end()) return "";
  auto const tolerated = std::max<std::size_t>(1, word.size() / 3);
  auto const all = std::max(word.size(), nearest->size());  // then nothing of it is left
  return distance(*nearest) <= tolerated && distance(*nearest) < all
             ? fmt::format(" (did you mean '{}'?)", *nearest)
             : "";
}

std::string grouped(std::int64_t value) {
  auto digits = std::to_string(value);
  std::ptrdiff_t const first = value < 0 ? 1 : 0;
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > first; i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return digits;
}

std::string bytes(double count) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; count >= 1000 && unit + 1 < units.size(); ++unit) count /= 1000;
  return fmt::format("{:.{}f} {}", count, unit == 0 ? 0 : 1, units[unit]);
}

std::string duration(double seconds) {
  if (std::isnan(seconds)) return "?";
  seconds = std::max(0.0, seconds);
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  auto const whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace canopy::text
