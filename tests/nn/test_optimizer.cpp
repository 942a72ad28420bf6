#include <cmath>
#include <numeric>

#include <gmock/gmock.h>

#include "canopy/nn/optimizer.hpp"

#include "nn/golden.hpp"
#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

double wave(std::size_t i, double frequency, double phase) {
  return std::sin(frequency * static_cast<double>(i) + phase);
}

Network small() {
  return network("{dense = 5}, \"batch_norm\", \"relu\", {dense = 3}", {4, 1, 1}, 3);
}

/// An arena after `steps` steps, updated in the pieces `ranges`.
std::vector<float> updated(std::string const& name, std::vector<Range> const& ranges, int steps) {
  auto const net = small();
  auto arena = initial<float>(net);
  TrainingOptions const options{.optimizer = name, .weight_decay = 0.01};
  std::vector<std::unique_ptr<Optimizer>> parts;
  for (auto const range : ranges) parts.push_back(make_optimizer(options, net, range));
  for (int step = 1; step <= steps; ++step) {
    std::vector<float> gradients(arena.size());
    for (std::size_t i = 0; i < arena.size(); ++i)
      gradients[i] = static_cast<float>(wave(i, 0.7, step));
    for (std::size_t i = 0; i < ranges.size(); ++i)
      parts[i]->step(ranges[i], arena, gradients, {step, 0.1, 0.5, 0.25});
  }
  return arena;
}

/// Six parameters (dense 2 to 2 with bias), started and driven as in make_golden.py.
void check_golden(std::string const& name, TrainingOptions const& options) {
  auto const net = network("{dense = 2}", {2, 1, 1}, 2);
  std::vector<float> arena(6);
  for (std::size_t i = 0; i < 6; ++i) arena[i] = static_cast<float>(wave(i, 1.1, 0.3));
  auto const optimizer = make_optimizer(options, net, {0, 6});
  for (int step = 1; step <= 5; ++step) {
    std::vector<float> gradients(6);
    for (std::size_t i = 0; i < 6; ++i) gradients[i] = static_cast<float>(4 * wave(i, 0.7, step));
    optimizer->step({0, 6}, arena, gradients, {step, 0.1, 0.25, 1});
    auto const& expected = golden(name + "." + std::to_string(step));
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_NEAR(arena[i], expected[i], 2e-6) << name << ", step " << step;
  }
}

TEST(Optimizer, GivesThePyTorchNumbers) {
  check_golden("sgd", {.optimizer = "sgd", .momentum = 0});
  check_golden("sgd_momentum", {.optimizer = "sgd", .weight_decay = 0.05});
  check_golden("sgd_nesterov", {.optimizer = "sgd", .nesterov = true, .weight_decay = 0.05});
  check_golden("adam", {.optimizer = "adam", .weight_decay = 0.05});
  check_golden("adamw", {.optimizer = "adamw", .weight_decay = 0.05});
}

TEST(Optimizer, EachGivesTheSameBitsInPiecesAsAtOnce) {
  auto const net = small();
  for (auto const& name : optimizers().names()) {
    SCOPED_TRACE(name);
    auto const whole = make_optimizer({.optimizer = name}, net, {0, net.arena_size()});
    auto const once = updated(name, {{0, net.arena_size()}}, 3);
    for (int parts : {2, 3, 7})
      EXPECT_EQ(updated(name, cut_arena(net, parts, whole->element_wise()), 3), once);
  }
}

TEST(Optimizer, EachGoesDownhill) {
  for (auto const& name : optimizers().names()) {
    SCOPED_TRACE(name);
    auto const net = network("{dense = 2}", {3, 1, 1}, 2);
    auto arena = initial<float>(net);
    auto const optimizer =
        make_optimizer({.optimizer = name, .trust_coefficient = 0.5}, net, {0, arena.size()});
    auto const height = [&] {
      return std::inner_product(arena.begin(), arena.end(), arena.begin(), 0.0);
    };
    auto const before = height();
    for (int step = 1; step <= 50; ++step) {
      auto const gradients = arena;  // of half the sum of squares
      optimizer->step({0, arena.size()}, arena, gradients, {step, 0.02, 1, 1});
    }
    EXPECT_LT(height(), 0.9 * before);
  }
}

TEST(Optimizer, EachContinuesFromItsArraysAsIfNeverStopped) {
  auto const net = small();
  for (auto const& name : optimizers().names()) {
    SCOPED_TRACE(name);
    Range const all{0, net.arena_size()};
    auto arena = initial<float>(net);
    std::vector<float> const gradients(arena.size(), 0.3f);
    auto const first = make_optimizer({.optimizer = name}, net, all);
    first->step(all, arena, gradients, {1, 0.1, 1, 1});
    auto resumed = arena;
    auto const second = make_optimizer({.optimizer = name}, net, all);
    second->from_arrays(first->to_arrays());
    first->step(all, arena, gradients, {2, 0.1, 1, 1});
    second->step(all, resumed, gradients, {2, 0.1, 1, 1});
    EXPECT_EQ(arena, resumed);
    auto const other = make_optimizer({.optimizer = name}, net, {0, 5});
    EXPECT_THROW(other->from_arrays(first->to_arrays()), DataError);
  }
}

TEST(Optimizer, MovesRunningStatisticsATenthOfTheWayToTheMicroBatchesMean) {
  auto const net = small();
  auto arena = initial<float>(net);
  std::vector<float> gradients(arena.size(), 0.0f);
  auto const at = net.parameters();
  gradients[at] = 12;  // a sum over 4 micro-batches
  auto const optimizer = make_optimizer({}, net, {0, arena.size()});
  optimizer->step({0, arena.size()}, arena, gradients, {1, 0.1, 1.0 / 64, 0.25});
  EXPECT_FLOAT_EQ(arena[at], 0.3f);
  EXPECT_FLOAT_EQ(arena[at + 5], 0.9f);  // variance: from 1 towards 0
}

TEST(Optimizer, LarsScalesEachMatrixByItsNormsAndLeavesBiasesAlone) {
  auto const net = network("{dense = 2}", {2, 1, 1}, 2);
  std::vector<float> arena{3, 0, 0, 4, 1, 1};            // norm 5
  std::vector<float> const gradients{0, 6, 8, 0, 1, 1};  // norm 10
  auto const optimizer = make_optimizer(
      {.optimizer = "lars", .momentum = 0, .eps = 1e-12, .trust_coefficient = 0.1}, net, {0, 6});
  optimizer->step({0, 6}, arena, gradients, {1, 1.0, 1, 1});
  EXPECT_THAT(arena,
              testing::Pointwise(testing::FloatEq(), {3.0f, -0.3f, -0.4f, 4.0f, 0.0f, 0.0f}));
}

TEST(Optimizer, LambTakesAFirstStepAsLongAsTheMatrix) {
  auto const net = network("{dense = 2}", {2, 1, 1}, 2);
  std::vector<float> arena{3, 0, 0, 4, 1, 1};  // norm 5; adam's first direction is +-1, norm 2
  std::vector<float> const gradients{1, 1, -1, 1, 1, 1};
  auto const optimizer = make_optimizer({.optimizer = "lamb", .eps = 1e-12}, net, {0, 6});
  optimizer->step({0, 6}, arena, gradients, {1, 0.1, 1, 1});
  EXPECT_THAT(arena, testing::Pointwise(testing::FloatNear(1e-5f),
                                        {2.75f, -0.25f, 0.25f, 3.75f, 0.9f, 0.9f}));
}

TEST(Optimizer, RefusesARangeThatIsNotItsOwnOrCutsATensor) {
  auto const net = small();
  std::vector<float> arena(net.arena_size());
  auto const part = make_optimizer({.optimizer = "lamb"}, net, {0, 20});
  EXPECT_THROW(part->step({0, 21}, arena, arena, {}), std::logic_error);
  EXPECT_THROW(part->step({0, 10}, arena, arena, {}), std::logic_error);
}

TEST(CutArena, CoversItAndKeepsTensorsWholeIfAsked) {
  auto const net = small();
  for (bool element_wise : {true, false})
    for (int parts : {1, 2, 5, 100}) {
      auto const ranges = cut_arena(net, parts, element_wise);
      ASSERT_EQ(ranges.size(), static_cast<std::size_t>(parts));
      std::size_t at = 0;
      for (auto const range : ranges) {
        EXPECT_EQ(range.begin, at);
        at = range.end;
        if (element_wise) continue;
        for (auto const& tensor : net.tensors())
          EXPECT_FALSE(tensor.range.begin < at && at < tensor.range.end) << tensor.name;
      }
      EXPECT_EQ(at, net.arena_size());
    }
}

TEST(Optimizer, UnknownNameIsAnErrorThatListsTheKnownOnes) {
  auto const net = small();
  EXPECT_THAT([&] { make_optimizer({.optimizer = "sdg"}, net, {}); },
              testing::ThrowsMessage<UserError>(testing::HasSubstr("adamw")));
}

}  // namespace
}  // namespace canopy::nn::test
