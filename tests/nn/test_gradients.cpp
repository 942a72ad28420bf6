#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

/// Where a small step may cross a kink (of relu or a maximum) the difference quotient is no
/// derivative; a second, smaller step tells.
class Differences {
 public:
  explicit Differences(std::function<double(double)> loss_at) : loss_at_{std::move(loss_at)} {}
  double slope(double h) const { return (loss_at_(h) - loss_at_(-h)) / (2 * h); }

  /// How far `gradient` is from the slope, by the first step that agrees or else the best one.
  double relative_error(double gradient, double scale) const {
    double best = 1e9;
    for (double h : {1e-5, 1e-4, 1e-6, 1e-7}) {
      auto const error = std::abs(slope(h) - gradient) / std::max(std::abs(gradient), scale);
      best = std::min(best, error);
      if (best < 1e-7) break;
    }
    return best;
  }

 private:
  std::function<double(double)> loss_at_;
};

/// Compares gradients with central differences in double, for a sample of the parameters and of the
/// first layer's inputs.
void check_gradients(Network const& network, int rows, double smoothing, int checks = 12) {
  Samples const samples{rows, network.shape(0), network.classes()};
  auto arena = initial<double>(network);
  BasicPass<double> pass{network, rows};
  std::vector<double> gradients(network.arena_size(), -1);
  train_on<double>(pass, arena, samples, 0, rows, gradients, smoothing);
  pass.backward_input(0, arena);

  std::vector<double> input(pass.input().begin(), pass.input().end());
  std::vector<double> const input_gradient(pass.input_gradient().begin(),
                                           pass.input_gradient().end());
  auto const loss = [&] {
    std::ranges::copy(input, pass.input().begin());
    pass.forward(arena, samples.batch(0, rows));
    return pass.evaluate(samples.labels_of(0, rows), smoothing).sum;
  };
  auto const check = [&](double& number, double gradient, std::string const& what) {
    auto const value = number;
    Differences const differences{[&](double h) {
      number = value + h;
      return loss();
    }};
    EXPECT_LT(differences.relative_error(gradient, 1e-2), 1e-6) << what << ": " << gradient;
    number = value;
  };
  Stream stream{Key{5}};
  for (auto const& tensor : network.tensors()) {
    if (tensor.range.begin >= network.parameters()) continue;
    for (int i = 0; i < checks; ++i) {
      auto const at =
          tensor.range.begin + stream.below(static_cast<std::uint32_t>(tensor.range.size()));
      check(arena[at], gradients[at], tensor.name + " " + std::to_string(at));
    }
  }
  for (int i = 0; i < checks; ++i) {
    auto const row = stream.below(static_cast<std::uint32_t>(rows));
    auto const feature = stream.below(static_cast<std::uint32_t>(network.shape(0).size()));
    auto const at =
        (row / 16 * static_cast<std::uint32_t>(network.shape(0).size()) + feature) * 16 + row % 16;
    check(input[at], input_gradient[at], "input " + std::to_string(at));
  }
}

TEST(Gradients, EveryKindOfLayerHasAnExample) {
  for (auto const& kind : layer_kinds())
    EXPECT_THAT(examples(), testing::Contains(testing::Field(&Example::kind, kind.name)));
}

TEST(Gradients, AreTheSlopesOfTheLossForEveryKindOfLayer) {
  for (auto const& example : examples()) {
    SCOPED_TRACE(example.layers);
    check_gradients(network(example.layers, example.input, 3), 21, 0.1);
  }
}

TEST(Gradients, AreTheSlopesOfTheLossForEveryNamedModel) {
  for (auto const& model : named_models()) {
    SCOPED_TRACE(model.name);
    check_gradients(Network{architecture(model.name, {1, 16, 16}, 4)}, 5, 0, 4);
  }
}

/// All numbers that a training micro-batch gives, as double.
template <class T>
std::vector<double> numbers_of(Network const& network, Samples const& samples) {
  auto const start = initial<float>(network);
  std::vector<T> const arena(start.begin(), start.end());
  BasicPass<T> pass{network, samples.rows()};
  std::vector<T> gradients(network.arena_size());
  train_on<T>(pass, arena, samples, 0, samples.rows(), gradients, 0.1);
  std::vector<double> result(gradients.begin(), gradients.end());
  std::vector<T> probabilities(static_cast<std::size_t>(samples.rows() * network.classes()));
  pass.probabilities(probabilities);
  result.insert(result.end(), probabilities.begin(), probabilities.end());
  return result;
}

TEST(Kernels, InFloatAgreeWithThoseInDouble) {
  for (auto const& example : examples()) {
    SCOPED_TRACE(example.layers);
    auto const net = network(example.layers, example.input, 3);
    Samples const samples{37, example.input, 3};
    auto const exact = numbers_of<double>(net, samples);
    auto const quick = numbers_of<float>(net, samples);
    for (std::size_t i = 0; i < exact.size(); ++i)
      ASSERT_NEAR(quick[i], exact[i], 2e-5 * (1 + std::abs(exact[i]))) << i;
  }
}

}  // namespace
}  // namespace canopy::nn::test
