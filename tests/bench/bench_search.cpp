// Question: what does a search itself cost, apart from what its folds compute? Memory and processor
// time of rank 0 for 10,000 trials whose folds do nothing, the share of worker time in folds of 0.1
// and 1 s that compute, and how long 100,000 trials take to resume from their journal.
//
//   mpirun -np 3 --oversubscribe --bind-to none build/tests/bench/bench_search [SCALE]
//
// SCALE (1) multiplies the numbers of trials. The last answer stands in results/README.md.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/tune/search.hpp"

#include "tune/pretended.hpp"

namespace {

using namespace canopy;
using namespace canopy::tune;
using namespace canopy::tune::test;

constexpr int folds = 5;

Search::Limits no_limits() {
  return {{}, [] { return false; }};
}
void look_away(Search const&) {}

/// A fold that computes for so long, asking its token as a forest does.
comm::Work busy(double seconds) {
  return [seconds](Bytes const& payload, StopToken const& stop) {
    auto const task = from_bytes<Task>(payload);
    for (Stopwatch const clock; clock.seconds() < seconds;) {
      volatile double sum = 0;
      for (int i = 0; i < 1'000'000; ++i) sum = sum + i;
      throw_if_stopped(stop);
    }
    return to_bytes(fold_score(task.configuration, task.fold));
  };
}

/// On the root: a search of so many trials, shown to `then` with its seconds.
void search(comm::Communicator const& world, comm::Work work, int trials,
            std::function<void(Search&, double wall, double cpu)> const& then) {
  comm::Farm farm{world, std::move(work)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  TemporaryFile const file{".bench"};
  auto journal = record::Journal::create(file.path);
  Search run{farm, journal, {settings(trials, folds), learner, 1}};
  Stopwatch const clock;
  auto const cpu = process_cpu_seconds();
  run.run(no_limits(), look_away);
  then(run, clock.seconds(), process_cpu_seconds() - cpu);
}

/// Median seconds between two folds of one worker.
double median_gap(std::vector<TaskRow> const& tasks) {
  std::map<int, std::vector<std::pair<double, double>>> spans;
  for (auto const& task : tasks) spans[task.rank].emplace_back(task.started, task.finished);
  std::vector<double> gaps;
  for (auto& [rank, span] : spans) {
    std::ranges::sort(span);
    for (std::size_t i = 1; i < span.size(); ++i)
      gaps.push_back(span[i].first - span[i - 1].second);
  }
  std::ranges::sort(gaps);
  return gaps.empty() ? 0 : gaps[gaps.size() / 2];
}

void utilisation(comm::Communicator const& world, double seconds, int trials) {
  search(world, busy(seconds), trials, [&](Search& run, double wall, double cpu) {
    double in_folds = 0;
    for (auto const& task : run.tasks()) in_folds += task.finished - task.started;
    fmt::print(
        "{:>6} folds of {:g} s: {:.2f} % of worker time in folds, {:.0f} us between two (median), "
        "rank 0 {:.2f} % of a core\n",
        run.folds_done(), seconds, 100 * in_folds / (wall * run.farm().workers()),
        1e6 * median_gap(run.tasks()), 100 * cpu / wall);
  });
}

void cost_of_a_result(comm::Communicator const& world, int trials) {
  auto const before = max_resident_bytes();
  search(world, busy(0), trials, [&](Search& run, double wall, double cpu) {
    fmt::print(
        "{:>6} trials that do nothing: {:.1f} us of rank 0's processor a fold ({:.0f} folds/s), "
        "{:.0f} MB on rank 0, {:.0f} MB before\n",
        trials, 1e6 * cpu / run.folds_done(), run.folds_done() / wall, max_resident_bytes() / 1e6,
        before / 1e6);
    Stopwatch const tables;
    auto const hash = table_hash(run.trials());
    tasks_table(run.tasks());
    fmt::print("{:>6} trials as tables: {:.2f} s\n", trials, tables.seconds());
  });
}

/// Alone, since there is nothing left to hand out.
void resume(int trials) {
  comm::Communicator const alone{
      boost::mpi::communicator{MPI_COMM_SELF, boost::mpi::comm_duplicate}};
  comm::Farm farm{alone, busy(0)};
  Pretended const learner;
  TemporaryFile const file{".resumed"};
  {
    auto journal = record::Journal::create(file.path);
    Search run{farm, journal, {settings(trials, folds), learner, 1}};
    run.run(no_limits(), look_away);
  }
  Stopwatch const clock;
  auto const cpu = process_cpu_seconds();
  record::JournalRecords records;
  auto journal = record::Journal::reopen(file.path, records);
  auto const read = clock.seconds();
  SearchPlan plan{settings(trials, folds), learner, 1};
  Search run{farm, journal, std::move(plan)};
  run.restore(records);
  fmt::print(
      "{:>6} trials resumed in {:.2f} s, {:.2f} s of the processor ({} folds; {:.2f} s to read the "
      "journal of {:.0f} MB), {:.0f} MB\n",
      trials, clock.seconds(), process_cpu_seconds() - cpu, run.folds_restored(), read,
      static_cast<double>(std::filesystem::file_size(file.path)) / 1e6, max_resident_bytes() / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  comm::Environment const environment{argc, argv};
  auto const world = comm::Communicator::world();
  auto const scale = argc > 1 ? std::atof(argv[1]) : 1.0;
  auto const scaled = [scale](int trials) { return std::max(2, static_cast<int>(trials * scale)); };
  cost_of_a_result(world, scaled(10'000));
  utilisation(world, 0.1, scaled(40));
  utilisation(world, 1, scaled(8));
  if (world.is_root()) resume(scaled(100'000));
  world.barrier();
  return 0;
}
