// Question: what does it cost that a search finds the same table on any number of ranks? A real
// search with real messages, whose folds sleep for as long as they took when the table was made:
// with the default lag, with the one that so many workers need, and free-running. Beside it what
// the replay on a virtual clock expects.
//
//   mpirun -np 9 --oversubscribe --bind-to none build/tests/bench/bench_lag results/table.h5
//   [SEEDS]
//
// The last answer stands in results/tuning.md.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "canopy/comm/environment.hpp"
#include "canopy/core/median.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/tune/replay.hpp"
#include "canopy/tune/search.hpp"

#include "tune/pretended.hpp"

namespace {

using namespace canopy;
using namespace canopy::tune;

constexpr int trials = 200;

SearchSettings settings_of(ReplayTable const& table, std::optional<int> lag) {
  auto result = test::settings(trials, table.folds());
  result.search = "tpe";
  result.lag = lag;
  return result;
}

comm::Work asleep(ReplayTable const& table) {
  return [&table](Bytes const& payload, StopToken const&) {
    auto const task = from_bytes<Task>(payload);
    auto const& fold = table.at(task.configuration, task.fold);
    std::this_thread::sleep_for(std::chrono::duration<double>{fold.seconds});
    return to_bytes(FoldScore{fold.score, fold.seconds, 0, {}, {}, {}});
  };
}

struct Taken {
  double seconds = 0;
  double utilisation = 0;
};

/// On the root; nothing on the others.
Taken search(comm::Communicator const& world, ReplayTable const& table, std::optional<int> lag,
             std::uint64_t seed) {
  comm::Farm farm{world, asleep(table)};
  if (!world.is_root()) {
    farm.serve();
    return {};
  }
  test::TemporaryFile const file{".lag"};
  auto journal = record::Journal::create(file.path);
  Search run{farm, journal, {settings_of(table, lag), table, seed}};
  Stopwatch const clock;
  run.run({{}, [] { return false; }}, [](Search const&) {});
  auto const seconds = clock.seconds();
  double in_folds = 0;
  for (auto const& task : run.tasks()) in_folds += task.finished - task.started;
  return {seconds, in_folds / (seconds * run.farm().workers())};
}

void compare(comm::Communicator const& world, ReplayTable const& table, std::optional<int> lag,
             int seeds) {
  std::vector<double> seconds, utilisation, expected;
  for (int seed = 0; seed < seeds; ++seed) {
    auto const key = static_cast<std::uint64_t>(seed);
    auto const taken = search(world, table, lag, key);
    seconds.push_back(taken.seconds);
    utilisation.push_back(taken.utilisation);
    if (world.is_root())
      expected.push_back(
          replay({settings_of(table, lag), table, key}, table, world.size(), 20e-6).seconds);
  }
  if (!world.is_root()) return;
  fmt::print("{:>5} {:>9.2f} {:>11.1f} % {:>9.2f}\n", lag ? std::to_string(*lag) : "None",
             median(seconds), 100 * median(utilisation), median(expected));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  comm::Environment const environment{argc, argv};
  auto const world = comm::Communicator::world();
  if (argc < 2 || world.size() < 2) {
    fmt::print(stderr, "usage: mpirun -np 2 or more: bench_lag TABLE.h5 [SEEDS]\n");
    return 2;
  }
  ReplayTable const table{record::read_without_model(argv[1]), argv[1]};
  auto const seeds = argc > 2 ? std::atoi(argv[2]) : 3;
  if (world.is_root())
    fmt::print("tpe, {} trials, {} workers, medians of {} seeds\n{:>5} {:>9} {:>13} {:>9}\n",
               trials, world.size() - 1, seeds, "lag", "seconds", "utilisation", "replayed");
  for (auto const lag : {std::optional{8}, std::optional{16}, std::optional<int>{}})
    compare(world, table, lag, seeds);
  return 0;
}
