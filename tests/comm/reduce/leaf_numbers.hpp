#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "canopy/core/random.hpp"

namespace canopy::comm {

/// Numbers of one leaf, of sizes so different that every order of summing has bits of its own.
inline std::vector<float> leaf_numbers(int leaf, std::size_t size, std::uint64_t seed = 1) {
  Stream stream{Key{seed}.with("leaf").with(static_cast<std::uint64_t>(leaf))};
  std::vector<float> numbers(size);
  for (auto& number : numbers) {
    auto const word = stream();
    number = static_cast<float>(static_cast<std::int32_t>(word)) * 0x1p-31f *
             static_cast<float>(1u << (word & 7u));
  }
  return numbers;
}

/// The sum of leaves first .. first + count - 1 by halves: what everything else must equal.
inline std::vector<float> tree_sum(int count, std::size_t size, std::uint64_t seed = 1,
                                   int first = 0) {
  if (count == 1) return leaf_numbers(first, size, seed);
  auto sum = tree_sum(count / 2, size, seed, first);
  auto const right = tree_sum(count / 2, size, seed, first + count / 2);
  for (std::size_t i = 0; i < size; ++i) sum[i] += right[i];
  return sum;
}

inline bool same_bits(std::span<float const> a, std::span<float const> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace canopy::comm
