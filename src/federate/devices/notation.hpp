#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace canopy::federate {

/// "name:1,2" or "3" taken apart.
struct Notation {
  std::string name;  ///< empty for numbers alone
  std::vector<double> numbers;
};

/// Nothing when what should be a number is none, or is not finite, and for ":1".
std::optional<Notation> read_notation(std::string_view text);

}  // namespace canopy::federate
