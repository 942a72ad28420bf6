#include <algorithm>

#include <gmock/gmock.h>

#include "canopy/federate/round_policy.hpp"

#include "support/complaint.hpp"

namespace canopy::federate::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// One second down, `seconds` of training in ten steps, one second up.
Dispatch trains(int client, double seconds) {
  return {.client = client, .trip = {1, seconds, 1}, .steps = 10};
}

Dispatch drops(int client, double seconds, double after) {
  return {.client = client, .trip = {1, seconds, 1, true, after}, .steps = 10};
}

RoundPolicyOptions deadline(double seconds, std::string const& late = "drop") {
  return {.round_policy = "deadline", .deadline = seconds, .late = late};
}

std::vector<Fate> fates(RoundOutcome const& outcome) {
  std::vector<Fate> result;
  for (auto const& row : outcome.participants) result.push_back(row.fate);
  return result;
}

TEST(Settle, WaitingForAllLastsAsLongAsTheSlowest) {
  std::vector<Dispatch> const cohort{trains(7, 3), trains(2, 8), trains(5, 5)};
  auto const outcome = settle({}, {.number = 4, .begins = 100, .wanted = 3}, cohort);
  EXPECT_EQ(outcome.seconds, 10);
  EXPECT_EQ(outcome.counted, 3);
  EXPECT_TRUE(outcome.enough);
  EXPECT_THAT(outcome.participants,
              ElementsAre(Participant{.client = 2, .round = 4, .begins = 100, .ends = 110},
                          Participant{.client = 5, .round = 4, .begins = 100, .ends = 107},
                          Participant{.client = 7, .round = 4, .begins = 100, .ends = 105}));
  EXPECT_THAT(outcome.in_flight, IsEmpty());
}

TEST(Settle, ALossIsNoticedWhenItHappens) {
  auto outcome = settle({}, {.wanted = 2}, std::vector{trains(0, 3), drops(1, 8, 3)});
  EXPECT_THAT(fates(outcome), ElementsAre(Fate::full, Fate::dropped_out));
  EXPECT_EQ(outcome.seconds, 5);
  EXPECT_EQ(outcome.participants[1].ends, 3);
  EXPECT_EQ(outcome.participants[1].received, 1);
  EXPECT_DOUBLE_EQ(outcome.participants[1].work, 2.0 / 8);
  EXPECT_EQ(outcome.participants[1].sent, 0);
  outcome = settle({}, {.wanted = 2}, std::vector{trains(0, 3), drops(1, 8, 9.5)});
  EXPECT_EQ(outcome.seconds, 9.5) << "it might still have come";
  EXPECT_EQ(outcome.participants[1].sent, 0.5);
}

TEST(Settle, OverSelectionKeepsTheFirstThatFinish) {
  std::vector<Dispatch> const cohort{trains(0, 9), trains(1, 4), drops(2, 1, 0.5), trains(3, 2),
                                     trains(4, 6)};
  auto const outcome = settle({.over_selection = 2}, {.begins = 10, .wanted = 2}, cohort);
  EXPECT_THAT(fates(outcome),
              ElementsAre(Fate::surplus, Fate::full, Fate::dropped_out, Fate::full, Fate::surplus));
  EXPECT_EQ(outcome.seconds, 6);
  EXPECT_EQ(outcome.counted, 2);
  EXPECT_EQ(outcome.participants[0].ends, 16) << "called off";
  EXPECT_DOUBLE_EQ(outcome.participants[0].work, 5.0 / 9);
  EXPECT_EQ(outcome.participants[0].sent, 0);
}

TEST(Settle, OfThoseWhoFinishTogetherTheLowerNumberIsTaken) {
  std::vector<Dispatch> const cohort{trains(9, 3), trains(4, 3), trains(6, 3)};
  auto const outcome = settle({.over_selection = 1.5}, {.wanted = 2}, cohort);
  EXPECT_THAT(fates(outcome), ElementsAre(Fate::full, Fate::full, Fate::surplus));
}

TEST(Settle, WhenLossesLeaveTooFewOfTheOverSelectedAllAreWaitedFor) {
  std::vector<Dispatch> const cohort{trains(0, 3), drops(1, 8, 7), drops(2, 8, 1)};
  auto const outcome = settle({.over_selection = 1.5, .min_clients = 2}, {.wanted = 2}, cohort);
  EXPECT_EQ(outcome.seconds, 7);
  EXPECT_EQ(outcome.counted, 1);
  EXPECT_FALSE(outcome.enough);
}

TEST(Settle, ADeadlineDropsWhoMissesIt) {
  std::vector<Dispatch> const cohort{trains(0, 9), trains(1, 4), trains(2, 2)};
  auto const outcome = settle(deadline(6), {.begins = 10, .wanted = 3}, cohort);
  EXPECT_THAT(fates(outcome), ElementsAre(Fate::late, Fate::full, Fate::full));
  EXPECT_EQ(outcome.seconds, 6);
  EXPECT_EQ(outcome.participants[0].ends, 16);
  EXPECT_DOUBLE_EQ(outcome.participants[0].work, 5.0 / 9);
  EXPECT_THAT(outcome.in_flight, IsEmpty());
  EXPECT_EQ(settle(deadline(60), {.wanted = 3}, cohort).seconds, 11)
      << "nobody is left to wait for";
}

TEST(Settle, ALossAfterTheDeadlineIsALossAllTheSame) {
  auto const outcome = settle(deadline(6), {.wanted = 1}, std::vector{drops(0, 20, 15)});
  EXPECT_THAT(fates(outcome), ElementsAre(Fate::dropped_out));
  EXPECT_EQ(outcome.participants[0].ends, 6);
  EXPECT_EQ(outcome.seconds, 6);
}

TEST(Settle, PartialWorkIsWholeStepsThatEndInTime) {
  // In 8 s there are 6 for training: 6 steps of 1 s, 3 of 2 s, 2 (and a half) of 2.4 s, none of 7
  // s.
  std::vector<Dispatch> const cohort{trains(0, 10), trains(1, 20), trains(2, 24), trains(3, 70),
                                     trains(4, 6)};
  auto const outcome = settle(deadline(8, "partial"), {.begins = 1, .wanted = 5}, cohort);
  EXPECT_THAT(fates(outcome),
              ElementsAre(Fate::partial, Fate::partial, Fate::partial, Fate::late, Fate::full));
  std::vector<double> work, ends;
  for (auto const& row : outcome.participants) work.push_back(row.work), ends.push_back(row.ends);
  EXPECT_THAT(work, ElementsAre(0.6, 0.3, 0.2, testing::DoubleEq(0.1), 1));
  EXPECT_THAT(ends, ElementsAre(9, 9, testing::DoubleEq(7.8), 9, 9));
  EXPECT_EQ(outcome.seconds, 8);
  for (auto const& row : outcome.participants) EXPECT_LE(row.ends, 9);
}

TEST(Settle, ACarriedUpdateJoinsTheRoundInWhichItArrives) {
  auto const options = deadline(6, "carry");
  // Client 0 takes 15 s: dispatched at 0, it arrives at 15, in the third round of 6 s.
  auto const first = settle(options, {.number = 1, .begins = 0, .wanted = 2},
                            std::vector{trains(0, 13), trains(1, 3)});
  EXPECT_THAT(fates(first), ElementsAre(Fate::late, Fate::full));
  EXPECT_EQ(first.seconds, 6);
  EXPECT_EQ(first.participants[0].ends, 15);
  EXPECT_EQ(first.in_flight.size(), 1u);
  auto const second = settle(options, {.number = 2, .begins = 6, .wanted = 1},
                             std::vector{trains(2, 8)}, first.in_flight);
  EXPECT_THAT(fates(second), ElementsAre(Fate::late)) << "client 0 has no row in between";
  EXPECT_FALSE(second.enough);
  ASSERT_EQ(second.in_flight.size(), 2u);
  auto const third = settle(options, {.number = 3, .begins = 12, .wanted = 1},
                            std::vector{trains(3, 2)}, second.in_flight);
  EXPECT_EQ(third.seconds, 4);
  EXPECT_THAT(fates(third), ElementsAre(Fate::carried, Fate::carried, Fate::full));
  EXPECT_EQ(third.participants[0].staleness, 2);
  EXPECT_EQ(third.participants[0].round, 1);
  EXPECT_EQ(third.participants[1].staleness, 1) << "arrives at the last moment";
  EXPECT_EQ(third.counted, 3);
  EXPECT_THAT(third.in_flight, IsEmpty());
}

TEST(Settle, ACarriedUpdateMovesItsBytesOnce) {
  auto const options = deadline(6, "carry");
  auto const slow = Dispatch{.client = 0, .trip = {8, 1, 4}};
  auto const first = settle(options, {.number = 1, .wanted = 1}, std::vector{slow});
  auto const later = settle(options, {.number = 2, .begins = 6, .wanted = 1},
                            std::vector{trains(1, 90)}, first.in_flight);
  auto const last = settle(options, {.number = 3, .begins = 12, .wanted = 1}, {}, later.in_flight);
  ASSERT_THAT(fates(last), ElementsAre(Fate::carried));
  EXPECT_EQ(last.seconds, 6) << "nobody to wait for, so the round goes on to its deadline";
  EXPECT_EQ(first.participants[0].received, 0.75);
  EXPECT_EQ(last.participants[0].received, 0.25);
  EXPECT_EQ(last.participants[0].sent, 1);
  EXPECT_EQ(last.participants[0].work, 1);
}

TEST(Settle, WhoIsAtWorkWhenARoundIsFullIsNotCarried) {
  RoundPolicyOptions options = deadline(6, "carry");
  options.over_selection = 2;
  auto const outcome = settle(options, {.wanted = 1}, std::vector{trains(0, 20), trains(1, 2)});
  EXPECT_THAT(fates(outcome), ElementsAre(Fate::surplus, Fate::full));
  EXPECT_THAT(outcome.in_flight, IsEmpty());
}

TEST(Settle, WhoIsAwayTakesNoPart) {
  auto away = trains(0, 50);
  away.is_available = false;
  auto const outcome = settle({}, {.begins = 5, .wanted = 2}, std::vector{away, trains(1, 2)});
  EXPECT_THAT(fates(outcome), ElementsAre(Fate::unavailable, Fate::full));
  EXPECT_EQ(outcome.seconds, 4);
  EXPECT_EQ(outcome.participants[0].received, 0);
  auto const empty = settle({}, {.wanted = 1}, std::vector{away});
  EXPECT_EQ(empty.seconds, 0);
  EXPECT_FALSE(empty.enough);
}

TEST(Settle, TheOrderOfTheCohortDoesNotMatter) {
  Devices const devices{{.compute = "pareto:0.001,1.5", .dropout = 0.2}, 40, Key{3}};
  std::vector<Dispatch> cohort;
  for (int k = 0; k < 40; ++k)
    cohort.push_back({.client = k, .trip = devices.trip(k, 1, 1000, 1e6, 1e6), .steps = 100});
  for (auto const* late : {"drop", "partial", "carry"}) {
    auto options = deadline(4, late);
    options.over_selection = 1.3;
    auto reversed = cohort;
    std::ranges::reverse(reversed);
    auto const a = settle(options, {.number = 1, .begins = 3, .wanted = 30}, cohort);
    auto const b = settle(options, {.number = 1, .begins = 3, .wanted = 30}, reversed);
    EXPECT_EQ(a.participants, b.participants);
    EXPECT_EQ(a.in_flight, b.in_flight);
    EXPECT_EQ(a.seconds, b.seconds);
  }
}

TEST(InFlight, SurvivesACheckpoint) {
  auto const outcome = settle(deadline(6, "carry"), {.number = 7, .begins = 3, .wanted = 2},
                              std::vector{trains(4, 13), trains(1, 30)});
  ASSERT_EQ(outcome.in_flight.size(), 2u);
  EXPECT_EQ(in_flight_from(to_arrays(outcome.in_flight)), outcome.in_flight);
  EXPECT_THAT(in_flight_from(to_arrays({})), IsEmpty());
}

TEST(CheckDeadline, NamesTheFastestTripWhenNobodyCanMeetIt) {
  auto const says = [](RoundPolicyOptions const& options) {
    return canopy::test::complaint([&] {
      check_deadline(options, 3, [](int client) { return trains(client, client == 1 ? 4 : 8); });
    });
  };
  EXPECT_EQ(
      says(deadline(5.5)),
      "--deadline is 5.5 s but the fastest trip, of client 1, takes 6 s (download 1, training "
      "4, upload 1): no client can ever meet it; set --deadline 6.06 or more or --late "
      "partial");
  EXPECT_EQ(says(deadline(6)), "none");
  EXPECT_EQ(says(deadline(5.5, "partial")), "none");
  EXPECT_THAT(says(deadline(2.25, "partial")), HasSubstr("takes 2.4 s (download 1, one step 0.4"));
  EXPECT_EQ(says(deadline(0.5, "carry")), "none");
  EXPECT_EQ(says({}), "none");
}

TEST(RoundPolicyOptions, SayWhatDoesNotGoTogether) {
  auto const says = [](RoundPolicyOptions const& options) {
    return canopy::test::complaint([&] { options.check(10); });
  };
  EXPECT_EQ(says({}), "none");
  EXPECT_EQ(says(deadline(3, "partial")), "none");
  EXPECT_THAT(says(deadline(0)), HasSubstr("--deadline is 0"));
  EXPECT_THAT(says({.deadline = 3}), HasSubstr("set --round-policy deadline"));
  EXPECT_THAT(says({.late = "carry"}), HasSubstr("--late is carry but --round-policy is wait"));
  EXPECT_THAT(says({.late = "dorp"}),
              HasSubstr("--late is 'dorp' (did you mean 'drop'?), expected one of drop"));
  EXPECT_THAT(says({.over_selection = 0.9}), HasSubstr("--over-selection is '0.9', expected at"));
  EXPECT_THAT(says({.min_clients = 11}),
              HasSubstr("--min-clients is 11 but a round wants 10: none would ever count; set "
                        "--min-clients 10"));
}

TEST(RoundPolicyOptions, SelectMoreThanAreWanted) {
  EXPECT_EQ(RoundPolicyOptions{}.to_select(10), 10);
  EXPECT_EQ(RoundPolicyOptions{.over_selection = 1.3}.to_select(10), 13);
  EXPECT_EQ(RoundPolicyOptions{.over_selection = 1.1}.to_select(50), 55);
  EXPECT_EQ(RoundPolicyOptions{.over_selection = 1.3}.to_select(1), 2);
}

TEST(RoundPolicyOptions, HaveARowForEachField) {
  RoundPolicyOptions options;
  Options rows;
  options.describe(rows);
  rows.set("round-policy", "deadline");
  rows.set("deadline", "30");
  rows.set("late", "carry");
  rows.set("over-selection", "1.3");
  rows.set("min-clients", "4");
  EXPECT_EQ(options, (RoundPolicyOptions{"deadline", 30, "carry", 1.3, 4}));
}

TEST(Fate, HasItsNameInTables) {
  EXPECT_EQ(TextForm<Fate>::print(Fate::dropped_out), "dropped_out");
  EXPECT_EQ(TextForm<Fate>::print(Fate::unavailable), "unavailable");
  EXPECT_TRUE(counts(Fate::carried));
  EXPECT_FALSE(counts(Fate::dropped_out));
}

}  // namespace
}  // namespace canopy::federate::test
