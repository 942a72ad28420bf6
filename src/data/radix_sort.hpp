#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace canopy::data {

/// A number that is smaller for the smaller value, the same for -0 as for 0; not for NaN.
inline std::uint32_t sort_key(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value + 0.0f);
  return bits ^ ((bits >> 31) != 0 ? 0xffff'ffff : 0x8000'0000);
}
inline float value_of_key(std::uint32_t key) {
  return std::bit_cast<float>(key ^ ((key >> 31) != 0 ? 0x8000'0000 : 0xffff'ffff));
}

/// Sorts by the 32 bits from `first_bit` on, a byte at a time from the lowest; items that agree in
/// these keep their order. Four passes over memory at most, where comparing takes log n branches
/// that nobody can foresee.
template <class Item>
void radix_sort(std::vector<Item>& items, int first_bit = 0) {
  constexpr std::size_t digits = 4, values = 256;
  auto const digit_of = [first_bit](Item item, std::size_t digit) {
    return static_cast<std::size_t>(item >> (static_cast<std::size_t>(first_bit) + 8 * digit)) %
           values;
  };
  std::array<std::array<std::size_t, values>, digits> starts{};
  for (auto const item : items)
    for (std::size_t digit = 0; digit < digits; ++digit) ++starts[digit][digit_of(item, digit)];
  std::vector<Item> spare(items.size());
  for (std::size_t digit = 0; digit < digits; ++digit) {
    auto& start = starts[digit];
    if (std::ranges::find(start, items.size()) != start.end()) continue;  // all have the same
    std::size_t before = 0;
    for (auto& count : start) before += std::exchange(count, before);
    for (auto const item : items) spare[start[digit_of(item, digit)]++] = item;
    items.swap(spare);
  }
}

}  // namespace canopy::data
