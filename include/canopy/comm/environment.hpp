#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/mpi/environment.hpp>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// MPI from start to end: the first thing a distributed command makes and the last it lets go.
class Environment {
 public:
  /// Starts MPI (MPI_THREAD_FUNNELED). Open MPI is told to yield the processor while it waits, and
  /// not to make windows by UCX, which 4.1 prefers and then fails at over TCP.
  Environment(int& argc, char**& argv);

  /// Ends every process of the job. For what nobody can mend: other ranks may be anywhere.
  [[noreturn]] static void abort(int exit_status);

  /// Ends this process alone, without MPI's part: after the loss of a rank that would never return.
  [[noreturn]] static void leave(int exit_status);

 private:
  /// Runs before MPI starts, as Open MPI reads its settings only then.
  struct Prepare {
    Prepare();
  } prepare_;
  boost::mpi::environment mpi_;
};

/// A time by which this process is to have ended or to have called this off: else the kernel ends
/// it, whatever it hangs in. There is one for the whole process; the newest counts. Where steps
/// that all ranks do together must not hang because one was lost in the midst of them.
class Deadline {
 public:
  Deadline() = default;
  Deadline(Deadline const&) = delete;
  Deadline& operator=(Deadline const&) = delete;
  ~Deadline() { call_off(); }

  /// From now. `exit_status` is what the process then ends with.
  void set(double seconds, int exit_status);
  void call_off();

 private:
  bool set_ = false;
};

/// What started this process, as its variables tell; needs no MPI.
struct Launch {
  bool by_mpirun = false;  ///< signals to mpirun arrive as DESIGN says; else srun or nobody
  bool by_srun = false;
  int rank = 0;          ///< place in the job, 0 when alone
  std::string hostfile;  ///< what was given to mpirun, if that can be told
};
Launch launch();

std::string mpi_version();
std::string host_name();

/// Collective. The host of every rank, on the root.
std::vector<std::string> hosts(Communicator const& comm);

}  // namespace canopy::comm
