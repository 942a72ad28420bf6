#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/tree.hpp"

namespace canopy::forest {

/// Rows of an encoded table with all codes of a row side by side, so that a row on its way down a
/// tree stays in one or two cache lines.
class EncodedRows {
 public:
  EncodedRows(data::EncodedTable const& table, std::span<data::RowIndex const> rows);

  std::size_t size() const { return rows_; }
  std::uint32_t const* row(std::size_t i) const { return codes_.data() + i * blocks_; }

 private:
  std::size_t rows_;
  std::size_t blocks_;
  std::vector<std::uint32_t> codes_;  ///< rows x blocks
};

/// A tree in the codes of one table: going down takes integer compares only.
class EncodedTree {
 public:
  EncodedTree(Tree const& tree, data::EncodedTable const& table);

  /// The number of the leaf where a row with these codes ends.
  std::size_t leaf(std::uint32_t const* codes) const {
    std::uint32_t at = 0;
    while (nodes_[at].block >= 0) {
      auto const& node = nodes_[at];
      at = codes[node.block] - node.base <= node.span ? node.left : node.right;
    }
    return at;
  }

 private:
  /// Left when the code is one of base .. base+span, counted modulo 2^32: from 0 up to a rank, or
  /// everything but one member of a group.
  struct Step {
    std::int32_t block = -1;  ///< -1: a leaf
    std::uint32_t base = 0;
    std::uint32_t span = 0;
    std::uint32_t left = 0;
    std::uint32_t right = 0;
  };

  static Step step(Node const& node, data::EncodedTable const& table);

  std::vector<Step> nodes_;
};

}  // namespace canopy::forest
