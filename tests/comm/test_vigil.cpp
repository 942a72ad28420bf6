#include <chrono>
#include <thread>

#include <sys/wait.h>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "canopy/comm/environment.hpp"
#include "canopy/comm/vigil.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// A process that does nothing, without MPI.
struct Child {
  Child() : number{fork()} {
    if (number == 0)
      while (true) pause();
  }
  ~Child() { end(); }
  void end() {
    if (number > 0) kill(number, SIGKILL), waitpid(number, nullptr, 0);
    number = 0;
  }
  pid_t number;
};

TEST(ProcessWatch, SeesTheEndOfAProcessOfThisMachine) {
  Child child;
  ProcessWatch const watch{{this_process().machine, child.number}};
  if (!watch.sees()) GTEST_SKIP() << "the kernel is older than Linux 5.3";
  EXPECT_FALSE(watch.has_ended());
  kill(child.number, SIGKILL);
  for (int i = 0; i < 500 && !watch.has_ended(); ++i) sleep_seconds(0.01);
  EXPECT_TRUE(watch.has_ended()) << "also before anybody has waited for it";
  child.end();
  EXPECT_TRUE(watch.has_ended());
}

TEST(ProcessWatch, KnowsNothingOfOtherMachines) {
  for (auto const& elsewhere : {ProcessName{"other", getpid()}, ProcessName{"", getpid()}}) {
    ProcessWatch const watch{elsewhere};
    EXPECT_FALSE(watch.sees());
    EXPECT_FALSE(watch.has_ended());
  }
}

TEST(Vigil, TellsWhoIsSilentFromWhoIsHeard) {
  auto const world = Communicator::world();
  Vigil vigil{world, 0.2};
  for (Stopwatch const clock; clock.seconds() < 0.4; sleep_seconds(0.01)) {
    EXPECT_FALSE(vigil.why_lost({0}).has_value());
    vigil.heard({0});
    if (world.size() > 1) vigil.why_lost({1});
  }
  if (world.size() > 1) {
    EXPECT_EQ(vigil.why_lost({1}).value(), "nothing was heard of it for 0.2 s");
    vigil.allow({1}, 10);
    EXPECT_FALSE(vigil.why_lost({1}).has_value());
  }
  world.barrier();
}

TEST(Vigil, TimeInWhichNobodyLookedDoesNotCount) {
  auto const world = Communicator::world();
  Vigil vigil{world, 1.2};
  vigil.why_lost({0});
  sleep_seconds(1.5);
  EXPECT_FALSE(vigil.why_lost({0}).has_value());
  world.barrier();
}

TEST(Deadline, EndsTheProcessUnlessCalledOff) {
  auto const status_of = [](auto const& life) {
    auto const child = fork();
    if (child == 0) life(), _exit(0);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  EXPECT_EQ(status_of([] {
              Deadline deadline;
              deadline.set(0.05, 7);
              while (true) continue;
            }),
            7);
  EXPECT_EQ(status_of([] {
              {
                Deadline deadline;
                deadline.set(0.05, 7);
                deadline.set(0.1, 8);
              }
              sleep_seconds(0.3);
            }),
            0);
}

}  // namespace
}  // namespace canopy::comm
