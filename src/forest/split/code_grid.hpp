#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace canopy::forest {

/// Finds the code of a drawn threshold in a column's ascending values without a search from end to
/// end: cells of equal width say which codes are near. Rounding is monotone, so a value is never in
/// a later cell than a larger one and the answer is exact.
class CodeGrid {
 public:
  CodeGrid() = default;
  explicit CodeGrid(std::span<float const> values)
      : values_{values},
        low_{values.front()},
        last_cell_{std::min((values.size() + values_per_cell - 1) / values_per_cell, most_cells) -
                   1},
        scale_{values.size() < 2 ? 0 : static_cast<double>(last_cell_) / (values.back() - low_)},
        first_(last_cell_ + 2) {
    for (auto const value : values) ++first_[cell_of(value) + 1];
    for (std::size_t cell = 1; cell < first_.size(); ++cell) first_[cell] += first_[cell - 1];
  }

  /// The last code whose value is at most `threshold`, which is not below the smallest value.
  std::uint32_t last_at_most(double threshold) const {
    auto const cell = cell_of(threshold);
    auto const begin = first_[cell];
    auto const number = first_[cell + 1] - begin;
    if (number > few) return begin + searched(values_.subspan(begin, number), threshold) - 1;
    return begin + counted(values_.data() + begin, number, threshold) - 1;
  }

 private:
#if defined(__AVX512F__)
  static constexpr std::uint32_t few = 16;
  static constexpr std::size_t values_per_cell = 4;

  /// How many of some values are at most the threshold.
  static std::uint32_t counted(float const* values, std::uint32_t number, double threshold) {
    auto const some = static_cast<__mmask16>((1u << number) - 1);
    auto const below = _mm_cvt_roundsd_ss(_mm_setzero_ps(), _mm_set_sd(threshold),
                                          _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    auto const all = _mm512_maskz_loadu_ps(some, values);
    return static_cast<std::uint32_t>(std::popcount(static_cast<unsigned>(_mm512_mask_cmp_ps_mask(
        some, all, _mm512_maskz_broadcastss_ps(0xffff, below), _CMP_LE_OQ))));
  }
#else
  static constexpr std::uint32_t few = 8;
  static constexpr std::size_t values_per_cell = 1;

  static std::uint32_t counted(float const* values, std::uint32_t number, double threshold) {
    std::uint32_t at_most = 0;
    while (at_most < number && values[at_most] <= threshold) ++at_most;
    return at_most;
  }
#endif

  static std::uint32_t searched(std::span<float const> values, double threshold) {
    return static_cast<std::uint32_t>(std::ranges::upper_bound(values, threshold) - values.begin());
  }
  static constexpr std::size_t most_cells = 1 << 20;

  std::size_t cell_of(double value) const {
    return std::min(static_cast<std::size_t>((value - low_) * scale_), last_cell_);
  }

  std::span<float const> values_;
  double low_ = 0;
  std::size_t last_cell_ = 0;
  double scale_ = 0;                  ///< cells per unit
  std::vector<std::uint32_t> first_;  ///< per cell the first code in it or after it
};

}  // namespace canopy::forest
