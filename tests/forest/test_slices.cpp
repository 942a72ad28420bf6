// A slice must be the very forest that growing with its parameters gives, and its score the very
// bits: everything here compares with ==.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/data/metrics.hpp"
#include "canopy/forest/forest.hpp"

#include "slices/slice_caps.hpp"
#include "slices/slice_scores.hpp"
#include "support/complaint.hpp"
#include "tables.hpp"

namespace canopy::forest {
namespace {

/// Random choices of one case.
class Chooser {
 public:
  explicit Chooser(std::uint64_t number) : stream_{Key{number}.with("slices")} {}

  std::uint64_t number(int low, int high) {
    return static_cast<std::uint64_t>(low) +
           stream_.below(static_cast<std::uint32_t>(high - low + 1));
  }
  int whole(int low, int high) { return static_cast<int>(number(low, high)); }
  bool once_in(int n) { return whole(1, n) == 1; }
  template <class T>
  T of(std::vector<T> const& choices) {
    return choices[number(0, static_cast<int>(choices.size()) - 1)];
  }
  /// Several, or one.
  template <class Make>
  auto list(int most, Make&& make) {
    std::vector<decltype(make())> entries;
    for (auto left = whole(1, most); left > 0; --left) entries.push_back(make());
    return entries;
  }

 private:
  Stream stream_;
};

ForestParameters structure(Chooser& choose) {
  ForestParameters p;
  p.kind = choose.once_in(3) ? Kind::extra_trees : Kind::random_forest;
  p.criterion = choose.of<Criterion>({Criterion::gini, Criterion::entropy, Criterion::log_loss});
  p.n_estimators = choose.whole(1, 12);
  p.max_features = choose.of<MaxFeatures>({{},
                                           {MaxFeatures::Rule::log2},
                                           {MaxFeatures::Rule::all},
                                           {MaxFeatures::Rule::count, 2},
                                           {MaxFeatures::Rule::count, 0.5}});
  p.min_samples_leaf = choose.of<Count>({1, 1, 1, 2, 5, 0.02});
  p.min_weight_fraction_leaf = choose.of<double>({0, 0, 0.01});
  if (choose.once_in(2)) p.bootstrap = choose.once_in(2);
  if (p.uses_bootstrap() && choose.once_in(4)) p.max_samples = choose.of<Count>({0.3, 40});
  p.class_weight = choose.of<ClassWeight>({ClassWeight::none, ClassWeight::none,
                                           ClassWeight::balanced, ClassWeight::balanced_subsample});
  if (choose.once_in(5)) p.max_depth = 6;
  if (choose.once_in(5)) p.min_samples_split = choose.of<Count>({4, 0.03});
  if (choose.once_in(5)) p.min_impurity_decrease = 0.001;
  return p;
}

/// What one split of the forest gains: just not enough, or just enough, for caps near it.
double gain_of_some_split(Forest const& forest, Chooser& choose) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    auto const& tree = choose.of(forest.trees());
    auto const last = static_cast<int>(tree.size()) - 1;
    auto const& node = tree.nodes[static_cast<std::size_t>(choose.whole(0, last))];
    if (!node.is_leaf()) return improvement_of(tree, node);
  }
  return 0.01;
}

SliceGrid grid(Forest const& forest, std::size_t fit_rows, Chooser& choose) {
  auto const& own = forest.parameters();
  auto const at_least_own = [&](double decrease) {
    return std::max(decrease, own.min_impurity_decrease);
  };
  SliceGrid grid;
  grid.fit_rows = fit_rows;
  grid.n_estimators = choose.list(4, [&] { return choose.whole(1, own.n_estimators); });
  grid.max_depth = choose.list(4, [&]() -> std::optional<int> {
    if (own.max_depth) return choose.whole(1, *own.max_depth);
    return choose.once_in(3) ? std::nullopt : std::optional{choose.whole(1, 14)};
  });
  grid.min_samples_split = choose.list(3, [&]() -> Count {
    if (own.min_samples_split == Count{2})
      return choose.of<Count>({2, 3, 5, 12, 40, 0.01, 0.05, 1.0});
    return choose.of<Count>({own.min_samples_split, 20, 0.1});
  });
  grid.min_impurity_decrease = choose.list(3, [&] {
    if (choose.once_in(2)) return own.min_impurity_decrease;
    auto const gain = at_least_own(gain_of_some_split(forest, choose));
    return choose.of<double>(
        {gain, gain + std::numeric_limits<double>::epsilon(), gain * 1.0001, at_least_own(0.003)});
  });
  return grid;
}

/// 300 cases; each test takes every tenth, so that a failure says which, and ctest shows progress.
class RandomSlices : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Tenths, RandomSlices, testing::Range(0, 10));

TEST_P(RandomSlices, AreTheForestsThatGrowingWithTheirParametersGives) {
  for (int c = GetParam(); c < 300; c += 10) {
    SCOPED_TRACE("case " + std::to_string(c));
    Chooser choose{static_cast<std::uint64_t>(c)};
    auto const classes = choose.of<int>({2, 3, 5, 7, 8, 9, 20});
    auto const set = test::mixed(choose.whole(60, 260), classes, choose.number(0, 1000));
    auto const table = EncodedTable::encode(set);
    data::Rows train;
    data::Rows held_out;
    for (RowIndex row = 0; row < table.rows(); ++row)
      (choose.once_in(3) ? held_out : train).push_back(row);
    held_out.push_back(train.front());  // rows in any order, and never none
    Key const key{choose.number(0, 1000)};
    auto const parameters = structure(choose);
    auto const grown = [&](ForestParameters const& p) {
      return Forest{p, grow_trees(table, train, p, key, 0, p.n_estimators), set.class_names,
                    set.feature_names};
    };
    auto const forest = grown(parameters);
    auto const cells = grid(forest, train.size(), choose);
    std::vector<SliceScores> found;
    for (auto const& scoring : data::scoring_names())
      found.push_back(forest.slices(table, held_out, cells, scoring));
    std::vector<std::uint16_t> truth;
    for (auto const row : held_out) truth.push_back(table.labels()[row]);

    for (std::size_t i = 0; i < cells.n_estimators.size(); ++i)
      for (std::size_t j = 0; j < cells.max_depth.size(); ++j)
        for (std::size_t k = 0; k < cells.min_samples_split.size(); ++k)
          for (std::size_t l = 0; l < cells.min_impurity_decrease.size(); ++l) {
            auto direct = parameters;
            direct.n_estimators = cells.n_estimators[i];
            direct.max_depth = cells.max_depth[j];
            direct.min_samples_split = cells.min_samples_split[k];
            direct.min_impurity_decrease = cells.min_impurity_decrease[l];
            auto const expected = grown(direct);
            ASSERT_TRUE(forest.slice(cells.at(i, j, k, l)) == expected);
            auto const probabilities = expected.predict_proba(table, held_out);
            for (auto const& scores : found)
              ASSERT_EQ(
                  scores.at(i, j, k, l),
                  data::score(data::scoring_names()[&scores - found.data()], truth, probabilities));
          }
  }
}

class Slices : public testing::Test {
 protected:
  static Forest grown(std::vector<std::pair<std::string, std::string>> settings) {
    settings.emplace_back("n-estimators", "6");
    return test::grow(set(), test::parameters(settings));
  }
  static data::Dataset const& set() {
    static auto const set = test::mixed(200, 3, 4);
    return set;
  }
  static std::string refusal(Forest const& forest, SliceGrid const& grid) {
    auto const table = EncodedTable::encode(set());
    auto const rows = test::all_rows(table);
    return canopy::test::complaint([&] { forest.slices(table, rows, grid, "accuracy"); });
  }
};

TEST_F(Slices, AreTheSameForEveryTableThatHoldsTheRows) {
  auto const forest = grown({});
  SliceGrid const grid{.n_estimators = {1, 6}, .max_depth = {2, 4, {}}};
  auto const table = EncodedTable::encode(set());
  auto const few = test::mixed(40, 3, 99);  // its ranks are others
  auto const few_encoded = EncodedTable::encode(few);
  auto const rows = test::all_rows(few_encoded);
  auto const scores = forest.slices(few_encoded, rows, grid, "neg_log_loss");
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      EXPECT_EQ(scores.at(i, j, 0, 0),
                data::score("neg_log_loss", few.labels,
                            forest.slice(grid.at(i, j, 0, 0)).predict_proba(few.features)));
}

TEST_F(Slices, AreTheSameWhenLittleMemoryDividesGridAndRows) {
  auto const forest = grown({});
  auto const table = EncodedTable::encode(set());
  auto const rows = test::all_rows(table);
  Caps const caps{{1, 2, 4, 6, 99}, {40, 9, 2}, {0.01, 0.0}, 0};
  for (auto const& scoring : data::scoring_names()) {
    SliceProblem problem{
        forest.trees(),      table, rows, {2, 3, 6}, caps, data::scorer(scoring), forest.classes(),
        std::size_t{1} << 28};
    auto const at_once = scores_of(problem);
    EXPECT_EQ(at_once.size(), 3 * caps.cells());
    for (std::size_t const memory : {50'000, 9'000, 1}) {  // the last: cell by cell
      problem.most_memory = memory;
      EXPECT_EQ(scores_of(problem), at_once) << scoring << " in " << memory << " bytes";
    }
  }
}

TEST_F(Slices, CountManyClasses) {
  auto const many = test::mixed(900, 300, 5);
  auto const table = EncodedTable::encode(many);
  auto const rows = test::all_rows(table);
  auto const forest = test::grow(many, test::parameters({{"n-estimators", "4"}}));
  SliceGrid const grid{
      .n_estimators = {1, 4}, .max_depth = {2, 7, {}}, .min_samples_split = {2, 12}};
  for (auto const& scoring : data::scoring_names()) {
    auto const scores = forest.slices(table, rows, grid, scoring);
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        for (std::size_t k = 0; k < 2; ++k)
          EXPECT_EQ(scores.at(i, j, k, 0),
                    data::score(scoring, many.labels,
                                forest.slice(grid.at(i, j, k, 0)).predict_proba(table, rows)));
  }
}

TEST_F(Slices, WideCodesGiveWhatNarrowCodesGive) {
  // 70,000 different values do not fit 16 bits.
  Eigen::MatrixXf x(70'000, 1);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < 70'000; ++i) {
    x(i, 0) = static_cast<float>(i);
    labels.push_back(static_cast<std::uint16_t>(i / 100 % 7 % 3));
  }
  auto const wide = test::dataset(x, labels, 3);
  auto const table = EncodedTable::encode(wide);
  auto const parameters = test::parameters({{"n-estimators", "2"}});
  auto const forest = test::grow(wide, parameters);
  SliceGrid const grid{.n_estimators = {2}, .max_depth = {3, 9}, .min_samples_split = {2, 500}};
  auto const scores = forest.slices(table, test::all_rows(table), grid, "f1_macro");
  for (std::size_t j = 0; j < 2; ++j)
    for (std::size_t k = 0; k < 2; ++k)
      EXPECT_EQ(scores.at(0, j, k, 0),
                data::score("f1_macro", labels,
                            forest.slice(grid.at(0, j, k, 0)).predict_proba(wide.features)));
}

TEST_F(Slices, RefuseForestsWhoseNodesDependOnMoreThanTheirPath) {
  EXPECT_EQ(refusal(grown({{"rng", "sklearn"}}), {.n_estimators = {3}}),
            "the forest cannot be sliced like this: with --rng sklearn what a node draws depends "
            "on all nodes before it, so a tighter cap grows other trees; grow it with --rng keyed");
  EXPECT_EQ(refusal(grown({{"max-leaf-nodes", "9"}}), {.n_estimators = {3}}),
            "the forest cannot be sliced like this: it was grown best node first up to "
            "--max-leaf-nodes 9, so a tighter cap leaves room for other nodes; grow it with "
            "--max-leaf-nodes None");
}

TEST_F(Slices, RefuseNodesThatAreNotNumberedDepthFirst) {
  auto const of_nodes = [](std::vector<std::pair<int, int>> const& children) {
    auto const known = grown({});
    Tree tree{.classes = known.classes(), .nodes = {}, .values = {}};
    tree.nodes.resize(children.size());
    for (std::size_t i = 0; i < children.size(); ++i) {
      auto& node = tree.nodes[i];
      node.weight = 1;
      node.samples = 1;
      auto const [left, right] = children[i];
      if (left == 0) continue;
      node = {.weight = 2,
              .feature = 0,
              .left = left,
              .right = right,
              .samples = 2,
              .depth = node.depth};
      for (auto const child : {left, right})
        tree.nodes[static_cast<std::size_t>(child)].depth = node.depth + 1;
    }
    return Forest{test::parameters({{"n-estimators", "1"}}),
                  {tree},
                  known.class_names(),
                  known.feature_names()};
  };
  auto const* const why =
      "the forest cannot be sliced: its nodes are not numbered depth first; grow it again";
  SliceGrid const grid{.n_estimators = {1}};
  EXPECT_EQ(refusal(of_nodes({{1, 4}, {2, 3}, {}, {}, {}}), grid), "none");
  EXPECT_EQ(refusal(of_nodes({{2, 1}, {}, {}}), grid), why) << "the left child is not next";
  EXPECT_EQ(refusal(of_nodes({{1, 3}, {2, 4}, {}, {}, {}}), grid), why) << "the right one is early";
}

TEST_F(Slices, RefuseWhatTheForestDoesNotHold) {
  EXPECT_EQ(refusal(grown({}), {.n_estimators = {3, 7}}),
            "the forest cannot be sliced like this: --n-estimators 7 was asked for but it has 6; "
            "grow more trees or ask for fewer");
  EXPECT_EQ(refusal(grown({{"max-depth", "5"}}), {.n_estimators = {3}}),
            "the forest cannot be sliced like this: --max-depth None was asked for but it was "
            "grown with 5, and what that cut off is not known; ask for a tighter value or grow it "
            "with --max-depth None");
  EXPECT_THAT(refusal(grown({{"max-depth", "5"}}), {.n_estimators = {3}, .max_depth = {5, 6}}),
              testing::HasSubstr("--max-depth 6 was asked for"));
  EXPECT_THAT(refusal(grown({{"min-samples-split", "6"}}),
                      {.n_estimators = {3}, .min_samples_split = {6, 5}}),
              testing::HasSubstr("--min-samples-split 5 was asked for"));
  EXPECT_THAT(refusal(grown({{"min-impurity-decrease", "0.01"}}), {.n_estimators = {3}}),
              testing::HasSubstr("--min-impurity-decrease 0 was asked for"));
  EXPECT_THROW(grown({{"max-depth", "5"}}).slice({.n_estimators = 3, .max_depth = {}}), UserError);
  // Leaves of three rows never needed less than six to be split, so two is no looser.
  EXPECT_EQ(refusal(grown({{"min-samples-split", "6"}, {"min-samples-leaf", "3"}}),
                    {.n_estimators = {3}}),
            "none");
}

TEST_F(Slices, RefuseListsAndValuesThatMakeNoSense) {
  EXPECT_EQ(refusal(grown({}), {}),
            "the forest cannot be sliced like this: the list of n_estimators is empty; give one or "
            "more");
  EXPECT_THAT(refusal(grown({}), {.n_estimators = {3}, .max_depth = {}}),
              testing::HasSubstr("the list of max_depth is empty"));
  EXPECT_THAT(refusal(grown({}), {.n_estimators = {0}}), testing::HasSubstr("n-estimators"));
  EXPECT_THAT(refusal(grown({}), {.n_estimators = {3}, .max_depth = {0}}),
              testing::HasSubstr("max-depth"));
  EXPECT_EQ(refusal(grown({}), {.n_estimators = {3}, .min_samples_split = {0.1}}),
            "the forest cannot be sliced like this: min_samples_split or min_samples_leaf is a "
            "share of the rows it was grown on, and their number is not given; set fit_rows");
  auto const table = EncodedTable::encode(set());
  SliceGrid const grid{.n_estimators = {3}};
  EXPECT_THROW(grown({}).slices(table, test::all_rows(table), grid, "r2"), UserError);
  EXPECT_THROW(grown({}).slices(table, {}, grid, "accuracy"), DataError);
  auto const other = EncodedTable::encode(test::mixed(50, 4, 1));
  EXPECT_THROW(grown({}).slices(other, test::all_rows(other), grid, "accuracy"), DataError);
}

}  // namespace
}  // namespace canopy::forest
