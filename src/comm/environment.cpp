#include "canopy/comm/environment.hpp"

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <sys/time.h>

#include <unistd.h>

namespace canopy::comm {
namespace {

char const* variable(char const* name) {
  return std::getenv(name);
}

/// The words of another process' command line, as the kernel shows them; empty if it cannot be
/// read.
std::vector<std::string> command_line_of(pid_t process) {
  std::ifstream file{"/proc/" + std::to_string(process) + "/cmdline", std::ios::binary};
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

std::string hostfile_of_parent() {
  auto const words = command_line_of(getppid());
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i] == "--hostfile" || words[i] == "-hostfile" || words[i] == "--machinefile" ||
        words[i] == "-machinefile")
      return words[i + 1];
  return "";
}

}  // namespace

Environment::Prepare::Prepare() {
  setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  setenv("OMPI_MCA_osc", "^ucx", 0);
  setenv("OMPI_MCA_mtl", "^ofi", 0);  // over libfabric a message to a lost process spins for ever
  // A process alone would start a daemon to start others by: a quarter of a short command's time.
  if (auto const how = launch(); !how.by_mpirun && !how.by_srun)
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
}

Environment::Environment(int& argc, char**& argv)
    : mpi_{argc, argv, boost::mpi::threading::funneled, false} {}

void Environment::abort(int exit_status) {
  boost::mpi::environment::abort(exit_status);
  std::abort();
}

void Environment::leave(int exit_status) {
  std::fflush(nullptr);
  _exit(exit_status);
}

namespace {

volatile std::sig_atomic_t status_at_deadline = 1;

void end_at_deadline(int) {
  _exit(status_at_deadline);
}

void alarm_in(double seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  timer.it_value.tv_usec = static_cast<suseconds_t>(std::fmod(seconds, 1.0) * 1e6);
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

void Deadline::set(double seconds, int exit_status) {
  status_at_deadline = exit_status;
  if (!set_) std::signal(SIGALRM, end_at_deadline);
  set_ = true;
  alarm_in(seconds);
}

void Deadline::call_off() {
  if (set_) alarm_in(0);
  set_ = false;
}

Launch launch() {
  Launch found;
  found.by_mpirun = variable("OMPI_COMM_WORLD_SIZE") != nullptr;
  found.by_srun = !found.by_mpirun && variable("SLURM_STEP_ID") != nullptr;
  for (auto const* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"})
    if (auto const* text = variable(name)) {
      found.rank = std::atoi(text);
      break;
    }
  if (found.by_mpirun) found.hostfile = hostfile_of_parent();
  return found;
}

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string const all{text, static_cast<std::size_t>(length)};
  return all.substr(0, all.find(','));
}

std::string host_name() {
  return boost::mpi::environment::processor_name();
}

std::vector<std::string> hosts(Communicator const& comm) {
  return comm.gather(host_name());
}

}  // namespace canopy::comm
