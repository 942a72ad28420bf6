#pragma once

#if defined(__AVX512BW__)

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <immintrin.h>

#include "model/look_up.hpp"
#include "model/packed_tree.hpp"

namespace canopy::forest {

/// The first levels of a tree, which 32 rows go down together: each node there is compared with a
/// stretch of its column, and the rows that come to it are the bits of a word. That takes a
/// fraction of looking up every row's node.
class FirstLevels {
 public:
  static constexpr std::size_t rows_at_once = 32;
  static_assert(PackedRows<std::uint16_t>::behind >= rows_at_once);

  FirstLevels(std::span<PackedStep<std::uint16_t> const> tree,
              PackedRows<std::uint16_t> const& rows) {
    std::array<std::uint32_t, 2 * ends> at{};  // of node n the children are 2 n and 2 n + 1
    for (std::size_t n = 1; n < ends; ++n) {
      auto const& step = tree[at[n]];
      tests_[n] = {_mm512_set1_epi16(static_cast<short>(step.base)),
                   _mm512_set1_epi16(static_cast<short>(step.span)), rows.column(step.block())};
      at[2 * n + 1] = at[n] + static_cast<std::uint32_t>(1 + step.beyond_left());
      at[2 * n] = std::min(at[n] + 1, at[2 * n + 1]);  // below a leaf comes the leaf itself
    }
    ends_ = _mm512_loadu_si512(at.data() + ends);
  }

  /// Writes where the rows `first` .. `first` + 31 are below these levels; some may not be there.
  void descend(std::size_t first, std::uint32_t* places) const {
    std::array<std::uint32_t, 2 * ends> rows;
    rows[1] = ~0u;
    auto end = _mm512_setzero_si512();
    for (std::size_t n = 1, level_end = 2; n < ends; level_end *= 2) {
      std::uint32_t right = 0;
      for (; n < level_end; ++n) {
        auto const left = rows[n] & tests_[n].go_left(first);
        rows[2 * n] = left;
        rows[2 * n + 1] = rows[n] ^ left;
        right |= rows[2 * n + 1];
      }
      end = _mm512_add_epi16(end, end);
      end = _mm512_mask_add_epi16(end, right, end, _mm512_set1_epi16(1));
    }
    _mm512_storeu_si512(places, place_of(lower(end)));
    _mm512_storeu_si512(places + rows_at_once / 2, place_of(upper(end)));
  }

 private:
  static constexpr std::size_t ends = 16;  ///< below four levels

  struct Test {
    __m512i base;
    __m512i span;
    std::uint16_t const* column;

    /// PackedStep::move for a row a bit.
    std::uint32_t go_left(std::size_t first) const {
      auto const codes = _mm512_loadu_si512(column + first);
      return _mm512_cmple_epu16_mask(_mm512_sub_epi16(codes, base), span);
    }
  };

  __m512i place_of(__m256i end) const {
    return _mm512_maskz_permutexvar_epi32(every_lane, _mm512_maskz_cvtepu16_epi32(every_lane, end),
                                          ends_);
  }

  std::array<Test, ends> tests_;  ///< from 1 on
  __m512i ends_;                  ///< places, from left to right
};

}  // namespace canopy::forest

#endif
