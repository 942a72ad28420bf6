#include <algorithm>
#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

#include "canopy/core/aligned.hpp"

namespace canopy {
namespace {

constexpr std::size_t cache_line = 64, large_page = std::size_t{1} << 21;

std::size_t remainder(void const* address, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(address) % alignment;
}

// Memory that was used before comes back with what was in it.
TEST(AlignedArray, IsZeroAndStartsAtACacheLine) {
  for (int round = 0; round < 3; ++round)
    for (std::size_t size : {1u, 15u, 1000u, 100'000u}) {
      AlignedArray<float> array{size};
      EXPECT_EQ(array.size(), size);
      EXPECT_EQ(remainder(array.data(), cache_line), 0u);
      EXPECT_TRUE(std::ranges::all_of(array.span(), [](float x) { return x == 0; })) << size;
      std::ranges::fill(array.span(), 3.0f);
    }
}

TEST(AlignedArray, StartsAtALargePageWhenItFillsOne) {
  EXPECT_EQ(remainder(AlignedArray<float>{large_page / sizeof(float)}.data(), large_page), 0u);
  EXPECT_EQ(remainder(AlignedArray<double>{large_page / sizeof(double) + 1}.data(), large_page),
            0u);
}

TEST(AlignedArray, MayBeEmptyAndMoved) {
  EXPECT_TRUE(AlignedArray<float>{0}.span().empty());
  AlignedArray<int> first{4};
  first.span()[3] = 7;
  auto const* const place = first.data();
  AlignedArray<int> const second{std::move(first)};
  EXPECT_EQ(second.data(), place);
  EXPECT_EQ(second.span()[3], 7);
}

}  // namespace
}  // namespace canopy
