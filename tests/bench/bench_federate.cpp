// Question: what does a round of a federation cost beside the training? With clients that do no
// step, a model of 199,210 parameters and layout fedn or flat: real milliseconds of a round, median
// and range; and the same for softmax with 100,000 registered clients.
//
//   mpirun -np 4 --oversubscribe --bind-to none build/tests/bench/bench_federate
//
// Wanted: at most 5 ms at np 4 on one machine. The last answer stands in results/README.md.
#include <algorithm>
#include <cstdio>
#include <string>

#include "canopy/comm/environment.hpp"

#include "federate/small_federation.hpp"

namespace {

using namespace canopy;

/// Real seconds of each round, ascending.
std::vector<double> round_seconds(comm::Communicator const& world, test::SmallFederation& problem) {
  auto const state = problem.run(world);
  std::vector<double> seconds;
  for (auto const& row : state.rounds) seconds.push_back(row.real_seconds);
  std::ranges::sort(seconds);
  return seconds;
}

test::SmallFederation without_training(std::string const& model, int rows, int clients) {
  test::SmallFederation problem{model, rows, clients};
  problem.options.local.local_epochs = 0;
  problem.options.rounds = 200;
  problem.options.evaluate_every = 1000;
  problem.options.validation = federate::Validation::none;
  problem.test.clear();
  return problem;
}

void empty_rounds(comm::Communicator const& world, char const* name, federate::Layout layout) {
  auto problem = without_training("mlp:200-200", 100, 2);
  problem.options.layout = layout;
  problem.options.fraction_fit = 1;
  auto const seconds = round_seconds(world, problem);
  if (!world.is_root()) return;
  std::printf("empty round, %zu parameters, layout %s, np %d: median %.2f ms (%.2f to %.2f)\n",
              problem.network.parameters(), name, world.size(), 1e3 * seconds[seconds.size() / 2],
              1e3 * seconds.front(), 1e3 * seconds.back());
}

void many_clients(comm::Communicator const& world) {
  auto problem = without_training("softmax", 100'000, 100'000);
  problem.options.fraction_fit = 0.001;
  auto const seconds = round_seconds(world, problem);
  if (!world.is_root()) return;
  std::printf("100,000 clients, 100 in a round, np %d: median %.2f ms\n", world.size(),
              1e3 * seconds[seconds.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  comm::Environment const environment{argc, argv};
  federate::keep_freed_memory();
  auto const world = comm::Communicator::world();
  empty_rounds(world, "fedn", federate::Layout::fedn);
  empty_rounds(world, "flat", federate::Layout::flat);
  many_clients(world);
}
