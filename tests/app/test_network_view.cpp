#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "network_view.hpp"

namespace canopy::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Ranks that all spent three seconds on updates.
std::vector<RankSpent> ranks_that_compute(std::size_t ranks, double computing, double undisturbed) {
  return std::vector<RankSpent>(ranks, {3, computing, undisturbed});
}

TEST(AdviceOnRanks, SaysWhenOneRankWouldHaveBeenAsFast) {
  EXPECT_THAT(advice_on_ranks(ranks_that_compute(4, 0.5, 0.5), false),
              testing::AllOf(HasSubstr("4 ranks took 3.00 s"), HasSubstr("in about 2.00 s"),
                             HasSubstr("start fewer"), HasSubstr("--batch-size")));
  EXPECT_THAT(advice_on_ranks(ranks_that_compute(4, 0.8, 0.8), false), IsEmpty()) << "3.2 s";
  EXPECT_THAT(advice_on_ranks(ranks_that_compute(1, 0.5, 0.5), false), IsEmpty());
  EXPECT_THAT(advice_on_ranks({{}, {}}, false), IsEmpty()) << "no update was left to do";
}

TEST(AdviceOnRanks, CountsThePaceOfTheQuickestUpdateWhereRanksShareCores) {
  auto const uses = ranks_that_compute(4, 1.5, 0.5);
  EXPECT_THAT(advice_on_ranks(uses, false), IsEmpty()) << "others slow them down, and would again";
  EXPECT_THAT(advice_on_ranks(uses, true),
              testing::AllOf(HasSubstr("in about 2.00 s"), HasSubstr("too few cores")));
}

TEST(BubbleText, TellsTheMeasuredBesideTheExpected) {
  Table pipeline{"pipeline"};
  pipeline.column("schedule", Table::Type::text).column("micro_batches", Table::Type::integer);
  for (auto const* name : {"bubble", "bubble_simulated", "bubble_textbook"})
    pipeline.column(name, Table::Type::real);
  pipeline.add({std::string{"1f1b"}, std::int64_t{16}, 0.31, 0.28, 1.0 / 17});
  EXPECT_THAT(bubble_text(pipeline),
              testing::AllOf(testing::StartsWith("0.31 of"), HasSubstr("1f1b and 16 micro"),
                             HasSubstr("0.28 by simulation"), HasSubstr("0.06 were they alike")));
}

}  // namespace
}  // namespace canopy::app
