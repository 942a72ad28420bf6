#include <string>

#include <gtest/gtest.h>

#include "canopy/forest/parameters.hpp"

#include "support/complaint.hpp"
#include "tables.hpp"

namespace canopy::forest {
namespace {

std::string refusal(std::vector<std::pair<std::string, std::string>> const& settings) {
  return canopy::test::complaint([&] { test::parameters(settings).check(); });
}

TEST(ForestParameters, DefaultsAreScikitLearns) {
  ForestParameters parameters;
  Options options;
  parameters.describe(options);
  std::string words;
  for (auto const& row : options.rows()) words += row.name + "=" + row.initial + " ";
  EXPECT_EQ(words,
            "kind=random_forest n-estimators=100 criterion=gini max-depth=None "
            "min-samples-split=2 min-samples-leaf=1 min-weight-fraction-leaf=0 max-features=sqrt "
            "max-leaf-nodes=None min-impurity-decrease=0 bootstrap=None max-samples=None "
            "class-weight=none oob-score=false rng=keyed random-state=None ");
  EXPECT_NO_THROW(parameters.check());
}

TEST(ForestParameters, EveryFieldTakesAndGivesBackText) {
  std::vector<std::pair<std::string, std::string>> const settings{
      {"kind", "extra_trees"},
      {"n-estimators", "7"},
      {"criterion", "log_loss"},
      {"max-depth", "12"},
      {"min-samples-split", "0.25"},
      {"min-samples-leaf", "3"},
      {"max-features", "1.0"},
      {"min-weight-fraction-leaf", "0.1"},
      {"max-leaf-nodes", "30"},
      {"min-impurity-decrease", "0.001"},
      {"bootstrap", "true"},
      {"max-samples", "1"},
      {"class-weight", "balanced_subsample"},
      {"oob-score", "true"}};
  auto parameters = test::parameters(settings);
  Options options;
  parameters.describe(options);
  ASSERT_EQ(options.rows().size(), settings.size() + 2);  // rng and random-state: see below
  for (auto const& [name, value] : settings)
    for (auto const& row : options.rows())
      EXPECT_TRUE(row.name != name || row.get() == value) << name << " is " << row.get();
}

TEST(ForestParameters, SklearnsRandomNumbersTakeASeedOfTheirOwn) {
  auto const parameters = test::parameters({{"rng", "sklearn"}, {"random-state", "42"}});
  EXPECT_EQ(parameters.rng, Rng::sklearn);
  EXPECT_EQ(parameters.random_state, 42);
  EXPECT_THROW(test::parameters({{"random-state", "42"}}).check(), UserError);
  test::parameters({{"rng", "sklearn"}, {"class-weight", "balanced"}}).check();
}

TEST(ForestParameters, BootstrapDependsOnTheKindUnlessGiven) {
  EXPECT_TRUE(ForestParameters{}.uses_bootstrap());
  EXPECT_FALSE(test::parameters({{"kind", "extra_trees"}}).uses_bootstrap());
  EXPECT_TRUE(test::parameters({{"kind", "extra_trees"}, {"bootstrap", "true"}}).uses_bootstrap());
  EXPECT_FALSE(test::parameters({{"bootstrap", "false"}}).uses_bootstrap());
}

TEST(Count, OneIsANumberAndOnePointZeroIsAShare) {
  EXPECT_EQ(TextForm<Count>::parse("1"), Count{1});
  EXPECT_EQ(TextForm<Count>::parse("1.0"), Count{1.0});
  EXPECT_EQ(TextForm<Count>::parse("1e-1"), Count{0.1});
  EXPECT_NE(Count{1}, Count{1.0});
  EXPECT_EQ(TextForm<Count>::print(Count{1.0}), "1.0");
  EXPECT_EQ(TextForm<Count>::print(Count{1}), "1");
  EXPECT_EQ(TextForm<Count>::parse("one"), std::nullopt);
  EXPECT_EQ(TextForm<Count>::parse("9999999999"), std::nullopt);
}

TEST(MaxFeatures, IsResolvedAsInScikitLearn) {
  auto const of = [](std::string const& word, int features) {
    return TextForm<MaxFeatures>::parse(word)->of(features);
  };
  EXPECT_EQ(of("sqrt", 54), 7);
  EXPECT_EQ(of("log2", 54), 5);
  EXPECT_EQ(of("log2", 1), 1);
  EXPECT_EQ(of("all", 54), 54);
  EXPECT_EQ(of("None", 54), 54);
  EXPECT_EQ(of("0.5", 54), 27);
  EXPECT_EQ(of("0.001", 54), 1);
  EXPECT_EQ(of("1.0", 54), 54);
  EXPECT_EQ(of("1", 54), 1);
  EXPECT_EQ(of("1000", 54), 54);
}

TEST(ForestParameters, SaysWhatIsWrongWithAValue) {
  EXPECT_EQ(refusal({{"n-estimators", "0"}}), "--n-estimators is '0', expected at least 1");
  EXPECT_EQ(refusal({{"criterion", "mse"}}),
            "--criterion is 'mse', expected one of gini, entropy, log_loss");
  EXPECT_EQ(refusal({{"max-depth", "0"}}), "--max-depth is '0', expected None or at least 1");
  EXPECT_EQ(refusal({{"min-samples-split", "1"}}),
            "--min-samples-split is '1', expected at least 2, or a share as in 0.01, at most 1.0");
  EXPECT_EQ(refusal({{"min-samples-leaf", "1.0"}}),
            "--min-samples-leaf is '1.0', expected at least 1, or a share as in 0.01, less than "
            "1.0");
  EXPECT_EQ(refusal({{"max-features", "1.5"}}),
            "--max-features is '1.5', expected sqrt, log2, all, at least 1, or a share as in 0.3, "
            "at most 1.0");
  EXPECT_EQ(refusal({{"max-leaf-nodes", "1"}}),
            "--max-leaf-nodes is '1', expected None or at least 2");
  EXPECT_EQ(refusal({{"min-weight-fraction-leaf", "0.6"}}),
            "--min-weight-fraction-leaf is '0.6', expected between 0 and 0.5");
  EXPECT_EQ(refusal({{"max-samples", "0"}}),
            "--max-samples is '0', expected None, at least 1, or a share as in 0.5, at most 1.0");
  EXPECT_EQ(refusal({{"kind", "boosting"}}),
            "--kind is 'boosting', expected one of random_forest, extra_trees");
}

TEST(ForestParameters, SaysWhichFieldsDoNotGoTogether) {
  EXPECT_EQ(refusal({{"bootstrap", "false"}, {"max-samples", "0.5"}}),
            "--max-samples is '0.5' but --bootstrap is false: every tree sees all rows; "
            "set --bootstrap true or --max-samples None");
  EXPECT_EQ(refusal({{"kind", "extra_trees"}, {"oob-score", "true"}}),
            "--oob-score is true but --bootstrap is false: no row is out of the bag; "
            "set --bootstrap true or --oob-score false");
}

TEST(ForestParameters, ChecksFieldsThatWereSetInCodeToo) {
  ForestParameters parameters;
  parameters.min_samples_leaf = 0;
  EXPECT_THROW(parameters.check(), UserError);
}

TEST(ForestParameters, SaysWhenMoreRowsAreAskedForThanThereAre) {
  auto const set = test::mixed(20, 2, 1);
  try {
    test::grow(set, test::parameters({{"max-samples", "21"}}));
    FAIL();
  } catch (UserError const& e) {
    EXPECT_STREQ(e.what(),
                 "--max-samples is 21 but there are only 20 rows to draw from; give at most 20, or "
                 "a share as in 0.5");
  }
}

}  // namespace
}  // namespace canopy::forest
