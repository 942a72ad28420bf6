#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "canopy/core/text.hpp"
#include "canopy/tune/sampler.hpp"

namespace canopy::tune {
namespace {

/// Adds a value, or replaces the one that the space fixes: what a point says wins.
void put(Configuration& point, std::string_view column, std::string_view value) {
  auto const name = text::replace_all(std::string{text::trim(column)}, '-', '_');
  auto const found = std::ranges::find(point, name, &Configuration::value_type::first);
  if (found != point.end())
    found->second = value;
  else
    point.emplace_back(name, value);
}

}  // namespace

std::vector<Configuration> read_points(std::string const& file, Space const& space) {
  std::ifstream in{file};
  if (!in) throw UserError{"--points " + file + ": there is no such file"};
  std::string line;
  if (!std::getline(in, line)) throw DataError{file + ": is empty, expected a line of names"};
  auto const names = text::split(text::trim(line), ',');
  std::vector<Configuration> points;
  for (int number = 2; std::getline(in, line); ++number) {
    if (text::trim(line).empty()) continue;
    auto const words = text::split(text::trim(line), ',');
    if (words.size() != names.size())
      throw DataError{fmt::format("{}: line {}: has {} values, expected {}", file, number,
                                  words.size(), names.size())};
    auto point = space.fixed();
    for (std::size_t i = 0; i < names.size(); ++i)
      if (auto const word = text::trim(words[i]); !word.empty()) put(point, names[i], word);
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace canopy::tune
