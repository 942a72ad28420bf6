#include <map>

#include <gtest/gtest.h>

#include "canopy/core/random.hpp"
#include "canopy/tune/scheduler.hpp"

namespace canopy::tune {
namespace {

using Standings = std::vector<Standing>;

Standing standing(std::vector<double> scores, bool busy = false) {
  return {0, std::move(scores), busy, false};
}

SchedulerSettings ladder(std::vector<int> resources, int trials, double eta = 3) {
  return {std::move(resources), eta, trials};
}

/// Takes `trials` through the scheduler one move at a time; a trial's score is the same on all
/// rungs. How many trials finished each rung.
std::map<int, int> climb_all(std::string const& name, SchedulerSettings const& settings,
                             Standings& trials) {
  auto const scheduler = schedulers().make(name, settings);
  Stream scores{Key{4}};
  std::map<int, int> reached;
  for (int moves = 0; moves < 10'000; ++moves) {
    auto const move = scheduler->next(trials, static_cast<int>(trials.size()) < settings.trials);
    switch (move.kind) {
      case Move::Kind::begin:
        trials.push_back({move.rung, {scores.uniform()}, false, false});
        break;
      case Move::Kind::climb: {
        auto& trial = trials[static_cast<std::size_t>(move.trial)];
        EXPECT_EQ(move.rung, trial.rung() + 1);
        EXPECT_FALSE(trial.out);
        trial.scores.push_back(trial.scores.back());
        break;
      }
      case Move::Kind::stop:
        trials[static_cast<std::size_t>(move.trial)].out = true;
        break;
      case Move::Kind::wait:
        ADD_FAILURE() << name << " waits though nobody is busy";
        return reached;
      case Move::Kind::finish:
        for (auto const& trial : trials)
          for (int rung = trial.first_rung; rung <= trial.rung(); ++rung) ++reached[rung];
        return reached;
    }
  }
  ADD_FAILURE() << name << " never ends";
  return reached;
}

class SchedulerContract : public ::testing::TestWithParam<std::string> {};

TEST_P(SchedulerContract, EndsWithTheBestAtTheTop) {
  for (int const trials : {1, 2, 9, 40}) {
    Standings standings;
    auto const reached = climb_all(GetParam(), ladder({3, 9, 27}, trials), standings);
    EXPECT_EQ(std::ssize(standings), trials);
    double best = 0, top = 0;
    for (auto const& trial : standings) {
      if (trial.first_rung == 0) best = std::max(best, trial.scores[0]);
      if (trial.rung() == 2) top = std::max(top, trial.scores[0]);
    }
    if (trials >= 40) {
      EXPECT_GE(top, best) << trials;
    }
  }
}

TEST_P(SchedulerContract, WaitsForWhoIsBusyAndSendsNobodyTwice) {
  auto const scheduler = schedulers().make(GetParam(), ladder({1, 3}, 9));
  Standings trials(9, standing({}, true));
  EXPECT_EQ(scheduler->next(trials, false).kind, Move::Kind::wait);
  for (auto& trial : trials) trial.out = true;
  EXPECT_EQ(scheduler->next(trials, false).kind, Move::Kind::finish);
  trials.assign(9, standing({0.5, 0.5}));
  EXPECT_EQ(scheduler->next(trials, false).kind, Move::Kind::finish);
}

INSTANTIATE_TEST_SUITE_P(All, SchedulerContract, ::testing::ValuesIn(schedulers().names()),
                         [](auto const& each) { return each.param; });

TEST(Rungs, EndWithAllAndBeginAboveTheLeast) {
  EXPECT_EQ(rungs_between(1, 81, 3), (std::vector<int>{1, 3, 9, 27, 81}));
  EXPECT_EQ(rungs_between(10, 100, 3), (std::vector<int>{11, 33, 100}));
  EXPECT_EQ(rungs_between(100, 100, 3), std::vector<int>{100});
  EXPECT_EQ(rungs_between(1, 4, 1.1), (std::vector<int>{1, 2, 3, 4})) << "no rung twice";
}

TEST(Asha, PromotesTheBestThirdAsSoonAsItIsKnown) {
  auto const asha = schedulers().make("asha", ladder({1, 3, 9}, 100));
  Standings trials{standing({0.1}), standing({0.9})};
  EXPECT_EQ(asha->next(trials, true).kind, Move::Kind::begin) << "a third of two is nobody";
  trials.push_back(standing({}, true));
  EXPECT_EQ(asha->next(trials, true).kind, Move::Kind::begin) << "the third is not back yet";
  trials.back() = standing({0.5});
  auto const move = asha->next(trials, true);
  EXPECT_EQ(move.kind, Move::Kind::climb);
  EXPECT_EQ(move.trial, 1);
  EXPECT_EQ(move.rung, 1);
  trials[1].busy = true;
  EXPECT_EQ(asha->next(trials, true).kind, Move::Kind::begin) << "already on its way";
}

TEST(Asha, LooksAtHighRungsFirst) {
  auto const asha = schedulers().make("asha", ladder({1, 3, 9}, 100));
  Standings trials(9, standing({0.5}));
  for (std::size_t i = 0; i < 3; ++i) trials[i] = standing({0.9, 0.1 * static_cast<double>(i)});
  EXPECT_EQ(asha->next(trials, true).trial, 2);
  EXPECT_EQ(asha->next(trials, true).rung, 2);
}

TEST(Halving, KeepsOneInEtaOfEachRung) {
  Standings trials;
  auto const reached = climb_all("halving", ladder({1, 3, 9, 27}, 27), trials);
  EXPECT_EQ(reached, (std::map<int, int>{{0, 27}, {1, 9}, {2, 3}, {3, 1}}));
  EXPECT_EQ(schedulers()
                .make("halving", ladder({1, 3}, 3))
                ->next(Standings{standing({0.1}), standing({0.2}), standing({}, true)}, false)
                .kind,
            Move::Kind::wait)
      << "nobody climbs before all have come";
}

TEST(Hyperband, HasTheBracketsOfThePaper) {
  Standings trials;  // Li et al. 2018, table 1: R = 81, eta = 3
  climb_all("hyperband", ladder({1, 3, 9, 27, 81}, 81 + 34 + 15 + 8 + 5), trials);
  std::map<int, int> begun;
  for (auto const& trial : trials) ++begun[trial.first_rung];
  EXPECT_EQ(begun, (std::map<int, int>{{0, 81}, {1, 34}, {2, 15}, {3, 8}, {4, 5}}));
}

TEST(Median, StopsWhoIsBelowItOnceFiveTell) {
  auto const median = schedulers().make("median", ladder({1, 3}, 9));
  Standings trials(4, standing({0.5, 0.6}));
  trials.push_back(standing({0.4}));
  auto move = median->next(trials, true);
  EXPECT_EQ(move.kind, Move::Kind::stop);
  EXPECT_EQ(move.trial, 4);
  EXPECT_EQ(move.reason, "median: 0.4000 with 1, below 0.5000");
  trials.erase(trials.begin());
  move = median->next(trials, true);
  EXPECT_EQ(move.kind, Move::Kind::climb) << "four do not tell";
}

}  // namespace
}  // namespace canopy::tune
