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

}  // namespace
}  // namespace canopy::app
