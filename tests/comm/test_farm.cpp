#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "canopy/comm/farm.hpp"

#include "support/aside.hpp"

namespace canopy::comm {
namespace {

Bytes square(Bytes const& payload, StopToken const&) {
  auto const n = from_bytes<int>(payload);
  return to_bytes(n * n);
}

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// Runs `count` tasks through a farm; on the root returns every report by task.
std::map<TaskId, TaskReport> run_all(Farm& farm, int count) {
  std::map<TaskId, TaskReport> reports;
  int next = 0;
  while (static_cast<int>(reports.size()) < count) {
    for (; next < count && farm.wants_task(); ++next) farm.assign(next, to_bytes(next));
    if (auto report = farm.wait(1)) {
      auto const task = report->task;
      EXPECT_TRUE(reports.emplace(task, std::move(*report)).second) << "reported twice: " << task;
    }
  }
  return reports;
}

TEST(Farm, EveryTaskIsDoneExactlyOnce) {
  auto const world = Communicator::world();
  Farm farm{world, square};
  if (!world.is_root()) return farm.serve();
  auto const reports = run_all(farm, 200);
  for (auto const& [task, report] : reports) {
    EXPECT_EQ(report.outcome, TaskReport::Outcome::done);
    EXPECT_EQ(from_bytes<int>(report.result), task * task);
    // Clocks of two processes, which began after one barrier when their turn came.
    constexpr double apart = 0.5;
    EXPECT_LE(report.queued, report.finished + apart);
    EXPECT_LE(report.started, report.finished);
    EXPECT_EQ(report.rank.value > 0, world.size() > 1) << "the root works only when alone";
  }
  EXPECT_EQ(farm.outstanding(), 0u);
  std::int64_t done = 0;
  for (auto const& use : farm.shut_down()) done += use.tasks;
  EXPECT_GE(done, 200);
}

TEST(Farm, AThrowingTaskIsReportedAndTheWorkerGoesOn) {
  auto const world = Communicator::world();
  Farm farm{world, [](Bytes const& payload, StopToken const&) -> Bytes {
              if (from_bytes<int>(payload) % 3 == 0) throw std::runtime_error{"divisible by three"};
              return payload;
            }};
  if (!world.is_root()) return farm.serve();
  for (auto const& [task, report] : run_all(farm, 20)) {
    EXPECT_EQ(report.outcome == TaskReport::Outcome::failed, task % 3 == 0);
    EXPECT_EQ(report.error, task % 3 == 0 ? "divisible by three" : "");
  }
  farm.shut_down();
}

TEST(Farm, CancelledTasksAreReportedAndLaterOnesRun) {
  auto const world = Communicator::world();
  Farm farm{world, [](Bytes const& payload, StopToken const& stop) -> Bytes {
              if (from_bytes<int>(payload) >= 100) return payload;
              for (int i = 0; i < 2000; ++i) {
                throw_if_stopped(stop);
                sleep_seconds(0.005);
              }
              return payload;
            }};
  if (!world.is_root()) return farm.serve();
  if (world.size() == 1) return;  // alone, the token is what stops; see the next test
  int assigned = 0;
  while (farm.wants_task()) farm.assign(assigned, to_bytes(assigned)), ++assigned;
  EXPECT_EQ(assigned, 2 * farm.workers());
  EXPECT_FALSE(farm.wait(0.05).has_value());
  farm.cancel_all();
  for (int i = 0; i < assigned; ++i) {
    auto const report = farm.wait(60);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->outcome, TaskReport::Outcome::cancelled);
  }
  farm.assign(100, to_bytes(100));
  auto const report = farm.wait(60);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, TaskReport::Outcome::done);
  farm.shut_down();
}

TEST(Farm, CancelWaitingLetsTheRunningTaskFinish) {
  auto const world = Communicator::world();
  test::Aside cancelled{world};
  Farm farm{world, [&](Bytes const& payload, StopToken const&) {
              cancelled.await(1);
              return payload;
            }};
  if (!world.is_root()) return farm.serve();
  if (world.size() == 1) return;
  int assigned = 0;
  while (farm.wants_task()) farm.assign(assigned, to_bytes(assigned)), ++assigned;
  EXPECT_FALSE(farm.wait(0.05).has_value());
  farm.cancel_waiting();
  cancelled.come();
  std::map<TaskReport::Outcome, int> outcomes;
  for (int i = 0; i < assigned; ++i) ++outcomes[farm.wait(60)->outcome];
  EXPECT_EQ(outcomes[TaskReport::Outcome::done], farm.workers());
  EXPECT_EQ(outcomes[TaskReport::Outcome::cancelled], farm.workers());
  farm.shut_down();
}

TEST(Farm, TasksBehindALongOneGoToIdleWorkers) {
  auto const world = Communicator::world();
  Farm farm{world, [](Bytes const& payload, StopToken const&) {
              sleep_seconds(from_bytes<int>(payload) == 0 ? 0.5 : 0.01);
              return payload;
            }};
  if (!world.is_root()) return farm.serve();
  if (world.size() < 3) return;
  auto const reports = run_all(farm, 2 * farm.workers());
  for (auto const& [task, report] : reports) {
    if (task == 0) continue;
    EXPECT_LT(report.finished, reports.at(0).finished)
        << "task " << task << " waited for the long one";
  }
  farm.shut_down();
}

TEST(Farm, ALongTaskComesWhileTheOneBeforeItRuns) {
  auto const world = Communicator::world();
  test::Aside silent{world}, begun{world};
  Farm farm{world, [&, first = true](Bytes const& payload, StopToken const& stop) mutable {
              if (!std::exchange(first, false)) begun.come();
              while (silent.count() == 0) {
                throw_if_stopped(stop);
                sleep_seconds(0.005);
              }
              return payload;
            }};
  if (!world.is_root()) return farm.serve();
  if (world.size() == 1) return;
  int assigned = 0;
  for (; farm.wants_task(); ++assigned) farm.assign(assigned, Bytes(100'000));
  EXPECT_FALSE(farm.wait(1).has_value());
  silent.come();
  begun.await(farm.workers());  // while this rank sends nothing
  for (int i = 0; i < assigned; ++i) ASSERT_TRUE(farm.wait(60).has_value());
  farm.shut_down();
}

TEST(Farm, ATaskGoesToWhomItPrefersUnlessOthersHaveLessToDo) {
  auto const world = Communicator::world();
  Farm farm{world, [](Bytes const& payload, StopToken const&) {
              sleep_seconds(0.05);
              return payload;
            }};
  if (!world.is_root()) return farm.serve();
  auto const report_of = [&](TaskId task) {
    for (;;)
      if (auto const report = farm.wait(60); report->task == task) return report->rank;
  };
  Rank const last{world.size() - 1};
  farm.assign(0, to_bytes(0), last);
  EXPECT_EQ(report_of(0), last) << "it was as free as the others";
  if (world.size() < 3) return;
  farm.assign(1, to_bytes(1), last);
  farm.assign(2, to_bytes(2), last);
  EXPECT_NE(report_of(2), last) << "it had one already";
  farm.assign(3, to_bytes(3), Communicator::root);
  EXPECT_NE(report_of(3), Communicator::root) << "who does not work";
}

TEST(Farm, TheCoordinatorTakesAWaitingTaskOffItsWorker) {
  auto const world = Communicator::world();
  test::Aside taken{world};
  Farm farm{world, [&](Bytes const& payload, StopToken const&) {
              taken.await(1);
              return payload;
            }};
  if (!world.is_root()) return farm.serve();
  if (world.size() == 1) return;
  EXPECT_FALSE(farm.waiting_task().has_value());
  int assigned = 0;
  while (farm.wants_task()) farm.assign(assigned, to_bytes(assigned)), ++assigned;
  int here = 0;
  while (auto const waiting = farm.waiting_task()) {
    farm.do_here([] {});
    farm.withdraw(*waiting);
    ++here;
  }
  taken.come();
  EXPECT_EQ(here, farm.workers()) << "one waits at each worker";
  EXPECT_EQ(farm.outstanding(), static_cast<std::size_t>(farm.workers()));
  for (int i = 0; i < farm.workers(); ++i)
    EXPECT_EQ(farm.wait(60)->outcome, TaskReport::Outcome::done) << "the running ones go on";
  EXPECT_FALSE(farm.wait(0.3).has_value()) << "a withdrawn task is not reported";
  auto const uses = farm.shut_down();
  EXPECT_EQ(uses[0].tasks, here);
  EXPECT_EQ(uses[1].tasks, 1);
}

TEST(Farm, WhatTheCoordinatorDoesCountsAsBusy) {
  auto const world = Communicator::world();
  Farm farm{world, square};
  if (!world.is_root()) return farm.serve();
  farm.do_here([] { sleep_seconds(0.05); });
  auto const use = farm.shut_down().front();
  EXPECT_EQ(use.tasks, 1);
  EXPECT_GE(use.busy_seconds, 0.05);
  EXPECT_LT(use.comm_seconds, use.total_seconds);
}

TEST(Farm, ACoordinatorThatThrowsSendsItsWorkersHome) {
  auto const world = Communicator::world();
  auto const coordinate = [&] {
    Farm farm{world, square};
    if (!world.is_root()) return farm.serve();
    farm.assign(1, to_bytes(1));
    throw UserError{"changed my mind"};
  };
  EXPECT_THROW(world.together("search", coordinate), UserError);
}

}  // namespace
}  // namespace canopy::comm
