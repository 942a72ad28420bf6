#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "federate/selection/populations.hpp"
#include "selection/oort.hpp"

namespace canopy::federate::test {
namespace {

Key const key{31};

double score_of(Oort const& oort, std::int64_t round, int client) {
  for (auto const& scored : oort.scores(round, {}))
    if (scored.client == client) return scored.score;
  ADD_FAILURE() << "client " << client << " has no score";
  return 0;
}

/// Three clients of utility 200, 50 and 100, seen in rounds 5, 8 and 2; a fourth not yet.
Oort worked_example(SelectionOptions const& options = {}) {
  Oort oort{options, equal_clients(4)};
  oort.observe({.client = 0, .round = 5, .rms_loss = 2, .rows = 100, .seconds = 10});
  oort.observe({.client = 1, .round = 8, .rms_loss = 1, .rows = 50, .seconds = 20});
  oort.observe({.client = 2, .round = 2, .loss = 7, .rms_loss = 10, .rows = 10, .seconds = 40});
  return oort;
}

TEST(Oort, ScoresAsWorkedOutByHand) {
  auto const oort = worked_example();
  EXPECT_EQ(oort.preferred_seconds(10), 10) << "10 % of three trips: the fastest";
  // m = 0.999 x 50 = 49.95, c - m = 150.05, 0.1 ln 10 = 0.2302585.
  EXPECT_NEAR(score_of(oort, 10, 0), 1 + 0.2145966, 1e-6);
  EXPECT_NEAR(score_of(oort, 10, 1), (0.05 / 150.05 + 0.1696535) / 4, 1e-6);
  EXPECT_NEAR(score_of(oort, 10, 2), (50.05 / 150.05 + 0.3393070) / 16, 1e-6);
  EXPECT_EQ(oort.scores(10, {}).size(), 3u);
  EXPECT_EQ(oort.scores(10, {}).front().client, 0);
}

TEST(Oort, WithoutPenaltySpeedIsNoMatter) {
  auto const oort = worked_example({.speed_penalty = 0});
  EXPECT_NEAR(score_of(oort, 10, 2), 50.05 / 150.05 + 0.3393070, 1e-6);
}

TEST(Oort, InRoundOneAgeIsNoMatter) {
  Oort oort{{}, equal_clients(2)};
  oort.observe({.client = 0, .round = 1, .rms_loss = 1, .rows = 10, .seconds = 1});
  oort.observe({.client = 1, .round = 1, .rms_loss = 3, .rows = 10, .seconds = 1});
  EXPECT_NEAR(score_of(oort, 1, 0), 0.01 / 20.01, 1e-12);
  EXPECT_NEAR(score_of(oort, 1, 1), 1, 1e-12);
}

TEST(Oort, OneWildLossCountsAsTheHighestOfTheOthers) {
  Oort oort{{}, equal_clients(101)};
  for (int k = 0; k < 100; ++k)
    oort.observe({.client = k, .round = 1, .rms_loss = 1.0 + k, .rows = 1, .seconds = 1});
  oort.observe({.client = 99, .round = 2, .rms_loss = 1e6, .rows = 1, .seconds = 1});
  EXPECT_NEAR(score_of(oort, 1, 98), 1, 1e-12);
  EXPECT_NEAR(score_of(oort, 1, 99), 1, 1e-12);
  oort.observe({.client = 99,
                .round = 3,
                .rms_loss = std::numeric_limits<double>::infinity(),
                .rows = 1,
                .seconds = 1});
  EXPECT_LT(score_of(oort, 1, 99), score_of(oort, 1, 0)) << "who diverged teaches nothing";
}

TEST(Oort, ThePacerAllowsSlowerClientsWhenUtilityFalls) {
  Oort falling{{}, equal_clients(20)};
  Oort rising{{}, equal_clients(20)};
  for (int round = 1; round <= 40; ++round) {
    auto const seconds = 1.0 + (round - 1) % 20;
    auto const client = (round - 1) % 20;
    auto const seen = [&](double loss) {
      return Observation{
          .client = client, .round = round, .rms_loss = loss, .rows = 10, .seconds = seconds};
    };
    falling.observe(seen(round <= 20 ? 2 : 1));
    rising.observe(seen(round <= 20 ? 1 : 2));
  }
  EXPECT_EQ(falling.preferred_seconds(40), 3) << "10 % of 1 .. 20";
  EXPECT_EQ(falling.preferred_seconds(41), 4) << "15 %";
  EXPECT_EQ(rising.preferred_seconds(41), 3);
  EXPECT_EQ(falling.preferred_seconds(1000), 4);
  Oort const fresh{{}, equal_clients(20)};
  EXPECT_EQ(fresh.preferred_seconds(1), std::numeric_limits<double>::infinity());
}

TEST(Oort, ExploresLessFromRoundToRound) {
  Oort const oort{{}, equal_clients(4)};
  EXPECT_EQ(oort.explored(1, 10), 9);
  EXPECT_EQ(oort.explored(5, 100), 73);  // 0.9 x 0.95^4
  EXPECT_EQ(oort.explored(500, 10), 2);
  Oort const never{{.exploration = 0}, equal_clients(4)};
  EXPECT_EQ(never.explored(1, 10), 0);
}

/// 40 clients of which the first 20 were seen, all alike but for the loss.
Oort half_known(Population const& all, SelectionOptions const& options = {}) {
  Oort oort{options, all};
  for (int k = 0; k < 20; ++k)
    oort.observe(
        {.client = k, .round = 1, .rms_loss = k < 10 ? 4.0 : 1.0, .rows = 10, .seconds = 5});
  return oort;
}

TEST(Oort, SharesARoundBetweenTheKnownAndTheNew) {
  auto const oort = half_known(equal_clients(40));
  for (int round = 100; round < 200; ++round) {
    auto const taken = oort.select(round, 10, {}, key);
    EXPECT_EQ(std::ranges::count_if(taken, [](int k) { return k >= 20; }), 2);
    EXPECT_EQ(std::ranges::count_if(taken, [](int k) { return k < 10; }), 8)
        << "the cut leaves out who teaches little";
  }
  EXPECT_EQ(oort.select(1, 30, {}, key).size(), 30u) << "27 to explore, but 20 are left";
  EXPECT_EQ(oort.select(500, 38, {}, key).size(), 38u) << "30 to exploit, but 20 are known";
}

TEST(Oort, ExploresTheFastMoreOften) {
  auto all = equal_clients(40);
  all.seconds = [](int client) { return client < 30 ? 1.0 : 3.0; };
  auto const oort = half_known(all, {.exploration = 1, .exploration_decay = 1});
  int slow = 0;
  for (int round = 1; round <= 4000; ++round) slow += oort.select(round, 1, {}, key).at(0) >= 30;
  // Ten of weight 1 and ten of weight 1/3.
  EXPECT_NEAR(slow / 4000.0, 0.25, 4 * std::sqrt(0.25 * 0.75 / 4000));
}

TEST(Oort, ExploitsInProportionToTheScore) {
  // Above the cut, 0.7 times the best score, are clients 0 and 1 only.
  Oort oort{{.exploration = 0, .speed_penalty = 0}, equal_clients(3)};
  oort.observe({.client = 0, .round = 1, .rms_loss = 1.0, .rows = 1000, .seconds = 1});
  oort.observe({.client = 1, .round = 1, .rms_loss = 0.8, .rows = 1000, .seconds = 1});
  oort.observe({.client = 2, .round = 1, .rms_loss = 0.1, .rows = 1000, .seconds = 1});
  auto const first = score_of(oort, 1, 0);
  auto const share = first / (first + score_of(oort, 1, 1));
  int taken = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    auto const client = oort.select(1, 1, {}, key.with(i)).at(0);
    ASSERT_NE(client, 2);
    taken += client == 0;
  }
  EXPECT_NEAR(taken / 4000.0, share, 4 * std::sqrt(share * (1 - share) / 4000));
}

}  // namespace
}  // namespace canopy::federate::test
