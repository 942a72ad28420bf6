#pragma once

#if defined(__AVX512BW__)

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace canopy::forest {

// What stands at the places of a table that a vector names. Gathers do the same; on AMD Zen 4 they
// take twice as long. Which is faster on Intel is not known.

/// Named where all lanes are meant: in intrinsics without a mask GCC 12 sees what is not
/// initialised.
constexpr __mmask16 every_lane = 0xffff;

inline __m256i lower(__m512i both) {
  return __builtin_shufflevector(both, both, 0, 1, 2, 3);
}
inline __m256i upper(__m512i both) {
  return __builtin_shufflevector(both, both, 4, 5, 6, 7);
}

/// Two places of four, as they come out of a vector.
struct TwoPlaces {
  std::uint64_t both;

  static TwoPlaces low(__m128i places) {
    return {static_cast<std::uint64_t>(_mm_cvtsi128_si64(places))};
  }
  static TwoPlaces high(__m128i places) {
    return {static_cast<std::uint64_t>(_mm_extract_epi64(places, 1))};
  }
  std::uint32_t first() const { return static_cast<std::uint32_t>(both); }
  std::uint32_t second() const { return static_cast<std::uint32_t>(both >> 32); }
};

inline __m256i joined(__m128i low, __m128i high) {
  return __builtin_shufflevector(low, high, 0, 1, 2, 3);
}
inline __m512i joined(__m256i low, __m256i high) {
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
}

/// Words of eight bytes.
inline __m128i two_words(void const* table, TwoPlaces at) {
  auto const word = [&](std::uint32_t place) {
    auto const* const bytes = static_cast<std::byte const*>(table) + std::size_t{place} * 8;
    return _mm_loadl_epi64(reinterpret_cast<__m128i const*>(bytes));
  };
  return _mm_unpacklo_epi64(word(at.first()), word(at.second()));
}
inline __m256i four_words(void const* table, __m128i at) {
  return joined(two_words(table, TwoPlaces::low(at)), two_words(table, TwoPlaces::high(at)));
}
inline __m512i eight_words(void const* table, __m256i at) {
  return joined(four_words(table, _mm256_castsi256_si128(at)),
                four_words(table, _mm256_extracti128_si256(at, 1)));
}

/// A code in the lower half; the upper one belongs to the next code.
inline int code_at(std::uint16_t const* code) {
  int both;
  std::memcpy(&both, code, sizeof both);
  return both;
}
inline __m128i four_codes(std::uint16_t const* table, __m128i at) {
  auto const low = TwoPlaces::low(at);
  auto const high = TwoPlaces::high(at);
  auto codes = _mm_cvtsi32_si128(code_at(table + low.first()));
  codes = _mm_insert_epi32(codes, code_at(table + low.second()), 1);
  codes = _mm_insert_epi32(codes, code_at(table + high.first()), 2);
  return _mm_insert_epi32(codes, code_at(table + high.second()), 3);
}
inline __m256i eight_codes(std::uint16_t const* table, __m256i at) {
  return joined(four_codes(table, _mm256_castsi256_si128(at)),
                four_codes(table, _mm256_extracti128_si256(at, 1)));
}
inline __m512i sixteen_codes(std::uint16_t const* table, __m512i at) {
  return joined(eight_codes(table, lower(at)), eight_codes(table, upper(at)));
}

}  // namespace canopy::forest

#endif
