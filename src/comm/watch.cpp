#include "canopy/comm/watch.hpp"

#include <chrono>
#include <future>

#include "mpi_requests.hpp"
#include "watched.hpp"

namespace canopy::comm {
namespace {

/// By which MPI keeps the pulse with the communicator, so that all copies find it. Duplicates do
/// not inherit it.
int key() {
  static int const made = [] {
    int key = MPI_KEYVAL_INVALID;
    MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN, &key, nullptr);
    return key;
  }();
  return made;
}

Pulse* pulse_of(Communicator const& comm) {
  void* pulse = nullptr;
  int is_watched = 0;
  MPI_Comm_get_attr(comm.mpi(), key(), &pulse, &is_watched);
  return is_watched != 0 ? static_cast<Pulse*>(pulse) : nullptr;
}

}  // namespace

Watch::Watch(Communicator const& comm, Pulse& pulse) : comm_{comm}, pulse_{pulse} {
  MPI_Comm_set_attr(comm_.mpi(), key(), &pulse_);
}

Watch::~Watch() {
  if (pulse_of(comm_) == &pulse_) MPI_Comm_delete_attr(comm_.mpi(), key());
}

void beat(Communicator const& comm) {
  if (auto* const pulse = pulse_of(comm)) pulse->beat();
}

void beat_meanwhile(Communicator const& comm, std::function<void()> const& work) {
  auto* const pulse = pulse_of(comm);
  if (pulse == nullptr) return work();
  constexpr std::chrono::milliseconds look_again{100};
  auto done = std::async(std::launch::async, work);
  while (done.wait_for(look_again) != std::future_status::ready) pulse->beat();
  done.get();
}

void finish(Communicator const& comm, MPI_Request& request, std::string_view awaited) {
  if (auto* const pulse = pulse_of(comm))
    pulse->wait_until([&] { return is_done(request); }, awaited);
  else
    BOOST_MPI_CHECK_RESULT(MPI_Wait, (&request, MPI_STATUS_IGNORE));
}

}  // namespace canopy::comm
