// Question: how much of the time that a search takes is the work itself? This is what one would write
// by hand: every rank takes each n-th fold, and all are done when the slowest is. No coordinator, no
// journal, nothing survives.
//
//   mpirun -np N --hostfile HOSTS build/tests/bench/bench_static_loop --config jobs/tune-forest-cover.toml
//
// Prints the seconds of the search and how busy the ranks were. The answer stands in results/scaling.md.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "canopy/app/distributed.hpp"
#include "canopy/app/tune.hpp"
#include "canopy/comm/collectives.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/tune/plan.hpp"
#include "canopy/tune/workbench.hpp"

namespace {

using namespace canopy;

tune::Workbench make_bench(app::TuneSettings const& settings) {
  auto const loaded = data::load(settings.source, settings.common.seed);
  data::Rows rows(loaded.train.rows());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i);
  return {{data::EncodedTable::encode(loaded.train), loaded.train.class_names,
           loaded.train.feature_names, settings.search.scoring},
          std::move(rows), settings.search, settings.common.seed};
}

/// All folds of a search that asks for no outcome, in the order of trials.
std::vector<tune::Task> folds_of(app::TuneSettings const& settings, tune::Workbench const& bench) {
  tune::SearchPlan plan{settings.search, bench.learner(), settings.common.seed};
  if (!plan.decides_at_once())
    throw UserError{"a static loop cannot look at outcomes: use a search that does not"};
  std::vector<tune::Task> tasks;
  for (auto const& fold : plan.advance())
    tasks.push_back({.configuration = plan.configuration(fold), .fold = fold.fold});
  return tasks;
}

double seconds_of_mine(comm::Communicator const& world, tune::Workbench const& bench,
                       std::vector<tune::Task> const& tasks) {
  Stopwatch const clock;
  for (auto i = static_cast<std::size_t>(world.rank().value); i < tasks.size();
       i += static_cast<std::size_t>(world.size()))
    bench.work(tasks[i], {});
  return clock.seconds();
}

void report(std::vector<Bytes> const& gathered, std::size_t tasks) {
  double slowest = 0, sum = 0;
  for (auto const& bytes : gathered) {
    auto const seconds = from_bytes<double>(bytes);
    slowest = std::max(slowest, seconds);
    sum += seconds;
  }
  auto const ranks = static_cast<double>(gathered.size());
  fmt::print("{} ranks, {} folds: {:.2f} s, busy {:.3f}\n", gathered.size(), tasks, slowest,
             sum / ranks / slowest);
}

int run(comm::Communicator const& world, std::span<std::string const> words) {
  app::TuneSettings settings;
  if (!app::read_settings(world, "tune", "", settings, words)) return 0;
  auto const bench = make_bench(settings);
  auto const tasks = folds_of(settings, bench);
  world.barrier();
  auto const mine = seconds_of_mine(world, bench, tasks);
  auto const gathered = comm::all_gather(world, to_bytes(mine));
  if (world.is_root()) report(gathered, tasks.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> const words{argv + 1, argv + argc};
  comm::Environment const environment{argc, argv};
  try {
    return run(comm::Communicator::world(), words);
  } catch (std::exception const& e) {
    fmt::print(stderr, "bench_static_loop: {}\n", e.what());
    return 1;
  }
}
