#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "model/packed_tree.hpp"

namespace canopy::forest {

/// What rows bring home from a few trees, kept until it is added up row by row. Sums of many rows
/// are in no near cache: so they are fetched once for all these trees, and do not drive a tree out
/// while rows go down.
class ReachedLeaves {
 public:
  static constexpr std::size_t most_trees = 8;

  ReachedLeaves(std::size_t rows, std::size_t classes) : rows_{rows}, classes_{classes} {}

  std::size_t trees() const { return shares_.size(); }

  /// Takes `which` of the rows through one more tree. No row comes twice.
  template <class Code>
  void descend(PackedTree<Code> tree, PackedRows<Code> const& rows,
               std::span<std::uint32_t const> which) {
    kept_.resize(std::max(kept_.size(), (trees() + 1) * rows_));
    auto const kept = std::span{kept_}.subspan(trees() * rows_, rows_);
    if (which.size() < rows_) std::ranges::fill(kept, LeafShares::silent);
    tree.descend(rows, which, kept);
    shares_.push_back(std::move(tree.shares()));
  }

  /// Adds the class shares of all leaves, tree by tree, to the rows' sums, which stand row by row,
  /// and starts anew.
  void add_to(double* sums) {
    for (std::size_t row = 0; row < rows_; ++row, sums += classes_)
      for (std::size_t t = 0; t < trees(); ++t) shares_[t].add(kept_[t * rows_ + row], sums);
    shares_.clear();
  }

 private:
  std::size_t rows_;
  std::size_t classes_;
  std::vector<LeafShares> shares_;   ///< per tree
  std::vector<std::uint32_t> kept_;  ///< trees x rows: by the leaf that the row reached
};

}  // namespace canopy::forest
