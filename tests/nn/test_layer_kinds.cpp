#include <set>

#include <gmock/gmock.h>

#include "canopy/nn/layer_kinds.hpp"

#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// Each layer of the examples, with what it takes, those of residual blocks too.
template <class Look>
void for_each_layer(std::vector<LayerSpec> const& layers, Shape input, Look look) {
  for (auto const& spec : layers) {
    look(spec, input);
    for_each_layer(spec.body, input, look);
    input = output_shape(spec, input);
  }
}

TEST(LayerKinds, HaveNamesOfTheirOwnAndSayWhatTheyAre) {
  std::set<std::string> names;
  for (auto const& kind : layer_kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_FALSE(kind.summary.empty()) << kind.name;
    EXPECT_EQ(&layer_kind(kind.name), &kind);
    for (auto const& number : kind.numbers) {
      EXPECT_LT(number.least, number.most) << kind.name << " " << number.name;
      if (number.initial) {
        EXPECT_GE(*number.initial, number.least) << kind.name << " " << number.name;
      }
    }
  }
}

TEST(LayerKinds, AnUnknownOneIsToldTheNearest) {
  EXPECT_THAT([] { layer_kind("conv2"); },
              ThrowsMessage<UserError>(HasSubstr("did you mean 'conv2d'?")));
}

TEST(Layer, HasEveryNumberOfItsKind) {
  for (auto const& kind : layer_kinds()) {
    std::vector<std::pair<std::string, double>> wanted;
    for (auto const& number : kind.numbers)
      if (!number.initial) wanted.emplace_back(number.name, 2);
    auto const spec = layer(kind.name, wanted);
    ASSERT_EQ(spec.numbers.size(), kind.numbers.size()) << kind.name;
    for (std::size_t i = 0; i < kind.numbers.size(); ++i) {
      EXPECT_EQ(spec.numbers[i].first, kind.numbers[i].name);
      EXPECT_EQ(spec.numbers[i].second, kind.numbers[i].initial.value_or(2));
    }
    if (!wanted.empty()) {
      EXPECT_THROW(layer(kind.name), UserError) << kind.name;
    }
  }
}

TEST(Layer, NumbersStayWithinTheirBounds) {
  EXPECT_THROW(layer("dense", {{"units", 0}}), UserError);
  EXPECT_THROW(layer("dense", {{"units", 2.5}}), UserError);
  EXPECT_THROW(layer("dense", {{"width", 3}}), UserError);
  EXPECT_THROW(layer("dropout", {{"rate", 1}}), UserError);
  EXPECT_EQ(layer("dropout", {{"rate", 0}}).numbers[0].second, 0);
  EXPECT_EQ(layer("conv2d", {{"channels", 1}, {"kernel", 15}}).numbers[1].second, 15);
}

TEST(Layer, GivesTheShapeThatTheNetworkHas) {
  Shape const image{3, 9, 8};
  auto const shape = [&](char const* kind, std::vector<std::pair<std::string, double>> numbers) {
    return output_shape(layer(kind, numbers), image);
  };
  EXPECT_EQ(shape("dense", {{"units", 5}}), (Shape{5, 1, 1}));
  EXPECT_EQ(shape("conv2d", {{"channels", 4}}), (Shape{4, 7, 6}));
  EXPECT_EQ(shape("conv2d", {{"channels", 4}, {"padding", 1}}), (Shape{4, 9, 8}));
  EXPECT_EQ(shape("conv2d", {{"channels", 4}, {"stride", 2}}), (Shape{4, 4, 3}));
  EXPECT_EQ(shape("max_pool", {{"kernel", 2}}), (Shape{3, 4, 4}));
  EXPECT_EQ(shape("avg_pool", {{"kernel", 3}, {"stride", 1}}), (Shape{3, 7, 6}));
  for (auto const* kind : {"relu", "tanh", "gelu", "dropout", "batch_norm"})
    EXPECT_EQ(shape(kind, {}), image) << kind;
  EXPECT_THROW(shape("conv2d", {{"channels", 4}, {"kernel", 10}}), UserError);
}

TEST(Layer, IsDescribedWithoutWhatIsAsByDefault) {
  EXPECT_EQ(describe(layer("dense", {{"units", 7}})), "dense 7");
  EXPECT_EQ(describe(layer("relu")), "relu");
  EXPECT_EQ(describe(layer("conv2d", {{"channels", 4}, {"kernel", 3}, {"padding", 2}})),
            "conv2d 4, padding 2");
  EXPECT_EQ(describe(layer("residual", {}, {layer("dense", {{"units", 5}}), layer("tanh")})),
            "residual (dense 5 + tanh)");
}

TEST(Layer, OfEveryExampleTakesWhatTheOneBeforeGives) {
  for (auto const& example : examples()) {
    auto const net = network(example.layers, example.input, 3);
    auto last = example.input;
    for (auto const& spec : net.architecture().layers) last = output_shape(spec, last);
    EXPECT_EQ(last.size(), 3) << example.layers;
  }
}

}  // namespace
}  // namespace canopy::nn::test
