#pragma once

#include <cstdint>

#include "kernels/lanes.hpp"

namespace canopy::nn {

namespace detail {

using Wide = Vector<std::uint64_t>;

/// Products of the low halves of the lanes.
[[gnu::always_inline]] inline Wide product_of_low(Wide a, std::uint64_t b) {
#if defined(__AVX512F__)
  // With a mask of all lanes, as g++ 12 has a false alarm for the plain form (GCC bug 105593).
  return reinterpret_cast<Wide>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a),
                                                       reinterpret_cast<__m512i>(broadcast(b))));
#elif defined(__AVX2__)
  return reinterpret_cast<Wide>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(broadcast(b))));
#else
  return (a & 0xffff'ffff) * b;
#endif
}

}  // namespace detail

/// The first numbers of 16 Streams side by side: numbers 4*counter .. 4*counter+3 of
/// Stream{Key{keys[lane]}}, as word[0..3][lane]. Philox4x32-10 as in core/random.hpp; what stands
/// in the high halves of the 64-bit lanes does not matter until the end.
inline void philox_lanes(std::uint32_t counter, std::uint64_t const (&keys)[block],
                         std::uint32_t (&word)[4][block]) {
  constexpr int lanes = width<std::uint64_t>;
  for (int first = 0; first < block; first += lanes) {
    auto k0 = load(keys + first);
    auto k1 = k0 >> 32;
    detail::Wide c[4] = {broadcast(std::uint64_t{counter}), {}, {}, {}};
    for (int round = 0; round < 10; ++round) {
      auto const p0 = detail::product_of_low(c[0], 0xD2511F53u);
      auto const p1 = detail::product_of_low(c[2], 0xCD9E8D57u);
      c[0] = (p1 >> 32) ^ c[1] ^ k0;
      c[1] = p1;
      c[2] = (p0 >> 32) ^ c[3] ^ k1;
      c[3] = p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    for (int w = 0; w < 4; ++w)
      for (int i = 0; i < lanes; ++i) word[w][first + i] = static_cast<std::uint32_t>(c[w][i]);
  }
}

}  // namespace canopy::nn
