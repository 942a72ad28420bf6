#include <numeric>

#include <gmock/gmock.h>

#include "run_tables.hpp"

namespace canopy::app {
namespace {

using testing::ElementsAre;

std::string name(comm::TaskId task) {
  return "tree " + std::to_string(task);
}

/// Rank 2 had two tasks, rank 1 one and rank 3 none.
std::vector<comm::Loss> losses() {
  return {
      {{2}, 1, "it is gone", {7, 9}}, {{1}, 2, "silent for 30 s", {4}}, {{3}, 3, "it is gone", {}}};
}

std::vector<std::string> const hosts{"vm1", "vm1", "vm2", "vm3"};

TEST(RunTables, LossesAreToldInALineEach) {
  EXPECT_THAT(
      lines_of(losses(), 0, hosts, name),
      ElementsAre("canopy: rank 2 on vm2 was lost: it is gone; tree 7, tree 9 are run again "
                  "elsewhere",
                  "canopy: rank 1 on vm1 was lost: silent for 30 s; tree 4 is run again "
                  "elsewhere",
                  "canopy: rank 3 on vm3 was lost: it is gone; no work goes to others"));
  EXPECT_THAT(lines_of(losses(), 2, hosts, name), ElementsAre(testing::HasSubstr("rank 3 on vm3")));
  EXPECT_THAT(lines_of(losses(), 3, hosts, name), ElementsAre());
}

TEST(RunTables, LossesAreEventsOfTheSameWords) {
  std::vector<std::string> texts;
  for (auto const& event : events_of(losses(), 1, hosts, 5, name))
    texts.push_back(event.kind + ": " + event.text);
  EXPECT_THAT(texts, ElementsAre("lost-rank: rank 1 on vm1 was lost: silent for 30 s",
                                 "retry: tree 4 is run again elsewhere",
                                 "lost-rank: rank 3 on vm3 was lost: it is gone"));
}

TEST(RunTables, OutOfBagCurvesHaveAllNumbersOfTreesOrSome200AndTheLast) {
  auto const of = [](std::size_t trees) {
    std::vector<double> scores(trees);
    std::iota(scores.begin(), scores.end(), 0.5);
    std::vector<std::int64_t> voted(trees);
    std::iota(voted.begin(), voted.end(), std::int64_t{100});
    auto const table = oob_curve_table(scores, voted);
    for (std::size_t row = 0; row < table.rows(); ++row) {
      auto const number = table.number(row, "trees");
      EXPECT_EQ(table.number(row, "score"), number - 0.5);
      EXPECT_EQ(table.number(row, "rows_with_vote"), number + 99);
    }
    EXPECT_EQ(table.number(table.rows() - 1, "trees"), static_cast<double>(trees));
    return table;
  };
  EXPECT_EQ(of(1).rows(), 1u);
  EXPECT_EQ(of(200).rows(), 200u);
  auto const odd = of(401);  // 3, 6, .., 399, 401
  EXPECT_EQ(odd.rows(), 134u);
  EXPECT_EQ(odd.number(0, "trees"), 3);
  EXPECT_EQ(of(10'000).rows(), 200u);
}

}  // namespace
}  // namespace canopy::app
