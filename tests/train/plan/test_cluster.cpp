#include <gtest/gtest.h>

#include "canopy/train/plan/cluster.hpp"

namespace canopy::train {
namespace {

constexpr double alpha = 1e-5;
constexpr double beta = 1e-8;
constexpr double gamma = 1e-10;
constexpr double megabyte = 1e6;

/// One rank per machine, all links alike.
Cluster flat() {
  Cluster cluster;
  cluster.between = {{alpha, beta}, {alpha, beta}};
  cluster.within = {{alpha, beta}, {alpha, beta}};
  cluster.add_per_byte = gamma;
  return cluster;
}

/// So many ranks per machine; messages between machines take ten times as long per byte.
Cluster two_levels(int ranks_per_node) {
  auto cluster = flat();
  cluster.between = {{10 * alpha, 10 * beta}, {10 * alpha, 10 * beta}};
  cluster.ranks_per_node = ranks_per_node;
  return cluster;
}

TEST(Ring, TakesTwoPMinusOneMessagesOfAPthPart) {
  for (double p = 2; p <= 64; p += 3) {
    auto const sum = ring_seconds(flat(), {static_cast<int>(p), 1}, megabyte);
    EXPECT_NEAR(sum.wire, 2 * (p - 1) / p * megabyte * beta + 2 * (p - 1) * alpha, 1e-12);
    EXPECT_NEAR(sum.adds, (p - 1) / p * megabyte * gamma, 1e-15);
  }
}

TEST(HalvingDoubling, TakesTheBytesOfTheRingAndLogTwoOfItsMessages) {
  double rounds = 1;
  for (double p = 2; p <= 64; p *= 2, ++rounds) {
    auto const sum = halving_doubling_seconds(flat(), {static_cast<int>(p), 1}, megabyte);
    EXPECT_NEAR(sum.wire, 2 * (p - 1) / p * megabyte * beta + 2 * rounds * alpha, 1e-12);
    EXPECT_NEAR(sum.adds, (p - 1) / p * megabyte * gamma, 1e-15);
  }
}

TEST(PartialSums, TakeTheirNumberAndTheTotal) {
  // 16 leaves on 3 ranks: 0-4 is {0-3}{4}, 5-9 is {5}{6-7}{8-9}, 10-15 is {10-11}{12-15}: 3 at
  // most.
  auto const sum = partial_sums_seconds(flat(), {3, 1}, megabyte, 16);
  EXPECT_NEAR(sum.wire, 4 * 2.0 / 3 * megabyte * beta + 4 * alpha, 1e-12);
  EXPECT_NEAR(sum.adds, 6.0 / 3 * megabyte * gamma, 1e-15);
}

TEST(AllReduce, IsWhatTheProgramDoes) {
  auto const seconds = [](int p, comm::Order order) {
    return all_reduce_seconds(flat(), {p, 1}, megabyte, order, 16).total();
  };
  EXPECT_EQ(seconds(1, comm::Order::tree), 0);
  EXPECT_EQ(seconds(1, comm::Order::free), 0);
  for (auto const order : {comm::Order::tree, comm::Order::free})
    EXPECT_EQ(seconds(4, order), halving_doubling_seconds(flat(), {4, 1}, megabyte).total());
  EXPECT_EQ(seconds(6, comm::Order::free), ring_seconds(flat(), {6, 1}, megabyte).total());
  EXPECT_EQ(seconds(6, comm::Order::tree),
            partial_sums_seconds(flat(), {6, 1}, megabyte, 16).total());
}

TEST(AllReduce, TakesLongerForMoreBytesAndMoreRanks) {
  for (auto const order : {comm::Order::tree, comm::Order::free}) {
    double fewer = 0;
    for (int p = 1; p <= 16; p *= 2) {
      auto const seconds = all_reduce_seconds(flat(), {p, 1}, megabyte, order, 16).total();
      EXPECT_GE(seconds, fewer);
      fewer = seconds;
    }
    EXPECT_LT(all_reduce_seconds(flat(), {3, 1}, megabyte, order, 16).total(),
              all_reduce_seconds(flat(), {3, 1}, 2 * megabyte, order, 16).total());
  }
}

TEST(AllReduce, LeavesMachinesOnlyWhereItMust) {
  EXPECT_FALSE(crosses_machines(two_levels(4), {4, 1}));
  EXPECT_TRUE(crosses_machines(two_levels(4), {5, 1}));
  EXPECT_TRUE(crosses_machines(two_levels(4), {2, 4}));
  EXPECT_FALSE(crosses_machines(two_levels(4), {2, 2}));
  EXPECT_FALSE(crosses_machines(two_levels(1), {1, 8}));

  // 2 machines of 2: first n/2 within, then n/4 of each of two ranks between.
  auto const sum = halving_doubling_seconds(two_levels(2), {4, 1}, megabyte);
  EXPECT_NEAR(sum.wire,
              2 * (alpha + beta * megabyte / 2) + 2 * (10 * alpha + 10 * beta * 2 * megabyte / 4),
              1e-12);
  // In a ring one rank of a machine sends to the next machine, whose link it has for itself.
  EXPECT_NEAR(ring_seconds(two_levels(3), {6, 1}, megabyte).wire,
              10 * (10 * alpha + 10 * beta * megabyte / 6), 1e-12);
  // Two stages to a machine: two rings at once share the links.
  EXPECT_NEAR(ring_seconds(two_levels(2), {3, 2}, megabyte).wire,
              4 * (10 * alpha + 10 * beta * 2 * megabyte / 3), 1e-12);
}

}  // namespace
}  // namespace canopy::train
