#include <gmock/gmock.h>

#include "canopy/nn/training_options.hpp"

#include "support/complaint.hpp"

namespace canopy::nn {
namespace {

std::string complaint(TrainingOptions const& options) {
  return test::complaint([&] { options.check(); });
}

TEST(TrainingOptions, SayWhatDoesNotGoTogether) {
  using testing::HasSubstr;
  EXPECT_EQ(complaint({}), "none");
  EXPECT_THAT(complaint({.optimizer = "adam", .nesterov = true}), HasSubstr("--nesterov false"));
  EXPECT_THAT(complaint({.momentum = 0, .nesterov = true}), HasSubstr("--momentum 0.9"));
  EXPECT_THAT(complaint({.epochs = 3, .warmup_epochs = 3}), HasSubstr("expected less"));
  EXPECT_THAT(complaint({.schedule = "one_cycle", .warmup_epochs = 1}),
              HasSubstr("warms up by itself"));
  EXPECT_THAT(complaint({.lr = 0}), HasSubstr("--lr is '0', expected more than 0"));
}

TEST(TrainingOptions, HaveARowForEachField) {
  TrainingOptions options;
  Options rows;
  options.describe(rows);
  rows.set("lr", "0.25");
  rows.set("label_smoothing", "0.1");
  rows.set("lr-schedule", "cosine");
  EXPECT_EQ(options, (TrainingOptions{.lr = 0.25, .label_smoothing = 0.1, .schedule = "cosine"}));
  EXPECT_THROW(rows.set("optimizer", "sdg"), UserError);
}

/// A value that the row takes and that is not its default.
std::string another_value(Options::Row const& row) {
  for (auto const* value : {"true", "7", "0.5", "adamw", "one_cycle"}) try {
      auto const before = row.get();
      row.set(value);
      auto const changed = row.get() != before;
      row.set(before);
      if (changed) return value;
    } catch (UserError const&) {
    }
  return {};
}

TEST(TrainingOptions, EachRowHasAFieldOfItsOwn) {
  TrainingOptions options;
  Options rows;
  options.describe(rows);
  std::vector<TrainingOptions> seen{options};
  for (auto const& row : rows.rows()) {
    auto const before = row.get();
    auto const value = another_value(row);
    ASSERT_FALSE(value.empty()) << row.name;
    row.set(value);
    for (auto const& other : seen) EXPECT_FALSE(options == other) << row.name;
    seen.push_back(options);
    row.set(before);
    EXPECT_EQ(options, TrainingOptions{}) << row.name;
  }
}

}  // namespace
}  // namespace canopy::nn
