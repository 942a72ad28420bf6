#include "devices/trace.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::federate {
namespace {

/// The backward pass takes about twice the time of the forward pass.
constexpr auto passes_of_training = 3.0;

std::vector<std::string> words_of(std::string const& line) {
  auto words = text::split(text::trim(line), ',');
  for (auto& word : words) word = std::string{text::trim(word)};
  return words;
}

struct Column {
  std::string name;
  std::size_t index;
};

Column column(std::string const& file, std::vector<std::string> const& header, std::string name) {
  auto const found = std::ranges::find(header, name);
  if (found == header.end())
    throw DataError{fmt::format(
        "{}: line 1: there is no column '{}', expected a line of names with computation (ms per "
        "sample) and communication (kbit/s)",
        file, name)};
  return {std::move(name), static_cast<std::size_t>(found - header.begin())};
}

double number(std::string const& file, int line, std::vector<std::string> const& words,
              Column const& column) {
  auto const word = column.index < words.size() ? words[column.index] : std::string{};
  auto const value = text::to_double(word);
  if (!value || !(*value > 0) || !std::isfinite(*value))
    throw DataError{fmt::format("{}: line {}: {} is '{}', expected a number more than 0", file,
                                line, column.name, word)};
  return *value;
}

}  // namespace

std::vector<Profile> read_device_trace(std::string const& file) {
  std::ifstream in{file};
  if (!in) throw DataError{"--device-trace " + file + ": there is no such file"};
  std::string line;
  std::getline(in, line);
  auto const header = words_of(line);
  auto const computation = column(file, header, "computation");
  auto const communication = column(file, header, "communication");
  std::vector<Profile> devices;
  for (int row = 2; std::getline(in, line); ++row) {
    if (text::trim(line).empty()) continue;
    auto const words = words_of(line);
    auto const seconds = passes_of_training * number(file, row, words, computation) / 1000;
    auto const megabits = number(file, row, words, communication) / 1000;
    devices.push_back({seconds, megabits, megabits});
  }
  if (devices.empty())
    throw DataError{file + ": has no rows, expected one line for each device below the names"};
  return devices;
}

}  // namespace canopy::federate
