#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "canopy/comm/reduce/sum_tree.hpp"

namespace canopy::comm {

/// tree: the bits of the tree over V leaves, for every number of ranks (sum_tree.hpp).
/// free: whatever is fastest; the bits depend on the number of ranks.
enum class Order { tree, free };

/// A part of a flat arena: floats first .. first + size - 1.
struct Range {
  std::size_t first = 0;
  std::size_t size = 0;
  friend bool operator==(Range, Range) = default;
};

/// What one rank brings to a sum: the partial sums of its leaves, each in a flat arena of `size`
/// floats. Leaf after leaf is written and merged, the ranges of an arena in any order, so that the
/// first buckets of the last leaf can be reduced while later ones are still computed:
///
///     for (int leaf = block.first; leaf < block.end; ++leaf)
///       for (Range bucket : buckets) {      // as backward finishes them
///         write(sums.leaf(leaf), bucket);
///         sums.merge(leaf, bucket);
///         if (leaf + 1 == block.end) reduction.start(...);
///       }
///
/// Nothing is allocated after construction.
class PartialSums {
 public:
  /// For the block of `rank` among `ranks`, of a tree over `leaves` (a power of two >= ranks).
  PartialSums(Order order, int leaves, int ranks, int rank, std::size_t size);
  PartialSums(PartialSums const&) = delete;
  PartialSums(PartialSums&&) = default;
  PartialSums& operator=(PartialSums const&) = delete;
  PartialSums& operator=(PartialSums&&) = default;

  Order order() const { return order_; }
  int leaves_in_tree() const { return leaves_; }
  Leaves block() const { return block_; }
  std::size_t size() const { return size_; }

  /// The arena for this leaf's numbers. Holds old numbers: write, do not add.
  std::span<float> leaf(int leaf);
  /// This leaf's numbers of `range` are written: add them to what they complete. Leaves in order.
  void merge(int leaf, Range range);

  /// The partial sums, when all leaves are merged: with `tree` those of `subtrees_of(block())`,
  /// from left to right, with `free` one. The first is where a reduction leaves the total.
  std::vector<std::span<float>> const& sums() const { return sums_; }
  std::span<float> total() const { return sums_.front(); }

 private:
  std::span<float> slot(std::size_t index);

  Order order_;
  int leaves_;
  Leaves block_;
  std::size_t size_;
  std::vector<Arrival> arrivals_;
  std::vector<float> floats_;  ///< slot after slot
  std::vector<std::span<float>> sums_;
};

}  // namespace canopy::comm
