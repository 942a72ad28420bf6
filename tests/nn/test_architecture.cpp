#include <gmock/gmock.h>

#include "canopy/nn/architecture.hpp"

#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr Shape mnist{1, 28, 28};

std::size_t parameters(std::string const& model, Shape input, int classes) {
  return Network{architecture(model, input, classes)}.parameters();
}

TEST(Architecture, NamedModelsHaveTheirKnownNumbersOfParameters) {
  EXPECT_EQ(parameters("softmax", mnist, 10), 7850u);
  EXPECT_EQ(parameters("mlp", mnist, 10), 784u * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10);
  EXPECT_EQ(parameters("mlp:200-200", mnist, 10), 199210u);
  EXPECT_EQ(parameters("mlp:20", {54, 1, 1}, 7), 55u * 20 + 21 * 7);
  EXPECT_EQ(parameters("lenet", mnist, 10), 44426u);
  EXPECT_EQ(parameters("cnn", mnist, 10), 1199882u);
}

TEST(Architecture, FlopsAreThoseOfTheLayers) {
  Network const lenet{architecture("lenet", mnist, 10)};
  double forward = 0;
  for (int layer = 0; layer < lenet.depth(); ++layer) forward += lenet.flops(layer).forward;
  EXPECT_NEAR(forward, 563'000, 1'000);
}

TEST(Architecture, UnknownNamesAreErrorsThatHelp) {
  EXPECT_THAT([] { architecture("lennet", mnist, 10); },
              ThrowsMessage<UserError>(HasSubstr("did you mean 'lenet'?")));
  EXPECT_THAT([] { architecture("mlp:20-x", mnist, 10); },
              ThrowsMessage<UserError>(HasSubstr("a hidden width is 'x'")));
  EXPECT_THAT([] { architecture("mlp:20-0", mnist, 10); },
              ThrowsMessage<UserError>(HasSubstr("a hidden width is '0'")));
  EXPECT_THAT(
      [] {
        architecture("lenet", {54, 1, 1}, 7);
      },
      ThrowsMessage<UserError>(AllOf(HasSubstr("conv2d 6, kernel 5"), HasSubstr("54x1x1"),
                                     HasSubstr("tables can take mlp"))));
  EXPECT_TRUE(is_network("mlp:7"));
  EXPECT_TRUE(is_network("cnn"));
  EXPECT_FALSE(is_network("forest"));
}

TEST(Architecture, ShapesOfImages) {
  EXPECT_EQ(image_shape(784), mnist);
  EXPECT_EQ(image_shape(3072), (Shape{3, 32, 32}));
  EXPECT_THROW(image_shape(54), DataError);
  EXPECT_THROW(image_shape(0), DataError);
}

Architecture read(std::string const& toml, Shape input = {2, 8, 8}, int classes = 3) {
  return architecture_from_toml(toml, "net.toml", input, classes);
}

TEST(LayersInToml, AreReadWithTheirDefaults) {
  auto const net = read(R"(
layers = [
  {conv2d = 4, padding = 1},
  "batch_norm",
  "relu",
  {max_pool = 2},
  {residual = [{conv2d = 4, kernel = 1}, "tanh"]},
  {dropout = 0.25},
  {dense = "classes"},
])");
  std::vector<LayerSpec> const expected{
      layer("conv2d", {{"channels", 4}, {"kernel", 3}, {"stride", 1}, {"padding", 1}}),
      layer("batch_norm"),
      layer("relu"),
      layer("max_pool", {{"kernel", 2}}),
      layer("residual", {}, {layer("conv2d", {{"channels", 4}, {"kernel", 1}}), layer("tanh")}),
      layer("dropout", {{"rate", 0.25}}),
      layer("dense", {{"units", 3}})};
  EXPECT_EQ(net.layers, expected);
}

TEST(LayersInToml, AreWrittenAsTheyAreRead) {
  for (auto const& example : examples()) {
    auto const net = network(example.layers, example.input, 3).architecture();
    EXPECT_EQ(read(to_toml(net), example.input).layers, net.layers);
  }
}

void expect_error(std::string const& toml, std::string const& text) {
  EXPECT_THAT([&] { read(toml); }, ThrowsMessage<UserError>(HasSubstr(text)));
}

TEST(LayersInToml, MistakesAreErrorsThatSayWhereAndWhat) {
  expect_error("layers = [\n  {dens = 3}]",
               "net.toml: line 2, column 3: no layer is called 'dens' (did you mean 'dense'?)");
  expect_error("layers = [\"rellu\"]", "did you mean 'relu'?");
  expect_error("layers = [{dense = 3, width = 2}]",
               "dense has no number 'width'; known are: units");
  expect_error("layers = [\"dense\"]", "dense needs a number, units");
  expect_error("layers = [{dense = 0}]", "units is 0, expected a whole number, at least 1");
  expect_error("layers = [{dense = 2.5}]", "units is 2.5");
  expect_error("layers = [{dense = true}]", "units is not a number");
  expect_error("layers = [{dropout = 1}]", "less than 1");
  expect_error("layers = [{relu = 1}]", "relu takes no number");
  expect_error("layers = [7]", "expected a layer");
  expect_error("layers = [{residual = 3}]", "expected a list of layers");
  expect_error("layers = [{dense = 3}]\nepochs = 2", "unknown setting 'epochs'");
  expect_error("layers = []", "there is no list of layers");
  expect_error("layers = [", "net.toml: line 1");
}

TEST(LayersInToml, ShapesThatDoNotFitNameTheLayerAndBothShapes) {
  expect_error(
      "layers = [{conv2d = 4},\n {max_pool = 2},\n {conv2d = 5, kernel = 5}]",
      "net.toml: line 3, column 2: layer 3 (conv2d 5, kernel 5) cannot take 4x3x3: expected "
      "at least 4x5x5");
  expect_error("layers = [{max_pool = 9}]", "layer 1 (max_pool 9) cannot take 2x8x8");
  expect_error("layers = [{residual = [{conv2d = 2}]}, {dense = 3}]",
               "its layers give 2x6x6, expected the same as it takes, 2x8x8");
  expect_error("layers = [{conv2d = 2, padding = 3}]", "expected less than kernel 3");
  expect_error("layers = [{conv2d = 1000000, kernel = 7}]", "expected fewer channels or pixels");
  expect_error("layers = [{dense = 4}]",
               "gives 4x1x1, expected one number for each of the 3 classes");
}

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

}  // namespace
}  // namespace canopy::nn::test
