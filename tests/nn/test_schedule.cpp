#include <gmock/gmock.h>

#include "canopy/nn/schedule.hpp"

#include "nn/golden.hpp"

namespace canopy::nn::test {
namespace {

void check_golden(std::string const& name, TrainingOptions options, int steps_per_epoch) {
  options.lr = 0.3;
  LearningRate const rate{options, steps_per_epoch};
  auto const& expected = golden(name);
  for (std::size_t step = 0; step < expected.size(); ++step)
    EXPECT_NEAR(rate.at(static_cast<std::int64_t>(step)), expected[step], 1e-12)
        << name << ", step " << step;
}

TEST(Schedule, GivesThePyTorchRates) {
  check_golden("constant", {.epochs = 4}, 1);
  check_golden("step", {.epochs = 12, .schedule = "step", .step_size = 5, .gamma = 0.2}, 1);
  check_golden("cosine", {.epochs = 10, .schedule = "cosine", .eta_min = 0.01}, 1);
  check_golden("one_cycle",
               {.epochs = 10,
                .schedule = "one_cycle",
                .pct_start = 0.4,
                .div_factor = 20,
                .final_div_factor = 500},
               4);
}

TEST(Schedule, EachStaysBetweenZeroAndLr) {
  for (auto const& name : schedules().names())
    for (int steps_per_epoch : {1, 7}) {
      LearningRate const rate{{.epochs = 9, .lr = 0.5, .schedule = name}, steps_per_epoch};
      for (int step = 0; step < 9 * steps_per_epoch; ++step) {
        EXPECT_GT(rate.at(step), 0) << name;
        EXPECT_LE(rate.at(step), 0.5 + 1e-12) << name;
      }
    }
}

TEST(Schedule, DropsOfStepFallOnEpochs) {
  LearningRate const rate{{.epochs = 6, .lr = 1, .schedule = "step", .step_size = 2}, 49};
  EXPECT_DOUBLE_EQ(rate.at(2 * 49 - 1), 1);
  EXPECT_DOUBLE_EQ(rate.at(2 * 49), 0.1);
  EXPECT_NEAR(rate.at(4 * 49), 0.01, 1e-15);
}

TEST(LearningRate, WarmsUpLinearlyAndScalesWithTheBatch) {
  LearningRate const rate{
      {.epochs = 5, .batch_size = 1024, .lr = 0.1, .warmup_epochs = 2, .lr_batch = 256}, 10};
  EXPECT_DOUBLE_EQ(rate.at(0), 0.4 / 20);
  EXPECT_DOUBLE_EQ(rate.at(9), 0.4 / 2);
  EXPECT_DOUBLE_EQ(rate.at(19), 0.4);
  EXPECT_DOUBLE_EQ(rate.at(40), 0.4);
}

}  // namespace
}  // namespace canopy::nn::test
