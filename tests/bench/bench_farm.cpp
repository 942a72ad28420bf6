// Question: what does the coordinator cost? With tasks that do nothing: dispatches per second, the
// gap a worker sees between two tasks, and rank 0's processor time per result, journal included;
// and with tasks of 0.1 s, the share of a core that a waiting rank 0 uses.
//
//   mpirun -np 3 --oversubscribe --bind-to none build/tests/bench/bench_farm
//
// The last answer stands in results/README.md. Iterations are fixed and the root's time is the
// time, since ranks that counted iterations by their own clocks would wait for each other forever.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/comm/farm.hpp"
#include "canopy/record/journal.hpp"

namespace {

using namespace canopy;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// What one search of tasks that last `task_seconds` showed.
struct Outcome {
  double seconds = 0;
  double gap = 0;             ///< median seconds between two tasks of one worker
  double cpu_per_result = 0;  ///< median seconds of rank 0: receive, journal, next task
  double coordinator_share = 0;
};

/// Without prefetch a worker gets its next task when it has reported the one before.
Outcome search(comm::Communicator const& world, int tasks, double task_seconds, bool prefetch) {
  comm::Farm farm{world, [task_seconds](Bytes const& payload, StopToken const&) {
                    if (task_seconds > 0)
                      std::this_thread::sleep_for(std::chrono::duration<double>(task_seconds));
                    return payload;
                  }};
  if (!world.is_root()) {
    farm.serve();
    return {};
  }
  auto const path = std::filesystem::temp_directory_path() / "canopy-bench.journal";
  auto journal = record::Journal::create(path);
  Bytes const payload(200);
  Outcome outcome;
  std::vector<double> costs;
  std::map<int, std::vector<std::pair<double, double>>> spans;
  auto const cpu_before = thread_cpu_seconds();
  Stopwatch const clock;
  for (int assigned = 0, done = 0; done < tasks;) {
    auto const cpu = thread_cpu_seconds();
    auto const wants = [&] {
      return farm.wants_task() && (prefetch || std::cmp_less(farm.outstanding(), farm.workers()));
    };
    for (; assigned < tasks && wants(); ++assigned) farm.assign(assigned, payload);
    auto const handed = thread_cpu_seconds() - cpu;
    auto const report = farm.wait(1);
    if (!report) continue;
    auto const before = thread_cpu_seconds();
    journal.append({{"kind", "fold"},
                    {"trial", report->task},
                    {"fold", 0},
                    {"rank", report->rank.value},
                    {"queued", report->queued},
                    {"started", report->started},
                    {"finished", report->finished},
                    {"score", 0.5}});
    costs.push_back(handed + thread_cpu_seconds() - before);
    spans[report->rank.value].emplace_back(report->started, report->finished);
    ++done;
  }
  outcome.seconds = clock.seconds();
  outcome.coordinator_share = (thread_cpu_seconds() - cpu_before) / outcome.seconds;
  std::vector<double> gaps;
  for (auto& [rank, span] : spans) {
    std::ranges::sort(span);
    for (std::size_t i = 1; i < span.size(); ++i)
      gaps.push_back(span[i].first - span[i - 1].second);
  }
  outcome.gap = median(gaps);
  // A wait may end at once or after some sleep; what a result costs in all is total over count
  // when nothing is waited for. Both the handling alone and that total are reported.
  outcome.cpu_per_result = median(costs);
  farm.shut_down();
  journal.remove();
  return outcome;
}

void run(benchmark::State& state, int tasks, double task_seconds, bool prefetch = true) {
  auto const world = comm::Communicator::world();
  Outcome last;
  for (auto _ : state) {
    last = search(world, tasks, task_seconds, prefetch);
    state.SetIterationTime(world.broadcast(last.seconds));
  }
  state.counters["dispatches/s"] = tasks / std::max(last.seconds, 1e-9);
  state.counters["gap_us"] = last.gap * 1e6;
  state.counters["handling_cpu_us"] = last.cpu_per_result * 1e6;
  state.counters["cpu_us_per_result"] = last.coordinator_share * last.seconds / tasks * 1e6;
  state.counters["rank0_core_%"] = last.coordinator_share * 100;
}

void tasks_that_do_nothing(benchmark::State& state) {
  run(state, 20'000, 0);
}
void tasks_of_100_ms(benchmark::State& state) {
  run(state, 60, 0.1);
}

void tasks_of_100_ms_without_prefetch(benchmark::State& state) {
  run(state, 60, 0.1, false);
}
void tasks_that_do_nothing_without_prefetch(benchmark::State& state) {
  run(state, 20'000, 0, false);
}

BENCHMARK(tasks_that_do_nothing)
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(5)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(tasks_that_do_nothing_without_prefetch)
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(5)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(tasks_of_100_ms_without_prefetch)
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(3)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(tasks_of_100_ms)
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(3)
    ->Unit(benchmark::kMillisecond);

/// Only the root prints.
class Silent : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(Context const&) override { return true; }
  void ReportRuns(std::vector<Run> const&) override {}
};

}  // namespace

int main(int argc, char** argv) {
  comm::Environment const environment{argc, argv};
  benchmark::Initialize(&argc, argv);
  Silent silent;
  if (comm::Communicator::world().is_root())
    benchmark::RunSpecifiedBenchmarks();
  else
    benchmark::RunSpecifiedBenchmarks(&silent);
  return 0;
}
