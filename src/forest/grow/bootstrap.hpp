#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "canopy/core/random.hpp"

namespace canopy::forest {

/// How often each of `counts.size()` rows from `first` on is in the bootstrap of a tree, drawn
/// `draws` times of `rows` rows in all.
inline void bootstrap_part(Key tree, std::size_t rows, std::uint32_t draws, std::uint32_t first,
                           std::vector<std::uint16_t>& counts) {
  std::ranges::fill(counts, std::uint16_t{0});
  Stream stream{tree.with("bootstrap")};
  for (std::uint32_t i = 0; i < draws; ++i) {
    auto const place = stream.below(static_cast<std::uint32_t>(rows)) - first;
    if (place < counts.size()) ++counts[place];  // rows before the first wrap around
  }
}

}  // namespace canopy::forest
