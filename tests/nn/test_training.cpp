#include <cmath>

#include <gtest/gtest.h>

#include "canopy/data/source.hpp"

#include "nn/trainer.hpp"

namespace canopy::nn::test {
namespace {

/// Two interleaved half moons: no line divides them.
struct Moons {
  explicit Moons(int rows) {
    Stream stream{Key{21}};
    for (int row = 0; row < rows; ++row) {
      auto const label = static_cast<std::uint16_t>(stream.below(2));
      auto const angle = stream.uniform(0, 3.14159);
      auto const sign = label ? -1.0 : 1.0;
      values.push_back(
          static_cast<float>(sign * std::cos(angle) - (label ? -1 : 0) + 0.1 * stream.normal()));
      values.push_back(
          static_cast<float>(sign * std::sin(angle) - (label ? -0.5 : 0) + 0.1 * stream.normal()));
      labels.push_back(label);
      numbers.push_back(static_cast<std::uint32_t>(row));
    }
  }
  RowsView<float> view() const {
    return {values.data(), static_cast<std::int64_t>(labels.size()), 2, 2};
  }
  std::vector<float> values;
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> numbers;
};

double accuracy_after(TrainingOptions options, std::string const& layers, int epochs) {
  Moons const moons{1024};
  auto const net = network(layers, {2, 1, 1}, 2);
  Trainer trainer{net, moons.view(), moons.labels, options};
  auto const batch = static_cast<std::size_t>(options.batch_size);
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (std::size_t begin = 0; begin + batch <= 768; begin += batch)
      trainer.step(std::span{moons.numbers}.subspan(begin, batch));
  return trainer.accuracy(std::span{moons.numbers}.subspan(768));
}

TEST(Training, EveryOptimizerLearnsWhatNoLineDivides) {
  std::string const layers = "{dense = 24}, \"relu\", {dense = 24}, \"relu\", {dense = 2}";
  for (auto const& name : optimizers().names()) {
    TrainingOptions options{
        .batch_size = 64, .optimizer = name, .lr = 0.1, .trust_coefficient = 0.1};
    if (name == "adam" || name == "adamw") options.lr = 0.01;
    if (name == "lamb") options.lr = 0.005;
    EXPECT_GT(accuracy_after(options, layers, 40), 0.97) << name;
  }
  EXPECT_LT(accuracy_after({.batch_size = 64, .lr = 0.1}, "{dense = 2}", 40), 0.93);
}

TEST(Training, LearnsWithBatchNormDropoutAndResidualBlocks) {
  EXPECT_GT(accuracy_after({.batch_size = 100, .lr = 0.1, .label_smoothing = 0.05},
                           "{dense = 32}, \"batch_norm\", \"gelu\", {residual = [{dense = 32}, "
                           "\"batch_norm\", \"tanh\"]}, {dropout = 0.1}, {dense = 2}",
                           40),
            0.97);
}

TEST(Training, LenetLearnsDigits) {
  data::Source source;
  source.data = "synthetic:mnist,rows=1500";
  auto const loaded = data::load(source, 5);
  auto const& train = loaded.train;
  std::vector<float> pixels(static_cast<std::size_t>(train.features.size()));
  for (std::int64_t row = 0; row < train.rows(); ++row)
    for (int c = 0; c < train.columns(); ++c)
      pixels[static_cast<std::size_t>(row * train.columns() + c)] =
          train.features(row, c) / 128 - 1;
  RowsView<float> const view{pixels.data(), train.rows(), train.columns(), train.columns()};
  Network const net{architecture("lenet", image_shape(train.columns()), train.classes())};
  Trainer trainer{net, view, train.labels, {.batch_size = 64, .lr = 0.05}};
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(train.rows()));
  std::iota(rows.begin(), rows.end(), 0u);
  auto const learn = std::span{rows}.first(1280);
  for (int epoch = 0; epoch < 8; ++epoch)
    for (std::size_t begin = 0; begin < learn.size(); begin += 64)
      trainer.step(learn.subspan(begin, 64));
  EXPECT_GT(trainer.accuracy(std::span{rows}.subspan(1280)), 0.9);
}

TEST(Training, BitsDoNotDependOnTheOrderInWhichShardsAreComputed) {
  auto const net = network(
      "{conv2d = 4}, \"batch_norm\", \"relu\", {max_pool = 2}, {dropout = 0.3}, "
      "{dense = 3}",
      {1, 8, 8}, 3);
  constexpr int batch = 256;
  Samples const samples{batch, net.shape(0), 3};
  auto const arena = initial<float>(net);
  std::vector<int> order(static_cast<std::size_t>(virtual_shards(batch)));
  std::iota(order.begin(), order.end(), 0);
  std::string expected;
  for (int round = 0; round < 5; ++round) {
    TreeSum sum{net.arena_size(), 0, virtual_shards(batch)};
    for (int shard : order) {
      // A pass of its own for each, as different ranks would have.
      auto const rows = shard_rows(batch, shard);
      Pass pass{net, static_cast<int>(rows.size()) + 16 * round};
      auto const place = sum.place(shard);
      train_on<float>(pass, arena, samples, static_cast<int>(rows.begin),
                      static_cast<int>(rows.size()), place.gradients, 0.1, place.put);
      sum.push(shard);
    }
    auto const hash = sha256(sum.node(0));
    if (round == 0) expected = hash;
    EXPECT_EQ(hash, expected);
    Stream{Key{static_cast<std::uint64_t>(round)}}.shuffle(std::span{order});
  }
}

}  // namespace
}  // namespace canopy::nn::test
