#pragma once

#include <cstdint>

#include "split/split.hpp"

namespace canopy::forest {

/// A node that is not yet in the tree: all that growers say of one, whatever its rows are held in.
template <class Draws>
struct PendingNode {
  using Place = typename Draws::Place;

  std::int32_t depth;
  std::int32_t parent;  ///< its number in the tree; -1: the root
  bool is_left;
  int known_constants;
  double impurity;
  double weight;
  Place parent_place;  ///< the root's own place

  Place place() const { return parent < 0 ? parent_place : Draws::child(parent_place, is_left); }

  /// Of the node once it is number `number` of the tree and was split at `place`.
  PendingNode left_child(std::int32_t number, Split const& split, Place const& at) const {
    return {depth + 1, number, true, known_constants, split.impurity_left, split.weight_left, at};
  }
  PendingNode right_child(std::int32_t number, Split const& split, Place const& at) const {
    return {depth + 1,          number, false, known_constants, split.impurity_right,
            split.weight_right, at};
  }
};

}  // namespace canopy::forest
