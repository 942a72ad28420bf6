#pragma once

#include <array>
#include <cstdint>

#include "split/split.hpp"

namespace canopy::forest {

/// A node that is not yet in the tree: all that growers say of one, whatever its rows are held in.
template <class Draws>
struct PendingNode {
  using Place = typename Draws::Place;
  using Places = std::array<Place, 2>;

  std::int32_t depth;
  std::int32_t parent;  ///< its number in the tree; -1: the root
  bool is_left;
  int known_constants;
  double impurity;
  double weight;
  Place place;

  /// Of the node once it is number `number` of the tree; the places are the draws' for its
  /// children.
  PendingNode left_child(std::int32_t number, Split const& split, Places const& places) const {
    return {depth + 1,         number,   true, known_constants, split.impurity_left,
            split.weight_left, places[0]};
  }
  PendingNode right_child(std::int32_t number, Split const& split, Places const& places) const {
    return {depth + 1,          number,   false, known_constants, split.impurity_right,
            split.weight_right, places[1]};
  }
};

}  // namespace canopy::forest
