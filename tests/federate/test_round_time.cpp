#include <gtest/gtest.h>

#include "canopy/federate/round_time.hpp"

namespace canopy::federate {
namespace {

constexpr RoundWork work{12, 0.5, 1e6, 2e6, 0.01};

/// A message of a megabyte takes 0.1 s within a machine and 1 s between two.
train::Cluster cluster_of(int ranks_per_node) {
  train::Cluster cluster;
  cluster.within.one_way = {0, 1e-7};
  cluster.between.one_way = {0, 1e-6};
  cluster.ranks_per_node = ranks_per_node;
  return cluster;
}

TEST(RoundTime, OfOneRankIsItsClients) {
  for (auto const layout : {Layout::flat, Layout::fedn, Layout::tree}) {
    auto const time = predict_round(make_roles(layout, 1, 1), work, cluster_of(1));
    EXPECT_EQ(time.download, 0);
    EXPECT_EQ(time.upload, 0);
    EXPECT_DOUBLE_EQ(time.train, 12 * 0.5);
  }
}

TEST(RoundTime, OfAFlatLayoutGoesThroughTheReducer) {
  auto const time = predict_round(make_roles(Layout::flat, 1, 5), work, cluster_of(1));
  EXPECT_DOUBLE_EQ(time.download, 4 * 1.0);  // to four client ranks
  EXPECT_DOUBLE_EQ(time.train, 3 * 0.5);
  EXPECT_DOUBLE_EQ(time.upload, 4 * 2.0);
  EXPECT_DOUBLE_EQ(time.aggregate, 4 * 0.01);
  EXPECT_DOUBLE_EQ(time.seconds(), 4 + 1.5 + 8 + 0.04);
  EXPECT_DOUBLE_EQ(time.compute, (12 * 0.5 + 0.04) / 5);
}

TEST(RoundTime, OfATreeGoesThroughCombinersSideBySide) {
  // Rank 0 reduces, 1 and 2 combine, 3 and 5 work for the one, 4 and 6 for the other.
  auto const time = predict_round(make_roles(Layout::tree, 2, 7), work, cluster_of(1));
  EXPECT_DOUBLE_EQ(time.download, 2 + 2);
  EXPECT_DOUBLE_EQ(time.train, 3 * 0.5);
  EXPECT_DOUBLE_EQ(time.upload, 4 + 4);
  EXPECT_DOUBLE_EQ(time.aggregate, 0.02 + 0.02);
}

TEST(RoundTime, IsShorterWithinAMachine) {
  auto const time = predict_round(make_roles(Layout::fedn, 1, 4), work, cluster_of(2));
  // 0 and 1 on one machine, 2 and 3 on the other: 0 -> 1 within, 1 -> 2 and 1 -> 3 between.
  EXPECT_DOUBLE_EQ(time.download, 0.1 + 2);
  EXPECT_DOUBLE_EQ(predict_round(make_roles(Layout::fedn, 1, 4), work, cluster_of(4)).download,
                   0.3);
}

}  // namespace
}  // namespace canopy::federate
