#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "canopy/data/encoded.hpp"

#include "grow/bag.hpp"

namespace canopy::forest {

/// Vectors of lanes; GCC and Clang make instructions of what is written with operators.
template <class Lane, std::size_t Lanes>
struct VectorOf;
template <>
struct VectorOf<std::uint16_t, 16> {
  using type [[gnu::vector_size(32)]] = std::uint16_t;
};
template <>
struct VectorOf<std::uint16_t, 64> {
  using type [[gnu::vector_size(128)]] = std::uint16_t;
};
template <>
struct VectorOf<std::uint32_t, 16> {
  using type [[gnu::vector_size(64)]] = std::uint32_t;
};

/// A row with all its codes beside it, for nodes small enough to stay in the cache: growing then
/// reads memory in order, and one vector instruction looks at every column.
template <class AnyCode, std::size_t Lanes>
struct CompactRow {
  using Code = AnyCode;
  using Vector = typename VectorOf<Code, Lanes>::type;
  static constexpr std::size_t lanes_of_row = Lanes;
  static constexpr std::size_t columns = Lanes - 2;

  Vector lanes;  ///< a code for each block of the table; label and weight come last

  std::uint32_t code(std::size_t block) const { return lanes[block]; }
  friend std::uint32_t label_of(CompactRow const& row) { return row.lanes[columns]; }
  friend std::uint32_t weight_of(CompactRow const& row) { return row.lanes[columns + 1]; }
};

using ShortRow = CompactRow<std::uint16_t, 16>;
using LongRow = CompactRow<std::uint16_t, 64>;
using WideRow = CompactRow<std::uint32_t, 16>;  ///< for columns of more than 65,536 values

/// Whether each block of a table, whose codes fit the lanes, has a lane of its own.
template <class Compact>
bool fits_compact_rows(data::EncodedTable const& table) {
  return table.blocks().size() <= Compact::columns;
}

/// Calls `work` with a compact row whose lanes are as wide as the table's codes need; in sets too
/// these are as wide.
template <class Work>
decltype(auto) with_row_for(data::EncodedTable const& table, Work&& work) {
  auto const is_wide = [](data::Block const& block) {
    return block.width == data::Block::Width::u32;
  };
  if (std::ranges::any_of(table.blocks(), is_wide)) return work(WideRow{});
  return fits_compact_rows<ShortRow>(table) ? work(ShortRow{}) : work(LongRow{});
}

/// Calls `work` with the block's codes as a pointer to their own type.
template <class Work>
decltype(auto) with_codes(data::Block const& block, Work&& work) {
  switch (block.width) {
    case data::Block::Width::u8:
      return work(block.as<std::uint8_t>());
    case data::Block::Width::u16:
      return work(block.as<std::uint16_t>());
    default:
      return work(block.as<std::uint32_t>());
  }
}

/// Calls `work` with a function that gives a Row's code in block `number`, wherever that stands.
template <class Row, class Work>
decltype(auto) with_reader(data::Block const& block, std::size_t number, Work&& work) {
  if constexpr (std::is_same_v<Row, Sample>)
    return with_codes(block, [&](auto const* codes) {
      return work([codes](Sample const& row) -> std::uint32_t { return codes[row.row]; });
    });
  else
    return work([number](Row const& row) { return row.code(number); });
}

/// Copies the codes of all `rows` rows of a table, so that a row's codes stand side by side;
/// `number_of(i)` is the number in the table of row i. Labels and weights are left out.
template <class Compact, class NumberOf>
void copy_codes(data::EncodedTable const& table, std::span<Compact> rows, NumberOf number_of) {
  for (std::size_t b = 0; b < table.blocks().size(); ++b)
    with_codes(table.blocks()[b], [&](auto const* codes) {
      for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i].lanes[b] = static_cast<typename Compact::Code>(codes[number_of(i)]);
    });
}

/// Makes compact rows of samples. Of a table larger than the cache every column costs a miss a row;
/// so where it pays all its rows are copied once, and each is fetched from there as a whole.
template <class Compact>
class Compactor {
 public:
  Compactor(data::EncodedTable const& table, bool copy_table) : table_{table} {
    if (!copy_table) return;
    copies_.resize(static_cast<std::size_t>(table.rows()));
    copy_codes<Compact>(table, copies_, [](std::size_t i) { return i; });
  }

  void compact(std::span<Sample const> samples, std::span<Compact> rows) const {
    if (copies_.empty()) {
      std::ranges::fill(rows, Compact{});
      copy_codes<Compact>(table_, rows, [&](std::size_t i) { return samples[i].row; });
    } else {
      for (std::size_t i = 0; i < samples.size(); ++i) rows[i] = copies_[samples[i].row];
    }
    for (std::size_t i = 0; i < samples.size(); ++i) {
      rows[i].lanes[Compact::columns] = samples[i].label;
      rows[i].lanes[Compact::columns + 1] = samples[i].weight;
    }
  }

 private:
  data::EncodedTable const& table_;
  std::vector<Compact> copies_;  ///< of the table's rows, or none
};

/// The smallest and the largest entry of each lane.
template <class Compact>
struct LaneRanges {
  using Vector = typename Compact::Vector;

  explicit LaneRanges(std::span<Compact const> rows) : low{rows.front().lanes}, high{low} {
    for (auto const& row : rows) {
      low = row.lanes < low ? row.lanes : low;
      high = row.lanes > high ? row.lanes : high;
    }
  }

  Vector low;
  Vector high;
};

}  // namespace canopy::forest
