#include <algorithm>

#include <gtest/gtest.h>

#include "canopy/nn/architecture.hpp"
#include "canopy/train/network/replica_update.hpp"

namespace canopy::train {
namespace {

/// Every number of the layers in one bucket, and buckets in the order in which they are complete.
void expect_cover(nn::Network const& network, LayerBlock layers) {
  auto const buckets = cut_buckets(network, layers);
  std::size_t numbers = 0;
  auto last = layers.last;
  for (auto const& bucket : buckets) {
    EXPECT_GT(bucket.range.size(), 0u);
    EXPECT_LE(bucket.lowest, last);
    EXPECT_GE(bucket.lowest, layers.first);
    for (auto const& other : buckets)
      if (&other != &bucket) {
        EXPECT_TRUE(other.range.end <= bucket.range.begin || bucket.range.end <= other.range.begin);
      }
    last = bucket.lowest;
    numbers += bucket.range.size();
  }
  EXPECT_EQ(numbers, network.range(layers.first, layers.last).size() +
                         network.buffer_range(layers.first, layers.last).size());
}

TEST(Buckets, HoldEveryNumberOnce) {
  auto const toml =
      "layers = [{conv2d = 8, kernel = 3}, \"batch_norm\", \"relu\", {max_pool = 2}, {dense = "
      "300}, "
      "\"batch_norm\", \"relu\", {dense = \"classes\"}]";
  nn::Shape const shape{1, 28, 28};
  std::vector<nn::Network> networks;
  for (auto const* name : {"softmax", "mlp", "lenet", "cnn"})
    networks.emplace_back(nn::architecture(name, shape, 10));
  networks.emplace_back(nn::architecture_from_toml(toml, "test", shape, 10));
  for (auto const& network : networks)
    for (int first = 0; first < network.depth(); ++first)
      for (int last = first + 1; last <= network.depth(); ++last)
        expect_cover(network, {first, last});
}

TEST(Buckets, LetWhatIsLargeGoFirstAndKeepWhatIsSmallTogether) {
  nn::Network const small{nn::architecture("lenet", {1, 28, 28}, 10)};
  EXPECT_EQ(cut_buckets(small, {0, small.depth()}).size(), 1u);
  nn::Network const cnn{nn::architecture("cnn", {1, 28, 28}, 10)};
  auto const buckets = cut_buckets(cnn, {0, cnn.depth()});
  ASSERT_EQ(buckets.size(), 2u);
  EXPECT_GT(buckets[0].range.size(), 1'000'000u) << "the dense layers";
  EXPECT_GT(buckets[0].lowest, 0) << "on their way while convolutions go on";
}

}  // namespace
}  // namespace canopy::train
