#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "canopy/federate/selection.hpp"

#include "federate/selection/populations.hpp"
#include "support/complaint.hpp"

namespace canopy::federate::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Key const key{21};

/// Every selector of the table, with what it may have learned in three rounds.
class EverySelector : public testing::TestWithParam<std::string> {
 protected:
  static constexpr int clients = 60;

  static Population some() {
    std::vector<std::int64_t> rows;
    for (int k = 0; k < clients; ++k) rows.push_back(10 + 5 * k);
    return population(rows);
  }
  static std::vector<Observation> seen() {
    std::vector<Observation> result;
    for (int round = 1; round <= 3; ++round)
      for (int k = 0; k < clients; k += 2 * round)
        result.push_back({.client = k,
                          .round = round,
                          .loss = 2 + std::sin(k * round),
                          .rows = 10 + 5 * k,
                          .seconds = 1.0 + (k + round) % 7});
    return result;
  }
  static std::unique_ptr<Selector> experienced() {
    auto made = selector(GetParam(), some());
    for (auto const& observation : seen()) made->observe(observation);
    return made;
  }
};

INSTANTIATE_TEST_SUITE_P(Table, EverySelector, testing::ValuesIn(selectors().names()),
                         [](auto const& test) { return text::replace_all(test.param, '-', '_'); });

TEST_P(EverySelector, TakesDifferentClientsInOrder) {
  auto const made = experienced();
  for (int round = 1; round <= 50; ++round) {
    auto const taken = made->select(round, 10, {}, key);
    ASSERT_EQ(std::ranges::adjacent_find(taken, std::ranges::greater_equal{}), taken.end())
        << "ascending, each once";
    for (int const client : taken) ASSERT_TRUE(0 <= client && client < clients);
    if (GetParam() != "poisson") {
      ASSERT_EQ(taken.size(), 10u);
    }
  }
}

TEST_P(EverySelector, TakesOnlyWhoIsAvailableAndAllOfThemWhenTheyAreFew) {
  auto const made = experienced();
  auto const odd = [](int client) { return client % 2 == 1; };
  auto const few = [](int client) { return client == 7 || client == 30; };
  for (int round = 1; round <= 50; ++round) {
    for (int const client : made->select(round, 10, odd, key)) ASSERT_EQ(client % 2, 1);
    if (GetParam() != "poisson") {
      ASSERT_THAT(made->select(round, 10, few, key), ElementsAre(7, 30));
    }
    ASSERT_THAT(made->select(
                    round, 10, [](int) { return false; }, key),
                IsEmpty());
  }
}

TEST_P(EverySelector, DoesNotDependOnTheOrderOfCalls) {
  auto const forward = experienced();
  auto const backward = selector(GetParam(), some());
  auto observations = seen();
  std::ranges::reverse(observations);
  for (auto const& observation : observations) backward->observe(observation);
  std::vector<std::vector<int>> first, second;
  for (int round = 4; round <= 30; ++round) first.push_back(forward->select(round, 8, {}, key));
  for (int round = 30; round >= 4; --round)
    second.insert(second.begin(), backward->select(round, 8, {}, key));
  EXPECT_EQ(first, second);
}

TEST_P(EverySelector, DiffersByRoundAndByKey) {
  auto const made = experienced();
  EXPECT_NE(made->select(4, 8, {}, key), made->select(5, 8, {}, key));
  if (GetParam() != "round-robin") {
    EXPECT_NE(made->select(4, 8, {}, key), made->select(4, 8, {}, Key{22}));
  }
}

TEST_P(EverySelector, GoesOnFromACheckpoint) {
  auto const made = experienced();
  auto const resumed = selector(GetParam(), some());
  resumed->restore(made->state());
  EXPECT_EQ(resumed->state(), made->state());
  Observation const next{.client = 8, .round = 4, .loss = 9, .rows = 50, .seconds = 2};
  made->observe(next);
  resumed->observe(next);
  for (int round = 5; round < 80; ++round)
    ASSERT_EQ(resumed->select(round, 8, {}, key), made->select(round, 8, {}, key));
}

/// How often each of the clients is taken in `rounds`.
std::vector<int> counts_of(Selector const& made, int clients, int wanted, int rounds,
                           Available const& available = {}) {
  std::vector<int> counts(static_cast<std::size_t>(clients));
  for (int round = 1; round <= rounds; ++round)
    for (int const client : made.select(round, wanted, available, key))
      ++counts[static_cast<std::size_t>(client)];
  return counts;
}

TEST(UniformSelector, EveryClientIsEquallyLikely) {
  auto const made = selector("uniform", equal_clients(20));
  // Without replacement the counts spread by (20 - 5)/(20 - 1) less than chi-square's.
  auto const spread = chi_square(counts_of(*made, 20, 5, 4000), std::vector<double>(20, 1000));
  EXPECT_LT(spread, 43.8 * 15 / 19) << "0.1 % of chi-square with 19 degrees";
  EXPECT_GT(spread, 5.4 * 15 / 19) << "and 0.1 % on its other side";
}

/// Chi-square of the 15 pairs of the clients `offset` + 0 .. 5.
double spread_of_pairs(Selector const& made, int offset, Available const& available) {
  std::vector<int> counts(36);
  for (int round = 1; round <= 15'000; ++round) {
    auto const pair = made.select(round, 2, available, key);
    ++counts.at(static_cast<std::size_t>((pair.at(0) - offset) * 6 + pair.at(1) - offset));
  }
  std::erase(counts, 0);
  EXPECT_EQ(counts.size(), 15u);
  return chi_square(counts, std::vector<double>(counts.size(), 1000));
}

TEST(UniformSelector, EveryPairIsEquallyLikelyHoweverFewAreAvailable) {
  EXPECT_LT(spread_of_pairs(*selector("uniform", equal_clients(6)), 0, {}), 36.1)
      << "0.1 % of chi-square with 14 degrees";
  // Six of a thousand: mostly found by looking at each.
  auto const last = [](int client) { return client >= 994; };
  EXPECT_LT(spread_of_pairs(*selector("uniform", equal_clients(1000)), 994, last), 36.1);
}

TEST(UniformSelector, LooksAtAsManyClientsAsItTakes) {
  auto const made = selector("uniform", equal_clients(1'000'000));
  int looks = 0;
  auto const taken = made->select(
      1, 100, [&](int) { return ++looks, true; }, key);
  EXPECT_EQ(taken.size(), 100u);
  EXPECT_LE(looks, 110);
}

TEST(PoissonSelector, TakesEachByItself) {
  constexpr int clients = 50, rounds = 8000;
  auto const made = selector("poisson", equal_clients(clients));
  std::vector<int> counts(clients);
  double sum = 0, squares = 0, both = 0;
  for (int round = 1; round <= rounds; ++round) {
    auto const taken = made->select(round, 10, {}, key);
    for (int const client : taken) ++counts[static_cast<std::size_t>(client)];
    auto const size = static_cast<double>(taken.size());
    sum += size, squares += size * size;
    both += std::ranges::count(taken, 3) + std::ranges::count(taken, 4) == 2;
  }
  auto const q = 0.2;
  // Each count is binomial, so the sum of squares is chi-square x (1 - q).
  EXPECT_LT(chi_square(counts, std::vector<double>(clients, q * rounds)) / (1 - q), 86.7)
      << "0.1 % of chi-square with 50 degrees";
  auto const mean = sum / rounds;
  auto const variance = clients * q * (1 - q);
  EXPECT_NEAR(mean, 10, 4 * std::sqrt(variance / rounds));
  EXPECT_NEAR(squares / rounds - mean * mean, variance, 4 * variance * std::sqrt(2.0 / rounds));
  EXPECT_NEAR(both / rounds, q * q, 4 * std::sqrt(q * q * (1 - q * q) / rounds));
}

TEST(PoissonSelector, LeavesThePlacesOfTheUnavailableEmpty) {
  auto const made = selector("poisson", equal_clients(50));
  for (int round = 1; round <= 100; ++round) {
    auto all = made->select(round, 25, {}, key);
    std::erase_if(all, [](int client) { return client % 2 == 0; });
    ASSERT_EQ(made->select(
                  round, 25, [](int client) { return client % 2 == 1; }, key),
              all);
  }
  EXPECT_EQ(made->select(1, 50, {}, key).size(), 50u);
  EXPECT_THAT(made->select(1, 0, {}, key), IsEmpty());
}

TEST(BySizeSelector, DrawsInProportionToTheRows) {
  auto const made = selector("by-size", population({100, 200, 300, 0, 400}));
  auto const one = counts_of(*made, 5, 1, 10'000);
  EXPECT_EQ(one[3], 0) << "a client without rows";
  EXPECT_LT(chi_square({one[0], one[1], one[2], one[4]}, {1000, 2000, 3000, 4000}), 16.3)
      << "0.1 % of chi-square with 3 degrees";
  // Two draws: the first client is in them by 0.1 + sum over j of p_j 0.1/(1 - p_j).
  auto const in_two = 0.1 + 0.2 * 0.1 / 0.8 + 0.3 * 0.1 / 0.7 + 0.4 * 0.1 / 0.6;
  auto const two = counts_of(*made, 5, 2, 10'000);
  EXPECT_NEAR(two[0] / 1e4, in_two, 4 * std::sqrt(in_two * (1 - in_two) / 1e4));
}

TEST(RoundRobinSelector, TakesEveryoneOnceInTurn) {
  auto const made = selector("round-robin", equal_clients(10));
  EXPECT_THAT(made->select(1, 4, {}, key), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(made->select(3, 4, {}, key), ElementsAre(0, 1, 8, 9));
  EXPECT_THAT(counts_of(*made, 10, 4, 5), testing::Each(2));
  EXPECT_THAT(made->select(
                  1, 4, [](int client) { return client != 2; }, key),
              ElementsAre(0, 1, 3, 4));
}

TEST(PowerOfChoiceSelector, PrefersTheHighestLastKnownLoss) {
  // Everyone is a candidate.
  auto const made = selector("power-of-choice", equal_clients(6), {.candidates = 6});
  for (int k = 0; k < 6; ++k) made->observe({.client = k, .round = 1, .loss = k == 2 ? 9.0 : k});
  EXPECT_THAT(made->select(2, 2, {}, key), ElementsAre(2, 5));
  made->observe({.client = 2, .round = 2, .loss = 0.5});
  EXPECT_THAT(made->select(3, 2, {}, key), ElementsAre(4, 5));
  made->observe({.client = 2, .round = 1, .loss = 99});
  EXPECT_THAT(made->select(3, 2, {}, key), ElementsAre(4, 5)) << "an older loss, known late";
  made->observe({.client = 5, .round = 3, .loss = std::numeric_limits<double>::quiet_NaN()});
  EXPECT_THAT(made->select(4, 2, {}, key), ElementsAre(3, 4)) << "who diverged is not preferred";
  made->observe({.client = 1, .round = 3, .loss = 4});
  made->observe({.client = 3, .round = 3, .loss = 4});
  EXPECT_THAT(made->select(5, 2, {}, key), ElementsAre(1, 3)) << "ties by client number";
}

TEST(PowerOfChoiceSelector, TriesFirstWhoWasNeverSeen) {
  auto const made = selector("power-of-choice", equal_clients(40), {.candidates = 40});
  std::vector<bool> tried(40);
  for (int round = 1; round <= 4; ++round)
    for (int const client : made->select(round, 10, {}, key)) {
      EXPECT_FALSE(tried[static_cast<std::size_t>(client)]);
      tried[static_cast<std::size_t>(client)] = true;
      made->observe({.client = client, .round = round, .loss = 50});
    }
  EXPECT_THAT(tried, testing::Each(true));
  auto const fresh = selector("power-of-choice", equal_clients(20));
  EXPECT_LT(chi_square(counts_of(*fresh, 20, 5, 4000), std::vector<double>(20, 1000)), 43.8)
      << "among strangers every client is equally likely";
}

TEST(PowerOfChoiceSelector, OfAPairTheHigherLossIsTaken) {
  // Cho et al.: with d = 2 candidates of 4 equal clients the rank decides: 3/6, 2/6, 1/6, 0.
  auto const made = selector("power-of-choice", equal_clients(4), {.candidates = 2});
  for (int k = 0; k < 4; ++k) made->observe({.client = k, .round = 1, .loss = 4.0 - k});
  auto const counts = counts_of(*made, 4, 1, 6000);
  EXPECT_EQ(counts[3], 0);
  EXPECT_LT(chi_square({counts[0], counts[1], counts[2]}, {3000, 2000, 1000}), 13.8)
      << "0.1 % of chi-square with 2 degrees";
}

TEST(SelectionOptions, AnUnknownSelectorIsANearMiss) {
  auto const says = [](SelectionOptions const& options) {
    return canopy::test::complaint([&] { options.check(); });
  };
  EXPECT_EQ(says({}), "none");
  EXPECT_THAT(says({.selector = "ort"}),
              HasSubstr("--selector is 'ort' (did you mean 'oort'?), expected one of uniform, "));
  EXPECT_THAT(says({.exploration = 2}), HasSubstr("--exploration is '2', expected between 0 and"));
  EXPECT_THAT(says({.candidates = -1}), HasSubstr("--candidates is '-1'"));
}

TEST(SelectionOptions, HaveARowForEachField) {
  SelectionOptions options;
  Options rows;
  options.describe(rows);
  rows.set("selector", "oort");
  rows.set("candidates", "30");
  rows.set("exploration", "0.5");
  rows.set("exploration-decay", "0.9");
  rows.set("exploration-min", "0.1");
  rows.set("speed-penalty", "1");
  EXPECT_EQ(options, (SelectionOptions{"oort", 30, 0.5, 0.9, 0.1, 1}));
}

}  // namespace
}  // namespace canopy::federate::test
