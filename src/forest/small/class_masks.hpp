#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "small/row_masks.hpp"

namespace canopy::forest {

/// Which of up to 64 rows are of which class. Only classes that have rows count.
class ClassMasks {
 public:
  void clear() {
    rows_.fill(0);
    size_ = 0;
  }
  /// Labels ascend.
  void add(std::uint32_t label, RowMask rows) {
    rows_[size_] = rows;
    labels_[size_++] = label;
  }

  /// Calls `act(label, rows)` for every class that has some among `rows`.
  template <class Act>
  void for_each(RowMask rows, Act act) const {
    for (std::size_t k = 0; rows != 0; ++k) {  // no loop that a compiler would make vectors of
      if (auto const some = rows_[k] & rows; some != 0) act(labels_[k], some);
      rows &= ~rows_[k];
    }
  }

  /// Of the first row.
  std::uint32_t label(RowMask rows) const {
    auto const first = rows & -rows;
    std::size_t k = 0;
    while ((rows_[k] & first) == 0) ++k;
    return labels_[k];
  }

  struct Squares {
    std::uint32_t left;
    std::uint32_t right;
  };
  /// Sums of the classes' squared numbers of rows on two sides.
  Squares squares(RowMask left, RowMask right) const {
#if defined(__AVX512VPOPCNTDQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
    auto const squares_of = [&](std::size_t k, RowMask side) {
      auto const rows = _mm512_load_si512(rows_.data() + k);
      auto const number = _mm512_popcnt_epi64(
          _mm512_and_si512(rows, _mm512_set1_epi64(static_cast<long long>(side))));
      return _mm512_maskz_mul_epu32(0xff, number, number);
    };
    auto sums = _mm512_setzero_si512();  // those of the right side in the upper halves of the lanes
    for (std::size_t k = 0; k < size_; k += lanes)
      sums = _mm512_add_epi64(
          sums, _mm512_add_epi64(squares_of(k, left),
                                 _mm512_maskz_slli_epi64(0xff, squares_of(k, right), 32)));
    auto const four = _mm256_add_epi64(registers::half<0>(sums), registers::half<1>(sums));
    auto const two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    auto const sum = static_cast<std::uint64_t>(two[0] + two[1]);
    return {static_cast<std::uint32_t>(sum), static_cast<std::uint32_t>(sum >> 32)};
#else
    Squares sums{0, 0};
    for_each(left | right, [&](std::uint32_t, RowMask rows) {
      auto const on_left = count(rows & left);
      auto const on_right = count(rows & right);
      sums.left += on_left * on_left;
      sums.right += on_right * on_right;
    });
    return sums;
#endif
  }

 private:
  static constexpr std::size_t lanes = 8;

  alignas(64) std::array<RowMask, most_mask_rows> rows_{};  ///< 0 behind the last class
  std::array<std::uint32_t, most_mask_rows> labels_{};
  std::size_t size_ = 0;
};

}  // namespace canopy::forest
