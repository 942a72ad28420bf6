#include "reduce/roll_call.hpp"

#include <vector>

#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

constexpr double grace_seconds = 0.5;
constexpr int no_note = -1;

/// Along the notes, each rank once; where they go in a circle, nobody is to blame but the first.
int follow(std::vector<int> const& notes, int from) {
  auto at = from;
  for (std::size_t steps = 0; steps < notes.size(); ++steps) {
    auto const next = notes[static_cast<std::size_t>(at)];
    if (next == no_note) return at;
    at = next;
  }
  return from;
}

}  // namespace

Rank RollCall::find_lost(Rank waits_for) {
  note_ = waits_for.value;
  auto const me = comm_.rank().value;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    if (rank == me) continue;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(&note_, 1, MPI_INT, rank, tag_, comm_.mpi(), &request);
    MPI_Request_free(&request);
  }
  std::vector<int> notes(static_cast<std::size_t>(comm_.size()), no_note);
  Patience patience;
  for (Stopwatch const clock; clock.seconds() < grace_seconds; patience.rest())
    while (auto const status = comm_.mpi().iprobe(boost::mpi::any_source, tag_))
      MPI_Recv(&notes[static_cast<std::size_t>(status->source())], 1, MPI_INT, status->source(),
               tag_, comm_.mpi(), MPI_STATUS_IGNORE);
  return {follow(notes, waits_for.value)};
}

}  // namespace canopy::comm
