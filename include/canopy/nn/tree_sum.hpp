#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "canopy/core/aligned.hpp"
#include "canopy/nn/pass.hpp"

namespace canopy::nn {

/// How a global batch is cut into virtual shards (micro-batches): a function of the batch alone.
///   V = the largest power of two <= batch/16, at least 1 and at most 16.
/// A batch that V does not divide gives its first shards one row more.
int virtual_shards(int batch);

/// Rows [begin, end) of a global batch that shard `shard` of virtual_shards(batch) holds.
Range shard_rows(int batch, int shard);

/// A node of the perfect binary tree over V leaves: the sum of leaves [first, first + leaves).
struct TreeNode {
  int first;
  int leaves;  ///< a power of two that divides `first`
  friend bool operator==(TreeNode const&, TreeNode const&) = default;
};

/// The fewest nodes that together hold leaves [first, last), ascending. A rank that owns these
/// leaves sums each of them locally; what is above is left to the collective.
std::vector<TreeNode> tree_cover(int first, int last);

/// Sums gradients of leaves [first, last) by the perfect binary tree, whatever the order in which
/// they come: equal bits for equal leaves. In ascending order it needs log2(leaves) buffers, in
/// other orders more; buffers are made when first needed and kept.
///
///     sum.begin();
///     for (int leaf = first; leaf < last; ++leaf) {
///       auto place = sum.place(leaf);
///       pass.backward(arena, place.gradients, place.put);
///       sum.push(leaf);
///     }
///     sum.node(0)  // the sum of all leaves, if [first, last) is the whole tree
template <class T>
class BasicTreeSum {
 public:
  BasicTreeSum(std::size_t length, int first, int last);

  struct Place {
    std::span<T> gradients;  ///< the whole length
    Put put;                 ///< `add` when the leaf's neighbour stands there already
  };

  /// Forgets all leaves.
  void begin();
  /// Where the gradient of a leaf is to be put. Several leaves may be under way at once.
  Place place(int leaf);
  /// The leaf is in place: sums whatever is complete by now.
  void push(int leaf);
  /// Elements `range` of the leaf are in place: sums as push() will, but these only, so that they
  /// can be sent while others are computed. All elements are to be pushed so, without another leaf
  /// in between, and then push() ends the leaf and adds nothing twice. Returns the buffer that
  /// holds the sums of these elements now: node()'s, if the leaf is the last one of a node.
  std::span<T> push_part(int leaf, Range range);

  /// The nodes that tree_cover(first, last) gives, and their sums when all their leaves are there.
  std::vector<TreeNode> const& nodes() const { return nodes_; }
  std::span<T> node(std::size_t number);

  int buffers() const { return static_cast<int>(buffers_.size()); }

 private:
  struct Slot {
    TreeNode node{0, 0};  ///< leaves 0: free
    bool open = false;    ///< a leaf is being put there
    bool adds = false;    ///< ... onto its neighbour
    bool merged = false;  ///< ... and its parts were summed already
  };
  std::size_t free_slot();
  std::size_t open_slot(int leaf) const;
  int find(TreeNode node) const;
  std::size_t merge(int leaf, Range range, bool ends);

  std::size_t length_;
  int first_;
  int last_;
  std::vector<TreeNode> nodes_;
  std::vector<AlignedArray<T>> buffers_;
  std::vector<Slot> slots_;
};

using TreeSum = BasicTreeSum<float>;

extern template class BasicTreeSum<float>;
extern template class BasicTreeSum<double>;

}  // namespace canopy::nn
