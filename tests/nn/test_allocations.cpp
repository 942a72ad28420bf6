#include <gtest/gtest.h>

#include "nn/trainer.hpp"
#include "support/allocations.hpp"

namespace canopy::nn::test {
namespace {

TEST(Allocations, AreCounted) {
  auto const before = allocations();
  std::vector<float> const some(100);
  EXPECT_GT(allocations(), before);
}

/// What `steps` steps take once the first one is done.
std::size_t taken_by_steps(Network const& net, TrainingOptions const& options, int steps) {
  Samples const samples{options.batch_size, net.shape(0), net.classes()};
  Trainer trainer{net, samples.view(), samples.labels, options};
  trainer.step(samples.numbers);
  auto const before = allocations();
  for (int i = 0; i < steps; ++i) trainer.step(samples.numbers);
  return allocations() - before;
}

TEST(Allocations, ATrainingStepHasNone) {
  for (auto const& example : examples())
    EXPECT_EQ(taken_by_steps(network(example.layers, example.input, 3), {.batch_size = 130}, 3), 0u)
        << example.layers;
  for (auto const& model : named_models())
    EXPECT_EQ(taken_by_steps(Network{architecture(model.name, {1, 16, 16}, 4)}, {}, 2), 0u)
        << model.name;
  for (auto const& name : optimizers().names())
    EXPECT_EQ(taken_by_steps(network("{dense = 3}", {5, 1, 1}, 3), {.optimizer = name}, 3), 0u)
        << name;
}

}  // namespace
}  // namespace canopy::nn::test
