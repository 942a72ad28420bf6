#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/federate/roles.hpp"

#include "support/complaint.hpp"

namespace canopy::federate {
namespace {

using test::complaint;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Roles, OfFednOnThreeMachinesAreThoseOfItsExample) {
  auto const roles = make_roles(Layout::fedn, 1, 4);
  EXPECT_EQ(roles.roles_of(0), "reducer");
  EXPECT_EQ(roles.roles_of(1), "combiner 1");
  EXPECT_EQ(roles.roles_of(2), "clients");
  EXPECT_EQ(roles.roles_of(3), "clients");
}

TEST(Roles, OnOneRankAreAllThere) {
  EXPECT_EQ(make_roles(Layout::tree, 2, 1).roles_of(0), "reducer, combiner 1, combiner 2, clients");
  EXPECT_EQ(make_roles(Layout::flat, 1, 1).roles_of(0), "reducer, clients");
}

TEST(Roles, OfAFlatLayoutHaveNoCombiner) {
  auto const roles = make_roles(Layout::flat, 1, 3);
  EXPECT_EQ(roles.roles_of(0), "reducer");
  EXPECT_THAT(roles.client_ranks, ElementsAre(ElementsAre(1, 2)));
}

TEST(Roles, ClientRanksAreDealtToCombiners) {
  auto const roles = make_roles(Layout::tree, 2, 8);
  EXPECT_THAT(roles.combiners, ElementsAre(1, 2));
  EXPECT_THAT(roles.client_ranks, ElementsAre(ElementsAre(3, 5, 7), ElementsAre(4, 6)));
}

TEST(Roles, RanksOfAClientAreNeighboursAndTheFirstOneSpeaks) {
  auto const roles = make_roles(Layout::tree, 2, 9, 2);
  EXPECT_THAT(roles.client_ranks, ElementsAre(ElementsAre(3, 7), ElementsAre(5)));
  EXPECT_THAT(roles.groups(), ElementsAre(ElementsAre(3, 4), ElementsAre(5, 6), ElementsAre(7, 8)));
  EXPECT_EQ(roles.roles_of(2), "combiner 2");
  EXPECT_EQ(roles.roles_of(5), "clients, group 2");
  EXPECT_EQ(roles.roles_of(6), "clients, group 2");
}

TEST(Roles, RanksThatAreNoWholeGroupsAreAnError) {
  EXPECT_THAT(
      complaint([] { make_roles(Layout::flat, 1, 4, 2); }),
      HasSubstr("--ranks-per-client is 2 but 3 of 4 ranks are left to clients beside reducer "
                "and combiners, expected 2 or more that 2 divides; start 5 ranks"));
  EXPECT_THAT(complaint([] { make_roles(Layout::tree, 2, 5, 2); }), HasSubstr("start 7 ranks"));
  EXPECT_THAT(complaint([] { make_roles(Layout::fedn, 1, 1, 3); }), HasSubstr("start 5 ranks"));
  EXPECT_EQ(complaint([] { make_roles(Layout::fedn, 1, 5, 3); }), "none");
}

TEST(Roles, FewerRanksThanRolesAreDealtInTurn) {
  auto const roles = make_roles(Layout::tree, 3, 2);
  EXPECT_EQ(roles.roles_of(0), "reducer, combiner 2, clients");
  EXPECT_EQ(roles.roles_of(1), "combiner 1, combiner 3, clients");
}

TEST(Roles, WhateverTheRanksEveryoneHasSomebodyToWorkFor) {
  for (auto const layout : {Layout::fedn, Layout::flat, Layout::tree})
    for (int combiners = 1; combiners <= 5; ++combiners)
      for (int ranks = 1; ranks <= 9; ++ranks) {
        auto const roles = make_roles(layout, combiners, ranks);
        for (std::size_t j = 0; j < roles.combiners.size(); ++j) {
          EXPECT_FALSE(roles.client_ranks[j].empty());
          for (auto const rank : roles.client_ranks[j]) EXPECT_LT(rank, ranks);
          EXPECT_LT(roles.combiners[j], ranks);
        }
        if (layout != Layout::tree || combiners + 2 > ranks) continue;
        for (int rank = 0; rank < ranks; ++rank) EXPECT_NE(roles.roles_of(rank), "");
      }
}

}  // namespace
}  // namespace canopy::federate
