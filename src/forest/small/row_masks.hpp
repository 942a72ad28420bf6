#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "small/code_lanes.hpp"

namespace canopy::forest {

/// A set of up to 64 rows: bit i stands for row i.
using RowMask = std::uint64_t;
inline constexpr std::size_t most_mask_rows = 64;

inline std::uint32_t count(RowMask rows) {
  return static_cast<std::uint32_t>(std::popcount(rows));
}

/// Calls `act(i)` for every row of the set, in ascending order.
template <class Act>
void for_each_row(RowMask rows, Act act) {
  for (; rows != 0; rows &= rows - 1) act(static_cast<std::size_t>(std::countr_zero(rows)));
}

/// One column of 64 rows, to be compared with a code in a few vector instructions. Codes have 16
/// bits, or 32 where some column of the table needs them.
template <class Code>
struct alignas(64) MaskColumn {
  using Lanes = CodeLanes<Code>;

  std::array<Code, most_mask_rows> codes{};

  RowMask at_most(Code code) const {
    return rows_where([code](auto some) { return Lanes::at_most(some, code); });
  }
  RowMask equal_to(Code code) const {
    return rows_where([code](auto some) { return Lanes::equal_to(some, code); });
  }
  /// Over the rows of a set that is not empty.
  Code smallest(RowMask rows) const;

 private:
  template <class Holds>
  RowMask rows_where(Holds holds) const {
    RowMask rows = 0;
    for (std::size_t i = 0; i < most_mask_rows; i += Lanes::rows)
      rows |= RowMask{holds(Lanes::load(codes.data() + i))} << i;
    return rows;
  }
};

/// The smallest and the largest code of sets of rows, which may stand in many columns of 64.
template <class Code>
class CodeEnds {
 public:
  void add(MaskColumn<Code> const& column, RowMask rows) {
    for (std::size_t i = 0; i < most_mask_rows; i += Lanes::rows) {
      auto const codes = Lanes::load(column.codes.data() + i);
      auto const some = static_cast<std::uint32_t>(rows >> i);
      least_ = Lanes::least(least_, codes, some);
      most_ = Lanes::most(most_, codes, some);
    }
  }
  /// Of at least one row.
  Code smallest() const { return Lanes::smallest(least_); }
  Code largest() const { return Lanes::largest(most_); }

 private:
  using Lanes = CodeLanes<Code>;

  typename Lanes::Register least_ = Lanes::all(std::numeric_limits<Code>::max());
  typename Lanes::Register most_ = Lanes::all(0);
};

template <class Code>
Code MaskColumn<Code>::smallest(RowMask rows) const {
  CodeEnds<Code> ends;
  ends.add(*this, rows);
  return ends.smallest();
}

}  // namespace canopy::forest
