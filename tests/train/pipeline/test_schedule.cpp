#include <algorithm>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/train/pipeline/check.hpp"
#include "canopy/train/pipeline/schedule.hpp"

namespace canopy::train {
namespace {

constexpr int most_stages = 8;
constexpr int most_micro_batches = 32;

Simulated played(std::string const& name, int stages, int micro_batches, StageTimes times = {}) {
  auto const& schedule = pipeline_schedule(name);
  auto const lists = schedule.make(stages, micro_batches);
  return simulate(lists, limits_of(schedule, stages, micro_batches),
                  std::vector<StageTimes>(lists.size(), times));
}

class Schedules : public testing::TestWithParam<std::string> {};

TEST_P(Schedules, AreCompleteFreeOfDeadlockAndWithinTheirMemory) {
  for (int stages = 1; stages <= most_stages; ++stages)
    for (int m = 1; m <= most_micro_batches; ++m) {
      auto const lists = checked_lists(pipeline_schedule(GetParam()), stages, m);
      ASSERT_EQ(std::ssize(lists), stages);
      for (int s = 0; s < stages; ++s) {
        auto const neighbours = (s > 0) + (s + 1 < stages);
        ASSERT_EQ(std::ssize(lists[static_cast<std::size_t>(s)]), m * (3 + 2 * neighbours));
      }
    }
}

TEST_P(Schedules, HoldNoLessThanTheySay) {
  for (int stages = 1; stages <= most_stages; ++stages) {
    auto const m = most_micro_batches;
    auto const& schedule = pipeline_schedule(GetParam());
    auto const simulated = played(GetParam(), stages, m);
    for (int s = 0; s < stages; ++s)
      EXPECT_EQ(simulated.most_in_flight[static_cast<std::size_t>(s)],
                schedule.in_flight(s, stages, m))
          << stages << " stages, stage " << s;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Schedules, testing::Values("gpipe", "1f1b", "zb-h1"),
                         [](auto const& named) {
                           auto name = named.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(PipelineBubble, IsTheTextbooksForGpipeAnd1f1b) {
  for (auto const* name : {"gpipe", "1f1b"})
    for (int stages = 1; stages <= most_stages; ++stages)
      for (int m = 1; m <= most_micro_batches; ++m)
        for (auto const& times : {StageTimes{1, 1, 1}, StageTimes{1, 0.8, 1.1}})
          EXPECT_NEAR(played(name, stages, m, times).idle, textbook_bubble(stages, m), 1e-12)
              << name << ' ' << stages << " stages, " << m << " micro-batches";
}

/// Qi et al. 2023, table 2: (S-1)(F + B - W) of idle time where 1f1b has (S-1)(F + B + W).
TEST(PipelineBubble, OfZbH1IsAThird) {
  for (int stages = 1; stages <= most_stages; ++stages)
    for (int m = 2 * stages; m <= most_micro_batches; ++m)
      EXPECT_DOUBLE_EQ(played("zb-h1", stages, m).makespan, 3 * m + stages - 1)
          << stages << " stages, " << m << " micro-batches";
}

TEST(PipelineBubble, OfZbH1IsNeverAbove1f1bs) {
  for (int stages = 1; stages <= most_stages; ++stages)
    for (int m = 1; m <= most_micro_batches; ++m)
      EXPECT_LE(played("zb-h1", stages, m).idle, played("1f1b", stages, m).idle + 1e-12);
}

TEST(PipelineBubble, FollowsTheSlowestStageAndTheLink) {
  auto const& schedule = pipeline_schedule("1f1b");
  auto const lists = schedule.make(2, 4);
  auto const limits = limits_of(schedule, 2, 4);
  auto const even = simulate(lists, limits, {{1, 1, 1}, {1, 1, 1}});
  auto const uneven = simulate(lists, limits, {{1, 1, 1}, {2, 2, 2}});
  auto const slow_link = simulate(lists, limits, {{1, 1, 1}, {1, 1, 1}}, 0.5);
  EXPECT_DOUBLE_EQ(even.makespan, 15);
  EXPECT_DOUBLE_EQ(uneven.makespan, 27);  // F, then 4 x 6 on the slow one, then B and W
  EXPECT_GT(slow_link.makespan, even.makespan);
}

// ---- broken lists

ActionLists good() {
  return pipeline_schedule("1f1b").make(3, 4);
}

void expect_refused(ActionLists const& lists, std::string const& stage, std::string const& words) {
  PipelineLimits const limits{4, {3, 2, 1}};
  try {
    simulate(lists, limits, std::vector<StageTimes>(3));
    ADD_FAILURE() << "not refused";
  } catch (std::logic_error const& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr(stage));
    EXPECT_THAT(e.what(), testing::HasSubstr(words));
  }
}

ActionList::iterator find(ActionList& list, Act act, int micro_batch) {
  return std::ranges::find(list, Action{act, micro_batch});
}

TEST(PipelineCheck, NamesStageAndActionOfWhatIsMissingOrThereTwice) {
  auto lists = good();
  lists[1].erase(find(lists[1], Act::weights, 3));
  expect_refused(lists, "stage 1", "weights' gradient of micro-batch 3: it is missing");
  lists = good();
  lists[1].erase(find(lists[1], Act::backward, 2));
  expect_refused(lists, "stage 1", "of micro-batch 2: its backward of micro-batch 2 comes later");
  lists = good();
  lists[2].push_back({Act::weights, 3});
  expect_refused(lists, "stage 2", "weights' gradient of micro-batch 3: micro-batch 4 is due");
  lists = good();
  lists[2].push_back({Act::weights, 4});
  expect_refused(lists, "stage 2", "there are 4 only");
}

TEST(PipelineCheck, NamesWhatComesBeforeItsInput) {
  auto lists = good();
  std::iter_swap(find(lists[1], Act::receive_activations, 0), find(lists[1], Act::forward, 0));
  expect_refused(lists, "stage 1", "forward of micro-batch 0: its receive of activations");
  lists = good();
  lists[0].insert(lists[0].begin(), {Act::receive_activations, 0});
  expect_refused(lists, "stage 0", "there is no such neighbour");
}

TEST(PipelineCheck, NamesAStageThatHoldsTooMuch) {
  expect_refused(pipeline_schedule("gpipe").make(3, 4), "stage 0, forward of micro-batch 3",
                 "4 are in flight, and there is room for 3");
}

TEST(PipelineCheck, NamesAllThatWaitInADeadlock) {
  auto lists = good();
  // Stage 0 waits for a gradient before it has sent what that gradient is made from.
  auto const send = find(lists[0], Act::send_activations, 2);
  lists[0].erase(send);
  lists[0].insert(find(lists[0], Act::forward, 3), {Act::send_activations, 2});
  auto const wait = find(lists[0], Act::receive_gradient, 0);
  lists[0].erase(wait);
  lists[0].insert(find(lists[0], Act::send_activations, 0), {Act::receive_gradient, 0});
  expect_refused(lists, "deadlock", "stage 0 waits in receive of gradient of micro-batch 0");
  expect_refused(lists, "stage 2 waits in receive of activations of micro-batch 0", "stage 1");
}

TEST(PipelineCheck, SeesThatBuffersRunOut) {
  // Stage 1 has one buffer and gives it back after W only, but F of the next comes before B.
  PipelineLimits const tight{2, {2, 1}};
  EXPECT_THROW(simulate(pipeline_schedule("gpipe").make(2, 2), tight, std::vector<StageTimes>(2)),
               std::logic_error);
}

TEST(PipelineSchedules, AreKnownByName) {
  EXPECT_THROW(pipeline_schedule("2f2b"), UserError);
  EXPECT_EQ(pipeline_schedule("zb-h1").name, "zb-h1");
}

}  // namespace
}  // namespace canopy::train
