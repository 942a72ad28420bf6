#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "canopy/comm/collectives.hpp"
#include "canopy/comm/time_in_turns.hpp"
#include "canopy/comm/watch.hpp"
#include "canopy/core/clock.hpp"

#include "support/aside.hpp"

namespace canopy::comm {
namespace {

constexpr double timeout = 0.4;

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
}

struct Waiting {
  std::string name;
  std::function<void(Communicator const&)> act;
};

std::vector<Waiting> const waitings{
    {"barrier", [](auto& comm) { comm.barrier(); }},
    {"broadcast", [](auto& comm) { comm.broadcast(std::string{"text"}); }},
    {"gather", [](auto& comm) { comm.gather(comm.rank().value); }},
    {"together", [](auto& comm) { comm.together("step", [] {}); }},
    {"all_gather", [](auto& comm) { all_gather(comm, Bytes(5)); }},
    {"time_in_turns", [](auto& comm) { time_in_turns(comm, {[] {}}); }},
};

class Watched : public ::testing::TestWithParam<Waiting> {};

/// The root is silent until all others have named it.
TEST_P(Watched, WhoNeverComesIsNamed) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "nobody to lose";
  // MPI keeps what is never finished: the communicator stays until the end.
  static std::vector<Communicator> abandoned;
  auto const comm = abandoned.emplace_back(world.duplicate());
  Pulse pulse{world, timeout};
  test::Aside noticed{world};
  Watch const watch{comm, pulse};
  if (world.is_root()) {
    noticed.await(world.size() - 1);
  } else {
    try {
      GetParam().act(comm);
      ADD_FAILURE() << "nothing was thrown";
    } catch (LostPeer const& e) {
      EXPECT_EQ(e.peer, Communicator::root) << e.what();
    }
    noticed.come();
  }
  world.barrier();
}

TEST_P(Watched, WhoIsOnlyLateIsWaitedFor) {
  auto const world = Communicator::world();
  Pulse pulse{world, timeout};
  Watch const watch{world, pulse};
  world.barrier();
  if (world.is_root())
    for (Stopwatch const clock; clock.seconds() < 1.5 * timeout; sleep_for(0.01)) beat(world);
  EXPECT_NO_THROW(GetParam().act(world));
}

INSTANTIATE_TEST_SUITE_P(All, Watched, ::testing::ValuesIn(waitings),
                         [](auto const& waiting) { return waiting.param.name; });

TEST(Watch, WorkThatCannotBeatIsWaitedForAndMayFail) {
  auto const world = Communicator::world();
  Pulse pulse{world, timeout};
  Watch const watch{world, pulse};
  auto const write = [] {
    sleep_for(1.5 * timeout);
    throw UserError{"the disk is full"};
  };
  try {
    world.together("write", [&] {
      if (world.is_root()) beat_meanwhile(world, write);
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (UserError const& e) {
    EXPECT_STREQ(e.what(), "the disk is full");
  }
}

TEST(Watch, AfterItNobodyIsWatched) {
  auto const comm = Communicator::world().duplicate();
  std::thread::id worker;
  auto const work = [&] { worker = std::this_thread::get_id(); };
  {
    Pulse pulse{comm, timeout};
    Watch const watch{comm, pulse};
    beat_meanwhile(comm, work);
    EXPECT_NE(worker, std::this_thread::get_id());
    beat_meanwhile(comm.duplicate(), work);
    EXPECT_EQ(worker, std::this_thread::get_id()) << "a duplicate is not watched";
  }
  beat_meanwhile(comm, work);
  EXPECT_EQ(worker, std::this_thread::get_id());
}

}  // namespace
}  // namespace canopy::comm
