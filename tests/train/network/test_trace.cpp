#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/train/network/trace.hpp"

namespace canopy::train {
namespace {

using testing::ElementsAre;
using Spans = std::vector<Trace::Span>;

/// Three updates of two shards, the k-th from second 10 k on; the rank is late by so many seconds.
Spans three_updates(std::int32_t first_shard, double late) {
  Spans spans;
  for (int update = 1; update <= 3; ++update) {
    auto const at = 10.0 * update + late;
    for (std::int32_t shard = first_shard; shard < first_shard + 2; ++shard)
      spans.push_back({Doing::forward, shard, at + shard, at + shard + 0.5});
    spans.push_back({Doing::sums, update, at + 5, at + 6});
  }
  return spans;
}

TEST(TraceTable, HoldsTheLastUpdatesOfAllRanksFromTheirBeginning) {
  auto const table = trace_table({three_updates(0, 0), three_updates(2, 0.25)}, 2);
  EXPECT_THAT(table.column_names(), ElementsAre("rank", "doing", "number", "begin", "end"));
  ASSERT_EQ(table.rows(), 2u * 2 * 3);
  EXPECT_EQ(table.number(0, "begin"), 0) << "the second of three updates begins it";
  EXPECT_EQ(table.text(2, "doing"), "wait for sums");
  EXPECT_EQ(table.number(2, "number"), 2);
  EXPECT_EQ(table.number(6, "rank"), 1);
  EXPECT_EQ(table.number(6, "begin"), 2.25) << "by the clock of the first rank";
  EXPECT_EQ(table.number(11, "end"), 16.25);
}

TEST(TraceTable, IsWholeOfARankThatIsAheadToo) {
  auto const table = trace_table({three_updates(0, 0), three_updates(0, -3)}, 2);
  ASSERT_EQ(table.rows(), 2u * 2 * 3);
  EXPECT_EQ(table.number(0, "begin"), 3);
  EXPECT_EQ(table.number(6, "begin"), 0);
}

TEST(TraceTable, OfMoreUpdatesThanThereWereHoldsAll) {
  EXPECT_EQ(trace_table({three_updates(0, 0)}, 9).rows(), 9u);
}

TEST(TraceTable, HasNothingOfARankThatComputedNothing) {
  auto const table = trace_table({three_updates(0, 0), {}}, 2);
  EXPECT_EQ(table.rows(), 6u);
  EXPECT_EQ(trace_table({{}}, 2).rows(), 0u);
}

}  // namespace
}  // namespace canopy::train
