#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "canopy/core/error.hpp"
#include "canopy/core/random.hpp"
#include "canopy/nn/layer_kinds.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/pass.hpp"
#include "canopy/nn/standardisation.hpp"

/// Small networks and samples for the tests of the room.
namespace canopy::nn::test {

/// A network whose layer list is written in TOML.
inline Network network(std::string const& layers, Shape input, int classes) {
  return Network{architecture_from_toml("layers = [" + layers + "]", "test.toml", input, classes)};
}

/// Rows of normal numbers, with labels and numbers of their own.
struct Samples {
  Samples(int rows, Shape the_shape, int classes, std::uint64_t seed = 1) : shape{the_shape} {
    Stream stream{Key{seed}.with("samples")};
    values.resize(static_cast<std::size_t>(rows * shape.size()));
    for (auto& value : values) value = static_cast<float>(stream.normal());
    for (int row = 0; row < rows; ++row)
      labels.push_back(
          static_cast<std::uint16_t>(stream.below(static_cast<std::uint32_t>(classes))));
    numbers.resize(static_cast<std::size_t>(rows));
    std::iota(numbers.begin(), numbers.end(), 0u);
  }
  int rows() const { return static_cast<int>(numbers.size()); }
  RowsView<float> view() const { return {values.data(), rows(), shape.size(), shape.size()}; }

  /// Fills the input of a pass with rows [begin, begin + rows).
  template <class T>
  void put(BasicPass<T>& pass, int begin, int count) const {
    Gather const gather{shape, Standardisation::none(shape)};
    gather(view(), part(begin, count), pass.input());
  }
  std::span<std::uint32_t const> part(int begin, int count) const {
    return std::span{numbers}.subspan(static_cast<std::size_t>(begin),
                                      static_cast<std::size_t>(count));
  }
  std::span<std::uint16_t const> labels_of(int begin, int count) const {
    return std::span{labels}.subspan(static_cast<std::size_t>(begin),
                                     static_cast<std::size_t>(count));
  }
  MicroBatch batch(int begin, int count, bool training = true) const {
    return {count, part(begin, count), Key{7}.with("dropout"), training};
  }

  Shape shape;
  std::vector<float> values;
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> numbers;
};

template <class T>
std::vector<T> initial(Network const& network, std::uint64_t seed = 3) {
  std::vector<T> arena(network.arena_size());
  network.initialise(Key{seed}, std::span{arena});
  return arena;
}

/// Forward, loss and backward of rows [begin, begin + count).
template <class T>
Loss train_on(BasicPass<T>& pass, std::span<T const> arena, Samples const& samples, int begin,
              int count, std::span<T> gradients, double smoothing = 0, Put put = Put::write) {
  samples.put(pass, begin, count);
  pass.forward(arena, samples.batch(begin, count));
  auto const loss = pass.loss(samples.labels_of(begin, count), smoothing);
  pass.backward(arena, gradients, put);
  return loss;
}

/// One network for each kind of layer (and for fused ones), so that contract tests meet every kind,
/// present and future: a kind without an example fails them.
struct Example {
  std::string kind;
  std::string layers;
  Shape input;
};

inline std::vector<Example> const& examples() {
  static std::vector<Example> const list{
      {"dense", "{dense = 7}, {dense = 3}", {5, 1, 1}},
      {"dense", "{dense = 19}, \"relu\", {dense = 40}, \"relu\", {dense = 3}", {33, 1, 1}},
      {"conv2d",
       "{conv2d = 5, kernel = 3}, \"tanh\", {conv2d = 4, kernel = 2}, {dense = 3}",
       {2, 6, 7}},
      {"conv2d",
       "{conv2d = 3, kernel = 3, padding = 1}, {conv2d = 11, kernel = 3, padding = 2}, "
       "\"relu\", {dense = 3}",
       {2, 5, 4}},
      {"conv2d",
       "{conv2d = 3, kernel = 3, padding = 1, stride = 2}, \"relu\", "
       "{conv2d = 4, kernel = 2, stride = 2}, {dense = 3}",
       {2, 9, 8}},
      {"conv2d",
       "{conv2d = 4, kernel = 3}, \"relu\", {max_pool = 2}, {conv2d = 5, kernel = 2}, "
       "{max_pool = 2}, {dense = 3}",
       {2, 10, 11}},
      {"conv2d",
       "{conv2d = 3, kernel = 3, stride = 2, padding = 1}, {max_pool = 3}, {dense = 3}",
       {1, 13, 13}},
      {"max_pool", "\"tanh\", {max_pool = 3, stride = 2}, {dense = 3}", {2, 7, 8}},
      {"avg_pool", "{avg_pool = 2}, \"tanh\", {avg_pool = 2, stride = 1}, {dense = 3}", {2, 7, 6}},
      {"relu", "{dense = 6}, \"tanh\", \"relu\", {dense = 3}", {4, 1, 1}},
      {"tanh", "{dense = 6}, \"tanh\", {dense = 3}", {4, 1, 1}},
      {"gelu", "{dense = 6}, \"gelu\", {dense = 3}", {4, 1, 1}},
      {"dropout",
       "{dense = 9}, {dropout = 0.4}, \"tanh\", {dropout = 0.25}, {dense = 3}",
       {4, 1, 1}},
      {"batch_norm", "{dense = 6}, \"batch_norm\", \"tanh\", {dense = 3}", {4, 1, 1}},
      {"batch_norm", "{conv2d = 3}, \"batch_norm\", \"relu\", {dense = 3}", {2, 5, 6}},
      {"residual",
       "{residual = [{dense = 5}, \"tanh\", {residual = [{dense = 5}]}]}, {dense = 3}",
       {5, 1, 1}},
      {"residual",
       "{conv2d = 3}, {residual = [{conv2d = 3, padding = 1}, \"batch_norm\", \"relu\", "
       "{dropout = 0.5}]}, {dense = 3}",
       {2, 6, 5}},
  };
  return list;
}

}  // namespace canopy::nn::test
