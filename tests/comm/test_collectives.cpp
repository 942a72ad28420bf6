#include <numeric>

#include <gtest/gtest.h>

#include "canopy/comm/collectives.hpp"

namespace canopy::comm {
namespace {

Bytes message(int from, int to, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(31 * from + 7 * to + static_cast<int>(i % 101));
  return bytes;
}

TEST(SumInPlace, AddsUpOverAllRanks) {
  auto const world = Communicator::world();
  auto const ranks = static_cast<std::uint32_t>(world.size());
  auto const me = static_cast<std::uint32_t>(world.rank().value);
  std::vector<std::uint32_t> numbers(100'000);
  for (std::uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = i * (me + 1);
  sum_in_place(world, numbers);
  for (std::uint32_t i = 0; i < numbers.size(); ++i)
    ASSERT_EQ(numbers[i], i * ranks * (ranks + 1) / 2);
  sum_in_place(world, {});
}

TEST(AllToAll, DeliversToEachItsOwn) {
  auto const world = Communicator::world();
  auto const me = world.rank().value;
  // Sizes differ by pair, some are 0, and some too large for a message that is sent at once.
  auto const size = [](int from, int to) {
    return static_cast<std::size_t>(((from * 3 + to) % 4) * 40'000);
  };
  std::vector<Bytes> to;
  for (int r = 0; r < world.size(); ++r) to.push_back(message(me, r, size(me, r)));
  auto const received = all_to_all(world, to);
  ASSERT_EQ(received.size(), to.size());
  for (int r = 0; r < world.size(); ++r)
    EXPECT_EQ(received[static_cast<std::size_t>(r)], message(r, me, size(r, me)));
}

TEST(AllGather, GivesEverybodyAll) {
  auto const world = Communicator::world();
  auto const size = [](int rank) { return static_cast<std::size_t>(rank % 3) * 50'000; };
  auto const me = world.rank().value;
  auto const all = all_gather(world, message(me, 0, size(me)));
  ASSERT_EQ(std::ssize(all), world.size());
  for (int r = 0; r < world.size(); ++r)
    EXPECT_EQ(all[static_cast<std::size_t>(r)], message(r, 0, size(r)));
}

TEST(Scatter, GivesEachItsOwn) {
  auto const world = Communicator::world();
  auto const size = [](int rank) { return static_cast<std::size_t>(rank % 3) * 50'000; };
  std::vector<int> made;
  auto const mine = scatter(world, [&](int rank) {
    made.push_back(rank);
    return message(0, rank, size(rank));
  });
  EXPECT_EQ(mine, message(0, world.rank().value, size(world.rank().value)));
  EXPECT_EQ(std::ssize(made), world.is_root() ? world.size() : 0);
}

}  // namespace
}  // namespace canopy::comm
