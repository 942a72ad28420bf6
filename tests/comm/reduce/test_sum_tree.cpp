#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "canopy/comm/reduce/partial_sums.hpp"
#include "canopy/core/error.hpp"
#include "canopy/core/random.hpp"

#include "comm/reduce/leaf_numbers.hpp"

namespace canopy::comm {
namespace {

constexpr std::size_t size = 37;

/// Writes this rank's leaves and merges them, `pieces` ranges at a time.
PartialSums summed(Order order, int leaves, int ranks, int rank, std::size_t pieces) {
  PartialSums sums{order, leaves, ranks, rank, size};
  for (int leaf = sums.block().first; leaf < sums.block().end; ++leaf) {
    auto const numbers = leaf_numbers(leaf, size);
    for (std::size_t piece = pieces; piece-- > 0;) {  // as backward does: the last layer first
      Range const range{size * piece / pieces, size * (piece + 1) / pieces - size * piece / pieces};
      std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(range.first), range.size,
                  sums.leaf(leaf).begin() + static_cast<std::ptrdiff_t>(range.first));
      sums.merge(leaf, range);
    }
  }
  return sums;
}

TEST(SumTree, BlocksCoverTheLeaves) {
  for (int leaves = 1; leaves <= 64; leaves *= 2)
    for (int ranks = 1; ranks <= leaves; ++ranks) {
      int end = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        auto const block = leaves_of(leaves, ranks, rank);
        EXPECT_EQ(block.first, end);
        EXPECT_GT(block.count(), 0);
        end = block.end;
      }
      EXPECT_EQ(end, leaves);
    }
}

TEST(SumTree, SubtreesAreAlignedMaximalAndFew) {
  for (int first = 0; first <= 64; ++first)
    for (int end = first + 1; end <= 64; ++end) {
      auto const places = subtrees_of({first, end});
      int at = first;
      for (std::size_t i = 0; i < places.size(); ++i) {
        EXPECT_EQ(places[i].first, at);
        EXPECT_EQ(places[i].first % places[i].size(), 0);
        at += places[i].size();
        auto const parent = 2 * places[i].size();
        auto const start = places[i].first / parent * parent;
        EXPECT_FALSE(start >= first && start + parent <= end) << "its parent lies in the block";
      }
      EXPECT_EQ(at, end);
      EXPECT_LE(places.size(), 12u) << "2 log2 64";
    }
}

TEST(SumTree, APowerOfTwoOfRanksHasOneSubtreeEach) {
  for (int ranks = 1; ranks <= 16; ranks *= 2) {
    auto const all = subtrees_of_all(16, ranks);
    EXPECT_EQ(std::ssize(all), ranks);
  }
}

TEST(SumTree, TheBitsAreThoseOfTheSerialTreeForEveryNumberOfRanks) {
  for (int leaves : {1, 2, 4, 8, 16}) {
    auto const expected = tree_sum(leaves, size);
    for (int ranks = 1; ranks <= leaves; ++ranks)
      for (std::size_t pieces : {1u, 3u}) {
        std::vector<PartialSums> parts;
        std::vector<std::span<float>> buffers;
        for (int rank = 0; rank < ranks; ++rank)
          parts.push_back(summed(Order::tree, leaves, ranks, rank, pieces));
        for (auto const& part : parts)
          buffers.insert(buffers.end(), part.sums().begin(), part.sums().end());
        for (auto const [into, from] : merges_to_total(subtrees_of_all(leaves, ranks)))
          for (std::size_t i = 0; i < size; ++i) buffers[into][i] += buffers[from][i];
        EXPECT_TRUE(same_bits(buffers[0], expected)) << leaves << " leaves, " << ranks << " ranks";
      }
  }
}

TEST(SumTree, AnotherOrderGivesOtherBits) {
  auto const tree = tree_sum(16, size);
  auto const parts = summed(Order::free, 16, 1, 0, 2);
  ASSERT_EQ(parts.sums().size(), 1u);
  EXPECT_FALSE(same_bits(parts.total(), tree)) << "the numbers would not show a wrong order";
  for (std::size_t i = 0; i < size; ++i) EXPECT_NEAR(parts.total()[i], tree[i], 1e-4);
}

TEST(SumTree, RefusesWhatHasNoTree) {
  EXPECT_THROW(leaves_of(12, 2, 0), UserError);
  EXPECT_THROW(leaves_of(0, 1, 0), UserError);
  EXPECT_THROW(leaves_of(4, 0, 0), UserError);
  try {
    leaves_of(4, 5, 0);
    FAIL() << "nothing was thrown";
  } catch (UserError const& e) {
    EXPECT_EQ(std::string{e.what()},
              "5 ranks cannot share 4 leaves (virtual shards of a batch): use at most 4 ranks, or "
              "a larger batch");
  }
}

}  // namespace
}  // namespace canopy::comm
