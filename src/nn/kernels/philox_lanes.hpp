#pragma once

#include <cstdint>

#include "kernels/lanes.hpp"

namespace canopy::nn {

/// The first numbers of 16 Streams side by side: numbers 4*counter .. 4*counter+3 of
/// Stream{Key{keys[lane]}}, as word[0..3][lane]. Philox4x32-10 as in core/random.hpp, written so
/// that the compiler can keep the lanes in vectors.
inline void philox_lanes(std::uint32_t counter, std::uint64_t const (&keys)[block],
                         std::uint32_t (&word)[4][block]) {
  std::uint32_t k0[block];
  std::uint32_t k1[block];
  for (int i = 0; i < block; ++i) {
    k0[i] = static_cast<std::uint32_t>(keys[i]);
    k1[i] = static_cast<std::uint32_t>(keys[i] >> 32);
    word[0][i] = counter;
    word[1][i] = word[2][i] = word[3][i] = 0;
  }
  for (int round = 0; round < 10; ++round)
    for (int i = 0; i < block; ++i) {
      auto const p0 = std::uint64_t{0xD2511F53u} * word[0][i];
      auto const p1 = std::uint64_t{0xCD9E8D57u} * word[2][i];
      word[0][i] = static_cast<std::uint32_t>(p1 >> 32) ^ word[1][i] ^ k0[i];
      word[1][i] = static_cast<std::uint32_t>(p1);
      word[2][i] = static_cast<std::uint32_t>(p0 >> 32) ^ word[3][i] ^ k1[i];
      word[3][i] = static_cast<std::uint32_t>(p0);
      k0[i] += 0x9E3779B9u;
      k1[i] += 0xBB67AE85u;
    }
}

}  // namespace canopy::nn
