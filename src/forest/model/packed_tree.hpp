#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/tree.hpp"

#include "model/packed_columns.hpp"

namespace canopy::forest {

/// Rows of an encoded table with all codes of a row side by side, so that a row on its way down a
/// tree stays in one or two cache lines; and once more by column, for what looks at many rows
/// together. Code is std::uint16_t where all codes fit, else std::uint32_t.
template <class Code>
class PackedRows {
 public:
  PackedRows(data::EncodedTable const& table, std::span<data::RowIndex const> rows);

  std::size_t size() const { return rows_; }
  std::size_t stride() const { return stride_; }  ///< codes from one row to the next
  /// One code more than the rows' own can be read behind the last row.
  Code const* row(std::size_t i) const { return codes_.data() + i * stride_; }
  /// The codes of all rows in one block. `behind` more can be read behind the last row's.
  Code const* column(std::size_t block) const { return columns_.data() + start_of_column(block); }
  static constexpr std::size_t behind = 32;

 private:
  std::size_t start_of_column(std::size_t block) const { return block * (rows_ + behind); }

  std::size_t rows_;
  std::size_t stride_;
  std::vector<Code> codes_;    ///< rows x (blocks, and one that leaves look at)
  std::vector<Code> columns_;  ///< as many x (rows and those behind)
};

/// One node of a packed tree: left when the code of the row in `block` is one of base ..
/// base+span, counted modulo the range of Code: from 0 up to a rank, or everything but one member
/// of a group. The left child comes next, the right one `beyond_left` places after it; -1 in a
/// leaf, whose block holds nothing that goes left.
template <class Code>
struct PackedStep {
  using Tail = std::conditional_t<sizeof(Code) == 2, std::int32_t, std::int64_t>;
  static constexpr int block_bits = sizeof(Code) == 2 ? 8 : 32;
  /// A leaf keeps 15 bits in base and 15 in span, which together never reach the code of the column
  /// that leaves look at.
  static constexpr int half = 15;

  Code base;
  Code span;
  Tail tail;  ///< beyond_left above, block below

  std::size_t block() const {
    return static_cast<std::size_t>(tail) & ((std::size_t{1} << block_bits) - 1);
  }
  Tail beyond_left() const { return tail >> block_bits; }
  /// Places from this node to the one the row goes to; 0 in a leaf. No branch.
  std::uint32_t move(Code const* row) const {
    Tail const is_left = static_cast<Code>(row[block()] - base) <= span;
    return static_cast<std::uint32_t>(1 + (beyond_left() & (is_left - 1)));
  }
  /// What a leaf keeps.
  std::uint32_t payload() const { return std::uint32_t{base} | std::uint32_t{span} << half; }
};

/// What the leaves of a packed tree say: the class of a pure one, and class shares of the others.
class LeafShares {
 public:
  /// Says nothing, in the place of what a leaf keeps.
  static constexpr std::uint32_t silent = 3u << 29;

  explicit LeafShares(std::size_t classes) : classes_{classes} {}

  /// What a leaf is to keep: of one class, or of these class weights.
  static constexpr std::uint32_t of_class(std::uint32_t label) { return pure | label; }
  std::uint32_t keep(std::span<double const> value);

  void add(std::uint32_t kept, double* sums) const {
    if ((kept & pure) != 0) {  // the others would get + 0.0, and all of them when it is silent
      sums[kept & (pure - 1)] += (kept & silent) == silent ? 0.0 : 1.0;
      return;
    }
    auto const* shares = shares_.data() + kept * classes_;
    for (std::size_t k = 0; k < classes_; ++k) sums[k] += shares[k];
  }

 private:
  static constexpr std::uint32_t pure = 1u << 29;  ///< the rest is a class

  std::size_t classes_;
  std::vector<double> shares_;  ///< classes for every leaf that is not pure
};

/// A tree in the codes of one table, eight bytes a node where codes are narrow: going down takes
/// integer compares only, and a tree of 90,000 nodes stays in the second-level cache.
template <class Code>
class PackedTree {
 public:
  using Step = PackedStep<Code>;
  static_assert(sizeof(Step) == 4 * sizeof(Code));

  static Step made(Code base, Code span, std::size_t block, std::int64_t beyond_left);
  /// A split whose right child stands `right` places after it.
  static Step split(Node const& node, std::size_t right, data::EncodedTable const& table) {
    return split(node, right, PackedColumn<Code>{table, node.feature});
  }

  /// `columns` are those of the table.
  PackedTree(Tree const& tree, PackedColumns<Code> const& columns);

  /// Whether codes and block numbers of the table, and the size of the tree, fit this type.
  static bool fits(Tree const& tree, data::EncodedTable const& table);

  /// Every left child stands behind its parent.
  std::span<Step const> steps() const { return steps_; }

  LeafShares& shares() { return shares_; }

  /// Writes what the leaf of every row in `which` keeps to the row's place. No row comes twice.
  void descend(PackedRows<Code> const& rows, std::span<std::uint32_t const> which,
               std::span<std::uint32_t> kept) const;

 private:
  struct Leaf {
    std::uint32_t place;
    std::uint32_t counts;  ///< the node's code_threshold
  };

  static Step split(Node const& node, std::size_t right, PackedColumn<Code> const& column);
  template <class Order>
  bool pack(Tree const& tree, PackedColumns<Code> const& columns, Order const& order);
  Step packed(Leaf const& leaf, Tree const& tree, std::size_t block);

  std::vector<Step> steps_;
  LeafShares shares_;
};

extern template class PackedRows<std::uint16_t>;
extern template class PackedRows<std::uint32_t>;
extern template class PackedTree<std::uint16_t>;
extern template class PackedTree<std::uint32_t>;

}  // namespace canopy::forest
