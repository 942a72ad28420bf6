// Permutation importances against their plain definition.
#include <gtest/gtest.h>

#include "canopy/data/metrics.hpp"
#include "canopy/forest/importances.hpp"

#include "tables.hpp"

namespace canopy::forest {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

class Permutation : public testing::TestWithParam<Settings> {
 protected:
  Forest const forest_ = test::grow(test::mixed(600, 4, 2), test::parameters(with_trees()));
  data::Dataset const set_ = test::mixed(250, 4, 31);  // rows the forest has not seen
  EncodedTable const table_ = EncodedTable::encode(set_);
  std::vector<RowIndex> const rows_ = test::all_rows(table_);

 private:
  static Settings with_trees() {
    auto settings = GetParam();
    settings.emplace_back("n-estimators", "12");
    return settings;
  }
};
INSTANTIATE_TEST_SUITE_P(Settings, Permutation,
                         testing::Values(Settings{}, Settings{{"kind", "extra_trees"}},
                                         Settings{{"max-leaf-nodes", "30"}},
                                         Settings{{"min-samples-leaf", "4"},
                                                  {"class-weight", "balanced"}}));

TEST_P(Permutation, IsTheScoreThatRowsLoseWhenAColumnIsShuffled) {
  for (auto const* scoring : {"accuracy", "neg_log_loss"}) {
    auto const result = permutation_importances(forest_, table_, rows_, scoring, 3, Key{7});
    EXPECT_EQ(result.baseline,
              data::score(scoring, set_.labels, forest_.predict_proba(set_.features)));
    for (int f = 0; f < set_.columns(); ++f)
      for (int r = 0; r < 3; ++r) {
        auto shuffled = set_.features;
        auto const order = permuted_rows(Key{7}, f, r, rows_.size());
        for (std::size_t i = 0; i < order.size(); ++i)
          shuffled(static_cast<Eigen::Index>(i), f) = set_.features(order[i], f);
        EXPECT_EQ(
            result.importances(f, r),
            result.baseline - data::score(scoring, set_.labels, forest_.predict_proba(shuffled)))
            << scoring << ", feature " << f << ", repeat " << r;
      }
  }
}

TEST_P(Permutation, UsesTheRowsGivenInTheirOrder) {
  std::vector<RowIndex> const some{200, 3, 77, 78, 79, 10, 5, 3, 120, 99};
  Eigen::MatrixXf features(10, set_.columns());
  std::vector<std::uint16_t> labels;
  for (std::size_t i = 0; i < some.size(); ++i) {
    features.row(static_cast<Eigen::Index>(i)) = set_.features.row(some[i]);
    labels.push_back(set_.labels[some[i]]);
  }
  auto const alone = EncodedTable::encode(test::dataset(features, labels, 4));
  auto const a = permutation_importances(forest_, table_, some, "accuracy", 4, Key{3});
  auto const b =
      permutation_importances(forest_, alone, test::all_rows(alone), "accuracy", 4, Key{3});
  EXPECT_EQ(a.baseline, b.baseline);
  EXPECT_EQ(a.importances, b.importances);
}

TEST(PermutationImportances, AreZeroWithoutASplitAndFindWhatMatters) {
  auto const set = test::mixed(500, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"max-depth", "5"}}));
  auto const table = EncodedTable::encode(set);
  auto const result =
      permutation_importances(forest, table, test::all_rows(table), "accuracy", 5, Key{1});
  ASSERT_EQ(result.importances.rows(), 10);
  ASSERT_EQ(result.importances.cols(), 5);
  EXPECT_TRUE((result.importances.row(2).array() == 0).all());  // the constant
  EXPECT_EQ(result.mean[2], 0);
  EXPECT_EQ(result.std[2], 0);
  EXPECT_GT(result.mean[0], 0.1);
  EXPECT_GT(result.mean[1], 0.1);
  EXPECT_LT(result.mean[3], 0.05);  // noise
}

TEST(PermutationImportances, MeanAndStdAreNumpys) {
  auto const set = test::mixed(300, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "5"}}));
  auto const table = EncodedTable::encode(set);
  auto const result =
      permutation_importances(forest, table, test::all_rows(table), "accuracy", 2, Key{1});
  auto const a = result.importances(0, 0);
  auto const b = result.importances(0, 1);
  ASSERT_NE(a, b);
  EXPECT_DOUBLE_EQ(result.mean[0], (a + b) / 2);
  EXPECT_NEAR(result.std[0], std::abs(a - b) / 2, 1e-15);  // divided by 2, not by 1
}

TEST(PermutationImportances, DependOnKeyFeatureAndRepeatOnly) {
  auto const set = test::mixed(300, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "5"}}));
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  auto const few = permutation_importances(forest, table, rows, "accuracy", 2, Key{1});
  auto const more = permutation_importances(forest, table, rows, "accuracy", 6, Key{1});
  EXPECT_EQ(more.importances.leftCols(2), few.importances);
  EXPECT_NE(permutation_importances(forest, table, rows, "accuracy", 2, Key{2}).importances,
            few.importances);
  EXPECT_NE(permuted_rows(Key{1}, 0, 0, 300), permuted_rows(Key{1}, 1, 0, 300));
  EXPECT_NE(permuted_rows(Key{1}, 0, 0, 300), permuted_rows(Key{1}, 0, 1, 300));
}

TEST(PermutationImportances, OfSomeFeaturesAreThoseOfAll) {
  auto const set = test::mixed(300, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "5"}}));
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  auto const all = permutation_importances(forest, table, rows, "neg_log_loss", 3, Key{1});
  std::vector<int> const some{4, 0, 2};
  auto const found =
      importances_of(some, forest, {table, rows, set.labels}, {"neg_log_loss", 3, Key{1}});
  ASSERT_EQ(found.rows(), 3);
  for (Eigen::Index i = 0; i < 3; ++i)
    EXPECT_EQ(found.row(i), all.importances.row(some[static_cast<std::size_t>(i)]));
}

TEST(PermutationImportances, RefusesWhatHasNoScore) {
  auto set = test::mixed(60, 3, 2);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "2"}}));
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  auto const of = [&](Forest const& of_forest, EncodedTable const& of_table, auto const& of_rows,
                      std::string_view scoring, int repeats) {
    return permutation_importances(of_forest, of_table, of_rows, scoring, repeats, Key{1});
  };
  EXPECT_THROW(of(forest, table, rows, "accuracy", 0), UserError);
  EXPECT_THROW(of(forest, table, rows, "beauty", 1), UserError);
  EXPECT_THROW(of(forest, table, std::vector<RowIndex>{}, "accuracy", 1), DataError);
  EXPECT_THROW(of(Forest{{}, {}, set.class_names, set.feature_names}, table, rows, "accuracy", 1),
               DataError);
  auto const narrow = EncodedTable::encode(test::dataset(set.features.leftCols(3), set.labels, 3));
  EXPECT_THROW(of(forest, narrow, rows, "accuracy", 1), DataError);
  set.labels.clear();
  EXPECT_THROW(of(forest, EncodedTable::encode(set), rows, "accuracy", 1), DataError);
  EXPECT_THROW(
      permutation_importances(forest, table, rows, "accuracy", 1, Key{1}, [] { return true; }),
      Stopped);
}

}  // namespace
}  // namespace canopy::forest
