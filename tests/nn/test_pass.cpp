#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "canopy/nn/tree_sum.hpp"

#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

/// A list with every kind of layer that differs in how it keeps memory.
Network mixed() {
  return network(
      "{conv2d = 5, padding = 1}, \"batch_norm\", \"relu\", {conv2d = 6}, \"relu\", "
      "{max_pool = 2}, {residual = [{conv2d = 6, padding = 1}, \"relu\"]}, "
      "{dropout = 0.3}, {dense = 20}, \"gelu\", {dense = 4}",
      {2, 8, 9}, 4);
}

/// Gradients of rows [begin, begin + count) from a fresh pass planned for `most_rows`.
std::vector<float> fresh(Network const& net, Samples const& samples, int begin, int count,
                         int most_rows) {
  auto const arena = initial<float>(net);
  Pass pass{net, most_rows};
  std::vector<float> gradients(net.arena_size());
  train_on<float>(pass, arena, samples, begin, count, gradients, 0.1);
  return gradients;
}

TEST(Pass, BitsDoNotDependOnHowManyRowsItIsPlannedForNorOnWhatWentThroughBefore) {
  auto const net = mixed();
  Samples const samples{64, net.shape(0), 4};
  auto const arena = initial<float>(net);
  Pass pass{net, 50};
  std::vector<float> gradients(net.arena_size());
  for (int rows : {50, 5, 16, 33, 1, 50}) {
    train_on<float>(pass, arena, samples, 64 - rows, rows, gradients, 0.1);
    EXPECT_EQ(gradients, fresh(net, samples, 64 - rows, rows, rows)) << rows;
  }
}

TEST(Pass, BitsDoNotDependOnAlignment) {
  auto const net = mixed();
  Samples const samples{20, net.shape(0), 4};
  auto const aligned = initial<float>(net);
  auto const expected = fresh(net, samples, 0, 20, 20);
  for (std::size_t shift : {1u, 3u, 7u}) {
    std::vector<float> arena(shift);
    arena.insert(arena.end(), aligned.begin(), aligned.end());
    std::vector<float> gradients(net.arena_size() + shift);
    Pass pass{net, 20};
    train_on<float>(pass, std::span<float const>{arena}.subspan(shift), samples, 0, 20,
                    std::span{gradients}.subspan(shift), 0.1);
    EXPECT_TRUE(std::ranges::equal(std::span{gradients}.subspan(shift), expected)) << shift;
  }
}

TEST(Pass, StagesGiveTheBitsOfTheWhole) {
  auto const net = mixed();
  Samples const samples{20, net.shape(0), 4};
  auto const arena = initial<float>(net);
  auto const whole = fresh(net, samples, 0, 20, 20);
  for (int cut = 1; cut < net.depth(); ++cut) {
    Pass front{net, 0, cut, 20};
    Pass back{net, cut, net.depth(), 20};
    std::vector<float> gradients(net.arena_size());
    samples.put(front, 0, 20);
    front.forward(arena, samples.batch(0, 20));
    ASSERT_EQ(front.output().size(), net.cut_size(cut, 20));
    std::ranges::copy(front.output(), back.input().begin());
    back.forward(arena, samples.batch(0, 20));
    back.loss(samples.labels_of(0, 20), 0.1);
    back.backward(arena, gradients);
    std::ranges::copy(back.input_gradient(), front.output_gradient().begin());
    front.backward(arena, gradients);
    EXPECT_EQ(gradients, whole) << "cut " << cut;
  }
}

TEST(Pass, GradientsOfInputAndParametersMayComeInEitherOrderOrLate) {
  auto const net = mixed();
  Samples const samples{20, net.shape(0), 4};
  auto const arena = initial<float>(net);
  auto const whole = fresh(net, samples, 0, 20, 20);
  enum class Order { parameters_first, parameters_last };
  for (auto const order : {Order::parameters_first, Order::parameters_last}) {
    Pass pass{net, 20};
    samples.put(pass, 0, 20);
    pass.forward(arena, samples.batch(0, 20));
    pass.loss(samples.labels_of(0, 20), 0.1);
    std::vector<float> gradients(net.arena_size());
    for (int layer = net.depth() - 1; layer >= 0; --layer) {
      if (order == Order::parameters_first) pass.backward_parameters(layer, arena, gradients);
      pass.backward_input(layer, arena);
    }
    if (order == Order::parameters_last)
      for (int layer = 0; layer < net.depth(); ++layer)
        pass.backward_parameters(layer, arena, gradients);
    EXPECT_EQ(gradients, whole);
  }
}

TEST(Pass, PutAddHasTheBitsOfWriteAndAdd) {
  for (auto const& example : examples()) {
    SCOPED_TRACE(example.layers);
    auto const net = network(example.layers, example.input, 3);
    Samples const samples{40, example.input, 3};
    auto const arena = initial<float>(net);
    auto sum = fresh(net, samples, 0, 17, 20);
    auto added = sum;
    add(std::span{sum}, std::span<float const>{fresh(net, samples, 20, 20, 20)});
    Pass pass{net, 20};
    train_on<float>(pass, arena, samples, 20, 20, added, 0.1, Put::add);
    EXPECT_EQ(added, sum);
  }
}

TEST(Pass, CallsBackForEachLayerWhenItsGradientIsFinal) {
  auto const net = mixed();
  Samples const samples{20, net.shape(0), 4};
  auto const arena = initial<float>(net);
  auto const whole = fresh(net, samples, 0, 20, 20);
  Pass pass{net, 20};
  samples.put(pass, 0, 20);
  pass.forward(arena, samples.batch(0, 20));
  pass.loss(samples.labels_of(0, 20), 0.1);
  std::vector<float> gradients(net.arena_size(), -7);
  int expected = net.depth();
  pass.backward(arena, gradients, Put::write, [&](int layer) {
    EXPECT_EQ(layer, --expected);
    for (auto const range : {net.range(layer), net.buffer_range(layer)})
      for (auto i = range.begin; i < range.end; ++i) ASSERT_EQ(gradients[i], whole[i]);
  });
  EXPECT_EQ(expected, 0);
}

TEST(Pass, ASampleIsScoredTheSameAloneAndInAnyCompany) {
  auto const net = mixed();
  Samples const samples{40, net.shape(0), 4};
  auto const arena = initial<float>(net);
  auto const score = [&](int begin, int rows) {
    Pass pass{net, rows};
    samples.put(pass, begin, rows);
    pass.forward(arena, samples.batch(begin, rows, false));
    std::vector<float> probabilities(static_cast<std::size_t>(4 * rows));
    pass.probabilities(probabilities);
    return probabilities;
  };
  auto const all = score(0, 40);
  for (int row = 0; row < 40; ++row)
    EXPECT_TRUE(std::ranges::equal(score(row, 1),
                                   std::span{all}.subspan(static_cast<std::size_t>(4 * row), 4)));
}

TEST(Loss, IsCrossEntropyOfTheRowsAndCountsTheRightOnes) {
  auto const net = network("{dense = 3}", {2, 1, 1}, 3);
  std::vector<double> arena(net.arena_size(), 0);
  arena[6] = std::log(2.0);  // bias: probabilities 1/2, 1/4, 1/4
  BasicPass<double> pass{net, 3};
  pass.forward(arena, MicroBatch::scoring(3));
  std::vector<std::uint16_t> const labels{0, 1, 0};
  auto const plain = pass.evaluate(labels);
  EXPECT_NEAR(plain.sum, 2 * std::log(2) + std::log(4), 1e-12);
  EXPECT_EQ(plain.correct, 2);
  // target of label 0 with smoothing 0.3: 0.8, 0.1, 0.1
  auto const one = 0.8 * std::log(2) + 0.2 * std::log(4);
  auto const other = 0.8 * std::log(4) + 0.1 * std::log(2) + 0.1 * std::log(4);
  EXPECT_NEAR(pass.evaluate(labels, 0.3).squares, 2 * one * one + other * other, 1e-12);
  EXPECT_NEAR(pass.loss(labels, 0.3).squares, 2 * one * one + other * other, 1e-12);
  EXPECT_NEAR(pass.loss(labels, 0.3).sum, 2 * one + other, 1e-12);
  EXPECT_NEAR(pass.evaluate(labels, 0.3).sum, 2 * one + other, 1e-12);
  EXPECT_NEAR(pass.output_gradient()[0], 0.5 - 0.8, 1e-12);
  EXPECT_NEAR(pass.output_gradient()[1], 0.5 - 0.1, 1e-12);
  EXPECT_EQ(pass.output_gradient()[3], 0);  // a lane without a row
}

TEST(Loss, OfHugeLogitsIsFinite) {
  auto const net = network("{dense = 2}", {1, 1, 1}, 2);
  std::vector<float> const arena{0, 0, 1e30f, -1e30f};
  Pass pass{net, 1};
  pass.forward(arena, MicroBatch::scoring(1));
  std::vector<std::uint16_t> const labels{0};
  EXPECT_EQ(pass.loss(labels).sum, 0);
  EXPECT_EQ(pass.output_gradient()[0], 0);
}

TEST(Pass, NumbersThatAreNoneStayVisible) {
  auto const net = network(
      "{conv2d = 2}, \"relu\", {max_pool = 2}, {dense = 4}, \"relu\", "
      "{dense = 3}",
      {1, 6, 6}, 3);
  auto arena = initial<float>(net);
  arena[0] = std::nanf("");
  Samples const samples{4, net.shape(0), 3};
  Pass pass{net, 4};
  samples.put(pass, 0, 4);
  pass.forward(arena, samples.batch(0, 4));
  EXPECT_TRUE(std::isnan(pass.loss(samples.labels).sum));
}

TEST(Pass, RefusesWhatDoesNotFit) {
  auto const net = mixed();
  auto const arena = initial<float>(net);
  EXPECT_THROW((Pass{net, 2, 2, 16}), std::logic_error);
  Pass pass{net, 16};
  EXPECT_THROW(pass.forward(arena, MicroBatch::scoring(17)), std::logic_error);
  EXPECT_THROW(pass.forward(std::span{arena}.first(3), MicroBatch::scoring(1)), std::logic_error);
  EXPECT_THROW(pass.forward(arena, {4, {}, Key{1}, true}), std::logic_error);
  Pass front{net, 0, 2, 16};
  front.forward(arena, MicroBatch::scoring(1));
  std::vector<std::uint16_t> const labels{0};
  EXPECT_THROW(front.loss(labels), std::logic_error);
}

/// Convolutions and dense layers, as forward pass, gradients of the input and of the parameters: in
/// none of them may others wait long for somebody to look round.
TEST(Pass, LetsTheCallerLookRoundWithinLayers) {
  auto const net = network(
      "{conv2d = 32, padding = 1}, \"relu\", {conv2d = 32}, {dense = 256}, "
      "{dense = 4}",
      {8, 24, 24}, 4);
  constexpr int rows = 48;
  Samples const samples{rows, net.shape(0), 4};
  auto const arena = initial<float>(net);
  Pass pass{net, rows};
  std::vector<float> gradients(net.arena_size());
  train_on<float>(pass, arena, samples, 0, rows, gradients, 0.1);
  auto const expected = gradients;
  int looks = 0;
  pass.call_meanwhile([&] { ++looks; });
  train_on<float>(pass, arena, samples, 0, rows, gradients, 0.1);
  EXPECT_EQ(gradients, expected) << "looking changes nothing";
  double products = 0;
  for (int layer = 0; layer < net.depth(); ++layer)
    products += net.flops(layer).training() / 2 * rows;
  EXPECT_GT(looks, products / 20e6) << "at least each half millisecond at 80 GFLOP/s";
  EXPECT_LT(looks, products / 2e6);
  for (int layer = 0; layer < net.depth(); ++layer) {
    auto const before = looks;
    pass.forward_layer(layer, arena);
    if (net.flops(layer).forward / 2 * rows > 20e6) {
      EXPECT_GT(looks, before) << "in the midst of layer " << layer;
    }
  }
}

}  // namespace
}  // namespace canopy::nn::test
