#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "canopy/forest/tree.hpp"

#include "slices/slice_caps.hpp"

namespace canopy::forest {

/// Which cells have a tree's nodes. Nodes must come in the order of their numbers, which is depth
/// first. Of small ones, which most are, nothing is searched: nobody can foresee where a search
/// would end.
class SliceReaches {
 public:
  /// A Reach whose parts are counted in cells, so that their sum is the first cell that has a node.
  struct InCells {
    std::uint32_t depth = 0;
    std::uint32_t split = 0;
    std::uint32_t decrease = 0;

    std::uint32_t first() const { return depth + split + decrease; }
  };

  explicit SliceReaches(Caps const& caps)
      : caps_{caps},
        decreases_{static_cast<std::uint32_t>(caps.min_impurity_decrease.size())},
        plane_{static_cast<std::uint32_t>(caps.min_samples_split.size()) * decreases_},
        cells_{static_cast<std::uint32_t>(caps.max_depth.size()) * plane_},
        asks_for_decreases_{caps.min_impurity_decrease.front() > caps.grown_with},
        by_depth_(1) {
    for (std::uint32_t samples = 0; samples < few; ++samples)
      splits_of_few_[samples] = split_below(caps, samples) * decreases_;
  }

  /// Of this node, after below() of its parent.
  InCells const& of(Node const& node) const {
    return by_depth_[static_cast<std::size_t>(node.depth)];
  }

  /// Of the children of this node, or what they would have if it were split.
  InCells const& below(Tree const& tree, Node const& node) {
    auto const depth = static_cast<std::size_t>(node.depth);
    if (depth + 1 == by_depth_.size())
      by_depth_.push_back({depth_below(caps_, node.depth) * plane_, 0, 0});
    auto const& own = by_depth_[depth];
    auto& below = by_depth_[depth + 1];
    auto const split = node.samples < few ? splits_of_few_[node.samples]
                                          : split_below(caps_, node.samples) * decreases_;
    below.split = std::max(own.split, split);
    below.decrease = own.decrease;
    if (asks_for_decreases_ && !node.is_leaf())
      below.decrease = decrease_below(caps_, tree, node, own.decrease);
    return below;
  }

  /// Whether any cell has it.
  bool are_any(InCells const& reach) const {
    return (reach.depth < cells_) & (reach.split < plane_) & (reach.decrease < decreases_);
  }

 private:
  static constexpr std::uint32_t few = 256;

  Caps const& caps_;
  std::uint32_t decreases_;  ///< how many there are: cells of one min_samples_split
  std::uint32_t plane_;      ///< cells of one depth
  std::uint32_t cells_;
  bool asks_for_decreases_;
  std::array<std::uint32_t, few> splits_of_few_;  ///< by samples
  std::vector<InCells> by_depth_;  ///< of the last node that was seen; `depth` is always the same
};

}  // namespace canopy::forest
