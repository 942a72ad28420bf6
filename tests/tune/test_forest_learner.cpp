#include <bit>

#include <gmock/gmock.h>

#include "canopy/tune/forest_learner.hpp"

#include "forest/tables.hpp"

namespace canopy::tune {
namespace {

/// A learner of one kind over a data set, and ways to divide its rows.
struct Fixture {
  explicit Fixture(data::Dataset const& set, std::string const& model = "forest")
      : table{data::EncodedTable::encode(set)},
        learner{learners().make(model, {table, set.class_names, set.feature_names, "accuracy"})},
        splits{data::stratified_k_fold(table.labels(), table.classes(), 3, Key{1})} {}

  FoldScore score(Configuration const& configuration, Key key = Key{7},
                  std::size_t fold = 0) const {
    return learner->fit_and_score(configuration, splits[fold], key, {});
  }

  data::EncodedTable table;
  std::unique_ptr<Learner> learner;
  std::vector<data::Split> splits;
};

data::Dataset noisy() {
  return forest::test::mixed(240, 3, 5);
}

/// Two classes that the first column tells apart.
data::Dataset separable() {
  Eigen::MatrixXf x(60, 2);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < 60; ++i) {
    x(i, 0) = static_cast<float>(i);
    x(i, 1) = 0;
    labels.push_back(i < 30 ? 0 : 1);
  }
  return forest::test::dataset(std::move(x), std::move(labels), 2);
}

TEST(ForestLearner, DefaultsAreScikitLearns) {
  auto const defaults = Fixture{noisy()}.learner->defaults();
  EXPECT_EQ(*find(defaults, "n_estimators"), "100");
  EXPECT_EQ(*find(defaults, "criterion"), "gini");
  EXPECT_EQ(*find(defaults, "max_depth"), "None");
  EXPECT_EQ(*find(defaults, "min_samples_split"), "2");
  EXPECT_EQ(*find(defaults, "min_samples_leaf"), "1");
  EXPECT_EQ(*find(defaults, "max_features"), "sqrt");
}

TEST(ForestLearner, ItsOwnSpaceAndDefaultsMakeSense) {
  for (std::string const model : {"forest", "extra_trees"}) {
    Fixture const fixture{noisy(), model};
    auto const space = fixture.learner->default_space();
    auto const defaults = fixture.learner->defaults();
    EXPECT_NO_THROW(fixture.learner->check(defaults));
    for (auto const& name : space.names()) EXPECT_NE(find(defaults, name), nullptr) << name;
    for (double const u : {0.0, 0.2, 0.4, 0.6, 0.8, 0.999})
      EXPECT_NO_THROW(
          fixture.learner->check(space.at(std::vector<double>(space.searched().size(), u))));
  }
}

TEST(ForestLearner, RefusesWhatMakesNoSense) {
  Fixture const fixture{noisy()};
  for (Configuration const& wrong : {Configuration{{"n_estimators", "0"}},
                                     {{"max_depth", "deep"}},
                                     {{"max_features", "1.5"}},
                                     {{"criterion", "ginni"}},
                                     {{"n_estimator", "10"}},
                                     {{"bootstrap", "false"}, {"max_samples", "0.5"}}})
    EXPECT_THROW(fixture.learner->check(wrong), UserError) << to_text(wrong);
}

TEST(ForestLearner, SolvesASeparableProblem) {
  Fixture const fixture{separable()};
  auto const result = fixture.score({{"n_estimators", "20"}, {"max_features", "all"}});
  EXPECT_GE(result.score, 0.95);
  EXPECT_GT(result.fit_time, 0);
}

TEST(ForestLearner, ScoreIsTheTraceOfTheConfusion) {
  Fixture const fixture{noisy()};
  auto const result = fixture.score({{"n_estimators", "10"}});
  ASSERT_EQ(result.confusion.size(), 9u);
  std::int64_t all = 0;
  for (auto const count : result.confusion) all += count;
  EXPECT_EQ(all, static_cast<std::int64_t>(fixture.splits[0].test.size()));
  auto const right = result.confusion[0] + result.confusion[4] + result.confusion[8];
  EXPECT_DOUBLE_EQ(result.score, static_cast<double>(right) / static_cast<double>(all));
  EXPECT_GT(result.score, 0.4) << "better than a guess among three";
  std::int64_t bits = 0;
  for (auto const word : result.right) bits += std::popcount(word);
  EXPECT_EQ(bits, right);
  EXPECT_EQ(result.right.size(), (fixture.splits[0].test.size() + 63) / 64);
}

TEST(ForestLearner, TheSameKeyGivesTheSameScore) {
  Fixture const fixture{noisy()};
  Configuration const few{{"n_estimators", "5"}};
  auto const first = fixture.score(few);
  EXPECT_EQ(fixture.score(few).confusion, first.confusion);
  int different = 0;
  for (std::uint64_t seed = 100; seed < 105; ++seed)
    different += fixture.score(few, Key{seed}).confusion != first.confusion;
  EXPECT_GT(different, 0) << "the key matters";
}

TEST(ForestLearner, KindsDiffer) {
  Configuration const few{{"n_estimators", "5"}, {"max_features", "1"}};
  EXPECT_NE(Fixture(noisy()).score(few).confusion,
            Fixture(noisy(), "extra_trees").score(few).confusion);
  EXPECT_EQ(forest_kind("forest"), forest::Kind::random_forest);
  EXPECT_EQ(forest_kind("extra_trees"), forest::Kind::extra_trees);
}

TEST(ForestLearner, CostGrowsWithTheWork) {
  auto const learner = std::move(Fixture{noisy()}.learner);
  auto const cost = [&](Configuration const& c) { return learner->cost(c); };
  EXPECT_GT(cost({{"n_estimators", "10"}}), 0);
  EXPECT_GT(cost({{"n_estimators", "300"}}), 2 * cost({{"n_estimators", "100"}}));
  EXPECT_GT(cost({{"max_features", "all"}}), cost({{"max_features", "1"}}));
  EXPECT_GT(cost({{"max_depth", "20"}}), cost({{"max_depth", "5"}}));
}

/// Configurations drawn from a space with all that slices tell.
Space sliced_space() {
  return Space::from_toml_text(R"(
n_estimators = { type = "int", low = 2, high = 20, points = 4 }
max_depth = { type = "int", low = 1, high = 9, also = ["None"], points = 4 }
min_samples_split = [2, 5, 0.1]
min_impurity_decrease = [0, 0.01]
max_features = ["sqrt", 0.9]
min_samples_leaf = [1, 4]
criterion = ["gini", "entropy"]
bootstrap = [true, false]
)");
}

TEST(ForestLearner, SlicesAreDirectFitsToTheBit) {
  Fixture const fixture{noisy()};
  auto const& learner = *fixture.learner;
  auto const space = sliced_space();
  SliceAxes const axes{learner.nested(), space, learner.defaults()};
  ASSERT_EQ(axes.size(), 4u * 5 * 3 * 2);
  Stream dice{Key{8}};
  for (int structure = 0; structure < 20; ++structure) {
    std::vector<double> point;
    for (std::size_t i = 0; i < space.searched().size(); ++i) point.push_back(dice.uniform());
    auto const configuration = space.at(point);
    auto const& split = fixture.splits[static_cast<std::size_t>(structure % 3)];
    auto const all = learner.fit_and_score_slices(configuration, axes, split, Key{7}, {});
    ASSERT_EQ(all.slices.size(), axes.size());
    EXPECT_TRUE(all.confusion.empty() && all.right.empty()) << "of no slice";
    for (int slice = 0; slice < 10; ++slice) {
      auto const index = dice.below(static_cast<std::uint32_t>(axes.size()));
      auto direct = configuration;
      for (auto const& [name, value] : axes.at(index)) {
        std::erase_if(direct, [&](auto const& entry) { return entry.first == name; });
        direct.emplace_back(name, value);
      }
      EXPECT_EQ(learner.fit_and_score(direct, split, Key{7}, {}).score, all.slices[index])
          << to_text(direct);
    }
  }
}

TEST(ForestLearner, MoreTreesGoOnFromThoseThatAreThere) {
  auto const set = noisy();
  LearnerData data{data::EncodedTable::encode(set), set.class_names, set.feature_names, "accuracy"};
  auto const afresh = learners().make("forest", data);
  data.trials_climb = true;
  auto const going_on = learners().make("forest", data);
  auto const split = data::stratified_split(data.labels(), 3, 0.3, Key{2});
  double afresh_time = 0, going_on_time = 0;
  for (auto const* trees : {"50", "150", "450", "150"})
    for (auto const* features : {"1", "4"}) {
      Configuration const configuration{{"max_features", features}, {"n_estimators", trees}};
      auto const expected = afresh->fit_and_score(configuration, split, Key{3}, {});
      auto const found = going_on->fit_and_score(configuration, split, Key{3}, {});
      EXPECT_EQ(found.score, expected.score);
      EXPECT_EQ(found.right, expected.right);
      afresh_time += expected.fit_time;
      going_on_time += found.fit_time;
    }
  EXPECT_LT(going_on_time, 0.85 * afresh_time) << "450 trees were grown in all, not 800";
  auto const other_key = going_on->fit_and_score({{"n_estimators", "5"}}, split, Key{4}, {});
  EXPECT_EQ(other_key.score,
            afresh->fit_and_score({{"n_estimators", "5"}}, split, Key{4}, {}).score);
}

TEST(ForestLearner, GivesUpWhenAsked) {
  Fixture const fixture{noisy()};
  EXPECT_THROW(fixture.learner->fit_and_score({}, fixture.splits[0], Key{1}, [] { return true; }),
               Stopped);
}

}  // namespace
}  // namespace canopy::tune
