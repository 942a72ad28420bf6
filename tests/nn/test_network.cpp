#include <gmock/gmock.h>

#include "canopy/nn/network.hpp"

#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr Shape mnist{1, 28, 28};

TEST(Network, NamesTheLayerWhenShapesDoNotFit) {
  Architecture const wrong{
      "mine", mnist, 10, {layer("max_pool", {{"kernel", 15}}), layer("conv2d", {{"channels", 2}})}};
  EXPECT_THAT([&] { Network{wrong}; },
              ThrowsMessage<UserError>(
                  AllOf(HasSubstr("layer 2 (conv2d 2) cannot take 1x1x1, which layer 1 gives"),
                        HasSubstr("at least 1x3x3"))));
  EXPECT_THAT(
      [&] {
        (Network{{"mine", mnist, 10, {layer("relu")}}});
      },
      ThrowsMessage<UserError>(HasSubstr("ends with 1x28x28")));
}

TEST(Network, LaysOutTheArenaLayerByLayerAndBuffersLast) {
  auto const net = network(
      "{conv2d = 4}, \"batch_norm\", \"relu\", {residual = [{conv2d = 4, "
      "padding = 1}, \"batch_norm\"]}, {dense = 3}",
      {2, 8, 8}, 3);
  std::vector<std::string> names;
  std::size_t at = 0;
  for (auto const& tensor : net.tensors()) {
    names.push_back(tensor.name);
    EXPECT_EQ(tensor.range.begin, at);
    at = tensor.range.end;
    auto const place = tensor.range.begin < net.parameters() ? net.range(tensor.layer)
                                                             : net.buffer_range(tensor.layer);
    EXPECT_LE(place.begin, tensor.range.begin);
    EXPECT_GE(place.end, tensor.range.end);
  }
  EXPECT_EQ(at, net.arena_size());
  EXPECT_THAT(names, testing::ElementsAre("1.weight", "1.bias", "2.weight", "2.bias", "4.1.weight",
                                          "4.1.bias", "4.2.weight", "4.2.bias", "5.weight",
                                          "5.bias", "2.running_mean", "2.running_var",
                                          "4.2.running_mean", "4.2.running_var"));
  EXPECT_EQ(net.range(0, net.depth()), (Range{0, net.parameters()}));
  EXPECT_EQ(net.buffer_range(0, net.depth()), (Range{net.parameters(), net.arena_size()}));
}

TEST(Network, NamesItsLayersWithWhatIsFusedIntoThem) {
  Network const net{architecture("lenet", mnist, 10)};
  EXPECT_EQ(net.layer_name(0), "conv2d 6, kernel 5 + relu + max_pool 2");
  EXPECT_EQ(net.layer_name(net.depth() - 1), "dense 10");
  EXPECT_EQ(net.shape(1), (Shape{6, 12, 12}));
}

TEST(Network, IsInitialisedUniformlyByFanInAndKeyedByTensor) {
  Network const net{architecture("mlp:100", {25, 1, 1}, 10)};
  auto const arena = initial<float>(net);
  auto const weights = std::span{arena}.first(2500);
  auto const [low, high] = std::ranges::minmax(weights);
  EXPECT_GE(low, -0.2f);
  EXPECT_LE(high, 0.2f);
  EXPECT_LT(low, -0.19f);
  EXPECT_GT(high, 0.19f);
  EXPECT_EQ(initial<float>(net), arena);
  EXPECT_NE(initial<float>(net, 4), arena);
  // The same layer in front of others starts with the same numbers.
  auto const longer = initial<float>(Network{architecture("mlp:100-5", {25, 1, 1}, 10)});
  EXPECT_TRUE(std::ranges::equal(weights, std::span{longer}.first(2500)));
}

TEST(Network, FlopsAreThoseOfTheLayers) {
  Network const lenet{architecture("lenet", mnist, 10)};
  double forward = 0;
  for (int layer = 0; layer < lenet.depth(); ++layer) forward += lenet.flops(layer).forward;
  EXPECT_NEAR(forward, 563'000, 1'000);
}

TEST(Network, ACutHoldsWholeBlocksOfSamples) {
  Network const net{architecture("lenet", mnist, 10)};
  for (int cut = 0; cut <= net.depth(); ++cut) {
    auto const sample = static_cast<std::size_t>(net.shape(cut).size());
    EXPECT_GE(net.cut_size(cut, 1), sample * Network::lanes);
    EXPECT_EQ(net.cut_size(cut, 1), net.cut_size(cut, Network::lanes)) << "lanes without a sample";
    EXPECT_EQ(net.cut_size(cut, Network::lanes + 1), 2 * net.cut_size(cut, 1));
  }
}

TEST(Network, TheHashTellsBitsApartThatCompareEqual) {
  std::vector<float> const zeros{0.0f, 1.0f}, negative{-0.0f, 1.0f};
  EXPECT_EQ(zeros, negative);
  EXPECT_NE(sha256(zeros), sha256(negative));
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace canopy::nn::test
