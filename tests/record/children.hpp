#pragma once

#include <csignal>
#include <stdexcept>

#include <sys/resource.h>
#include <sys/wait.h>

#include <unistd.h>

namespace canopy::record {

/// Runs `action` in a forked child and returns its status, as waitpid gives it.
template <class Action>
int status_of_child(Action action) {
  auto const child = ::fork();
  if (child < 0) throw std::runtime_error{"cannot fork"};
  if (child == 0) {
    action();
    ::_exit(99);  // the action is to end the child itself
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

/// Makes this process run out of disk: no file may grow beyond `bytes`.
inline void limit_file_size(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit const limit{bytes, RLIM_INFINITY};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace canopy::record
