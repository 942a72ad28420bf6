#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/partition/deals.hpp"

namespace canopy::data {
namespace {

using namespace test;
using testing::ElementsAre;

TEST(ClientTable, TellsRowsLabelsAndDistance) {
  Labels const labels{0, 0, 1, 1};
  Partition const partition{{0, 3, 4}, {0, 1, 2, 3}};
  auto const table = client_label_table(partition, labels, {"a", "b/c"});
  EXPECT_EQ(table.name(), "client_labels");
  EXPECT_THAT(table.column_names(), ElementsAre("client", "rows", "emd", "label_a", "label_b_c"));
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.number(0, "rows"), 3);
  EXPECT_EQ(table.number(0, "label_a"), 2);
  EXPECT_EQ(table.number(0, "label_b_c"), 1);
  EXPECT_DOUBLE_EQ(table.number(0, "emd"), 1.0 / 3);  // |2/3 - 1/2| + |1/3 - 1/2|
  EXPECT_EQ(table.number(1, "client"), 1);
  EXPECT_DOUBLE_EQ(table.number(1, "emd"), 1);  // |0 - 1/2| + |1 - 1/2|
}

TEST(ClientTable, DistanceOfOneLabelOfTenIsTheLargestThatThereIs) {
  auto const labels = labels_with(std::vector<int>(10, 30));
  for (auto const emd : distances(dealt(options_of("labels:1"), 10, labels), labels, 10))
    EXPECT_DOUBLE_EQ(emd, 1.8);  // |1 - 1/10| + 9 * 1/10
}

}  // namespace
}  // namespace canopy::data
