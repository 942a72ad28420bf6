#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/philox_lanes.hpp"
#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

TEST(PhiloxLanes, AreTheFirstNumbersOfStreams) {
  std::uint64_t keys[block];
  for (std::uint64_t i = 0; i < block; ++i) keys[i] = Key{i}.with("lane").value();
  std::vector<Stream> streams;
  for (auto const key : keys) streams.emplace_back(Key{key});
  for (std::uint32_t counter = 0; counter < 5; ++counter) {
    std::uint32_t word[4][block];
    philox_lanes(counter, keys, word);
    for (auto const& lanes : word)
      for (std::size_t i = 0; i < block; ++i) EXPECT_EQ(lanes[i], streams[i]());
  }
}

/// What dropout lets through of ones, [row][feature].
std::vector<std::vector<float>> through(double rate, std::span<std::uint32_t const> samples,
                                        Key key, bool training = true) {
  auto const net = network("{dropout = " + std::to_string(rate) + "}, {dense = 2}", {400, 1, 1}, 2);
  auto const rows = static_cast<int>(samples.size());
  Pass pass{net, 0, 1, rows};
  std::ranges::fill(pass.input(), 1.0f);
  pass.forward(initial<float>(net), {rows, samples, key, training});
  std::vector<std::vector<float>> result(samples.size(), std::vector<float>(400));
  for (std::size_t row = 0; row < samples.size(); ++row)
    for (std::size_t f = 0; f < 400; ++f)
      result[row][f] = pass.output()[(row / 16 * 400 + f) * 16 + row % 16];
  return result;
}

TEST(Dropout, MasksFollowTheSampleNotItsPlace) {
  std::vector<std::uint32_t> const samples{5,  900, 31, 7,  7,  2,  1,  0, 12,
                                           13, 14,  15, 16, 17, 18, 19, 5};
  auto const masks = through(0.5, samples, Key{1});
  EXPECT_EQ(masks[0], masks[16]);
  EXPECT_EQ(masks[3], masks[4]);
  EXPECT_NE(masks[0], masks[1]);
  EXPECT_EQ(through(0.5, std::vector<std::uint32_t>{31}, Key{1})[0], masks[2]);
  EXPECT_NE(through(0.5, std::vector<std::uint32_t>{31}, Key{2})[0], masks[2]);
}

TEST(Dropout, DropsTheGivenShareAndKeepsTheMean) {
  std::vector<std::uint32_t> samples(50);
  std::iota(samples.begin(), samples.end(), 0u);
  for (double rate : {0.0, 0.1, 0.25, 0.5, 0.9}) {
    int dropped = 0;
    for (auto const& row : through(rate, samples, Key{3}))
      for (auto const value : row) {
        dropped += value == 0;
        EXPECT_FLOAT_EQ(value, value == 0 ? 0 : static_cast<float>(1 / (1 - rate)));
      }
    EXPECT_NEAR(dropped / 20000.0, rate, 0.012) << rate;
  }
}

TEST(Dropout, LetsAllThroughWhenNotTraining) {
  std::vector<std::uint32_t> const samples{1, 2};
  for (auto const& row : through(0.5, samples, Key{1}, false))
    for (auto const value : row) EXPECT_EQ(value, 1);
}

TEST(BatchNorm, ScoresByRunningStatistics) {
  auto const net = network("\"batch_norm\", {dense = 2}", {1, 1, 1}, 2);
  auto arena = initial<double>(net);
  arena[0] = 3;                     // weight
  arena[1] = 0.5;                   // bias
  arena[net.parameters()] = 10;     // running mean
  arena[net.parameters() + 1] = 4;  // and variance
  BasicPass<double> pass{net, 0, 1, 1};
  pass.input()[0] = 14;
  pass.forward(arena, MicroBatch::scoring(1));
  EXPECT_NEAR(pass.output()[0], 3 * (14 - 10) / std::sqrt(4 + 1e-5) + 0.5, 1e-12);
}

}  // namespace
}  // namespace canopy::nn::test
