#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "nn/trainer.hpp"

// Counts what the whole program takes from the heap.
namespace {
std::atomic<long> taken{0};

void* take(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
  ++taken;
  if (auto* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment))
    return memory;
  throw std::bad_alloc{};
}
}  // namespace

void* operator new(std::size_t size) {
  return take(size);
}
void* operator new[](std::size_t size) {
  return take(size);
}
void* operator new(std::size_t size, std::align_val_t a) {
  return take(size, static_cast<std::size_t>(a));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace canopy::nn::test {
namespace {

TEST(Allocations, AreCounted) {
  auto const before = taken.load();
  std::vector<float> const some(100);
  EXPECT_GT(taken, before);
}

/// What `steps` steps take once the first one is done.
long taken_by_steps(Network const& net, TrainingOptions const& options, int steps) {
  Samples const samples{options.batch_size, net.shape(0), net.classes()};
  Trainer trainer{net, samples.view(), samples.labels, options};
  trainer.step(samples.numbers);
  auto const before = taken.load();
  for (int i = 0; i < steps; ++i) trainer.step(samples.numbers);
  return taken - before;
}

TEST(Allocations, ATrainingStepHasNone) {
  for (auto const& example : examples())
    EXPECT_EQ(taken_by_steps(network(example.layers, example.input, 3), {.batch_size = 130}, 3), 0)
        << example.layers;
  for (auto const& model : named_models())
    EXPECT_EQ(taken_by_steps(Network{architecture(model.name, {1, 16, 16}, 4)}, {}, 2), 0)
        << model.name;
  for (auto const& name : optimizers().names())
    EXPECT_EQ(taken_by_steps(network("{dense = 3}", {5, 1, 1}, 3), {.optimizer = name}, 3), 0)
        << name;
}

}  // namespace
}  // namespace canopy::nn::test
