#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/core/pooled.hpp"

namespace canopy {
namespace {

using Numbers = PooledVector<std::uint32_t>;

Numbers ascending(std::size_t size, std::uint32_t from) {
  Numbers numbers(size);
  std::iota(numbers.begin(), numbers.end(), from);
  return numbers;
}

bool is_ascending(Numbers const& numbers, std::uint32_t from) {
  return std::ranges::all_of(numbers, [&](std::uint32_t number) { return number == from++; });
}

// Of all sizes, some in blocks and some not, made and let go in any order.
void make_and_let_go(std::uint32_t seed) {
  std::mt19937 random{seed};
  std::vector<Numbers> kept(40);
  for (std::uint32_t round = 0; round < 400; ++round) {
    auto const at = random() % kept.size();
    ASSERT_TRUE(is_ascending(kept[at], kept[at].empty() ? 0 : kept[at].front()));
    kept[at] = ascending(std::size_t{1} << random() % 21, round);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(kept[at].data()) % 64, 0u);
  }
}

TEST(PooledVector, KeepsItsNumbersWhileOthersComeAndGo) {
  make_and_let_go(1);
}

TEST(PooledVector, BelongsToAnyThread) {
  std::vector<std::jthread> threads;
  for (std::uint32_t seed = 2; seed < 6; ++seed) threads.emplace_back(make_and_let_go, seed);
}

TEST(PooledVector, GoesInAnotherThreadThanItCame) {
  std::vector<Numbers> made;
  std::jthread{[&] {
    for (std::uint32_t i = 0; i < 50; ++i) made.push_back(ascending(50'000, i));
  }}.join();
  for (std::uint32_t i = 0; i < 50; ++i) EXPECT_TRUE(is_ascending(made[i], i));
}

#ifndef __SANITIZE_ADDRESS__
TEST(PooledVector, StandsBesideTheOneBefore) {
  Numbers const first(10'000), second(10'000);
  auto const apart = reinterpret_cast<std::uintptr_t>(second.data()) -
                     reinterpret_cast<std::uintptr_t>(first.data());
  EXPECT_TRUE(apart == 64 + 40'000 + (64 - 40'000 % 64) % 64 || apart > (1u << 21))
      << apart << ": else a new block has begun";
}
#endif

}  // namespace
}  // namespace canopy
