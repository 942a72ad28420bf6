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

}  // namespace
}  // namespace canopy::nn::test
