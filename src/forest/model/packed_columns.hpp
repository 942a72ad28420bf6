#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/forest/tree.hpp"

namespace canopy::forest {

/// The codes base .. base+span, counted modulo the range of Code.
template <class Code>
struct PackedCodes {
  Code base;
  Code span;
};

/// A feature of a table, as thresholds ask for it: which block holds it, and which codes of that
/// block have a value at most the threshold. Code is std::uint16_t where all codes fit, else
/// std::uint32_t.
template <class Code>
class PackedColumn {
 public:
  PackedColumn(data::EncodedTable const& table, std::int32_t feature)
      : PackedColumn{table, table.place(feature)} {}

  /// What leaves look at: a block behind the table's.
  static PackedColumn of_leaves(data::EncodedTable const& table) {
    return {zero_and_one, 0, 0, static_cast<std::uint32_t>(table.blocks().size())};
  }

  std::size_t block() const { return block_; }

  /// The node knows them if it was grown on this table. Members of groups are columns of 0 and 1:
  /// between them all but one code of the block go left.
  PackedCodes<Code> at_most(Node const& node) const {
    auto const known = node.split_code();
    if (known + std::size_t{1} < values_.size() && values_[known] <= node.threshold &&
        node.threshold < values_[known + 1])
      return {base_, static_cast<Code>(span_ + known)};
    return searched(node.threshold);
  }

 private:
  static constexpr Code all = std::numeric_limits<Code>::max();
  static constexpr std::array<float, 2> zero_and_one{0, 1};

  PackedColumn(std::span<float const> values, Code base, Code span, std::uint32_t block)
      : values_{values}, base_{base}, span_{span}, block_{block} {}
  PackedColumn(data::EncodedTable const& table, data::FeaturePlace place)
      : values_{table.block(place).values}, block_{static_cast<std::uint32_t>(place.block)} {
    if (!table.block(place).is_group()) return;
    values_ = zero_and_one;
    base_ = static_cast<Code>(place.member + 1);
    span_ = all - 1;
  }

  PackedCodes<Code> searched(double threshold) const {
    auto const above = std::upper_bound(values_.begin(), values_.end(), threshold,
                                        [](double t, float value) { return t < value; });
    auto const below = above - values_.begin();
    if (below == 0) return {all, 0};  // nothing: no row has this code
    if (above == values_.end()) return {0, all - 1};
    return {base_, static_cast<Code>(span_ + below - 1)};
  }

  std::span<float const> values_;
  Code base_ = 0;
  Code span_ = 0;
  std::uint32_t block_;
};

/// All features of a table, and by number -1 what leaves look at.
template <class Code>
class PackedColumns {
 public:
  explicit PackedColumns(data::EncodedTable const& table) {
    columns_.reserve(static_cast<std::size_t>(table.features()) + 1);
    columns_.push_back(PackedColumn<Code>::of_leaves(table));
    for (std::int32_t f = 0; f < table.features(); ++f) columns_.emplace_back(table, f);
  }

  PackedColumn<Code> const& operator[](std::int32_t feature) const {
    return columns_[static_cast<std::size_t>(feature + 1)];
  }
  PackedColumn<Code> const& leaves() const { return columns_.front(); }

 private:
  std::vector<PackedColumn<Code>> columns_;
};

}  // namespace canopy::forest
