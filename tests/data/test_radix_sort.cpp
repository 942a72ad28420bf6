#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include "canopy/core/random.hpp"

#include "radix_sort.hpp"

namespace canopy::data {
namespace {

using Limits = std::numeric_limits<float>;

TEST(SortKey, GoesUpWithTheValueAndBack) {
  std::vector<float> const ascending{-Limits::infinity(),
                                     -Limits::max(),
                                     -1.5f,
                                     -1.0f,
                                     -Limits::min(),
                                     -Limits::denorm_min(),
                                     0.0f,
                                     1e-30f,
                                     1.0f,
                                     1.5f,
                                     1e30f,
                                     Limits::infinity()};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(value_of_key(sort_key(ascending[i])), ascending[i]);
    if (i > 0) EXPECT_LT(sort_key(ascending[i - 1]), sort_key(ascending[i])) << ascending[i];
  }
  EXPECT_EQ(sort_key(-0.0f), sort_key(0.0f));
}

TEST(RadixSort, IsWhatSortingByComparisonsGives) {
  Stream random{Key{3}};
  for (std::size_t size : {0u, 1u, 2u, 255u, 5000u})
    for (std::uint32_t mask : {0xffff'ffffu, 0xff00u, 0u}) {
      std::vector<std::uint32_t> numbers(size);
      for (auto& number : numbers) number = random() & mask;
      auto sorted = numbers;
      std::ranges::sort(sorted);
      radix_sort(numbers);
      EXPECT_EQ(numbers, sorted) << size << " numbers within " << mask;
    }
}

TEST(RadixSort, KeepsTheOrderOfEqualOnes) {
  std::vector<std::uint64_t> items;
  for (std::uint64_t i = 0; i < 1000; ++i) items.push_back(i * 7919 % 13 << 32 | i);
  auto sorted = items;
  std::ranges::sort(sorted);
  radix_sort(items, 32);
  EXPECT_EQ(items, sorted);
}

}  // namespace
}  // namespace canopy::data
