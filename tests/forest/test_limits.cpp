// The smallest, widest, deepest and largest tables: each goes through growing, both ways of
// predicting, importances, the out-of-bag score and storing.
#include <algorithm>
#include <limits>
#include <memory>

#include <sys/mman.h>

#include <gtest/gtest.h>

#include "canopy/forest/importances.hpp"

#include "tables.hpp"

namespace canopy::forest {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// What each limit is tried with; the number of trees is added.
class Limit : public testing::TestWithParam<Settings> {
 protected:
  static ForestParameters with(Settings more) {
    auto settings = GetParam();
    settings.insert(settings.end(), more.begin(), more.end());
    return test::parameters(settings);
  }

  static bool bootstraps() { return with({}).uses_bootstrap(); }

  /// Grows a forest and checks that all that reads it agrees about it.
  static Forest grown(data::Dataset const& set, Settings more = {{"n-estimators", "3"}}) {
    auto const forest = test::grow(set, with(std::move(more)));
    auto const table = EncodedTable::encode(set);
    auto const rows = test::all_rows(table);
    auto const raw = forest.predict_proba(set.features);
    EXPECT_EQ(forest.predict_proba(table, rows), raw);
    for (auto const& row : raw.rowwise()) EXPECT_NEAR(row.sum(), 1, 1e-12);
    EXPECT_EQ(Forest::from_arrays(forest.to_arrays()), forest);
    auto const shares = forest.feature_importances();
    auto const sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    EXPECT_NEAR(sum, std::ranges::any_of(shares, [](double s) { return s > 0; }) ? 1 : 0, 1e-9);
    if (forest.parameters().uses_bootstrap()) {
      EXPECT_EQ(forest.oob_curve(table, rows, Key{1}).back(),
                forest.oob_score(table, rows, Key{1}));
    }
    return forest;
  }

  static double permutation_importance(Forest const& forest, data::Dataset const& set,
                                       int feature) {
    auto const table = EncodedTable::encode(set);
    return permutation_importances(forest, table, test::all_rows(table), "accuracy", 1, Key{1})
        .mean[feature];
  }
};
INSTANTIATE_TEST_SUITE_P(
    Settings, Limit,
    testing::Values(Settings{}, Settings{{"criterion", "entropy"}, {"bootstrap", "false"}},
                    Settings{{"kind", "extra_trees"}},
                    Settings{
                        {"kind", "extra_trees"}, {"bootstrap", "true"}, {"criterion", "entropy"}},
                    Settings{{"max-leaf-nodes", "1000000"}},
                    Settings{{"class-weight", "balanced"}, {"bootstrap", "false"}},
                    Settings{{"rng", "sklearn"}, {"random-state", "3"}, {"criterion", "entropy"}}));

TEST_P(Limit, OneRow) {
  auto const set = test::dataset(Eigen::MatrixXf::Constant(1, 3, 7.5F), {1}, 2);
  auto const forest = grown(set);
  EXPECT_EQ(forest.nodes(), 3u);
  EXPECT_EQ(forest.predict(set.features), set.labels);
  EXPECT_EQ(forest.feature_importances(), std::vector<double>(3, 0.0));
  EXPECT_EQ(permutation_importance(forest, set, 0), 0);
  if (bootstraps()) {
    auto const table = EncodedTable::encode(set);
    EXPECT_EQ(forest.out_of_bag(table, test::all_rows(table), Key{1}).rows_without_vote, 1);
  }
}

TEST_P(Limit, OneClass) {
  auto const set = test::mixed(80, 1, 1);
  auto const forest = grown(set);
  EXPECT_EQ(forest.nodes(), 3u);
  EXPECT_EQ(forest.predict_proba(set.features), Eigen::MatrixXd::Ones(80, 1));
}

TEST_P(Limit, NothingButConstantColumns) {
  auto set = test::mixed(90, 3, 5);
  for (int f = 0; f < set.columns(); ++f)
    set.features.col(f).setConstant(f < 5 ? static_cast<float>(f) - 2 : 0);  // 0 and 1, and a group
  auto const forest = grown(set);
  EXPECT_EQ(forest.nodes(), 3u);
  EXPECT_EQ(forest.feature_importances(), std::vector<double>(10, 0.0));
  EXPECT_EQ(permutation_importance(forest, set, 3), 0);
  auto const all = with({});
  if (bootstraps() || all.class_weight != ClassWeight::none) return;
  for (std::uint16_t k = 0; k < 3; ++k)
    EXPECT_NEAR(forest.predict_proba(set.features)(0, k),
                static_cast<double>(std::ranges::count(set.labels, k)) / 90, 1e-15);
}

/// A column with `distinct` values in disorder, which alone tells the class, and `mixed` ones.
data::Dataset with_distinct_values(int rows, int distinct) {
  auto set = test::mixed(rows, 2, 6);
  for (int i = 0; i < rows; ++i) {
    auto const value = static_cast<std::int64_t>(i) * 48'271 % distinct;
    set.features(i, 0) = static_cast<float>(value) * 0.5F - 1000;
    set.labels[static_cast<std::size_t>(i)] = value % 1000 < 300;
  }
  return set;
}

TEST_P(Limit, TheFirstNumberOfDistinctValuesThatNeeds32Bits) {
  auto const set = with_distinct_values(65'537, 65'537);
  auto const table = EncodedTable::encode(set);
  ASSERT_EQ(table.blocks()[0].width, data::Block::Width::u32);
  ASSERT_EQ(table.blocks()[0].codes, 65'537u);
  auto const forest = grown(set, {{"n-estimators", "1"}, {"max-features", "0.5"}});
  if (!bootstraps()) {
    EXPECT_EQ(forest.predict(set.features), set.labels);
  }
  auto const largest = std::ranges::max(forest.trees()[0].nodes, {}, &Node::code_threshold);
  EXPECT_GT(largest.code_threshold, 65'000u);

  // Another table with narrow codes.
  auto const other = with_distinct_values(3000, 65'536);
  auto const narrow = EncodedTable::encode(other);
  EXPECT_EQ(narrow.blocks()[0].width, data::Block::Width::u16);
  EXPECT_EQ(forest.predict_proba(narrow, test::all_rows(narrow)),
            forest.predict_proba(other.features));
}

TEST(Limits, TheLastNumberOfDistinctValuesThatNeeds16Bits) {
  auto const set = with_distinct_values(65'536, 65'536);
  auto const table = EncodedTable::encode(set);
  ASSERT_EQ(table.blocks()[0].width, data::Block::Width::u16);
  for (auto const* kind : {"random_forest", "extra_trees"}) {
    auto const forest = test::grow(set, test::parameters({{"kind", kind},
                                                          {"n-estimators", "1"},
                                                          {"bootstrap", "false"},
                                                          {"max-features", "0.5"}}));
    EXPECT_EQ(forest.predict(set.features), set.labels);
    EXPECT_EQ(forest.predict(table, test::all_rows(table)), set.labels);
  }
}

TEST_P(Limit, ThreeHundredClasses) {
  Eigen::MatrixXf x(1500, 2);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < 1500; ++i) {
    x(i, 0) = static_cast<float>(i % 50);
    x(i, 1) = static_cast<float>(i / 50);
    labels.push_back(static_cast<std::uint16_t>(i / 5));
  }
  auto const set = test::dataset(x, labels, 300);
  auto const forest = grown(set, {{"n-estimators", "4"}});
  ASSERT_EQ(forest.classes(), 300);
  if (bootstraps()) {
    auto const predicted = forest.predict(x);
    auto right = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) right += predicted[i] == labels[i];
    EXPECT_GT(right, 1000);
  } else {
    EXPECT_EQ(forest.predict(x), labels);
  }
}

/// Of 10,000 columns the first `informative` ones say something, each about a class of its own.
data::Dataset wide(int rows, int informative) {
  Stream random{Key{11}.with("wide")};
  Eigen::MatrixXf x(rows, 10'000);
  for (auto& value : x.reshaped()) value = static_cast<float>(random.below(200));
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < rows; ++i) {
    labels.push_back(static_cast<std::uint16_t>(i % 3));
    for (int f = 0; f < informative; ++f) x(i, f) = static_cast<float>((i % 3 == f % 3) * 300);
  }
  return test::dataset(std::move(x), std::move(labels), 3);
}

TEST_P(Limit, TenThousandColumns) {
  auto const set = wide(150, 400);
  auto const forest = grown(set, {{"n-estimators", "40"}});
  EXPECT_EQ(forest.predict(set.features), set.labels);
  auto const shares = forest.feature_importances();
  EXPECT_GT(std::accumulate(shares.begin(), shares.begin() + 400, 0.0), 0.5);
}

TEST(Limits, WideTablesArePredictedInBatches) {
  auto const set = wide(150, 400);
  auto const forest = test::grow(set, test::parameters({{"n-estimators", "3"}}));
  auto const more = wide(1800, 400);  // 72 MB of codes side by side, a batch takes 64
  auto const table = EncodedTable::encode(more);
  EXPECT_EQ(forest.predict_proba(table, test::all_rows(table)),
            forest.predict_proba(more.features));
}

TEST_P(Limit, TenThousandColumnsThatFormOneHotGroups) {
  Stream random{Key{12}.with("groups")};
  for (int const group : {40, 10'000}) {
    int const rows = 400;
    Eigen::MatrixXf x = Eigen::MatrixXf::Zero(rows, 10'000);
    std::vector<std::uint16_t> labels;
    for (int i = 0; i < rows; ++i)
      for (int first = 0; first < 10'000; first += group) {
        auto const member = static_cast<int>(random.below(static_cast<std::uint32_t>(group)));
        x(i, first + member) = 1;
        if (first == 0) labels.push_back(member % 4 == 0);
      }
    auto const set = test::dataset(std::move(x), std::move(labels), 2);
    auto const table = EncodedTable::encode(set);
    ASSERT_TRUE(std::ranges::all_of(table.blocks(), &data::Block::is_group));
    ASSERT_GE(std::ssize(table.blocks()), 10'000 / group);
    auto const forest = grown(set, {{"n-estimators", "5"}});
    if (!bootstraps()) {
      EXPECT_EQ(forest.predict(set.features), set.labels);
    }
  }
}

/// Trees that split off one row at a time, in both orders of growing.
class Chain : public Limit {};
INSTANTIATE_TEST_SUITE_P(Settings, Chain,
                         testing::Values(Settings{{"bootstrap", "false"}},
                                         Settings{{"bootstrap", "false"},
                                                  {"max-leaf-nodes", "1000000"}}));

TEST_P(Chain, OfTenThousandLevels) {
  int const rows = 10'050;
  Eigen::MatrixXf x(rows, 1);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < rows; ++i) {
    x(i, 0) = static_cast<float>(i);
    labels.push_back(static_cast<std::uint16_t>(i % 2));
  }
  auto const set = test::dataset(x, labels, 2);
  auto const forest = grown(set, {{"n-estimators", "1"}});
  EXPECT_GE(forest.trees()[0].depth(), 10'000);
  EXPECT_EQ(forest.predict(x), labels);
  EXPECT_GT(permutation_importance(forest, set, 0), 0.4);
}

/// So many row numbers, of which none is ever touched.
class Untouched {
 public:
  explicit Untouched(std::size_t rows)
      : bytes_{rows * sizeof(RowIndex)},
        start_{
            mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)} {}
  Untouched(Untouched const&) = delete;
  Untouched& operator=(Untouched const&) = delete;
  ~Untouched() { munmap(start_, bytes_); }

  bool is_there() const { return start_ != MAP_FAILED; }
  std::span<RowIndex const> rows() const {
    return {static_cast<RowIndex const*>(start_), bytes_ / sizeof(RowIndex)};
  }

 private:
  std::size_t bytes_;
  void* start_;
};

TEST(Limits, MoreRowsThanATreeCanNumberItsNodesForAreRefused) {
  auto const table = EncodedTable::encode(test::mixed(10, 2, 1));
  Untouched const many{(std::size_t{1} << 30) + 1};
  ASSERT_TRUE(many.is_there());
  try {
    grow_trees(table, many.rows(), {}, Key{1}, 0, 1);
    FAIL();
  } catch (DataError const& e) {
    EXPECT_STREQ(e.what(),
                 "there are 1073741825 rows to learn from but a tree takes at most 1073741824; "
                 "learn from fewer rows");
  }
}

TEST(Limits, MoreRowsThanRowNumbersAreRefused) {
  Eigen::MatrixXf const none(Eigen::Index{std::numeric_limits<std::uint32_t>::max()}, 0);
  try {
    EncodedTable::encode(test::dataset(none, {}, 0));
    FAIL();
  } catch (DataError const& e) {
    EXPECT_STREQ(e.what(),
                 "test: 4294967295 rows are more than row numbers of 32 bits can tell apart; split "
                 "the file");
  }
}

}  // namespace
}  // namespace canopy::forest
