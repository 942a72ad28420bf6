#pragma once

/// The signals by which a cluster asks a program to stop, as a flag to look at between two steps.
namespace canopy::signals {

/// From now on SIGUSR1, SIGTERM and SIGINT set the flag instead of ending the process. Call first
/// thing in main, on every rank: launchers forward these signals to all of them.
void install();

bool stop_requested();

/// For rank 0 under mpirun, which kills everybody 1 s after SIGTERM whatever they do: on SIGTERM or
/// SIGINT the handler itself syncs this file descriptor (the journal) and ends the process with
/// status 75. A negative descriptor takes that back.
void sync_and_leave_on_terminate(int file_descriptor);

}  // namespace canopy::signals
