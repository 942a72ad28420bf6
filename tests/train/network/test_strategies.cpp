#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"

#include "train/network/small_problem.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::SmallProblem;

/// What must be equal for any layout: everything but times.
struct Essence {
  std::string weights;
  NamedArrays optimizer;
  std::vector<double> numbers;
  friend bool operator==(Essence const&, Essence const&) = default;
};

Essence essence(TrainingState const& state) {
  std::vector<double> numbers{static_cast<double>(state.step)};
  for (auto const& row : state.epochs) {
    numbers.insert(numbers.end(), {row.loss, row.accuracy});
    if (state.best_epoch > 0) numbers.insert(numbers.end(), {row.val_loss, row.val_accuracy});
  }
  for (auto const& loss : state.losses) numbers.push_back(loss.sum);
  return {nn::sha256(state.arena), state.optimizer, numbers};
}

/// As one process alone trains it.
Essence alone(SmallProblem const& problem, Communicator const& world) {
  return essence(problem.train(world.split(world.rank().value), {}));
}

void expect_as_alone(SmallProblem const& problem, StrategyOptions const& options) {
  auto const world = Communicator::world();
  auto const expected = alone(problem, world);
  auto const state = problem.train(world, options);
  EXPECT_EQ(nn::sha256(state.arena), expected.weights) << "on rank " << world.rank().value;
  if (world.is_root()) {
    EXPECT_EQ(essence(state), expected);
  }
}

bool too_many_ranks(SmallProblem const& problem) {
  return Communicator::world().size() >
         ShardPlan{std::ssize(problem.rows_to_learn), problem.training.batch_size}.shards();
}

// 300 rows in batches of 64 leave 44 for the last one; 258 leave 2, fewer than shards.
TEST(DataParallel, GivesTheWeightsOfOneProcess) {
  for (int const rows : {300, 258}) {
    SmallProblem const problem{"mlp", rows};
    if (too_many_ranks(problem)) GTEST_SKIP() << "more ranks than shards";
    for (auto const* allreduce : {"own", "mpi", "auto"}) {
      StrategyOptions options;
      options.reduction.allreduce = allreduce;
      expect_as_alone(problem, options);
      options.reduction.zero = true;
      expect_as_alone(problem, options);
    }
  }
}

TEST(DataParallel, GivesTheWeightsOfOneProcessWithEveryOptimizer) {
  for (auto const* optimizer : {"sgd", "adam", "adamw", "lars", "lamb"}) {
    SmallProblem problem{"mlp:40", 150};
    if (too_many_ranks(problem)) GTEST_SKIP() << "more ranks than shards";
    problem.training.optimizer = optimizer;
    problem.training.schedule = "one_cycle";
    problem.training.lr = 0.01;
    expect_as_alone(problem, {});
  }
}

TEST(DataParallel, GivesTheWeightsOfOneProcessWithConvolutionsAndDropout) {
  SmallProblem problem{"cnn", 70};
  if (too_many_ranks(problem)) GTEST_SKIP() << "more ranks than shards";
  problem.training.epochs = 1;
  expect_as_alone(problem, {});
}

TEST(DataParallel, FreeOrderAndHalfPrecisionLearnAsWell) {
  SmallProblem problem{"mlp", 600};
  if (too_many_ranks(problem)) GTEST_SKIP() << "more ranks than shards";
  problem.training.epochs = 3;
  auto const world = Communicator::world();
  auto const reference = problem.train(world, StrategyOptions{});
  for (auto const order : {comm::Order::tree, comm::Order::free})
    for (auto const wire : {comm::Wire::fp32, comm::Wire::fp16}) {
      StrategyOptions options;
      options.reduction.order = order;
      options.reduction.wire = wire;
      auto const state = problem.train(world, options);
      EXPECT_NEAR(state.epochs.back().loss, reference.epochs.back().loss,
                  0.02 * reference.epochs.back().loss);
      EXPECT_LT(state.epochs.back().loss, 0.5 * state.epochs.front().loss);
    }
}

TEST(DataParallel, RefusesMoreRanksThanShardsAndZeroForWholeTensors) {
  auto const world = Communicator::world();
  SmallProblem problem{"softmax", 100};
  problem.training.batch_size = 31;  // one shard
  if (world.size() > 1) {
    EXPECT_THROW(problem.train(world, StrategyOptions{}), UserError);
  }
  problem.training.batch_size = 256;
  problem.training.optimizer = "lars";
  StrategyOptions options;
  options.reduction.zero = true;
  EXPECT_THROW(problem.train(world, options), UserError);
}

TEST(NetworkFit, GoesOnFromAStateAsIfNothingHadHappened) {
  SmallProblem const problem{"mlp", 300, 60};
  if (too_many_ranks(problem)) GTEST_SKIP() << "more ranks than shards";
  auto const world = Communicator::world();
  auto const single = world.split(world.rank().value);
  auto const whole = essence(problem.train(single, {}));
  for (std::int64_t const stop : {1, 4, 5, 7}) {  // an epoch has 5 updates
    auto const part = world.broadcast(problem.train(world, {}, nullptr, stop).to_arrays());
    auto const state = TrainingState::from_arrays(part, problem.network.arena_size(), 4);
    EXPECT_GE(state.step, stop);
    EXPECT_LE(state.step, 10);
    StrategyOptions options;
    options.reduction.zero = true;  // the state does not say who held what
    auto const resumed = problem.train(world, options, &state);
    if (world.is_root()) {
      EXPECT_EQ(essence(resumed), whole) << "stopped after " << stop;
    }
    EXPECT_EQ(essence(problem.train(single, {}, &state)), whole) << "on one process";
  }
}

TEST(NetworkFit, StopsEarlyAndKeepsTheBestWeights) {
  SmallProblem problem{"mlp", 120, 60};
  if (too_many_ranks(problem)) GTEST_SKIP() << "more ranks than shards";
  problem.training.epochs = 40;
  problem.training.lr = 0.2;
  auto const world = Communicator::world();
  FitOptions options;
  options.early_stopping = 3;
  auto const single = world.split(world.rank().value);
  auto const state = problem.train(world, {}, nullptr, 1 << 20, options);
  auto const epochs = std::ssize(state.epochs);
  ASSERT_LT(epochs, 40) << "it learns these rows by heart in a few epochs";
  EXPECT_EQ(epochs - state.best_epoch, 3);
  auto const& best = state.epochs[static_cast<std::size_t>(state.best_epoch - 1)];
  for (auto const& row : state.epochs) EXPECT_LE(row.val_accuracy, best.val_accuracy);
  if (!world.is_root()) return;
  // Those weights are the ones that a run of so many epochs ends with.
  problem.training.epochs = static_cast<int>(state.best_epoch);
  EXPECT_EQ(nn::sha256(problem.train(single, {}).arena), nn::sha256(state.best));
}

TEST(NetworkFit, AStateThatDoesNotFitIsRefused) {
  SmallProblem const problem{"softmax", 64};
  ShardPlan const plan{64, 64};
  auto const size = problem.network.arena_size();
  auto const arrays = fresh_state(problem.network, plan, Key{3}).to_arrays();
  EXPECT_NO_THROW(TrainingState::from_arrays(arrays, size, 4));
  EXPECT_THROW(TrainingState::from_arrays(arrays, size + 1, 4), DataError);
  EXPECT_THROW(TrainingState::from_arrays(arrays, size, 8), DataError);
  EXPECT_THROW(TrainingState::from_arrays({}, size, 4), std::exception);
}

}  // namespace
}  // namespace canopy::train
