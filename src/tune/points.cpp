#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "canopy/core/text.hpp"
#include "canopy/tune/sampler.hpp"

namespace canopy::tune {

std::vector<Configuration> read_points(std::string const& file, Space const& space) {
  std::ifstream in{file};
  if (!in) throw UserError{"--points " + file + ": there is no such file"};
  std::string line;
  if (!std::getline(in, line)) throw DataError{file + ": is empty, expected a line of names"};
  std::vector<std::string> names;
  for (auto const& word : text::split(text::trim(line), ','))
    names.push_back(text::replace_all(std::string{text::trim(word)}, '-', '_'));
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
