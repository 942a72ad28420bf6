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
  std::uint16_t largest(RowMask rows) const;
};

#if defined(__AVX512BW__) && defined(__AVX512VL__)

namespace masks {
inline __m512i half(MaskColumn const& column, int number) {
  return _mm512_load_si512(column.codes.data() + 32 * number);
}
inline RowMask joined(__mmask32 low, __mmask32 high) {
  return RowMask{low} | RowMask{high} << 32;
}
inline __m256i quarter(MaskColumn const& column, int number) {
  return _mm256_load_si256(reinterpret_cast<__m256i const*>(column.codes.data()) + number);
}
inline __m256i all(std::uint16_t code) {
  return _mm256_set1_epi16(static_cast<short>(code));
}
/// Row number 16 * n + i keeps the code in lane i if it is in the set; the others get 0xffff.
inline __m256i only(__m256i codes, RowMask rows, int number) {
  return _mm256_mask_mov_epi16(all(0xffff), static_cast<__mmask16>(rows >> 16 * number), codes);
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
/// Row number 16 * n + i keeps the code in lane i if it is in the set; the others get 0xffff.
inline __m256i only(__m256i codes, RowMask rows, int number) {
  auto const bit = _mm256_set_epi16(static_cast<short>(0x8000), 0x4000, 0x2000, 0x1000, 0x800,
                                    0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1);
  auto const words = all(static_cast<std::uint16_t>(rows >> 16 * number));
  auto const is_in = _mm256_cmpeq_epi16(_mm256_and_si256(words, bit), bit);
  return _mm256_blendv_epi8(all(0xffff), codes, is_in);
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
/// The smallest of codes ^ flip over the set.
inline std::uint16_t smallest(MaskColumn const& column, RowMask rows, std::uint16_t flip) {
  auto least = all(0xffff);
  for (int number = 0; number < 4; ++number) {
    auto const codes = _mm256_xor_si256(quarter(column, number), all(flip));
    least = _mm256_min_epu16(least, only(codes, rows, number));
  }
  auto const eight =
      _mm_min_epu16(_mm256_castsi256_si128(least), _mm256_extracti128_si256(least, 1));
  return static_cast<std::uint16_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(eight)));
}
}  // namespace masks

inline std::uint16_t MaskColumn::smallest(RowMask rows) const {
  return masks::smallest(*this, rows, 0);
}

/// The smallest complement: there is an instruction for the smallest of eight only.
inline std::uint16_t MaskColumn::largest(RowMask rows) const {
  return static_cast<std::uint16_t>(~masks::smallest(*this, rows, 0xffff));
}

#else

inline std::uint16_t MaskColumn::smallest(RowMask rows) const {
  std::uint16_t least = 0xffff;
  for_each_row(rows, [&](std::size_t i) { least = std::min(least, codes[i]); });
  return least;
}

inline std::uint16_t MaskColumn::largest(RowMask rows) const {
  std::uint16_t most = 0;
  for_each_row(rows, [&](std::size_t i) { most = std::max(most, codes[i]); });
  return most;
}

#endif

}  // namespace canopy::forest
