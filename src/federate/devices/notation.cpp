#include "notation.hpp"

#include <cmath>

#include "canopy/core/text.hpp"

namespace canopy::federate {

std::optional<Notation> read_notation(std::string_view text) {
  Notation read;
  auto const colon = text.find(':');
  auto numbers = text;
  if (colon == 0) return {};
  if (colon != std::string_view::npos) {
    read.name = text.substr(0, colon);
    numbers = text.substr(colon + 1);
  } else if (!text::to_double(text)) {
    read.name = text;
    return read;
  }
  for (auto const& word : text::split(numbers, ',')) {
    auto const number = text::to_double(text::trim(word));
    if (!number || !std::isfinite(*number)) return {};
    read.numbers.push_back(*number);
  }
  return read;
}

}  // namespace canopy::federate
