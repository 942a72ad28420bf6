#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "slices/slice_caps.hpp"
#include "slices/slice_votes.hpp"

namespace canopy::forest {

/// Adds up over the axes of caps: the sum of a cell is that of all changes in cells which are not
/// after it in any list. `FixedVectors` as in ClassScores.
template <std::size_t FixedVectors>
class SliceAxes {
 public:
  SliceAxes(Caps const& caps, std::size_t vectors)
      : depths_{caps.max_depth.size()},
        middle_{caps.min_samples_split.size()},
        inner_{caps.min_impurity_decrease.size()} {
    if (inner_ == 1) std::swap(middle_, inner_);
    over_depths_.resize(middle_ * inner_ * vectors);
    over_middle_.resize(inner_ * vectors);
    if constexpr (FixedVectors == 0) empty_.resize(vectors);
  }

  /// `changes`: cells x vectors. Calls `visit(cell, sums)` with one entry for each lane of a node's
  /// numbers, which is that of sixteen rows.
  template <class Visit>
  void add_up(PairsOfRows const* changes, Visit&& visit) {
    Squares over_inner = empty_;
    Squares sums = empty_;
    auto const n = over_inner.size();
    std::ranges::fill(over_depths_, PairsOfRows{});
    for (std::size_t cell = 0, depth = 0; depth < depths_; ++depth) {
      if (middle_ > 1) std::ranges::fill(over_middle_, PairsOfRows{});
      for (std::size_t m = 0; m < middle_; ++m) {
        for (auto& square : over_inner) square = {};
        for (std::size_t i = 0; i < inner_; ++i, ++cell) {
          for (std::size_t v = 0; v < n; ++v) {
            sums[v] = add(over_inner[v], changes[cell * n + v]);
            if (middle_ > 1) sums[v] = add(over_middle_[i * n + v], sums[v]);
            sums[v] = add(over_depths_[(m * inner_ + i) * n + v], sums[v]);
            transpose(sums[v]);
          }
          visit(cell, std::span<RowNumbers const>{sums[0].data(), n * NodeNumbers::count});
        }
      }
    }
  }

 private:
  using Squares = std::conditional_t<FixedVectors == 0, std::vector<PairsOfRows>,
                                     std::array<PairsOfRows, FixedVectors>>;

  /// Adds to `sum` and returns it.
  static PairsOfRows add(PairsOfRows& sum, PairsOfRows const& added) {
    PairsOfRows result;
    for (std::size_t i = 0; i < sum.size(); ++i) result[i].v = sum[i].v += added[i].v;
    return result;
  }

  std::size_t depths_;
  std::size_t middle_;
  std::size_t inner_;  ///< the last axis of cells that is longer than one, if any
  std::vector<PairsOfRows> over_depths_;  ///< middle x inner x vectors
  std::vector<PairsOfRows> over_middle_;  ///< inner x vectors
  Squares empty_{};                       ///< vectors
};

}  // namespace canopy::forest
