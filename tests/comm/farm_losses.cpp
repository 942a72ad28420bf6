// A farm that loses ranks: what would end any other program under plain mpirun, so it is one by
// itself, started with --enable-recovery:
//
//   mpirun --enable-recovery -np 5 farm_losses SCENE
//
// Prints "as it should be" at the end, or what is WRONG.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "canopy/comm/environment.hpp"
#include "canopy/comm/farm.hpp"

namespace {

using namespace canopy;
using namespace canopy::comm;

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

void expect(bool condition, std::string const& what) {
  if (!condition) fmt::print("WRONG: {}\n", what);
}

/// A task's payload: what it is to do, and on which rank only (-1: any).
struct Deed {
  enum Kind : std::int64_t { nap, die, hang } kind = nap;
  std::int64_t rank = -1;
};

Bytes work(Rank here, Bytes const& payload, StopToken const& stop) {
  auto const deed = from_bytes<Deed>(payload);
  auto const mine = deed.rank < 0 || deed.rank == here.value;
  if (mine && deed.kind == Deed::die) raise(SIGKILL);
  while (mine && deed.kind == Deed::hang) sleep_seconds(1);
  for (int i = 0; i < 10; ++i) {
    throw_if_stopped(stop);
    sleep_seconds(0.002);
  }
  return to_bytes(here.value);
}

/// Tasks 0 .. n-1: what became of each.
std::map<TaskId, TaskReport> run_all(Farm& farm, std::vector<Deed> const& deeds) {
  std::map<TaskId, TaskReport> reports;
  std::size_t next = 0;
  while (reports.size() < deeds.size()) {
    for (; next < deeds.size() && farm.wants_task(); ++next)
      farm.assign(static_cast<TaskId>(next), to_bytes(deeds[next]));
    if (auto report = farm.wait(1)) {
      auto const task = report->task;
      expect(reports.emplace(task, std::move(*report)).second,
             fmt::format("task {} is reported twice", task));
    }
  }
  return reports;
}

std::vector<Deed> naps(std::size_t count) {
  return std::vector<Deed>(count);
}

void expect_all_done(std::map<TaskId, TaskReport> const& reports) {
  for (auto const& [task, report] : reports)
    expect(report.outcome == TaskReport::Outcome::done,
           fmt::format("task {}: {}", task, report.error));
}

void expect_lost(Farm const& farm, std::vector<int> ranks) {
  std::vector<int> lost;
  for (auto const& loss : farm.losses()) lost.push_back(loss.rank.value);
  std::ranges::sort(lost);
  expect(lost == ranks, fmt::format("{} ranks are lost, not {}", lost.size(), ranks.size()));
  expect(farm.workers() == 4 - static_cast<int>(ranks.size()), "the number of workers left");
}

/// Of all ranks.
std::vector<pid_t> processes;

void wait_for_the_end_of(pid_t process) {
  while (kill(process, 0) == 0) sleep_seconds(0.01);
}

// ---- scenes, on the root

/// A worker dies whenever it gets a certain task.
void killed(Farm& farm) {
  auto deeds = naps(60);
  for (std::size_t i = 5; i < 40; ++i) deeds[i] = {Deed::die, 2};
  expect_all_done(run_all(farm, deeds));
  expect_lost(farm, {2});
  auto const& loss = farm.losses().front();
  expect(loss.retried.size() == 1 || loss.retried.size() == 2,
         "the running task, and the waiting one if it was there, go to others");
  expect(loss.reason == "its process has ended", loss.reason);
  expect(farm.shut_down()[2].tasks > 0, "what it had done before is known");
}

/// A task that kills whoever gets it is given up before all are dead.
void poison(Farm& farm) {
  auto deeds = naps(40);
  deeds[3] = {Deed::die, -1};
  auto const reports = run_all(farm, deeds);
  expect(farm.losses().size() == 3, "three were lost");
  for (auto const& [task, report] : reports)
    expect((report.outcome == TaskReport::Outcome::failed) == (task == 3),
           fmt::format("task {}: {}", task, report.error));
  expect(reports.at(3).error.starts_with("3 workers were lost while they ran it"),
         reports.at(3).error);
}

/// A worker that neither asks nor answers is given up, and ends.
void silent(Farm& farm) {
  auto deeds = naps(40);
  deeds[0] = deeds[1] = deeds[2] = {Deed::hang, 1};
  Stopwatch const clock;
  expect_all_done(run_all(farm, deeds));
  expect_lost(farm, {1});
  expect(clock.seconds() > 1.5, "too early");
}

/// A worker dies when the work is done and before it is let go; another leaves long after the rest,
/// whose ends are no losses.
void at_the_end(Farm& farm) {
  expect_all_done(run_all(farm, naps(20)));
  farm.shut_down();
  kill(processes[3], SIGKILL);
  wait_for_the_end_of(processes[3]);
  kill(processes[4], SIGSTOP);
  std::thread later{[] {
    sleep_seconds(0.4);
    kill(processes[4], SIGCONT);
  }};
  farm.dismiss();
  later.join();
  expect_lost(farm, {3});
}

void all_killed(Farm& farm) {
  auto deeds = naps(30);
  for (std::size_t i = 10; i < 30; ++i) deeds[i] = {Deed::die, -1};
  try {
    run_all(farm, deeds);
    expect(false, "nobody is left to run anything");
  } catch (NoWorkersLeft const& e) {
    expect_lost(farm, {1, 2, 3, 4});
    expect(std::string{e.what()}.starts_with("all 4 workers are lost"), e.what());
  }
}

/// The others end, and so mpirun.
void coordinator_killed(Farm& farm) {
  for (TaskId task = 0; farm.wants_task(); ++task) farm.assign(task, to_bytes(Deed{}));
  farm.wait(0.01);
  fmt::print("as it should be\n");
  std::fflush(stdout);
  raise(SIGKILL);
}

/// It has said once that it will be silent, and is for longer than that allows.
void coordinator_hangs(Farm& farm) {
  run_all(farm, naps(20));
  farm.expect_silence();
  for (std::size_t worker = 1; worker < processes.size(); ++worker)
    wait_for_the_end_of(processes[worker]);
  try {
    run_all(farm, naps(20));
    expect(false, "nobody has waited");
  } catch (NoWorkersLeft const& e) {
    expect_lost(farm, {1, 2, 3, 4});
  }
}

using Scene = void (*)(Farm&);
std::map<std::string, Scene> const scenes{{"killed", killed},
                                          {"poison", poison},
                                          {"silent", silent},
                                          {"at_the_end", at_the_end},
                                          {"all_killed", all_killed},
                                          {"coordinator_killed", coordinator_killed},
                                          {"coordinator_hangs", coordinator_hangs}};

}  // namespace

int main(int argc, char** argv) {
  Environment const environment{argc, argv};
  auto const world = Communicator::world();
  std::string const scene = argc > 1 ? argv[1] : "";
  processes = world.gather(getpid());
  FarmTimes times;
  times.lost_after = 2;
  times.long_silence = 2;
  Farm farm{world,
            [&](Bytes const& payload, StopToken const& stop) {
              return work(world.rank(), payload, stop);
            },
            times};
  if (!world.is_root()) {
    farm.serve();
    return 0;
  }
  scenes.at(scene)(farm);
  farm.dismiss();
  expect(!farm.losses().empty(), "nobody was lost");
  fmt::print("as it should be\n");
  Environment::leave(0);
}
