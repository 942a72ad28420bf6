#include <cmath>

#include <gmock/gmock.h>

#include "canopy/core/random.hpp"
#include "canopy/tune/replay.hpp"

namespace canopy::tune {
namespace {

using ::testing::HasSubstr;

constexpr char grid_space[] = R"(
depth = { type = "int", low = 2, high = 20, points = 10 }
rate = { type = "float", low = 1e-4, high = 1.0, log = true, points = 9 }
rule = ["a", "b"]
)";

double score_of(Configuration const& configuration, int fold) {
  auto const depth = *text::to_double(*find(configuration, "depth"));
  auto const rate = std::log10(*text::to_double(*find(configuration, "rate")));
  auto const bonus = *find(configuration, "rule") == "a" ? 0.05 : 0.0;
  return 0.8 + bonus - 0.001 * std::pow(depth - 14, 2) - 0.02 * std::pow(rate + 2, 2) +
         0.001 * fold;
}

double seconds_of(Configuration const& configuration) {
  return 0.1 * *text::to_double(*find(configuration, "depth"));
}

/// As a grid search of three folds would have left it.
record::RunRecord grid_run() {
  record::RunRecord run;
  run.command = "tune";
  run.settings = std::string{"model = \"forest\"\nscoring = \"accuracy\"\n[space]\n"} + grid_space;
  auto trials = Table{"trials"}.column("id", Table::Type::integer);
  for (auto const* name : {"origin", "param_depth", "param_rate", "param_rule"})
    trials.column(name, Table::Type::text);
  auto tasks = Table{"tasks"}
                   .column("trial", Table::Type::integer)
                   .column("fold", Table::Type::integer)
                   .column("started", Table::Type::real)
                   .column("finished", Table::Type::real)
                   .column("score", Table::Type::real);
  std::int64_t id = 0;
  for (auto const& configuration : Space::from_toml_text(grid_space).grid()) {
    trials.add({id, id == 0 ? "default" : "grid", *find(configuration, "depth"),
                *find(configuration, "rate"), *find(configuration, "rule")});
    for (int fold = 0; fold < 3; ++fold)
      tasks.add({id, std::int64_t{fold}, 5.0, 5.0 + seconds_of(configuration),
                 score_of(configuration, fold)});
    ++id;
  }
  run.tables = {trials, tasks};
  return run;
}

ReplayTable const& table() {
  static ReplayTable const made{grid_run(), "grid.h5"};
  return made;
}

SearchSettings searching(std::string const& search, int trials) {
  SearchSettings settings;
  settings.search = search;
  settings.trials = trials;
  settings.folds = 3;
  return settings;
}

SearchPlan plan(std::string const& search, int trials, std::uint64_t seed = 1) {
  return {searching(search, trials), table(), seed};
}

TEST(ReplayTable, TellsWhatTheGridSearchFound) {
  EXPECT_EQ(table().size(), 180u);
  EXPECT_EQ(table().folds(), 3);
  EXPECT_NEAR(table().best(), 0.851, 1e-12) << "depth 14, rate 0.01, rule a";
  auto const& fold = table().at({{"rule", "b"}, {"rate", "0.01"}, {"depth", "10"}}, 2);
  EXPECT_NEAR(fold.score, 0.8 - 0.016 + 0.002, 1e-12);
  EXPECT_NEAR(fold.seconds, 1.0, 1e-9);
}

TEST(ReplayTable, SamplersProposeOnlyWhatItHas) {
  for (auto const& search : samplers().names()) {
    auto const found = replay(plan(search, 60), table(), 4, 0);
    EXPECT_EQ(found.steps.size(), 60u) << search;
    EXPECT_EQ(found.folds, 180) << search;
  }
}

TEST(Replay, OfTheWholeGridFindsTheBest) {
  auto const found = replay(plan("random", 180), table(), 1, 0);
  ASSERT_EQ(found.steps.size(), 180u);
  EXPECT_EQ(found.steps.back().best, table().best());
}

TEST(Replay, TimeIsWorkDividedByWorkersUpToTheEnd) {
  double work = 0;
  for (auto const& configuration : table().default_space().grid())
    work += 3 * seconds_of(configuration);
  for (int const ranks : {1, 2, 3, 9, 33}) {
    auto const workers = std::max(1, ranks - 1);
    auto const found = replay(plan("random", 180), table(), ranks, 0);
    EXPECT_NEAR(found.utilisation * found.seconds * workers, work, 1e-6);
    EXPECT_GE(found.seconds, work / workers - 1e-9);
    EXPECT_LE(found.seconds, work / workers + 2.0) << "the longest fold takes two seconds";
  }
}

TEST(Replay, ABusyCoordinatorKeepsManyWorkersWaiting) {
  auto const quick = replay(plan("random", 180), table(), 129, 50e-6);
  auto const slow = replay(plan("random", 180), table(), 129, 0.05);
  EXPECT_GT(slow.seconds, 1.3 * quick.seconds);
  EXPECT_LT(slow.utilisation, quick.utilisation);
}

TEST(Replay, FindsTheSameOnAnyNumberOfRanks) {
  auto const outcome = [](int ranks) {
    std::vector<std::pair<int, double>> trials;
    auto const found = replay(plan("tpe", 50), table(), ranks, 50e-6);
    for (auto const& step : found.steps) trials.emplace_back(step.trial, 0);
    std::ranges::sort(trials);
    return std::pair{trials, found.steps.back().best};
  };
  auto const alone = outcome(1);
  for (int const ranks : {2, 5, 64}) EXPECT_EQ(outcome(ranks), alone) << ranks;
}

TEST(Replay, SchedulersClimbByTheTableAndFreeSearchesEnd) {
  auto run = grid_run();
  run.settings.replace(run.settings.find("depth"), 5, "n_estimators");
  run.tables[0] = Table{"trials"}.column("id", Table::Type::integer);
  for (auto const* name : {"origin", "param_n_estimators", "param_rate", "param_rule"})
    run.tables[0].column(name, Table::Type::text);
  std::int64_t id = 0;
  for (auto const& point : Space::from_toml_text(grid_space).grid()) {
    run.tables[0].add({id, id == 0 ? "default" : "grid", *find(point, "depth"),
                       *find(point, "rate"), *find(point, "rule")});
    ++id;
  }
  ReplayTable const rungs{run, "rungs.h5"};
  for (auto const& scheduler : schedulers().names())
    for (auto const& lag : {std::optional<int>{4}, std::optional<int>{}})
      for (int const ranks : {1, 4, 40}) {
        auto climbing = searching("random", 18);
        climbing.scheduler = scheduler;
        if (scheduler != "none") {
          climbing.eta = 2;
          climbing.min_resource = 4;
          climbing.max_resource = 16;
          climbing.lag = lag;
        }
        auto const found = replay({climbing, rungs, 1}, rungs, ranks, 1e-4);
        EXPECT_GE(found.steps.size(), 1u) << scheduler;
        EXPECT_EQ(found.folds % 3, 0) << "no fold was left undone";
        EXPECT_GE(found.folds, 18 * 3) << scheduler;
      }
}

TEST(ReplayTable, RefusesOtherRuns) {
  auto const complaint = [](record::RunRecord const& run) -> std::string {
    try {
      ReplayTable{run, "x.h5"};
    } catch (DataError const& e) {
      return e.what();
    }
    return "none";
  };
  auto run = grid_run();
  run.status = "interrupted";
  EXPECT_THAT(complaint(run), HasSubstr("x.h5: is not a finished run of canopy tune"));
  run = grid_run();
  run.settings = "model = \"forest\"\n";
  EXPECT_THAT(complaint(run), HasSubstr("without a [space] of its own"));
  run = grid_run();
  run.settings += "more = [1, 2]\n";
  EXPECT_THAT(complaint(run), HasSubstr("has no configuration"));
}

}  // namespace
}  // namespace canopy::tune
