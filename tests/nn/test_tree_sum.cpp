#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>

#include "canopy/core/random.hpp"
#include "canopy/nn/tree_sum.hpp"

namespace canopy::nn::test {
namespace {

constexpr std::size_t length = 33;

std::vector<float> leaf_values(int leaf) {
  Stream stream{Key{9}.with(static_cast<std::uint64_t>(leaf))};
  std::vector<float> values(length);
  for (auto& value : values) value = static_cast<float>(stream.normal());
  return values;
}

/// By definition: halves, and the sum of both.
std::vector<float> tree(int first, int leaves) {
  if (leaves == 1) return leaf_values(first);
  auto left = tree(first, leaves / 2);
  add(std::span{left}, std::span<float const>{tree(first + leaves / 2, leaves / 2)});
  return left;
}

void put(TreeSum::Place place, int leaf, Range range) {
  auto const values = leaf_values(leaf);
  for (auto i = range.begin; i < range.end; ++i)
    place.gradients[i] = place.put == Put::add ? place.gradients[i] + values[i] : values[i];
}

void check_nodes(TreeSum& sum) {
  for (std::size_t i = 0; i < sum.nodes().size(); ++i)
    EXPECT_TRUE(std::ranges::equal(sum.node(i), tree(sum.nodes()[i].first, sum.nodes()[i].leaves)));
}

TEST(TreeSum, IsThatOfTheTreeInEveryOrderOfLeaves) {
  for (auto const& [first, last] : {std::pair{0, 16}, {0, 1}, {0, 4}, {4, 8}, {3, 11}, {5, 16}}) {
    TreeSum sum{length, first, last};
    std::vector<int> order(static_cast<std::size_t>(last - first));
    std::iota(order.begin(), order.end(), first);
    for (int round = 0; round < 20; ++round) {
      sum.begin();
      for (int leaf : order) {
        put(sum.place(leaf), leaf, {0, length});
        sum.push(leaf);
      }
      check_nodes(sum);
      if (round == 0)
        std::ranges::reverse(order);
      else
        Stream{Key{static_cast<std::uint64_t>(round)}}.shuffle(std::span{order});
    }
  }
}

TEST(TreeSum, TakesLeavesThatAreUnderWayTogether) {
  TreeSum sum{length, 0, 8};
  sum.begin();
  for (int pair = 0; pair < 8; pair += 2) {
    auto const a = sum.place(pair);
    auto const b = sum.place(pair + 1);
    put(a, pair, {0, length});
    put(b, pair + 1, {0, length});
    sum.push(pair + 1);
    sum.push(pair);
  }
  check_nodes(sum);
}

TEST(TreeSum, TakesALeafInParts) {
  for (int leaf_in_parts : {7, 3, 4}) {
    TreeSum sum{length, 0, 8};
    sum.begin();
    for (int leaf = 0; leaf < 8; ++leaf) {
      auto const place = sum.place(leaf);
      if (leaf == leaf_in_parts)
        for (Range part : {Range{20, length}, Range{0, 7}, Range{7, 20}}) {
          put(place, leaf, part);
          auto const sums = sum.push_part(leaf, part);
          if (leaf != 7) continue;
          EXPECT_TRUE(std::equal(sums.begin() + static_cast<std::ptrdiff_t>(part.begin),
                                 sums.begin() + static_cast<std::ptrdiff_t>(part.end),
                                 tree(0, 8).begin() + static_cast<std::ptrdiff_t>(part.begin)));
        }
      else
        put(place, leaf, {0, length});
      sum.push(leaf);
    }
    check_nodes(sum);
  }
}

TEST(TreeSum, NeedsLogarithmicallyManyBuffersInOrder) {
  TreeSum sum{length, 0, 16};
  for (int leaf = 0; leaf < 16; ++leaf) {
    put(sum.place(leaf), leaf, {0, length});
    sum.push(leaf);
  }
  EXPECT_LE(sum.buffers(), 4);
}

TEST(TreeSum, RefusesStrangers) {
  TreeSum sum{length, 4, 8};
  EXPECT_THROW(sum.place(3), std::logic_error);
  EXPECT_THROW(sum.place(8), std::logic_error);
  EXPECT_THROW(sum.push(4), std::logic_error);
  EXPECT_THROW(sum.node(0), std::logic_error);
}

TEST(TreeCover, IsOfTheFewestAlignedNodes) {
  using Nodes = std::vector<TreeNode>;
  EXPECT_EQ(tree_cover(0, 16), (Nodes{{0, 16}}));
  EXPECT_EQ(tree_cover(0, 6), (Nodes{{0, 4}, {4, 2}}));
  EXPECT_EQ(tree_cover(5, 11), (Nodes{{5, 1}, {6, 2}, {8, 2}, {10, 1}}));
  EXPECT_EQ(tree_cover(6, 6), Nodes{});
}

TEST(VirtualShards, AreAPowerOfTwoOfTheBatchAlone) {
  EXPECT_EQ(virtual_shards(1), 1);
  EXPECT_EQ(virtual_shards(31), 1);
  EXPECT_EQ(virtual_shards(32), 2);
  EXPECT_EQ(virtual_shards(64), 4);
  EXPECT_EQ(virtual_shards(100), 4);
  EXPECT_EQ(virtual_shards(256), 16);
  EXPECT_EQ(virtual_shards(4096), 16);
}

TEST(VirtualShards, ShareTheRowsWithoutGapsAndNearlyEvenly) {
  for (int batch : {1, 17, 64, 100, 1023}) {
    std::size_t at = 0;
    for (int shard = 0; shard < virtual_shards(batch); ++shard) {
      auto const rows = shard_rows(batch, shard);
      EXPECT_EQ(rows.begin, at);
      at = rows.end;
      EXPECT_LE(shard_rows(batch, 0).size() - rows.size(), 1u);
    }
    EXPECT_EQ(at, static_cast<std::size_t>(batch));
  }
}

}  // namespace
}  // namespace canopy::nn::test
