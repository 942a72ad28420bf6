#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace canopy::forest {

/// Codes of a few rows side by side in a register, as wide as the machine has them. What is asked
/// of them comes as bits, one for each row.
template <class Code>
struct CodeLanes {
  using Register = Code;
  static constexpr std::size_t rows = 1;

  static Register load(Code const* codes) { return *codes; }
  static Register all(Code code) { return code; }
  static std::uint32_t at_most(Register codes, Code bound) { return codes <= bound; }
  static std::uint32_t equal_to(Register codes, Code wanted) { return codes == wanted; }

  /// Lane by lane the least or the most; of `codes` only those of some rows count.
  static Register least(Register known, Register codes, std::uint32_t some) {
    return (some & 1) != 0 ? std::min(known, codes) : known;
  }
  static Register most(Register known, Register codes, std::uint32_t some) {
    return (some & 1) != 0 ? std::max(known, codes) : known;
  }
  static Code smallest(Register codes) { return codes; }
  static Code largest(Register codes) { return codes; }
};

#if defined(__AVX2__)

namespace registers {
inline std::uint16_t smallest16(__m256i codes) {
  auto const eight =
      _mm_min_epu16(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
  return static_cast<std::uint16_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(eight)));
}
inline std::uint32_t smallest32(__m256i codes) {
  auto const four =
      _mm_min_epu32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
  auto const two = _mm_min_epu32(four, _mm_shuffle_epi32(four, 0b01'00'11'10));
  auto const one = _mm_min_epu32(two, _mm_shuffle_epi32(two, 0b10'11'00'01));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(one));
}
/// The largest is the complement of the smallest one: there is an instruction for the smallest of
/// eight only.
inline __m256i complement(__m256i codes) {
  return _mm256_xor_si256(codes, _mm256_set1_epi32(-1));
}
}  // namespace registers

#endif

#if defined(__AVX512BW__) && defined(__AVX512VL__)

namespace registers {
template <int number>
__m256i half(__m512i wide) {
  return _mm512_maskz_extracti64x4_epi64(0xf, wide, number);
}
}  // namespace registers

template <>
struct CodeLanes<std::uint16_t> {
  using Register = __m512i;
  static constexpr std::size_t rows = 32;

  static Register load(std::uint16_t const* codes) { return _mm512_load_si512(codes); }
  static Register all(std::uint16_t code) { return _mm512_set1_epi16(static_cast<short>(code)); }
  static std::uint32_t at_most(Register codes, std::uint16_t bound) {
    return _mm512_cmple_epu16_mask(codes, all(bound));
  }
  static std::uint32_t equal_to(Register codes, std::uint16_t wanted) {
    return _mm512_cmpeq_epu16_mask(codes, all(wanted));
  }
  static Register least(Register known, Register codes, std::uint32_t some) {
    return _mm512_mask_min_epu16(known, some, known, codes);
  }
  static Register most(Register known, Register codes, std::uint32_t some) {
    return _mm512_mask_max_epu16(known, some, known, codes);
  }
  static std::uint16_t smallest(Register codes) {
    return registers::smallest16(
        _mm256_min_epu16(registers::half<0>(codes), registers::half<1>(codes)));
  }
  static std::uint16_t largest(Register codes) {
    return static_cast<std::uint16_t>(~registers::smallest16(registers::complement(
        _mm256_max_epu16(registers::half<0>(codes), registers::half<1>(codes)))));
  }
};

template <>
struct CodeLanes<std::uint32_t> {
  using Register = __m512i;
  static constexpr std::size_t rows = 16;

  static Register load(std::uint32_t const* codes) { return _mm512_load_si512(codes); }
  static Register all(std::uint32_t code) { return _mm512_set1_epi32(static_cast<int>(code)); }
  static std::uint32_t at_most(Register codes, std::uint32_t bound) {
    return _mm512_cmple_epu32_mask(codes, all(bound));
  }
  static std::uint32_t equal_to(Register codes, std::uint32_t wanted) {
    return _mm512_cmpeq_epu32_mask(codes, all(wanted));
  }
  static Register least(Register known, Register codes, std::uint32_t some) {
    return _mm512_mask_min_epu32(known, static_cast<__mmask16>(some), known, codes);
  }
  static Register most(Register known, Register codes, std::uint32_t some) {
    return _mm512_mask_max_epu32(known, static_cast<__mmask16>(some), known, codes);
  }
  static std::uint32_t smallest(Register codes) {
    return registers::smallest32(
        _mm256_min_epu32(registers::half<0>(codes), registers::half<1>(codes)));
  }
  static std::uint32_t largest(Register codes) {
    return ~registers::smallest32(registers::complement(
        _mm256_max_epu32(registers::half<0>(codes), registers::half<1>(codes))));
  }
};

#elif defined(__AVX2__)

template <>
struct CodeLanes<std::uint16_t> {
  struct Register {
    __m256i first;
    __m256i second;
  };
  static constexpr std::size_t rows = 32;

  static Register load(std::uint16_t const* codes) {
    auto const* registers = reinterpret_cast<__m256i const*>(codes);
    return {_mm256_load_si256(registers), _mm256_load_si256(registers + 1)};
  }
  static Register all(std::uint16_t code) { return {every(code), every(code)}; }
  static std::uint32_t at_most(Register codes, std::uint16_t bound) {
    auto const most = every(bound);
    return rows_where(codes, [&](__m256i some) {
      return _mm256_cmpeq_epi16(_mm256_min_epu16(some, most), some);
    });
  }
  static std::uint32_t equal_to(Register codes, std::uint16_t wanted) {
    auto const one = every(wanted);
    return rows_where(codes, [&](__m256i some) { return _mm256_cmpeq_epi16(some, one); });
  }
  static Register least(Register known, Register codes, std::uint32_t some) {
    return {_mm256_min_epu16(known.first, _mm256_or_si256(codes.first, without(some))),
            _mm256_min_epu16(known.second, _mm256_or_si256(codes.second, without(some >> 16)))};
  }
  static Register most(Register known, Register codes, std::uint32_t some) {
    return {_mm256_max_epu16(known.first, _mm256_andnot_si256(without(some), codes.first)),
            _mm256_max_epu16(known.second, _mm256_andnot_si256(without(some >> 16), codes.second))};
  }
  static std::uint16_t smallest(Register codes) {
    return registers::smallest16(_mm256_min_epu16(codes.first, codes.second));
  }
  static std::uint16_t largest(Register codes) {
    return static_cast<std::uint16_t>(
        ~registers::smallest16(registers::complement(_mm256_max_epu16(codes.first, codes.second))));
  }

 private:
  static __m256i every(std::uint16_t code) { return _mm256_set1_epi16(static_cast<short>(code)); }

  /// `holds(codes)` is all ones in the lanes of the rows that are wanted.
  template <class Holds>
  static std::uint32_t rows_where(Register codes, Holds holds) {
    auto const bytes = _mm256_packs_epi16(holds(codes.first), holds(codes.second));
    auto const in_order = _mm256_permute4x64_epi64(bytes, 0b11'01'10'00);
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(in_order));
  }

  /// All ones in the lanes of the rows that are not among some of sixteen.
  static __m256i without(std::uint32_t some) {
    auto const bit = _mm256_set_epi16(static_cast<short>(0x8000), 0x4000, 0x2000, 0x1000, 0x800,
                                      0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1);
    auto const words = every(static_cast<std::uint16_t>(some));
    return _mm256_cmpeq_epi16(_mm256_and_si256(words, bit), _mm256_setzero_si256());
  }
};

template <>
struct CodeLanes<std::uint32_t> {
  using Register = __m256i;
  static constexpr std::size_t rows = 8;

  static Register load(std::uint32_t const* codes) {
    return _mm256_load_si256(reinterpret_cast<__m256i const*>(codes));
  }
  static Register all(std::uint32_t code) { return _mm256_set1_epi32(static_cast<int>(code)); }
  static std::uint32_t at_most(Register codes, std::uint32_t bound) {
    return rows_where(_mm256_cmpeq_epi32(_mm256_min_epu32(codes, all(bound)), codes));
  }
  static std::uint32_t equal_to(Register codes, std::uint32_t wanted) {
    return rows_where(_mm256_cmpeq_epi32(codes, all(wanted)));
  }
  static Register least(Register known, Register codes, std::uint32_t some) {
    return _mm256_min_epu32(known, _mm256_or_si256(codes, without(some)));
  }
  static Register most(Register known, Register codes, std::uint32_t some) {
    return _mm256_max_epu32(known, _mm256_andnot_si256(without(some), codes));
  }
  static std::uint32_t smallest(Register codes) { return registers::smallest32(codes); }
  static std::uint32_t largest(Register codes) {
    return ~registers::smallest32(registers::complement(codes));
  }

 private:
  static std::uint32_t rows_where(__m256i holds) {
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(holds)));
  }
  static __m256i without(std::uint32_t some) {
    auto const bit = _mm256_set_epi32(0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1);
    return _mm256_cmpeq_epi32(_mm256_and_si256(all(some), bit), _mm256_setzero_si256());
  }
};

#endif

}  // namespace canopy::forest
