#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace canopy::comm {

/// The order in which floats are summed over V leaves (V a power of two): a perfect binary tree,
/// ((0+1)+(2+3))+((4+5)+(6+7)) for V = 8. Rank r of p owns a contiguous block of leaves and sums
/// what it can: the sub-trees that lie wholly in its block. Those partial sums, combined along the
/// tree, give the same bits for every p from 1 to V, since a+b = b+a in IEEE arithmetic and nothing
/// is ever associated otherwise. This file is the plan only: no floats, no messages.

/// Leaves first .. end-1.
struct Leaves {
  int first = 0;
  int end = 0;
  int count() const { return end - first; }
  friend bool operator==(Leaves, Leaves) = default;
};

/// The block of rank `rank` of `ranks`: [V r/p, V (r+1)/p). Throws UserError unless `leaves` is a
/// power of two and 1 <= ranks <= leaves.
Leaves leaves_of(int leaves, int ranks, int rank);

/// A sub-tree: leaves first .. first + 2^level - 1, with `first` a multiple of 2^level.
struct Subtree {
  int first = 0;
  int level = 0;
  int size() const { return 1 << level; }
  friend bool operator==(Subtree, Subtree) = default;
};

/// The fewest sub-trees that make up the block, from left to right; at most 2 log2 V of them.
std::vector<Subtree> subtrees_of(Leaves block);

/// The sub-trees of all ranks, rank by rank, which is from left to right.
std::vector<Subtree> subtrees_of_all(int leaves, int ranks);

/// Two partial sums that become one: buffer `into` += buffer `from`.
struct Merge {
  std::size_t into = 0;
  std::size_t from = 0;
  friend bool operator==(Merge, Merge) = default;
};

/// What to add, in order, so that buffer 0 holds the total when buffer i holds the sum of
/// `places[i]`. The places must fill the tree from left to right, as those of `subtrees_of_all` do.
std::vector<Merge> merges_to_total(std::span<Subtree const> places);

/// How a block is summed when its leaves come one after the other: a binary counter. The next leaf
/// is written to buffer `slot`; then `merges` times the last buffer is added into the one before
/// it and is free again. What remains at the end are the sums of `subtrees_of(block)`, in order.
struct Arrival {
  std::size_t slot = 0;
  std::size_t merges = 0;
};

/// One Arrival per leaf of the block, in order.
std::vector<Arrival> arrivals(Leaves block);

}  // namespace canopy::comm
