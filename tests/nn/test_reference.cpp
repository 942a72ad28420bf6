#include <cmath>

#include <gtest/gtest.h>

#include "nn/golden.hpp"
#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

constexpr int rows = 20;
constexpr int classes = 3;

/// As in make_golden.py.
double wave(std::size_t i, double frequency, double phase, double size = 1) {
  return size * std::sin(frequency * static_cast<double>(i) + phase);
}

/// The network of make_golden.py: its parameters, inputs and labels by the same formulas.
class Reference {
 public:
  explicit Reference(Network network)
      : network_{std::move(network)},
        pass_{network_, rows},
        arena_(network_.arena_size()),
        gradients_(network_.arena_size()) {
    std::size_t number = 0;
    for (auto const& tensor : trainable()) {
      for (std::size_t i = 0; i < tensor.range.size(); ++i)
        arena_[tensor.range.begin + i] = wave(i, 1.7, static_cast<double>(number), 0.4);
      ++number;
    }
    auto const size = static_cast<std::size_t>(network_.shape(0).size());
    for (std::size_t row = 0; row < rows; ++row) {
      labels_.push_back(static_cast<std::uint16_t>(row * row % classes));
      for (std::size_t f = 0; f < size; ++f)
        pass_.input()[(row / 16 * size + f) * 16 + row % 16] = wave(row * size + f, 0.9, 0.5);
    }
  }

  void check(std::string const& name, double smoothing) {
    std::vector<std::uint32_t> const numbers(rows);
    pass_.forward(arena_, {rows, numbers, Key{0}, true});
    EXPECT_NEAR(pass_.loss(labels_, smoothing).sum, golden(name + ".loss")[0], 1e-9);
    for (std::size_t c = 0; c < classes; ++c)
      EXPECT_NEAR(pass_.output()[c * 16 + 7], golden(name + ".logits")[c], 1e-10);
    pass_.backward(arena_, gradients_);
    std::size_t number = 0;
    for (auto const& tensor : trainable()) {
      double sum = 0;
      double product = 0;
      for (std::size_t i = 0; i < tensor.range.size(); ++i) {
        sum += gradients_[tensor.range.begin + i];
        product += gradients_[tensor.range.begin + i] * wave(i, 2.3, static_cast<double>(number));
      }
      auto const& expected = golden(name + ".gradient" + std::to_string(number++));
      EXPECT_NEAR(sum, expected[0], 1e-8) << tensor.name;
      EXPECT_NEAR(product, expected[1], 1e-8) << tensor.name;
    }
  }

  std::vector<Tensor> trainable() const {
    std::vector<Tensor> result;
    for (auto const& tensor : network_.tensors())
      if (tensor.range.begin < network_.parameters()) result.push_back(tensor);
    return result;
  }
  /// The statistics of the micro-batch, one layer after the other.
  std::span<double const> statistics() const {
    return std::span{gradients_}.subspan(network_.parameters());
  }

 private:
  Network network_;
  BasicPass<double> pass_;
  std::vector<double> arena_;
  std::vector<double> gradients_;
  std::vector<std::uint16_t> labels_;
};

TEST(Reference, DenseLayersAndActivationsAreThoseOfPyTorch) {
  Reference{
      network("{dense = 7}, \"relu\", {dense = 4}, \"tanh\", {dense = 4}, \"gelu\", {dense = 3}",
              {5, 1, 1}, classes)}
      .check("dense", 0.1);
}

TEST(Reference, ConvolutionsAndPoolingAreThoseOfPyTorch) {
  Reference{
      network("{conv2d = 5, padding = 1}, \"relu\", {max_pool = 2}, "
              "{conv2d = 4, stride = 2, padding = 2}, {avg_pool = 2, stride = 1}, {dense = 3}",
              {2, 9, 8}, classes)}
      .check("conv", 0);
  Reference{network("{max_pool = 3, stride = 2}, {conv2d = 3, kernel = 2}, \"tanh\", {dense = 3}",
                    {2, 9, 8}, classes)}
      .check("pool", 0.2);
}

TEST(Reference, BatchNormIsThatOfPyTorchAndSoAreItsStatistics) {
  Reference reference{
      network("{conv2d = 3}, \"batch_norm\", \"relu\", "
              "{residual = [{conv2d = 3, padding = 1}, \"batch_norm\"]}, {dense = 3}",
              {2, 5, 6}, classes)};
  reference.check("norm", 0);
  // running = 0.9 * initial + 0.1 * of the batch; initial mean 0, variance 1. Two layers of three.
  auto const& mean = golden("norm.running_mean");
  auto const& variance = golden("norm.running_var");
  for (std::size_t i = 0; i < mean.size(); ++i) {
    auto const at = i / 3 * 6 + i % 3;
    EXPECT_NEAR(0.1 * reference.statistics()[at], mean[i], 1e-10);
    EXPECT_NEAR(0.9 + 0.1 * reference.statistics()[at + 3], variance[i], 1e-10);
  }
}

}  // namespace
}  // namespace canopy::nn::test
