#include <chrono>
#include <thread>

#include <sys/wait.h>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "canopy/comm/process_watch.hpp"

namespace canopy::comm {
namespace {

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
  for (int i = 0; i < 500 && !watch.has_ended(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
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

TEST(ProcessWatch, WatchesOnWhenItIsMoved) {
  Child child;
  ProcessWatch first{{this_process().machine, child.number}};
  if (!first.sees()) GTEST_SKIP() << "the kernel is older than Linux 5.3";
  ProcessWatch const second{std::move(first)};
  EXPECT_TRUE(second.sees());
  child.end();
  EXPECT_TRUE(second.has_ended());
}

}  // namespace
}  // namespace canopy::comm
