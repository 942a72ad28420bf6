#include <csignal>
#include <cstdlib>
#include <functional>

#include <sys/wait.h>

#include <gtest/gtest.h>
#include <unistd.h>

#include "canopy/core/signals.hpp"

namespace canopy::signals {
namespace {

/// The wait status of a child process that runs `body` and leaves with what it returns: signal
/// handlers stay out of the test program.
int in_child(std::function<int()> const& body) {
  auto const child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

bool left_with(int status, int code) {
  return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

TEST(Signals, EachSetsTheFlagAndTheProcessGoesOn) {
  for (int const signal : {SIGUSR1, SIGTERM, SIGINT}) {
    auto const status = in_child([&] {
      install();
      if (stop_requested()) return 1;
      raise(signal);
      return stop_requested() ? 0 : 2;
    });
    EXPECT_TRUE(left_with(status, 0)) << signal << " " << status;
  }
}

/// What the child does once it has a journal's descriptor and gets `signal`.
int with_descriptor(int signal, bool take_back) {
  return in_child([&] {
    install();
    char path[] = "/tmp/canopy-signals-XXXXXX";
    auto const descriptor = mkstemp(path);
    unlink(path);
    close(STDERR_FILENO);
    sync_and_leave_on_terminate(descriptor);
    if (take_back) sync_and_leave_on_terminate(-1);
    raise(signal);
    return stop_requested() ? 0 : 2;
  });
}

TEST(Signals, TerminationWithAJournalLeavesWithStatus75) {
  EXPECT_TRUE(left_with(with_descriptor(SIGTERM, false), 75));
  EXPECT_TRUE(left_with(with_descriptor(SIGINT, false), 75));
}

TEST(Signals, TheWarningSignalOnlySetsTheFlag) {
  EXPECT_TRUE(left_with(with_descriptor(SIGUSR1, false), 0));
}

TEST(Signals, ANegativeDescriptorTakesItBack) {
  EXPECT_TRUE(left_with(with_descriptor(SIGTERM, true), 0));
}

}  // namespace
}  // namespace canopy::signals
