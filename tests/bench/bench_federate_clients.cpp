// Question: what does a client cost that is registered and does nothing? Some rows of
// synthetic:mnist (1,000,000, with a test set of 200,000) dealt to 100,000 clients, 100 in a round
// of softmax: bytes per client that stay and that were needed for a moment, beside the data; and
// milliseconds of a round, median and range, and mean of the root's processor time.
//
//   build/tests/bench/bench_federate_clients [ROWS [CLIENTS]]
//   mpirun -np 2 --oversubscribe --bind-to none build/tests/bench/bench_federate_clients
//   OMPI_MCA_mpi_yield_when_idle=0 build/tests/bench/bench_federate_clients   # on a busy machine
//
// Wanted: at most 256 bytes for an idle client. Every rank makes the data for itself, for half a
// minute. The last answer stands in results/README.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

#include <malloc.h>

#include "canopy/comm/environment.hpp"

#include "federate/small_federation.hpp"

namespace {

using namespace canopy;

/// A number of bytes that Linux tells of this process: VmRSS, or VmHWM, its highest since the last
/// forget_peak().
double bytes(std::string const& name) {
  std::ifstream status{"/proc/self/status"};
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == name + ":" && status >> kilobytes) return 1024 * kilobytes;
  return 0;
}

void forget_peak() {
  std::ofstream{"/proc/self/clear_refs"} << 5;
}

/// What has been added to memory since it was made.
class Growth {
 public:
  Growth() { forget_peak(); }
  double now() const { return bytes("VmRSS") - before_; }
  double peak() const { return bytes("VmHWM") - before_; }

 private:
  double before_ = bytes("VmRSS");
};

void measure(comm::Communicator const& world, int rows, int count) {
  test::SmallFederation problem{"softmax", rows, count};
  problem.options.fraction_fit = 100.0 / count;
  problem.options.rounds = 200;
  problem.options.evaluate_every = 1000;
  problem.options.validation = federate::Validation::none;
  problem.test.clear();
  auto const data = bytes("VmRSS");

  Growth const registering;
  auto const roles = federate::make_roles(federate::Layout::flat, 1, world.size());
  auto clients = problem.clients();
  federate::Federation federation{
      world, roles, {problem.network, problem.test, clients, problem.options, Key{3}}};
  if (!world.is_root()) return federation.serve();
  auto state = federation.fresh_state();
  auto const kept = registering.now();
  auto const needed = registering.peak();

  Growth const running;
  auto const begin = std::clock();
  federation.run(std::move(state), {});
  auto const worked = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  auto const added = running.peak();
  federation.shut_down();
  std::vector<double> seconds;
  for (auto const& row : federation.state().rounds) seconds.push_back(row.real_seconds);
  std::ranges::sort(seconds);
  std::printf(
      "%d clients, %d rows, np %d: data %.0f MB; a client %.0f bytes, %.0f while it is registered, "
      "and %.0f for 200 rounds; a round %.2f ms (%.2f to %.2f), "
      "processor %.2f ms\n",
      count, rows, world.size(), data / 1e6, kept / count, needed / count, added / count,
      1e3 * seconds[seconds.size() / 2], 1e3 * seconds.front(), 1e3 * seconds.back(),
      1e3 * worked / static_cast<double>(seconds.size()));
}

}  // namespace

int main(int argc, char** argv) {
  mallopt(M_MMAP_THRESHOLD, 1 << 16);  // what is freed is given back, and what is kept shows
  comm::Environment const environment{argc, argv};
  auto const world = comm::Communicator::world();
  measure(world, argc > 1 ? std::atoi(argv[1]) : 1'000'000,
          argc > 2 ? std::atoi(argv[2]) : 100'000);
}
