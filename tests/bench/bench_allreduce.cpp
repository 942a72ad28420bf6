// Question: how near to the wire are the sums of gradients? The least any all-reduce can take over
// links of beta bytes per second, full duplex, is 2 (p-1)/p n / beta (Patarasuk & Yuan, 2009).
// Measured are MPI_Allreduce in place, and every choice and order of ours, on one bucket.
//
//   mpirun -np 3 ... build/tests/bench/bench_allreduce [--megabytes 4.8] [--beta BYTES_PER_SECOND]
//
// Without --beta it is measured, from rank 0 to rank 1. Over shaped links tests/cluster/
// allreduce_links.sh runs it. The last answer stands in results/README.md; over 1 Gb/s links, of
// 4.8 MB, best of nine runs: own free 101, 97, 99 % and own tree 99, 56, 98 % of the wire at p = 2,
// 3, 4 (a shaped link lets the first 128 kB through at once, so 100 % can be passed).
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "canopy/comm/environment.hpp"
#include "canopy/comm/reduce/reduction.hpp"
#include "canopy/core/clock.hpp"

namespace {

using namespace canopy;

constexpr int leaves = 16;
constexpr int repeats = 9;

/// Seconds of the slowest rank, of each of some runs but the first, from the least on.
template <class Work>
std::vector<double> sorted_seconds(comm::Communicator const& world, Work work) {
  std::vector<double> all;
  for (int run = 0; run <= repeats; ++run) {
    world.barrier();
    Stopwatch const clock;
    work();
    auto seconds = clock.seconds();
    MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, world.mpi());
    if (run > 0) all.push_back(seconds);
  }
  std::ranges::sort(all);
  return all;
}

/// Bytes per second from rank 0 to rank 1, at best. (One way: both ways at once Open MPI sometimes
/// takes turns.)
double measure_beta(comm::Communicator const& world) {
  constexpr int floats = 4'000'000;
  std::vector<float> numbers(floats);
  auto const seconds = sorted_seconds(world, [&] {
    if (world.rank().value == 0)
      MPI_Send(numbers.data(), floats, MPI_FLOAT, 1, 0, world.mpi());
    else if (world.rank().value == 1)
      MPI_Recv(numbers.data(), floats, MPI_FLOAT, 0, 0, world.mpi(), MPI_STATUS_IGNORE);
  });
  return floats * sizeof(float) / seconds.front();
}

class Bench {
 public:
  Bench(comm::Communicator const& world, std::size_t size, double beta)
      : world_{world}, size_{size} {
    auto const p = static_cast<double>(world.size());
    bound_ = 2 * (p - 1) / p * static_cast<double>(size * sizeof(float)) / beta;
    print("p = %d, %.2f MB, beta = %.1f MB/s: the wire needs %.1f ms\n", world.size(),
          static_cast<double>(size * sizeof(float)) / 1e6, beta / 1e6, 1e3 * bound_);
  }

  void plain() {
    std::vector<float> floats(size_);
    report("MPI_Allreduce in place",
           sorted_seconds(world_,
                          [&] {
                            MPI_Allreduce(MPI_IN_PLACE, floats.data(), static_cast<int>(size_),
                                          MPI_FLOAT, MPI_SUM, world_.mpi());
                          }),
           1);
  }

  void reduction(char const* choice, comm::Order order, comm::Wire wire, std::size_t buckets,
                 std::size_t chunk_bytes) {
    comm::PartialSums const sums{order, leaves, world_.size(), world_.rank().value, size_};
    comm::ReductionPlan plan;
    plan.order = order;
    plan.wire = wire;
    plan.leaves = leaves;
    plan.sums = sums.sums();
    plan.chunk_bytes = chunk_bytes;
    for (std::size_t i = 0; i < buckets; ++i)
      plan.buckets.push_back(
          comm::slice_of({0, size_}, static_cast<int>(buckets), static_cast<int>(i)));
    auto const reduction = comm::reductions().make(choice, world_, plan);
    auto const seconds = sorted_seconds(world_, [&] {
      for (std::size_t i = 0; i < buckets; ++i) reduction->start(i);
      reduction->wait();
    });
    auto const name = reduction->description() + ", " + std::to_string(buckets) + " bucket(s)";
    report(name.c_str(), seconds, wire == comm::Wire::fp16 ? 0.5 : 1);
  }

 private:
  template <class... Values>
  void print(char const* format, Values... values) const {
    if (world_.is_root()) std::printf(format, values...);
    std::fflush(stdout);
  }

  /// The median and the best run, the latter for busy machines. `share` of the bytes travels.
  void report(char const* name, std::vector<double> const& seconds, double share) const {
    auto const middle = seconds[repeats / 2];
    auto const best = seconds.front();
    print("  %-50s %7.2f ms %5.1f %% of the wire; best %7.2f ms %5.1f %%\n", name, 1e3 * middle,
          100 * bound_ * share / middle, 1e3 * best, 100 * bound_ * share / best);
  }

  comm::Communicator const& world_;
  std::size_t size_;
  double bound_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  comm::Environment const environment{argc, argv};
  auto const world = comm::Communicator::world();
  std::map<std::string, double> settings{{"--megabytes", 4.8}, {"--beta", 0}, {"--chunk", 0}};
  for (int i = 1; i + 1 < argc; i += 2) settings.at(argv[i]) = std::stod(argv[i + 1]);
  if (world.size() == 1) {
    std::printf("one rank sends nothing: start it with mpirun -np 2 or more\n");
    return 2;
  }
  auto const size = static_cast<std::size_t>(settings["--megabytes"] * 1e6 / sizeof(float));
  auto const beta = settings["--beta"] > 0 ? settings["--beta"] : measure_beta(world);
  auto const chunk = static_cast<std::size_t>(settings["--chunk"]);
  Bench bench{world, size, beta};
  bench.plain();
  for (auto const order : {comm::Order::free, comm::Order::tree})
    for (auto const* choice : {"mpi", "own"})
      bench.reduction(choice, order, comm::Wire::fp32, 1, chunk);
  for (auto const* choice : {"mpi", "own"})
    bench.reduction(choice, comm::Order::tree, comm::Wire::fp16, 1, chunk);
  bench.reduction("own", comm::Order::tree, comm::Wire::fp32, 8, chunk);
  bench.reduction("auto", comm::Order::tree, comm::Wire::fp32, 8, chunk);
  return 0;
}
