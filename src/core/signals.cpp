#include "canopy/core/signals.hpp"

#include <atomic>
#include <csignal>
#include <initializer_list>

#include <unistd.h>

#include "canopy/core/error.hpp"

namespace canopy::signals {
namespace {

std::atomic<bool> requested{false};
std::atomic<int> journal{-1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

/// Only async-signal-safe calls here.
void handle(int signal) {
  requested = true;
  auto const descriptor = journal.load();
  if (signal == SIGUSR1 || descriptor < 0) return;
  fsync(descriptor);
  constexpr char text[] = "canopy: stopped; everything finished is saved, go on with --resume\n";
  [[maybe_unused]] auto const written = write(STDERR_FILENO, text, sizeof text - 1);
  _exit(static_cast<int>(ExitCode::interrupted));
}

}  // namespace

void install() {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  for (int const signal : {SIGUSR1, SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
}

bool stop_requested() {
  return requested;
}

void sync_and_leave_on_terminate(int file_descriptor) {
  journal = file_descriptor;
}

}  // namespace canopy::signals
