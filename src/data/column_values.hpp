#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "canopy/data/dataset.hpp"

namespace canopy::data {

using Column = std::span<float const>;

inline Column column_of(Dataset const& dataset, int feature) {
  return {dataset.features.col(feature).data(), static_cast<std::size_t>(dataset.rows())};
}

/// Calls `holds` with pieces of the column until one fails: quick to refuse, and vectorised.
template <class Holds>
bool all_pieces(Column column, Holds holds) {
  constexpr std::size_t piece = 1024;
  for (std::size_t at = 0; at < column.size(); at += piece)
    if (!holds(column.subspan(at, std::min(piece, column.size() - at)))) return false;
  return true;
}

/// Whole numbers from `low`, few enough that a table of the range is quicker than sorting.
struct WholeRange {
  int low = 0;
  int size = 0;  ///< 0: not of that kind

  bool holds(float value) const {
    auto const last = low + size - 1;
    return value >= static_cast<float>(low) && value <= static_cast<float>(last) &&
           static_cast<float>(static_cast<int>(value)) == value;
  }
  std::size_t slot(float value) const {
    return static_cast<std::size_t>(static_cast<int>(value) - low);
  }
};

WholeRange whole_range(Column column);

}  // namespace canopy::data
