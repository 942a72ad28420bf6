#include <gtest/gtest.h>

#include "canopy/forest/forest.hpp"

#include "tables.hpp"

namespace canopy::forest {
namespace {

class Predict : public testing::TestWithParam<std::vector<std::pair<std::string, std::string>>> {};
INSTANTIATE_TEST_SUITE_P(
    Settings, Predict,
    testing::Values(std::vector<std::pair<std::string, std::string>>{},
                    std::vector<std::pair<std::string, std::string>>{{"kind", "extra_trees"}},
                    std::vector<std::pair<std::string, std::string>>{{"max-leaf-nodes", "20"},
                                                                     {"criterion", "entropy"}},
                    std::vector<std::pair<std::string, std::string>>{
                        {"min-samples-leaf", "5"}, {"class-weight", "balanced_subsample"}}));

TEST_P(Predict, GivesTheSameBitsForEncodedAndRawRows) {
  auto const set = test::mixed(700, 5, 2);
  auto settings = GetParam();
  settings.emplace_back("n-estimators", "15");
  auto const forest = test::grow(set, test::parameters(settings));
  auto const table = EncodedTable::encode(set);
  auto const raw = forest.predict_proba(set.features);
  EXPECT_EQ(forest.predict_proba(table, test::all_rows(table)), raw);
  EXPECT_EQ(forest.predict(table, test::all_rows(table)), forest.predict(set.features));
  for (Eigen::Index i = 0; i < raw.rows(); ++i) EXPECT_NEAR(raw.row(i).sum(), 1, 1e-12);

  // Rows the forest never saw, in a table with ranks of its own.
  auto const other = test::mixed(300, 5, 77);
  auto const other_table = EncodedTable::encode(other);
  EXPECT_EQ(forest.predict_proba(other_table, test::all_rows(other_table)),
            forest.predict_proba(other.features));
}

TEST(Forest, PredictsRowsInTheOrderGiven) {
  auto const set = test::mixed(200, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "5"}}));
  auto const table = EncodedTable::encode(set);
  std::vector<RowIndex> const rows{7, 199, 0, 7};
  auto const some = forest.predict_proba(table, rows);
  auto const all = forest.predict_proba(set.features);
  ASSERT_EQ(some.rows(), 4);
  for (Eigen::Index i = 0; i < 4; ++i)
    EXPECT_EQ(some.row(i), all.row(static_cast<Eigen::Index>(rows[static_cast<std::size_t>(i)])));
}

TEST(Forest, AveragesProbabilitiesAndDoesNotCountVotes) {
  auto const leaf = [](double a, double b) {
    Tree tree{.classes = 2, .nodes = {{.weight = a + b, .samples = 1}}, .values = {}};
    tree.keep_values(std::vector{a, b});
    return tree;
  };
  Forest const forest{{}, {leaf(9, 1), leaf(4, 6), leaf(4, 6)}, {"a", "b"}, {"x"}};
  auto const p = forest.predict_proba(Eigen::MatrixXf::Zero(1, 1));
  EXPECT_DOUBLE_EQ(p(0, 0), (0.9 + 0.4 + 0.4) / 3);
  EXPECT_EQ(forest.predict(Eigen::MatrixXf::Zero(1, 1)), std::vector<std::uint16_t>{0});
}

TEST(Forest, TakesTheFirstClassOnTies) {
  Eigen::MatrixXd p(3, 3);
  p << 0.4, 0.4, 0.2, 0.2, 0.4, 0.4, 0.1, 0.2, 0.7;
  EXPECT_EQ(argmax(p), (std::vector<std::uint16_t>{0, 1, 2}));
}

TEST(Forest, RefusesOtherFeaturesAndNoTrees) {
  auto const set = test::mixed(50, 2, 2);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "2"}}));
  try {
    forest.predict(Eigen::MatrixXf::Zero(3, 4));
    FAIL();
  } catch (DataError const& e) {
    EXPECT_STREQ(e.what(),
                 "the matrix has 4 features but the forest was grown on 10; give the same columns "
                 "as in training");
  }
  Forest const empty{{}, {}, set.class_names, set.feature_names};
  EXPECT_THROW(empty.predict(set.features), DataError);
}

TEST(OutOfBag, OneTreeVotesForTheRowsItDidNotSee) {
  auto const set = test::mixed(600, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "1"}}), 9);
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  auto const result = forest.out_of_bag(table, rows, Key{9});
  EXPECT_EQ(result.rows_without_vote, forest.trees()[0].nodes[0].samples);
  auto const seen = forest.predict_proba(set.features);
  std::int64_t right = 0;
  for (Eigen::Index i = 0; i < 600; ++i) {
    bool const voted = result.decision_function.row(i).sum() > 0;
    if (voted) {
      EXPECT_EQ(result.decision_function.row(i), seen.row(i));
    }
    right += argmax(result.decision_function.row(i))[0] == set.labels[static_cast<std::size_t>(i)];
  }
  EXPECT_DOUBLE_EQ(result.score, static_cast<double>(right) / 600);
  EXPECT_DOUBLE_EQ(forest.oob_score(table, rows, Key{9}), result.score);
}

TEST(OutOfBag, IsNoTrainingScoreAndNeedsABootstrap) {
  auto const set = test::mixed(600, 3, 2);
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  auto const forest = test::grow(set, {}, 9);
  auto const score = forest.oob_score(table, rows, Key{9});
  EXPECT_GT(score, 0.45);
  EXPECT_LT(score, 0.75);  // the classes are noisy, a training score would be 1
  EXPECT_GT(forest.oob_score(table, rows, Key{10}), 0.85);  // other bootstraps: rows were seen
  auto const whole = test::grow(set, test::parameters({{"bootstrap", "false"}}));
  EXPECT_THROW(whole.oob_score(table, rows, Key{9}), UserError);
}

TEST(Importances, SumToOneAndFindTheFeatureThatMatters) {
  auto const set = test::mixed(800, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"max-depth", "5"}}));
  auto const shares = forest.feature_importances();
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-12);
  EXPECT_EQ(shares[2], 0);  // the constant
  EXPECT_GT(shares[0], shares[4]);
  EXPECT_GT(shares[1], shares[3]);
}

TEST(Tree, KnowsItsDepthAndLeaves) {
  Tree const tree{.classes = 1,
                  .nodes = {{.feature = 0, .left = 1, .right = 2}, {.depth = 1}, {.depth = 1}},
                  .values = {}};
  EXPECT_EQ(tree.depth(), 1);
  EXPECT_EQ(tree.leaves(), 2u);
}

/// A root with two leaves; `all` is what every node weighs by class, of two.
Tree stump(std::vector<double> const& all) {
  Tree tree{.classes = 2, .nodes = {}, .values = {}};
  tree.nodes = {{.weight = all[0] + all[1], .feature = 0, .left = 1, .right = 2},
                {.weight = all[2] + all[3], .depth = 1},
                {.weight = all[4] + all[5], .depth = 1}};
  tree.keep_values(all);
  return tree;
}

TEST(Tree, KeepsOnlyCountsThatDoNotFollow) {
  using Values = std::vector<double>;
  auto const kept = [](Values const& all) {
    auto const tree = stump(all);
    EXPECT_EQ(tree.all_values(), all);
    return tree.values;
  };
  EXPECT_EQ(kept({3, 4, 3, 0, 0, 4}), Values{});
  EXPECT_EQ(kept({3, 4, 3, 1, 0, 3}), (Values{3, 1}));
  EXPECT_EQ(kept({3, 4, 0, 3, 3, 1}), (Values{3, 1}));
  EXPECT_EQ(kept({2, 0, 2, 0, 0, 0}), (Values{0, 0})) << "a leaf without weight has no class";
  Values const rounded{0.3, 0.2, 0.1, 0.2, 0.2, 0};  // 0.1 + 0.2 is a little more than 0.3
  EXPECT_EQ(kept(rounded), rounded);
  EXPECT_TRUE(stump(rounded).has_one_class(stump(rounded).nodes[2]));
  EXPECT_FALSE(stump(rounded).has_one_class(stump(rounded).nodes[1]));
}

TEST(Tree, PadsCountsToWholeStrides) {
  std::vector<double> all(99, 7.0);  // what was there before
  stump({3, 4, 3, 1, 0, 3}).all_values(all, 3);
  EXPECT_EQ(all, (std::vector<double>{3, 4, 0, 3, 1, 0, 0, 3, 0}));
}

TEST(Tree, CountsBelowSomeNodesLeaveTheOthersAlone) {
  // In no order of depth: the split nodes 1 and 2 are children of the root.
  Tree tree{.classes = 1,
            .nodes = {{.feature = 0, .left = 1, .right = 2},
                      {.feature = 0, .left = 5, .right = 6},
                      {.feature = 0, .left = 3, .right = 4},
                      {.weight = 1},
                      {.weight = 2},
                      {.weight = 4},
                      {.weight = 8}},
            .values = {}};
  constexpr double old = -1;
  auto const below = [&](std::vector<std::uint32_t> const& tops) {
    std::vector<double> all(7, old);
    tree.values_below(tops, all, 1);
    return all;
  };
  using Values = std::vector<double>;
  EXPECT_EQ(below({}), Values(7, old));
  EXPECT_EQ(below({2}), (Values{old, old, 3, 1, 2, old, old}));
  EXPECT_EQ(below({6, 1, 6}), (Values{old, 12, old, old, old, 4, 8}));
  EXPECT_EQ(below({4, 0, 5}), tree.all_values());
}

TEST(Tree, OfWholeWeightsGrowsWithoutCountsOfPureLeavesAndSplits) {
  auto const set = test::mixed(300, 4, 5);
  for (auto const* max_leaf_nodes : {"None", "40"})
    for (auto const* class_weight : {"none", "balanced"}) {
      auto const forest = test::grow(set, test::parameters({{"n-estimators", "3"},
                                                            {"min-samples-leaf", "4"},
                                                            {"max-leaf-nodes", max_leaf_nodes},
                                                            {"class-weight", class_weight}}));
      for (auto const& tree : forest.trees()) {
        auto again = tree;
        again.keep_values(tree.all_values());
        EXPECT_EQ(again, tree) << "what growing keeps is what is needed";
        EXPECT_EQ(tree.has_all_values(), std::string{class_weight} == "balanced");
      }
    }
}

}  // namespace
}  // namespace canopy::forest
