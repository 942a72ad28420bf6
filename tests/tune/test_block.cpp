#include <algorithm>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

#include "canopy/tune/block.hpp"

namespace canopy::tune {
namespace {

using comm::Communicator;

/// What a task of these tests tells: its fold, and how many ranks worked on it.
using Told = std::pair<int, int>;

Task fold(int number, int ranks) {
  Task task;
  task.fold = number;
  task.ranks = ranks;
  return task;
}

Task several(int count, int ranks) {
  Task task{Task::Kind::several};
  for (int i = 0; i < count; ++i) task.parts.push_back(fold(i, ranks));
  return task;
}

/// Collective. The leaders call `lead`, and the others follow.
template <class Lead>
void with_blocks(int ranks, Lead lead) {
  auto const world = Communicator::world();
  Block block{world, ranks};
  EXPECT_EQ(block.size(), std::clamp(ranks, 1, std::max(1, world.size() - 1)));
  Block::Work const work = [&](Task const& task, StopToken const& stop) {
    if (task.fold < 0) throw std::runtime_error{"cannot"};
    block.team().barrier();  // hangs unless all of the team are here
    throw_if_stopped([&] { return block.team().broadcast(stop && stop()); });
    return to_bytes(Told{task.fold, block.team().size()});
  };
  if (!block.farm()) return block.follow(work);
  auto const workers = world.size() == 1 ? 1 : (world.size() - 2) / block.size() + 1;
  EXPECT_EQ(block.farm()->size(), world.size() == 1 ? 1 : 1 + workers);
  if (!world.is_root() || world.size() == 1)
    lead([&](Task const& task, StopToken const& stop = {}) { return block.lead(task, stop, work); },
         block);
  block.dismiss();
}

TEST(Block, RegroupsFromTaskToTask) {
  with_blocks(4, [](auto lead, Block const& block) {
    EXPECT_EQ(from_bytes<Told>(lead(fold(3, 1))), (Told{3, 1}));
    auto const whole = from_bytes<Told>(lead(fold(4, 0))).second;
    EXPECT_LE(whole, block.size());
    EXPECT_EQ(from_bytes<Told>(lead(fold(5, 2))), (Told{5, std::min(2, whole)}));
    EXPECT_EQ(from_bytes<Told>(lead(fold(6, 9))), (Told{6, whole}));
    EXPECT_EQ(from_bytes<Told>(lead(fold(7, 1))), (Told{7, 1}));
  });
}

TEST(Block, PerformsSeveralTasksSideBySide) {
  with_blocks(4, [](auto lead, Block const&) {
    auto const whole = from_bytes<Told>(lead(fold(0, 0))).second;
    for (int const ranks : {1, 2, 3})
      for (int const count : {1, 3, 4, 7}) {
        auto const outcomes = from_bytes<std::vector<Outcome>>(lead(several(count, ranks)));
        ASSERT_EQ(std::ssize(outcomes), count);
        for (int i = 0; i < count; ++i) {
          auto const& outcome = outcomes[static_cast<std::size_t>(i)];
          EXPECT_EQ(outcome.error, "");
          EXPECT_EQ(from_bytes<Told>(outcome.result), (Told{i, std::min(ranks, whole)}));
        }
      }
  });
}

TEST(Block, TellsWhatFailedAndWhere) {
  with_blocks(2, [](auto lead, Block const&) {
    auto task = several(3, 1);
    task.parts[1].fold = -1;
    auto const outcomes = from_bytes<std::vector<Outcome>>(lead(task));
    EXPECT_EQ(outcomes[0].error, "");
    EXPECT_EQ(outcomes[1].error, "cannot");
    EXPECT_EQ(outcomes[2].error, "");
    auto const first = Communicator::world().rank().value;
    EXPECT_EQ(outcomes[0].rank, first);
    EXPECT_LE(outcomes[1].rank, first + 1);
    EXPECT_THROW(lead(fold(-1, 2)), std::runtime_error);
  });
}

TEST(Block, GivesUpWhenAskedAndGoesOn) {
  with_blocks(2, [](auto lead, Block const&) {
    EXPECT_THROW(lead(several(2, 1), [] { return true; }), Stopped);
    EXPECT_THROW(lead(fold(1, 2), [] { return true; }), Stopped);
    EXPECT_EQ(from_bytes<Told>(lead(fold(2, 1))).first, 2);
  });
}

}  // namespace
}  // namespace canopy::tune
