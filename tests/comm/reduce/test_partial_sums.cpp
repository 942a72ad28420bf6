#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "canopy/comm/reduce/partial_sums.hpp"

#include "comm/reduce/leaf_numbers.hpp"
#include "support/allocations.hpp"

namespace canopy::comm {
namespace {

constexpr std::size_t size = 29;

void put(PartialSums& sums, int leaf, Range range) {
  auto const numbers = leaf_numbers(leaf, size);
  auto const first = static_cast<std::ptrdiff_t>(range.first);
  std::copy_n(numbers.begin() + first, range.size, sums.leaf(leaf).begin() + first);
  sums.merge(leaf, range);
}

TEST(PartialSums, AreThoseOfTheSubtreesOfTheBlock) {
  for (int ranks : {1, 3, 5, 8})
    for (int rank = 0; rank < ranks; ++rank) {
      PartialSums sums{Order::tree, 8, ranks, rank, size};
      EXPECT_EQ(sums.block(), leaves_of(8, ranks, rank));
      for (int leaf = sums.block().first; leaf < sums.block().end; ++leaf)
        put(sums, leaf, {0, size});
      auto const places = subtrees_of(sums.block());
      ASSERT_EQ(sums.sums().size(), places.size());
      for (std::size_t i = 0; i < places.size(); ++i)
        EXPECT_TRUE(same_bits(sums.sums()[i], tree_sum(places[i].size(), size, 1, places[i].first)))
            << "rank " << rank << " of " << ranks << ", subtree " << i;
      EXPECT_EQ(sums.total().data(), sums.sums()[0].data());
    }
}

// The first buckets of a leaf are finished while later ones are still computed.
TEST(PartialSums, ARangeIsCompleteWhateverTheOthersDo) {
  Range const early{20, 9}, late{0, 20};
  PartialSums sums{Order::tree, 4, 1, 0, size};
  for (int leaf = 0; leaf < 4; ++leaf) {
    put(sums, leaf, early);
    if (leaf == 3) break;
    put(sums, leaf, late);
  }
  auto const expected = tree_sum(4, size);
  EXPECT_TRUE(same_bits(sums.total().subspan(20), std::span{expected}.subspan(20)));
  EXPECT_FALSE(same_bits(sums.total().first(20), std::span{expected}.first(20)));
  put(sums, 3, late);
  EXPECT_TRUE(same_bits(sums.total(), expected));
}

TEST(PartialSums, OneBufferIsEnoughForASumInAnyOrder) {
  PartialSums sums{Order::free, 8, 2, 1, size};
  ASSERT_EQ(sums.sums().size(), 1u);
  auto expected = leaf_numbers(4, size);
  for (int leaf = 4; leaf < 8; ++leaf) {
    put(sums, leaf, {0, size});
    if (leaf == 4) continue;
    auto const numbers = leaf_numbers(leaf, size);
    for (std::size_t i = 0; i < size; ++i) expected[i] += numbers[i];
  }
  EXPECT_TRUE(same_bits(sums.total(), expected));
}

TEST(PartialSums, BeginAnewWithEveryBatchAndAllocateNothing) {
  PartialSums sums{Order::tree, 4, 1, 0, size};
  std::vector<std::vector<float>> leaves;
  for (int leaf = 0; leaf < 4; ++leaf) leaves.push_back(leaf_numbers(leaf, size));
  auto const before = allocations();
  for (int batch = 0; batch < 3; ++batch)
    for (int leaf = 0; leaf < 4; ++leaf) {
      std::ranges::copy(leaves[static_cast<std::size_t>(leaf)], sums.leaf(leaf).begin());
      sums.merge(leaf, {0, size});
    }
  EXPECT_EQ(allocations(), before);
  EXPECT_TRUE(same_bits(sums.total(), tree_sum(4, size)));
}

TEST(PartialSums, KeepTheirPlacesWhenMoved) {
  PartialSums first{Order::tree, 2, 1, 0, size};
  put(first, 0, {0, size});
  PartialSums second{std::move(first)};
  put(second, 1, {0, size});
  EXPECT_TRUE(same_bits(second.total(), tree_sum(2, size)));
}

}  // namespace
}  // namespace canopy::comm
