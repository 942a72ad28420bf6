#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "canopy/comm/reduce/partial_sums.hpp"
#include "canopy/nn/tree_sum.hpp"

namespace canopy::train {

/// What one rank brings to the sum of all gradients: the sums over its block of virtual shards.
/// With Order::tree those of the nodes of the tree that lie in the block, with Order::free one.
/// Leaves come in ascending order; a leaf is placed, its parts are merged, then it is closed:
///
///     auto const place = sums.place(leaf);
///     pass.backward(arena, place.gradients, place.put, ...);
///     sums.merge(leaf, range); ...     // every range that counts, as soon as it is there
///     sums.close(leaf);
class GradientSums {
 public:
  /// `length` of an arena of gradients.
  GradientSums(comm::Order order, std::size_t length, comm::Leaves block);

  comm::Leaves block() const { return block_; }
  /// Forgets all leaves.
  void begin();
  nn::TreeSum::Place place(int leaf);
  void merge(int leaf, nn::Range range);
  void close(int leaf);
  /// Where the sums stand when all leaves are closed; always the same places.
  std::vector<std::span<float>> const& sums() const { return sums_; }

 private:
  comm::Leaves block_;
  std::optional<nn::TreeSum> tree_;
  std::vector<float> free_;  ///< the one sum, when there is no tree
  std::vector<std::span<float>> sums_;
};

}  // namespace canopy::train
