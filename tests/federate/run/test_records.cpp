#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/federate/records.hpp"

namespace canopy::federate {
namespace {

TEST(RoundRow, TellsMeanSpreadAndWorstTenthOfClients) {
  RoundRow row;
  row.take_accuracies({});
  EXPECT_TRUE(std::isnan(row.client_accuracy_mean)) << "nobody was validated";
  std::vector<double> accuracies(20, 0.9);
  accuracies[7] = 0.1;
  accuracies[13] = 0.3;
  row.take_accuracies(accuracies);
  EXPECT_NEAR(row.client_accuracy_mean, (18 * 0.9 + 0.4) / 20, 1e-12);
  EXPECT_NEAR(row.client_accuracy_worst_decile, 0.2, 1e-12) << "the mean of the worst two";
  auto const mean = row.client_accuracy_mean;
  EXPECT_NEAR(
      row.client_accuracy_std,
      std::sqrt((18 * std::pow(0.9 - mean, 2) + std::pow(0.1 - mean, 2) + std::pow(0.3 - mean, 2)) /
                20),
      1e-12);
}

TEST(Records, ComeBackFromTheirTables) {
  std::vector<UpdateRow> updates(2);
  updates[1] = {3, 17, 2, 1, "carried", 600, 19, 0.25, 0.375, 0.5, 1.75, 2, 0.1, 4, 7};
  auto const table = table_of("updates", updates);
  EXPECT_EQ(table.name(), "updates");
  EXPECT_EQ(table.text(1, "fate"), "carried");
  EXPECT_EQ(table.number(1, "staleness"), 2);
  EXPECT_EQ(table_of("updates", rows_of<UpdateRow>(table)), table);
  std::vector<ModelRow> const trail{{"b", "a", 1, "fedavg", 2, 1200, "3,17", "2026-11-26T04:05:06Z"}};
  auto const again = rows_of<ModelRow>(table_of("models", trail));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].parent, "a");
  EXPECT_EQ(again[0].cohort, "3,17");
  EXPECT_EQ(again[0].committed, "2026-11-26T04:05:06Z");
}

}  // namespace
}  // namespace canopy::federate
