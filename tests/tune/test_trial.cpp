#include <cmath>

#include <gtest/gtest.h>

#include "canopy/tune/trial.hpp"

namespace canopy::tune {
namespace {

Trial trial(int id, std::vector<double> const& scores, Configuration configuration = {}) {
  Trial result;
  result.id = id;
  result.origin = "random";
  result.configuration = std::move(configuration);
  result.status = Trial::Status::complete;
  for (double const score : scores) result.folds.push_back(FoldScore{score, 2, 0.5, {}, {}, {}});
  return result;
}

Trial failed(int id) {
  auto result = trial(id, {0.9});
  result.folds.push_back(std::nullopt);
  result.folds.push_back(std::nullopt);
  result.status = Trial::Status::failed;
  result.stop_reason = "fold 1: no luck";
  return result;
}

TEST(Trial, MeanAndDeviationAreNumpys) {
  auto const t = trial(0, {0.5, 0.75, 1.0});
  EXPECT_DOUBLE_EQ(t.mean_score(), 0.75);
  EXPECT_DOUBLE_EQ(t.std_score(), 0.2041241452319315);  // numpy.std([0.5, 0.75, 1.0])
  EXPECT_EQ(t.folds_done(), 3);
  EXPECT_DOUBLE_EQ(t.total_time(), 7.5);
}

TEST(Trial, HasNoScoreUnlessComplete) {
  EXPECT_TRUE(std::isnan(failed(0).mean_score()));
  EXPECT_TRUE(std::isnan(failed(0).std_score()));
  EXPECT_EQ(failed(0).folds_done(), 1);
  EXPECT_DOUBLE_EQ(failed(0).total_time(), 2.5);
}

TEST(Trial, RanksAreScikitLearns) {  // scipy.stats.rankdata(-scores, method="min")
  std::vector<Trial> const trials{trial(0, {0.5, 0.5, 0.5}), trial(1, {0.8, 0.8, 0.8}), failed(2),
                                  trial(3, {0.8, 0.8, 0.8}), trial(4, {0.6, 0.6, 0.6})};
  EXPECT_EQ(ranks_by_score(trials), (std::vector<int>{4, 1, 0, 1, 3}));
  ASSERT_NE(best_trial(trials), nullptr);
  EXPECT_EQ(best_trial(trials)->id, 1) << "the earliest of equals";
}

TEST(Trial, NoneIsBestWhenNoneCompleted) {
  EXPECT_EQ(best_trial({}), nullptr);
  EXPECT_EQ(best_trial({failed(0)}), nullptr);
}

TEST(TrialsTable, HasTheColumnsOfCvResults) {
  auto const table = trials_table({trial(0, {0.5, 1.0, 0.75}, {{"n", "3"}}), failed(1)}, {"n"});
  EXPECT_EQ(table.column_names(),
            (std::vector<std::string>{"id", "origin", "status", "stop_reason", "param_n",
                                      "mean_test_score", "std_test_score", "split0_test_score",
                                      "split1_test_score", "split2_test_score", "mean_fit_time",
                                      "std_fit_time", "mean_score_time", "std_score_time",
                                      "rank_test_score", "folds_done", "resource"}));
  EXPECT_EQ(table.number(0, "mean_test_score"), 0.75);
  EXPECT_EQ(table.number(0, "split1_test_score"), 1.0);
  EXPECT_EQ(table.number(0, "mean_fit_time"), 2.0);
  EXPECT_EQ(table.number(0, "std_fit_time"), 0.0);
  EXPECT_EQ(table.number(0, "mean_score_time"), 0.5);
  EXPECT_EQ(table.number(0, "rank_test_score"), 1);
}

TEST(Trial, ItsConfusionIsThatOfAllFoldsOrNone) {
  auto both = trial(0, {0.5, 1.0});
  both.folds[0]->confusion = {1, 2, 3, 4};
  EXPECT_FALSE(both.confusion()) << "slices were scored in the other fold";
  both.folds[1]->confusion = {10, 20, 30, 40};
  ASSERT_TRUE(both.confusion());
  EXPECT_EQ(both.confusion()->counts(), (std::vector<std::int64_t>{11, 22, 33, 44}));
  both.folds[0].reset();
  EXPECT_FALSE(both.confusion());
}

TEST(TrialsTable, AFailedTrialHasEmptyScoresAndRankZero) {
  auto const table = trials_table({trial(0, {0.5, 1.0, 0.75}), failed(1)}, {});
  EXPECT_EQ(table.text(1, "status"), "failed");
  EXPECT_EQ(table.text(1, "stop_reason"), "fold 1: no luck");
  for (auto const* column : {"mean_test_score", "std_test_score", "split1_test_score"})
    EXPECT_EQ(table.text(1, column), "") << column;
  EXPECT_EQ(table.number(1, "split0_test_score"), 0.9) << "what was computed is kept";
  EXPECT_EQ(table.number(1, "rank_test_score"), 0);
  EXPECT_EQ(table.number(1, "folds_done"), 1);
}

TEST(TrialsTable, ParametersAreNumbersOnlyWhenAllAre) {
  auto const table = trials_table(
      {trial(0, {1}, {{"whole", "3"}, {"real", "0.5"}, {"mixed", "None"}, {"gone", "1"}}),
       trial(1, {1}, {{"whole", "4"}, {"real", "2"}, {"mixed", "7"}})},
      {"whole", "real", "mixed", "gone"});
  EXPECT_EQ(std::get<std::int64_t>(table.at(1, "param_whole")), 4);
  EXPECT_EQ(std::get<double>(table.at(1, "param_real")), 2.0);
  EXPECT_EQ(std::get<std::string>(table.at(1, "param_mixed")), "7");
  EXPECT_EQ(std::get<std::string>(table.at(0, "param_gone")), "1");
  EXPECT_EQ(std::get<std::string>(table.at(1, "param_gone")), "");
}

TEST(TrialTable, IsOneRowAboutOneTrial) {
  auto const table = trial_table("best", trial(7, {0.5, 1.0}, {{"n", "3"}}), {"n"});
  EXPECT_EQ(table.name(), "best");
  EXPECT_EQ(table.rows(), 1u);
  EXPECT_EQ(table.number(0, "trial"), 7);
  EXPECT_EQ(table.number(0, "param_n"), 3);
  EXPECT_EQ(table.number(0, "mean_test_score"), 0.75);
  EXPECT_EQ(table.number(0, "fit_and_score_time"), 5.0);
}

TEST(TasksTable, IsSortedByTrialAndFold) {
  TaskRow const a{1, 0, 0, 2, 0.1, 0.2, 0.3, 0.9}, b{0, 1, 0, 1, 0, 0, 0, 0.8},
      c{0, 0, 0, 3, 0, 0, 0, 0.7};
  auto const table = tasks_table({a, b, c});
  EXPECT_EQ(table.number(0, "rank"), 3);
  EXPECT_EQ(table.number(1, "rank"), 1);
  EXPECT_EQ(table.number(2, "finished"), 0.3);
  EXPECT_EQ(table.number(2, "score"), 0.9);
}

}  // namespace
}  // namespace canopy::tune
