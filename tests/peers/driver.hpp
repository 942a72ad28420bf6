#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "canopy/forest/forest.hpp"

/// What the programs of the comparisons share.
namespace canopy::peers {

/// From the end of a command line: [PARAMETER VALUE]...
inline forest::ForestParameters parameters_from(std::span<char*> words) {
  forest::ForestParameters parameters;
  Options options;
  parameters.describe(options);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) options.set(words[i], words[i + 1]);
  return parameters;
}

inline std::vector<data::RowIndex> first_rows(std::int64_t number) {
  std::vector<data::RowIndex> rows(static_cast<std::size_t>(number));
  std::iota(rows.begin(), rows.end(), data::RowIndex{0});
  return rows;
}

}  // namespace canopy::peers
