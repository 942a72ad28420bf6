#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

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

/// One column of 64 rows, to be compared with a code in a few vector instructions.
struct alignas(64) MaskColumn {
  std::array<std::uint16_t, most_mask_rows> codes{};

  RowMask at_most(std::uint16_t code) const;
  RowMask equal_to(std::uint16_t code) const;
  /// Over the rows of a set that is not empty.
  std::uint16_t smallest(RowMask rows) const;
};

#if defined(__AVX512BW__) && defined(__AVX512VL__)

namespace masks {
inline __m512i half(MaskColumn const& column, int number) {
  return _mm512_load_si512(column.codes.data() + 32 * number);
}
template <int number>
__m256i half(__m512i codes) {
  return _mm512_maskz_extracti64x4_epi64(0xf, codes, number);
}
inline RowMask joined(__mmask32 low, __mmask32 high) {
  return RowMask{low} | RowMask{high} << 32;
}
}  // namespace masks

inline RowMask MaskColumn::at_most(std::uint16_t code) const {
  auto const bound = _mm512_set1_epi16(static_cast<short>(code));
  return masks::joined(_mm512_cmple_epu16_mask(masks::half(*this, 0), bound),
                       _mm512_cmple_epu16_mask(masks::half(*this, 1), bound));
}

inline RowMask MaskColumn::equal_to(std::uint16_t code) const {
  auto const wanted = _mm512_set1_epi16(static_cast<short>(code));
  return masks::joined(_mm512_cmpeq_epu16_mask(masks::half(*this, 0), wanted),
                       _mm512_cmpeq_epu16_mask(masks::half(*this, 1), wanted));
}

#elif defined(__AVX2__)

namespace masks {
inline __m256i quarter(MaskColumn const& column, int number) {
  return _mm256_load_si256(reinterpret_cast<__m256i const*>(column.codes.data()) + number);
}
inline __m256i all(std::uint16_t code) {
  return _mm256_set1_epi16(static_cast<short>(code));
}
/// `holds(codes)` is all ones in the lanes of the rows that are wanted.
template <class Holds>
RowMask rows_where(MaskColumn const& column, Holds holds) {
  auto const bits = [&](int number) {
    auto const bytes =
        _mm256_packs_epi16(holds(quarter(column, number)), holds(quarter(column, number + 1)));
    auto const in_order = _mm256_permute4x64_epi64(bytes, 0b11'01'10'00);
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(in_order));
  };
  return RowMask{bits(0)} | RowMask{bits(2)} << 32;
}
}  // namespace masks

inline RowMask MaskColumn::at_most(std::uint16_t code) const {
  auto const bound = masks::all(code);
  return masks::rows_where(
      *this, [&](__m256i some) { return _mm256_cmpeq_epi16(_mm256_min_epu16(some, bound), some); });
}

inline RowMask MaskColumn::equal_to(std::uint16_t code) const {
  auto const wanted = masks::all(code);
  return masks::rows_where(*this, [&](__m256i some) { return _mm256_cmpeq_epi16(some, wanted); });
}

#else

inline RowMask MaskColumn::at_most(std::uint16_t code) const {
  RowMask rows = 0;
  for (std::size_t i = 0; i < most_mask_rows; ++i) rows |= RowMask{codes[i] <= code} << i;
  return rows;
}

inline RowMask MaskColumn::equal_to(std::uint16_t code) const {
  RowMask rows = 0;
  for (std::size_t i = 0; i < most_mask_rows; ++i) rows |= RowMask{codes[i] == code} << i;
  return rows;
}

#endif

#if defined(__AVX2__)

namespace masks {
inline std::uint16_t smallest(__m256i codes) {
  auto const eight =
      _mm_min_epu16(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
  return static_cast<std::uint16_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(eight)));
}
/// By the smallest complement: there is an instruction for the smallest of eight only.
inline std::uint16_t largest(__m256i codes) {
  return static_cast<std::uint16_t>(~smallest(_mm256_xor_si256(codes, _mm256_set1_epi16(-1))));
}
}  // namespace masks

#endif

/// The smallest and the largest code of sets of rows, which may stand in many columns of 64.
class CodeEnds {
 public:
  void add(MaskColumn const& column, RowMask rows);
  /// Of at least one row.
  std::uint16_t smallest() const;
  std::uint16_t largest() const;

 private:
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  __m512i least_ = _mm512_set1_epi16(-1);
  __m512i most_ = _mm512_setzero_si512();
#elif defined(__AVX2__)
  __m256i least_ = _mm256_set1_epi16(-1);
  __m256i most_ = _mm256_setzero_si256();
#else
  std::uint16_t least_ = 0xffff;
  std::uint16_t most_ = 0;
#endif
};

#if defined(__AVX512BW__) && defined(__AVX512VL__)

inline void CodeEnds::add(MaskColumn const& column, RowMask rows) {
  for (int number = 0; number < 2; ++number) {
    auto const codes = masks::half(column, number);
    auto const some = static_cast<__mmask32>(rows >> 32 * number);
    least_ = _mm512_mask_min_epu16(least_, some, least_, codes);
    most_ = _mm512_mask_max_epu16(most_, some, most_, codes);
  }
}

inline std::uint16_t CodeEnds::smallest() const {
  return masks::smallest(_mm256_min_epu16(masks::half<0>(least_), masks::half<1>(least_)));
}

inline std::uint16_t CodeEnds::largest() const {
  return masks::largest(_mm256_max_epu16(masks::half<0>(most_), masks::half<1>(most_)));
}

#elif defined(__AVX2__)

inline void CodeEnds::add(MaskColumn const& column, RowMask rows) {
  auto const bit = _mm256_set_epi16(static_cast<short>(0x8000), 0x4000, 0x2000, 0x1000, 0x800,
                                    0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1);
  for (int number = 0; number < 4; ++number) {
    auto const codes = masks::quarter(column, number);
    auto const words = masks::all(static_cast<std::uint16_t>(rows >> 16 * number));
    auto const is_out = _mm256_cmpeq_epi16(_mm256_and_si256(words, bit), _mm256_setzero_si256());
    least_ = _mm256_min_epu16(least_, _mm256_or_si256(codes, is_out));
    most_ = _mm256_max_epu16(most_, _mm256_andnot_si256(is_out, codes));
  }
}

inline std::uint16_t CodeEnds::smallest() const {
  return masks::smallest(least_);
}

inline std::uint16_t CodeEnds::largest() const {
  return masks::largest(most_);
}

#else

inline void CodeEnds::add(MaskColumn const& column, RowMask rows) {
  for_each_row(rows, [&](std::size_t i) {
    least_ = std::min(least_, column.codes[i]);
    most_ = std::max(most_, column.codes[i]);
  });
}

inline std::uint16_t CodeEnds::smallest() const {
  return least_;
}

inline std::uint16_t CodeEnds::largest() const {
  return most_;
}

#endif

inline std::uint16_t MaskColumn::smallest(RowMask rows) const {
  CodeEnds ends;
  ends.add(*this, rows);
  return ends.smallest();
}

}  // namespace canopy::forest
