// What grow_trees promises: independence of trees, scikit-learn's rules, what limits growth.
#include <functional>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "tables.hpp"

namespace canopy::forest {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// The tree that is left when only nodes with keep(node) stay split; depth-first numbers.
Tree cut(Tree const& tree, std::function<bool(Node const&)> const& keep) {
  Tree result{.classes = tree.classes, .nodes = {}, .values = {}};
  auto const all = tree.all_values();
  std::vector<double> values;
  struct Visit {
    std::int32_t from;
    std::int32_t parent;
    bool is_left;
  };
  std::vector<Visit> stack{{0, -1, false}};
  while (!stack.empty()) {
    auto const [from, parent, is_left] = stack.back();
    stack.pop_back();
    auto node = tree.nodes[static_cast<std::size_t>(from)];
    auto const number = static_cast<std::int32_t>(result.size());
    if (parent >= 0) {
      auto& above = result.nodes[static_cast<std::size_t>(parent)];
      (is_left ? above.left : above.right) = number;
    }
    if (!node.is_leaf() && keep(node)) {
      stack.push_back({node.right, number, false});
      stack.push_back({node.left, number, true});
    } else {
      node.feature = -1;
      node.threshold = 0;
      node.code_threshold = 0;
    }
    node.left = node.right = -1;
    result.nodes.push_back(node);
    auto const own = all.begin() + from * tree.classes;
    values.insert(values.end(), own, own + tree.classes);
  }
  result.keep_values(values);
  return result;
}

Tree renumbered(Tree const& tree) {
  return cut(tree, [](Node const&) { return true; });
}

double improvement(Tree const& tree, Node const& node) {
  auto const& left = tree.nodes[static_cast<std::size_t>(node.left)];
  auto const& right = tree.nodes[static_cast<std::size_t>(node.right)];
  return node.weight / tree.nodes[0].weight *
         (node.impurity - right.weight / node.weight * right.impurity -
          left.weight / node.weight * left.impurity);
}

class BothKinds : public testing::TestWithParam<std::string> {
 protected:
  Settings with(Settings more) const {
    more.insert(more.begin(), {{"kind", GetParam()}, {"n-estimators", "12"}});
    return more;
  }
  std::vector<Tree> grow(Settings const& more, int first = 0, int last = 12) const {
    return grow_trees(table_, rows_, test::parameters(with(more)), Key{5}, first, last);
  }

  data::Dataset set_ = test::mixed(400, 4, 3);
  EncodedTable table_ = EncodedTable::encode(set_);
  std::vector<RowIndex> rows_ = test::all_rows(table_);
};
INSTANTIATE_TEST_SUITE_P(Kind, BothKinds, testing::Values("random_forest", "extra_trees"));

TEST_P(BothKinds, BlocksOfTreesEqualTheWholeForest) {
  auto const whole = grow({});
  for (int const split : {0, 1, 5, 12}) {
    auto const late = grow({}, split, 12);
    auto all = grow({}, 0, split);
    all.insert(all.end(), late.begin(), late.end());
    EXPECT_EQ(all, whole);
  }
  for (int t = 11; t >= 0; --t)
    EXPECT_EQ(grow({}, t, t + 1)[0], whole[static_cast<std::size_t>(t)]);
}

TEST_P(BothKinds, TreesDifferFromEachOtherAndFromAnotherKey) {
  auto const trees = grow({});
  for (std::size_t t = 1; t < trees.size(); ++t) EXPECT_NE(trees[t], trees[0]);
  EXPECT_NE(grow_trees(table_, rows_, test::parameters(with({})), Key{6}, 0, 1)[0], trees[0]);
}

TEST_P(BothKinds, CapsOnlyCutTrees) {
  auto const full = grow({});
  auto const capped = grow({{"max-depth", "4"}});
  auto const large_nodes = grow({{"min-samples-split", "23"}});
  auto const gainful = grow({{"min-impurity-decrease", "0.004"}});
  for (std::size_t t = 0; t < full.size(); ++t) {
    auto const& tree = full[t];
    EXPECT_EQ(capped[t], cut(tree, [](auto const& node) { return node.depth < 4; }));
    EXPECT_EQ(large_nodes[t], cut(tree, [](auto const& node) { return node.samples >= 23; }));
    EXPECT_EQ(gainful[t], cut(tree, [&](auto const& node) {
                return improvement(tree, node) + 2.3e-16 >= 0.004;
              }));
    EXPECT_LT(capped[t].size(), tree.size());
    EXPECT_LT(gainful[t].size(), tree.size());
  }
}

TEST_P(BothKinds, BestFirstWithoutACapIsTheSameTreeInAnotherOrder) {
  auto const depth_first = grow({});
  auto const best_first = grow({{"max-leaf-nodes", "100000"}});
  for (std::size_t t = 0; t < depth_first.size(); ++t)
    EXPECT_EQ(renumbered(best_first[t]), depth_first[t]);
}

TEST_P(BothKinds, BestFirstKeepsTheNumberOfLeaves) {
  for (auto const& tree : grow({{"max-leaf-nodes", "17"}})) EXPECT_EQ(tree.leaves(), 17u);
}

TEST_P(BothKinds, NodesHoldTheRowsThatReachThem) {
  for (auto const* criterion : {"gini", "entropy"}) {
    auto const trees = grow({{"bootstrap", "false"}, {"criterion", criterion}});
    for (auto const& tree : trees) {
      std::vector<std::uint32_t> samples(tree.size());
      std::vector<double> values(tree.size() * static_cast<std::size_t>(tree.classes));
      for (auto const row : rows_) {
        for (std::int32_t at = 0; at >= 0;) {
          auto const& node = tree.nodes[static_cast<std::size_t>(at)];
          ++samples[static_cast<std::size_t>(at)];
          ++values[static_cast<std::size_t>(at * tree.classes + set_.labels[row])];
          if (node.is_leaf()) break;
          at = set_.features(row, node.feature) <= node.threshold ? node.left : node.right;
        }
      }
      EXPECT_EQ(values, tree.all_values());
      for (std::size_t i = 0; i < tree.size(); ++i) {
        EXPECT_EQ(tree.nodes[i].samples, samples[i]);
        EXPECT_EQ(tree.nodes[i].weight, samples[i]);
      }
    }
  }
}

TEST_P(BothKinds, LeavesArePureWhenNothingLimitsGrowth) {
  for (auto const& tree : grow({}))
    for (auto const& node : tree.nodes) EXPECT_TRUE(!node.is_leaf() || node.impurity == 0);
}

TEST_P(BothKinds, LimitsHoldInEveryNode) {
  for (auto const& tree : grow({{"min-samples-leaf", "6"}, {"bootstrap", "true"}}))
    for (auto const& node : tree.nodes) EXPECT_GE(node.samples, 6u);
  for (auto const& tree : grow({{"min-samples-leaf", "0.05"}}))
    for (auto const& node : tree.nodes) EXPECT_GE(node.samples, 20u);
  for (auto const& tree : grow({{"min-weight-fraction-leaf", "0.03"}}))
    for (auto const& node : tree.nodes) EXPECT_GE(node.weight, 0.03 * tree.nodes[0].weight);
}

TEST_P(BothKinds, RowsOutsideOfTheGivenOnesDoNotMatter) {
  std::vector<RowIndex> some;
  for (RowIndex row = 0; row < 400; row += 2) some.push_back(row);
  auto part = test::mixed(400, 4, 3);
  Eigen::MatrixXf features(200, part.columns());
  std::vector<std::uint16_t> labels;
  for (Eigen::Index i = 0; i < 200; ++i) {
    features.row(i) = set_.features.row(2 * i);
    labels.push_back(set_.labels[static_cast<std::size_t>(2 * i)]);
  }
  auto const alone = EncodedTable::encode(test::dataset(features, labels, 4));
  auto const parameters = test::parameters(with({}));
  auto a = grow_trees(table_, some, parameters, Key{5}, 0, 12);
  auto b = grow_trees(alone, test::all_rows(alone), parameters, Key{5}, 0, 12);
  for (auto* trees : {&a, &b})
    for (auto& tree : *trees)
      for (auto& node : tree.nodes) node.code_threshold = 0;  // ranks are the table's own
  EXPECT_EQ(a, b);
}

/// The best impurity decrease of any split of these rows that leaves `least` rows on each side.
class BruteForce {
 public:
  BruteForce(data::Dataset const& set, bool entropy, std::size_t least)
      : set_{set}, entropy_{entropy}, least_{least} {}

  double best_gain(std::vector<RowIndex> const& rows) const {
    double best = -1;
    for (int f = 0; f < set_.columns(); ++f) {
      std::set<float> values;
      for (auto const row : rows) values.insert(set_.features(row, f));
      for (auto const value : values) best = std::max(best, gain(rows, f, value));
    }
    return best;
  }

  double gain(std::vector<RowIndex> const& rows, int feature, double threshold) const {
    std::vector<RowIndex> left, right;
    for (auto const row : rows)
      (set_.features(row, feature) <= threshold ? left : right).push_back(row);
    if (left.size() < least_ || right.size() < least_) return -1;
    return loss(rows) - loss(left) - loss(right);
  }

 private:
  double loss(std::vector<RowIndex> const& rows) const {
    std::vector<double> counts(set_.class_names.size());
    for (auto const row : rows) ++counts[set_.labels[row]];
    auto const n = static_cast<double>(rows.size());
    double sum = 0;
    for (auto const c : counts)
      if (c > 0) sum += entropy_ ? -c * std::log2(c / n) : c * (1 - c / n);
    return sum;
  }

  data::Dataset const& set_;
  bool entropy_;
  std::size_t least_;
};

class EverySplit : public testing::TestWithParam<std::pair<std::string, int>> {};
INSTANTIATE_TEST_SUITE_P(Criterion, EverySplit,
                         testing::Values(std::pair{"gini", 1}, std::pair{"entropy", 1},
                                         std::pair{"gini", 5}, std::pair{"log_loss", 5}));

TEST_P(EverySplit, IsTheBestOfAllWhenAllFeaturesAreLookedAt) {
  auto const [criterion, least] = GetParam();
  auto const set = test::mixed(300, 3, 8);
  auto const forest =
      test::grow(set, test::parameters({{"n-estimators", "1"},
                                        {"bootstrap", "false"},
                                        {"max-features", "all"},
                                        {"criterion", criterion},
                                        {"min-samples-leaf", std::to_string(least)}}));
  BruteForce const brute{set, criterion != "gini", static_cast<std::size_t>(least)};
  auto const& tree = forest.trees()[0];
  ASSERT_GT(tree.size(), 40u);
  std::vector<std::vector<RowIndex>> rows(tree.size());
  rows[0] = test::all_rows(EncodedTable::encode(set));
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto const& node = tree.nodes[i];
    if (node.is_leaf()) continue;
    EXPECT_NEAR(brute.gain(rows[i], node.feature, node.threshold), brute.best_gain(rows[i]), 1e-9);
    for (auto const row : rows[i])
      rows[static_cast<std::size_t>(set.features(row, node.feature) <= node.threshold ? node.left
                                                                                      : node.right)]
          .push_back(row);
  }
}

TEST(Grow, DrawsPastMaxFeaturesUntilOneFeatureVaries) {
  Eigen::MatrixXf x = Eigen::MatrixXf::Constant(64, 60, 2);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < 64; ++i) {
    x(i, 41) = static_cast<float>(i);
    labels.push_back(static_cast<std::uint16_t>(i / 16));
  }
  auto const forest = test::grow(
      test::dataset(x, labels, 4),
      test::parameters({{"n-estimators", "20"}, {"max-features", "1"}, {"bootstrap", "false"}}));
  for (auto const& tree : forest.trees()) EXPECT_EQ(tree.leaves(), 4u);
}

TEST(Grow, NodeSizesCountRowsAndWeightsCountDraws) {
  auto const set = test::mixed(500, 2, 4);
  auto const tree = test::grow(set, test::parameters({{"n-estimators", "1"}})).trees()[0];
  EXPECT_EQ(tree.nodes[0].weight, 500);
  EXPECT_NEAR(tree.nodes[0].samples, 0.632 * 500, 35);
  auto const half =
      test::grow(set, test::parameters({{"n-estimators", "1"}, {"max-samples", "0.3"}})).trees()[0];
  EXPECT_EQ(half.nodes[0].weight, 150);
}

TEST(Grow, BalancedClassesWeighTheSame) {
  auto const set = test::mixed(500, 3, 4);
  auto const root = [&](std::string const& class_weight, std::string const& bootstrap) {
    auto const tree = test::grow(set, test::parameters({{"n-estimators", "1"},
                                                        {"bootstrap", bootstrap},
                                                        {"class-weight", class_weight}}))
                          .trees()[0];
    auto values = tree.all_values();
    values.resize(3);
    return values;
  };
  for (auto const value : root("balanced", "false")) EXPECT_NEAR(value, 500.0 / 3, 1e-9);
  for (auto const value : root("balanced_subsample", "true")) EXPECT_NEAR(value, 500.0 / 3, 1e-9);
  auto const over_all = root("balanced", "true");
  EXPECT_GT(std::abs(over_all[0] - over_all[1]), 1e-3);
}

TEST(Grow, ValuesCloserThanScikitLearnsThresholdAreEqual) {
  Eigen::MatrixXf x(4, 1);
  x << 0.0f, 5e-8f, 1.0f, 1.0f;
  auto const forest = test::grow(test::dataset(x, {0, 1, 2, 2}, 3),
                                 test::parameters({{"n-estimators", "1"}, {"bootstrap", "false"}}));
  EXPECT_EQ(forest.trees()[0].leaves(), 2u);
}

TEST(Grow, StopsBetweenTreesAndWithinBigOnes) {
  auto const set = test::mixed(3000, 3, 1);
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  auto const asked_until = [&](int trees, int limit) {
    int asked = 0;
    EXPECT_THROW(grow_trees(table, rows, test::parameters({{"max-features", "1"}}), Key{1}, 0,
                            trees, [&] { return ++asked > limit; }),
                 Stopped);
    return asked;
  };
  EXPECT_EQ(asked_until(100, 0), 1);
  EXPECT_EQ(asked_until(100, 7), 8);

  Eigen::MatrixXf x(5000, 1);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < 5000; ++i) {
    x(i, 0) = static_cast<float>(i);
    labels.push_back(static_cast<std::uint16_t>(i % 2));
  }
  auto const chain = EncodedTable::encode(test::dataset(x, labels, 2));
  int asked = 0;
  EXPECT_THROW(grow_trees(chain, test::all_rows(chain), test::parameters({{"bootstrap", "false"}}),
                          Key{1}, 0, 1, [&] { return ++asked == 3; }),
               Stopped);
}

TEST(Grow, RefusesTablesThatCannotBeLearnt) {
  auto set = test::mixed(20, 2, 1);
  auto const table = EncodedTable::encode(set);
  EXPECT_THROW(grow_trees(table, {}, {}, Key{1}, 0, 1), DataError);
  set.labels.clear();
  auto const unlabelled = EncodedTable::encode(set);
  EXPECT_THROW(grow_trees(unlabelled, test::all_rows(unlabelled), {}, Key{1}, 0, 1), DataError);
}

}  // namespace
}  // namespace canopy::forest
