#include <fstream>
#include <set>

#include <gmock/gmock.h>

#include "canopy/tune/plan.hpp"

#include "pretended.hpp"
#include "support/complaint.hpp"

namespace canopy::tune {
namespace {

using namespace test;
using ::testing::HasSubstr;

// ---- proposals

TEST(SearchPlan, BeginsWithTheDefaultAndCountsIt) {
  auto const trials = proposed(settings(12, 4), Pretended{}, 1);
  ASSERT_EQ(trials.size(), 12u);
  EXPECT_EQ(trials[0].origin, "default");
  EXPECT_EQ(trials[0].configuration, (Configuration{{"x", "0.5"}, {"n", "3"}}));
  std::set<Configuration> distinct;
  for (int i = 0; i < 12; ++i) {
    auto const& trial = trials[static_cast<std::size_t>(i)];
    EXPECT_EQ(trial.id, i);
    EXPECT_EQ(trial.folds.size(), 4u);
    EXPECT_EQ(trial.origin, i == 0 ? "default" : "random");
    EXPECT_EQ(trial.status, Trial::Status::running);
    distinct.insert(trial.configuration);
  }
  EXPECT_EQ(distinct.size(), 12u);
  EXPECT_EQ(table_hash(proposed(settings(12, 4), Pretended{}, 1)), table_hash(trials));
  EXPECT_NE(table_hash(proposed(settings(12, 4), Pretended{}, 2)), table_hash(trials));
}

TEST(SearchPlan, RepeatsMultiplyFolds) {
  auto twice = settings(2, 4);
  twice.repeats = 2;
  EXPECT_EQ(proposed(twice, Pretended{}, 1).front().folds.size(), 8u);
}

TEST(SearchPlan, RemovesDuplicatesAndEndsWithASmallSpace) {
  for (auto const* search : {"random", "grid", "sobol"}) {
    auto small = settings(50, 2);
    small.search = search;
    small.space = Space::from_toml_text("n = [1, 2, 3]\nx = 0.5");
    auto const trials = proposed(small, Pretended{}, 1);
    EXPECT_EQ(trials.size(), 3u) << search << ": the default has n = 3, which is in the list";
    EXPECT_EQ(*find(trials[0].configuration, "n"), "3");
  }
}

TEST(SearchPlan, RecordsWhatMakesNoSenseAsFailed) {
  auto wide = settings(20, 2);
  wide.space = Space::from_toml_text("x = { type = 'float', low = 0, high = 1.8 }");
  int failed = 0;
  for (auto const& trial : proposed(wide, Pretended{}, 1)) {
    bool const sensible = *text::to_double(*find(trial.configuration, "x")) <= 0.9;
    EXPECT_EQ(trial.status, sensible ? Trial::Status::running : Trial::Status::failed);
    EXPECT_EQ(trial.stop_reason, sensible ? "" : "x is above 0.9");
    failed += !sensible;
  }
  EXPECT_TRUE(1 <= failed && failed < 19);
}

TEST(SearchPlan, PutsGivenPointsFirst) {
  TemporaryFile const file{".csv"};
  std::ofstream{file.path} << "x,n\n0.125,7\n0.25,8\n";
  auto with_points = settings(5, 2);
  with_points.points = file.path.string();
  auto const trials = proposed(with_points, Pretended{}, 1);
  ASSERT_EQ(trials.size(), 5u);
  EXPECT_EQ(trials[1].origin, "points");
  EXPECT_EQ(trials[1].configuration, (Configuration{{"x", "0.125"}, {"n", "7"}}));
  EXPECT_EQ(*find(trials[2].configuration, "n"), "8");
  EXPECT_EQ(trials[3].origin, "random");
  with_points.trials = 2;
  EXPECT_EQ(proposed(with_points, Pretended{}, 1).size(), 2u);
}

TEST(SearchPlan, AnUnknownNameIsToldTheNearest) {
  auto wrong = settings(2, 2);
  wrong.space = Space::from_toml_text("nn = [1, 2]");
  try {
    proposed(wrong, Pretended{}, 1);
    FAIL() << "accepted a name that the model does not have";
  } catch (UserError const& e) {
    EXPECT_THAT(e.what(), HasSubstr("'nn', which the model does not have (did you mean 'n'?)"));
  }
}

// ---- decisions that wait for outcomes

Pretended const learner;

/// How good a configuration is, seen through the noise of a fold; better with more of n.
FoldScore noisy_score(Configuration const& configuration, int fold) {
  auto const x = *text::to_double(*find(configuration, "x"));
  auto const n = *text::to_double(*find(configuration, "n"));
  Stream noise{Key{3}.with(to_text(configuration)).with(static_cast<std::uint64_t>(fold))};
  FoldScore result{1 - (x - 0.7) * (x - 0.7) - 0.3 / n + 0.02 * noise.uniform(), 1, 1, {}, {}, {}};
  constexpr std::size_t rows = 512;  // the easier ones right
  result.right.resize(rows / 64);
  Stream difficulty{Key{4}.with(static_cast<std::uint64_t>(fold))};
  for (std::size_t i = 0; i < rows; ++i)
    result.right[i / 64] |= std::uint64_t{difficulty.uniform() < result.score} << i % 64;
  result.confusion = {rows};
  return result;
}

struct Outcome {
  std::string table;
  std::vector<Trial> trials;
  int folds = 0;
};

/// Takes a plan through with so many workers, each of which may be the next to be done.
Outcome play(SearchSettings const& settings, int workers, std::uint64_t chance) {
  SearchPlan plan{settings, learner, 5};
  Stream dice{Key{chance}};
  std::vector<FoldId> waiting, running;
  Outcome outcome;
  while (!plan.finished()) {
    for (auto const fold : plan.advance(std::ssize(running) < workers)) waiting.push_back(fold);
    while (!waiting.empty() && std::ssize(running) < workers) {
      running.push_back(waiting.front());
      waiting.erase(waiting.begin());
    }
    if (running.empty()) continue;
    auto const next = running.begin() + dice.below(static_cast<std::uint32_t>(running.size()));
    plan.settle(*next, noisy_score(plan.configuration(*next), next->fold));
    running.erase(next);
    ++outcome.folds;
  }
  EXPECT_TRUE(waiting.empty() && running.empty());
  outcome.trials = plan.trials();
  outcome.table = table_hash(plan.trials()) + rungs_table(plan.trials()).to_arrays().sha256();
  return outcome;
}

SearchSettings looking(std::string scheduler, std::string race) {
  auto result = settings(40, 4);
  result.scheduler = std::move(scheduler);
  result.race = std::move(race);
  if (result.scheduler == "none") return result;
  result.min_resource = 1;
  result.max_resource = 27;
  result.space = Space::from_toml_text("x = { type = 'float', low = 0, high = 0.9 }");
  return result;
}

TEST(SearchPlan, IsTheSameInWhateverOrderFoldsAreDone) {
  for (auto const& scheduler : schedulers().names())
    for (auto const& race : races().names())
      for (auto const& search : samplers().names()) {
        auto with = looking(scheduler, race);
        with.search = search;
        auto const alone = play(with, 1, 0);
        for (auto const workers : {2, 7, 50})
          EXPECT_EQ(play(with, workers, static_cast<std::uint64_t>(workers)).table, alone.table)
              << scheduler << ' ' << race << ' ' << search << ' ' << workers;
      }
}

TEST(SearchPlan, WithoutALagDecidesByWhatHasComeAndEnds) {
  std::set<std::string> tables;
  for (std::uint64_t chance = 0; chance < 6; ++chance) {
    auto free = looking("asha", "forgiving");
    free.lag.reset();
    auto const outcome = play(free, 5, chance);
    tables.insert(outcome.table);
    EXPECT_EQ(outcome.trials.size(), 40u);
  }
  EXPECT_GT(tables.size(), 1u) << "chance had a part in it";
}

TEST(SearchPlan, DecisionsKnowNothingYoungerThanTheLag) {
  auto racing = looking("none", "forgiving");
  for (int const lag : {1, 4, 16}) {
    racing.lag = lag;
    SearchPlan plan{racing, learner, 5};
    std::set<int> begun;
    for (auto const fold : plan.advance()) begun.insert(plan.trial(fold).id);
    EXPECT_EQ(std::ssize(begun), lag) << "and therefore so many begin at once";
  }
}

TEST(SearchPlan, RacesSaveFoldsAndFindTheSame) {
  auto const all = play(looking("none", "none"), 1, 0);
  for (auto const& race : {"forgiving", "rows"}) {
    auto const raced = play(looking("none", race), 1, 0);
    EXPECT_LT(raced.folds, 0.6 * all.folds) << race;
    EXPECT_EQ(best_trial(raced.trials)->id, best_trial(all.trials)->id) << race;
  }
}

TEST(SearchPlan, EveryTrialEndsInOneWayAndTheDefaultIsComplete) {
  for (auto const& scheduler : schedulers().names()) {
    auto const outcome = play(looking(scheduler, "forgiving"), 3, 1);
    EXPECT_EQ(outcome.trials.front().status, Trial::Status::complete) << scheduler;
    int complete = 0, pruned = 0;
    for (auto const& trial : outcome.trials) {
      complete += trial.status == Trial::Status::complete;
      pruned += trial.status == Trial::Status::pruned && !trial.stop_reason.empty();
      if (trial.status == Trial::Status::complete && scheduler != "none") {
        EXPECT_EQ(trial.climbed.back().resource, 27);
        EXPECT_EQ(*find(trial.configuration, "n"), "27");
      }
    }
    EXPECT_EQ(complete + pruned, 40) << scheduler;
    EXPECT_GT(pruned, 5) << scheduler;
  }
}

TEST(SearchPlan, RacesSaveFoldsAndKeepTheBest) {
  auto const all = play(looking("none", "none"), 2, 1);
  auto const raced = play(looking("none", "forgiving"), 2, 1);
  EXPECT_EQ(all.folds, 160);
  EXPECT_LT(raced.folds, 110);
  EXPECT_EQ(best_trial(raced.trials)->id, best_trial(all.trials)->id);
  for (auto const& trial : raced.trials)
    if (trial.status == Trial::Status::pruned) {
      EXPECT_THAT(trial.stop_reason, HasSubstr("forgiving: mean"));
      EXPECT_TRUE(std::isnan(trial.mean_score()));
      EXPECT_FALSE(std::isnan(trial.score_so_far()));
    }
}

TEST(SearchPlan, AFailedFoldTakesItsTrialOutOfTheRace) {
  auto racing = looking("asha", "forgiving");
  SearchPlan plan{racing, learner, 5};
  int failed = 0;
  while (!plan.finished())
    for (auto const fold : plan.advance()) {
      if (plan.trial(fold).id % 5 == 3) {
        plan.fail(fold, "no luck");
        continue;
      }
      plan.settle(fold, noisy_score(plan.configuration(fold), fold.fold));
    }
  for (auto const& trial : plan.trials()) {
    EXPECT_EQ(trial.status == Trial::Status::failed, trial.id % 5 == 3) << trial.id;
    failed += trial.status == Trial::Status::failed;
  }
  EXPECT_EQ(failed, 8);
}

TEST(SearchPlan, EndsEarlyWithWhatIsThere) {
  for (auto const* scheduler : {"none", "asha"}) {
    SearchPlan plan{looking(scheduler, "forgiving"), learner, 5};
    int folds = 0;
    while (!plan.finished())
      for (auto const fold : plan.advance()) {
        if (++folds == 34) plan.end_early("time_limit");
        plan.settle(fold, noisy_score(plan.configuration(fold), fold.fold));
      }
    int stopped = 0;
    for (auto const& trial : plan.trials()) {
      EXPECT_NE(trial.status, Trial::Status::running);
      stopped += trial.stop_reason == "time_limit";
    }
    EXPECT_LT(plan.trials().size(), 40u);
    EXPECT_GT(stopped, 0);
  }
}

TEST(SearchPlan, SaysWhichLagFeedsManyWorkers) {
  auto const lag = [](std::string const& race, int workers) {
    return SearchPlan{looking("none", race), learner, 5}.lag_for(workers);
  };
  EXPECT_EQ(lag("none", 2), 1) << "four folds of one trial";
  EXPECT_EQ(lag("none", 64), 32);
  EXPECT_EQ(lag("forgiving", 64), 128) << "folds of a trial that races follow each other";
}

TEST(SearchPlan, WithNothingToSearchTriesTheOneConfiguration) {
  for (auto const& search : samplers().names()) {
    auto fixed = settings(9, 2);
    fixed.search = search;
    fixed.space = Space::from_toml_text("n = 5\nx = 0.25");
    EXPECT_EQ(play(fixed, 3, 1).trials.size(), 1u) << search;
  }
}

TEST(SearchPlan, RefusesWhatDoesNotGoTogether) {
  auto const complaint = [](SearchSettings const& settings) {
    return canopy::test::complaint([&] { SearchPlan{settings, learner, 1}; });
  };
  auto both = looking("asha", "none");
  both.space = Space::from_toml_text("n = [1, 2]");
  EXPECT_THAT(complaint(both), HasSubstr("[space] has n, which --scheduler asha gives out itself"));
  both = looking("asha", "none");
  both.slices = true;
  EXPECT_THAT(complaint(both), HasSubstr("nothing left for --scheduler asha to save"));
  auto sliced = settings(3, 2);
  sliced.slices = true;
  sliced.race = "rows";
  EXPECT_THAT(complaint(sliced), HasSubstr("--race rows compares the rows"));
  auto wrong = looking("asha", "none");
  wrong.min_resource = 50;
  EXPECT_THAT(complaint(wrong), HasSubstr("--min-resource is 50, above"));
  wrong.min_resource = 27;
  EXPECT_THAT(complaint(wrong), HasSubstr("one rung only, of 27 n, so nobody climbs"));
  auto many = looking("asha", "none");
  many.model = "mlp";
  many.ranks_per_trial = {1, 2, 4, 8, 16};
  EXPECT_THAT(complaint(many), HasSubstr("has 5 numbers but there are 4 rungs of n, up to 27"));
  many = settings(3, 2);
  many.model = "mlp";
  many.ranks_per_trial = {1, 2};
  EXPECT_THAT(complaint(many), HasSubstr("there are no rungs without --scheduler"));
}

}  // namespace
}  // namespace canopy::tune
