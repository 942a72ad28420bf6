// The 15,120 forest cover rows: forests must be as good, as large and as deep as scikit-learn
// 1.2.1's, whose figures (means over seeds) stand beside the tolerances.
#include <string>

#include <gtest/gtest.h>

#include "canopy/data/source.hpp"
#include "canopy/data/splits.hpp"

#include "support/real_data.hpp"
#include "tables.hpp"

namespace canopy::forest {
namespace {

class ForestCover : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto const folder = canopy::test::real_data_dir();
    if (!folder) return;
    data::Source source;
    source.data = "forest-cover";
    source.data_dir = *folder;
    set_ = data::load(source, 0).train;
    table_ = EncodedTable::encode(*set_);
  }
  void SetUp() override {
    if (!set_) GTEST_SKIP() << "forest-cover/train.csv is not there; data/fetch.sh gets it";
    ASSERT_EQ(table_->rows(), 15'120);
  }

  static double cross_validated_accuracy(ForestParameters const& parameters) {
    double sum = 0;
    auto const folds =
        data::stratified_k_fold(table_->labels(), table_->classes(), 5, Key{42}.with("folds"));
    for (std::size_t i = 0; i < folds.size(); ++i) {
      auto const trees = grow_trees(*table_, folds[i].train, parameters, Key{42}.with(i), 0,
                                    parameters.n_estimators);
      auto const predicted =
          Forest{parameters, trees, set_->class_names, set_->feature_names}.predict(*table_,
                                                                                    folds[i].test);
      double right = 0;
      for (std::size_t r = 0; r < predicted.size(); ++r)
        right += predicted[r] == table_->labels()[folds[i].test[r]];
      sum += right / static_cast<double>(predicted.size());
    }
    return sum / static_cast<double>(folds.size());
  }

  struct Size {
    double nodes = 0;
    double depth = 0;
  };
  static Size mean_size(Forest const& forest) {
    Size size;
    for (auto const& tree : forest.trees()) size.depth += tree.depth();
    auto const trees = static_cast<double>(forest.trees().size());
    return {static_cast<double>(forest.nodes()) / trees, size.depth / trees};
  }

  static inline std::optional<data::Dataset> set_;
  static inline std::optional<EncodedTable> table_;
};

TEST_F(ForestCover, RandomForestIsAsAccurateAsScikitLearns) {
  EXPECT_NEAR(cross_validated_accuracy({}), 0.8605, 0.004);
}

TEST_F(ForestCover, ExtraTreesAreAsAccurateAsScikitLearns) {
  EXPECT_NEAR(cross_validated_accuracy(test::parameters({{"kind", "extra_trees"}})), 0.8635, 0.004);
}

TEST_F(ForestCover, RandomForestIsAsLargeAsScikitLearns) {
  auto const forest = test::grow(*set_, {});
  auto const [nodes, depth] = mean_size(forest);
  EXPECT_NEAR(nodes, 5179, 0.03 * 5179);
  EXPECT_NEAR(depth, 33.6, 1.5);
  EXPECT_NEAR(forest.oob_score(*table_, test::all_rows(*table_), Key{1}), 0.863, 0.004);
  auto const importances = forest.feature_importances();
  EXPECT_NEAR(importances[0], 0.2214, 0.022);  // Elevation; sd over seeds 0.0074
  EXPECT_NEAR(importances[5], 0.0932, 0.006);  // Horizontal_Distance_To_Roadways; sd 0.0020

  auto const arrays = forest.to_arrays();
  EXPECT_EQ(Forest::from_arrays(arrays), forest);
  EXPECT_EQ(forest.predict_proba(*table_, test::all_rows(*table_)),
            forest.predict_proba(set_->features));
}

TEST_F(ForestCover, ExtraTreesAreAsLargeAsScikitLearns) {
  auto const [nodes, depth] =
      mean_size(test::grow(*set_, test::parameters({{"kind", "extra_trees"}})));
  EXPECT_NEAR(nodes, 13'108, 0.03 * 13'108);
  EXPECT_NEAR(depth, 42.9, 1.5);
}

}  // namespace
}  // namespace canopy::forest
