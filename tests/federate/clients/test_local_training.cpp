#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "federate/small_federation.hpp"

namespace canopy::federate {
namespace {

using Floats = std::vector<float>;
using test::SmallFederation;

struct LocalTraining : testing::Test {
  SmallFederation problem;
  Clients clients = problem.clients();
  Floats model = [this] {
    Floats arena(problem.network.arena_size());
    problem.network.initialise(Key{1}, std::span{arena});
    return arena;
  }();

  LocalTrainer trainer() const { return {problem.network, problem.options.local}; }
  LocalWork work(std::int64_t steps, int batch) const {
    LocalWork result;
    result.key = Key{9};
    result.steps = steps;
    result.batch_size = batch;
    return result;
  }
};

TEST(LocalOptions, CountStepsAsBatches) {
  LocalOptions options;
  options.batch_size = 16;
  options.local_epochs = 3;
  EXPECT_EQ(options.steps(40), 9);
  options.batch_size = 0;
  EXPECT_EQ(options.steps(40), 3);
  options.local_steps = 7;
  EXPECT_EQ(options.steps(40), 7);
  options.lr = 0.1;
  options.lr_decay = 0.5;
  EXPECT_DOUBLE_EQ(options.lr_of(1), 0.1);
  EXPECT_DOUBLE_EQ(options.lr_of(3), 0.025);
}

// An epoch looks at every row once, whatever the batches.
TEST_F(LocalTraining, SeesEveryRowOnceInAnEpoch) {
  auto local = trainer();
  auto const data = clients.data(0);
  auto const rows = std::ssize(data.rows);
  EXPECT_EQ(local.train(model, data, work((rows + 15) / 16, 16)).seen, rows);
  EXPECT_EQ(local.train(model, data, work(2, 0)).seen, 2 * rows);
}

TEST_F(LocalTraining, LearnsAndDependsOnNothingButItsKey) {
  auto local = trainer();
  auto const before = local.evaluate(model, clients.data(0));
  local.train(model, clients.data(0), work(20, 16));
  auto const delta = local.delta(model);
  auto after = model;
  for (std::size_t i = 0; i < after.size(); ++i) after[i] += delta[i];
  EXPECT_LT(local.evaluate(after, clients.data(0)).sum, 0.7 * before.sum);
  local.train(model, clients.data(1), work(3, 16));  // somebody else in between
  local.train(model, clients.data(0), work(20, 16));
  EXPECT_EQ(local.delta(model), delta);
}

// With one full step: delta = -lr (gradient + mu * 0 + shift), and the pull is felt from step two.
TEST_F(LocalTraining, ShiftAndPullAreAddedToTheGradient) {
  auto local = trainer();
  auto one = work(1, 0);
  local.train(model, clients.data(0), one);
  auto const plain = local.delta(model);
  Floats shift(problem.network.parameters(), 0.5f);
  one.shift = shift;
  local.train(model, clients.data(0), one);
  auto const shifted = local.delta(model);
  for (std::size_t i = 0; i < shift.size(); i += 97)
    EXPECT_NEAR(shifted[i], plain[i] - 0.1 * 0.5, 1e-6);
  // Two steps with mu: w2 = w1 - lr (g(w1) + mu (w1 - w0)).
  auto two = work(2, 0);
  local.train(model, clients.data(0), two);
  auto const free = local.delta(model);
  two.proximal = 0.3;
  local.train(model, clients.data(0), two);
  auto const pulled = local.delta(model);
  for (std::size_t i = 0; i < shift.size(); i += 97)
    EXPECT_NEAR(pulled[i], free[i] - 0.1 * 0.3 * plain[i], 1e-6);
}

TEST_F(LocalTraining, BatchesLargerThanAPassAreTheirSum) {
  SmallFederation const large{"softmax", 1200, 2};  // 600 rows a client, 256 in a pass
  auto mine = large.clients();
  LocalTrainer local{large.network, [] {
                       LocalOptions options;
                       options.batch_size = 0;
                       return options;
                     }()};
  local.train(model, mine.data(0), work(1, 0));
  auto const whole = local.delta(model);
  // The same gradient from pieces: the mean of one-step deltas, weighted by rows.
  std::vector<double> sum(whole.size());
  auto const data = mine.data(0);
  std::vector<std::uint16_t> const labels(data.labels.begin(), data.labels.end());
  for (std::size_t begin = 0; begin < data.rows.size(); begin += 100) {
    auto const size = std::min<std::size_t>(100, data.rows.size() - begin);
    LocalData const piece{data.rows.subspan(begin, size),
                          std::span{labels}.subspan(begin, size),
                          data.feed,
                          data.gather,
                          {}};
    local.train(model, piece, work(1, 0));
    auto const delta = local.delta(model);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(size) * delta[i];
  }
  for (std::size_t i = 0; i < sum.size(); i += 31)
    EXPECT_NEAR(whole[i], sum[i] / static_cast<double>(data.rows.size()), 1e-6);
}

TEST_F(LocalTraining, ClientsSeeWrongLabelsAndNoise) {
  problem.options.partition.label_noise = 0.5;
  problem.options.partition.feature_noise = 1;
  auto changed = problem.clients();
  auto const plain = clients.data(5);
  std::vector<std::uint16_t> const labels(plain.labels.begin(), plain.labels.end());
  auto const noisy = changed.data(5);
  ASSERT_EQ(noisy.labels.size(), labels.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) wrong += labels[i] != noisy.labels[i];
  EXPECT_GT(wrong, labels.size() / 4);
  EXPECT_LT(wrong, 3 * labels.size() / 4);
  EXPECT_EQ(noisy.copies.size(), noisy.rows.size() * 784);
  auto local = trainer();
  auto const clean = local.evaluate(model, clients.data(5)).sum;
  EXPECT_NE(local.evaluate(model, changed.data(5)).sum, clean);
}

}  // namespace
}  // namespace canopy::federate
