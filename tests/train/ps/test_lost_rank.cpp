#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "canopy/core/clock.hpp"

#include "ps/parameter_server.hpp"
#include "train/ps/points.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::Points;

/// One rank stops taking part; those that wait for it must find out, in time, and name it.
/// Gives the strategy back: what was not received must not meet a communicator that comes after.
/// `aside` is watched by no strategy: a rank that waits there gives no signs of life.
std::unique_ptr<Strategy> expect_loss_is_noticed(Points const& points, comm::Rank lost,
                                                 Communicator const& aside) {
  constexpr double timeout = 0.6;
  auto const world = Communicator::world();
  auto strategy = make_parameter_server(points.assignment(world), timeout);
  points.initialise(*strategy);
  strategy->perform(points.update(1));
  world.barrier();  // nobody has run ahead
  Stopwatch const clock;
  int blamed = -1;
  if (world.rank() != lost) try {
      for (int number = 2; number < 100; ++number) strategy->perform(points.update(number));
    } catch (comm::LostPeer const& e) {
      blamed = e.peer.value;
      EXPECT_LT(clock.seconds(), 50 * timeout);
    }
  auto const all = aside.gather(blamed);
  if (!world.is_root()) return strategy;
  auto const workers = world.size() - points.options.servers;
  for (int rank = 0; rank < world.size(); ++rank) {
    if (rank == lost.value) continue;
    auto const waits_for_it = (rank < workers) != (lost.value < workers);
    if (waits_for_it) {
      EXPECT_EQ(all[static_cast<std::size_t>(rank)], lost.value) << "rank " << rank;
    } else if (points.options.staleness != "inf") {
      EXPECT_NE(all[static_cast<std::size_t>(rank)], -1) << "rank " << rank << " did not end";
    }
  }
  return strategy;
}

TEST(LostRank, IsNamedByThoseThatWaitForIt) {
  auto const world = Communicator::world();
  if (world.size() == 1) GTEST_SKIP() << "no rank to serve";
  auto const aside = world.duplicate();
  std::vector<std::unique_ptr<Strategy>> kept;
  for (auto const* staleness : {"0", "1", "inf"}) {
    SCOPED_TRACE(staleness);
    Points points;
    points.options.staleness = staleness;
    points.options.servers = world.size() > 3 ? 2 : 1;
    kept.push_back(expect_loss_is_noticed(points, {world.size() - 1}, aside));
    aside.barrier();
    kept.push_back(expect_loss_is_noticed(points, {0}, aside));
    aside.barrier();
  }
}

}  // namespace
}  // namespace canopy::train
