#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "canopy/core/error.hpp"
#include "canopy/forest/tree.hpp"

#include "split/split.hpp"

namespace canopy::forest {

/// The caps of a grid, each list from the tightest to the loosest: what one cell reaches, the cells
/// after it reach too.
struct Caps {
  std::vector<std::int32_t> max_depth;
  std::vector<std::uint32_t> min_samples_split;
  std::vector<double> min_impurity_decrease;
  double grown_with = 0;  ///< min_impurity_decrease of the forest: all its splits are enough for it

  std::size_t cells() const {
    return max_depth.size() * min_samples_split.size() * min_impurity_decrease.size();
  }
  /// Those of a single cell.
  Caps only(std::size_t cell) const;
};

/// The first entry of each list of Caps under which a node is in the tree. All cells that are not
/// before it in any list have the node, and no others.
struct Reach {
  std::uint32_t depth = 0;
  std::uint32_t split = 0;
  std::uint32_t decrease = 0;

  /// Depth is the outermost dimension.
  std::size_t cell(Caps const& caps) const {
    return (depth * caps.min_samples_split.size() + split) * caps.min_impurity_decrease.size() +
           decrease;
  }
  static Reach of_cell(std::size_t cell, Caps const& caps) {
    auto const decreases = caps.min_impurity_decrease.size();
    auto const splits = caps.min_samples_split.size();
    return {static_cast<std::uint32_t>(cell / decreases / splits),
            static_cast<std::uint32_t>(cell / decreases % splits),
            static_cast<std::uint32_t>(cell % decreases)};
  }
  bool is_within(Reach const& cell) const {
    return depth <= cell.depth && split <= cell.split && decrease <= cell.decrease;
  }
};

inline Caps Caps::only(std::size_t cell) const {
  auto const [depth, split, decrease] = Reach::of_cell(cell, *this);
  return {{max_depth[depth]},
          {min_samples_split[split]},
          {min_impurity_decrease[decrease]},
          grown_with};
}

/// Of every cell.
inline std::vector<Reach> reaches_of(Caps const& caps) {
  std::vector<Reach> reaches;
  for (std::size_t cell = 0; cell < caps.cells(); ++cell)
    reaches.push_back(Reach::of_cell(cell, caps));
  return reaches;
}

/// How much splitting the node lowered the impurity of its tree, to the bit as when it was grown.
inline double improvement_of(Tree const& tree, Node const& node) {
  auto const& left = tree.nodes[static_cast<std::size_t>(node.left)];
  auto const& right = tree.nodes[static_cast<std::size_t>(node.right)];
  Split split;
  split.weight_left = left.weight;
  split.weight_right = right.weight;
  split.impurity_left = left.impurity;
  split.impurity_right = right.impurity;
  return improvement_of(split, node.impurity, node.weight, tree.nodes.front().weight);
}

/// Whether growing makes a split that gains so much; the rounding of one step is forgiven.
inline bool is_enough(double improvement, double min_impurity_decrease) {
  return !(improvement + std::numeric_limits<double>::epsilon() < min_impurity_decrease);
}

/// The first entries under which a node of this depth, of so many samples, may be split.
inline std::uint32_t depth_below(Caps const& caps, std::int32_t depth) {
  auto const too_low = [&](std::int32_t cap) { return cap <= depth; };
  return static_cast<std::uint32_t>(std::ranges::count_if(caps.max_depth, too_low));
}
inline std::uint32_t split_below(Caps const& caps, std::uint32_t samples) {
  auto const too_much = [&](std::uint32_t least) { return least > samples; };
  return static_cast<std::uint32_t>(std::ranges::count_if(caps.min_samples_split, too_much));
}
/// The same for what a split node gains, from the entry `own` on.
inline std::uint32_t decrease_below(Caps const& caps, Tree const& tree, Node const& node,
                                    std::uint32_t own) {
  auto const& decreases = caps.min_impurity_decrease;
  auto const asks_more = [&] { return own < decreases.size() && decreases[own] > caps.grown_with; };
  if (!asks_more()) return own;
  auto const gained = improvement_of(tree, node);
  while (asks_more() && !is_enough(gained, decreases[own])) ++own;
  return own;
}

/// Whether a single cell's caps let a split node be split.
inline bool is_split(Caps const& caps, Tree const& tree, Node const& node) {
  return depth_below(caps, node.depth) == 0 && split_below(caps, node.samples) == 0 &&
         decrease_below(caps, tree, node, 0) == 0;
}

/// Whether a leaf, or the split node `number`, stands as when trees are grown depth first: the left
/// child comes next.
inline bool has_left_next(Node const& node, std::int32_t number) {
  return node.is_leaf() | (node.left == number + 1);
}
inline void check_order(bool is_depth_first) {
  if (!is_depth_first)
    throw DataError{
        "the forest cannot be sliced: its nodes are not numbered depth first; grow it again"};
}

}  // namespace canopy::forest
