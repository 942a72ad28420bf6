#include "canopy/comm/time_in_turns.hpp"

#include <algorithm>

#include "canopy/core/clock.hpp"

#include "watched.hpp"

namespace canopy::comm {
namespace {

constexpr int least_rounds = 2;
constexpr int most_rounds = 9;
constexpr double enough_seconds = 1.0 / 7;
constexpr double long_seconds = 1;

double time_once(Communicator const& comm, std::function<void()> const& work) {
  comm.barrier();
  Stopwatch const clock;
  work();
  auto seconds = clock.seconds();
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, comm.mpi(), &request);
  finish(comm, request, "times of all");
  return seconds;
}

Timing timing_of(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  return {seconds.front(), seconds[(seconds.size() - 1) / 2]};
}

}  // namespace

std::vector<Timing> time_in_turns(Communicator const& comm,
                                  std::vector<std::function<void()>> const& works) {
  double spent = 0;
  std::vector<std::vector<double>> seconds(works.size());
  auto const take_turns = [&] {
    for (std::size_t i = 0; i < works.size(); ++i) {
      seconds[i].push_back(time_once(comm, works[i]));
      spent += seconds[i].back();
    }
  };
  take_turns();
  // All ranks know the same times, and so stop after the same round.
  if (spent < long_seconds) {
    for (auto& of_work : seconds) of_work.clear();
    for (int round = 0; round < most_rounds && (round < least_rounds || spent < enough_seconds);
         ++round)
      take_turns();
  }
  std::vector<Timing> timings;
  for (auto& of_work : seconds) timings.push_back(timing_of(std::move(of_work)));
  return timings;
}

}  // namespace canopy::comm
