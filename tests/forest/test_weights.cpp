// Sample weights: what they mean, that nothing depends on how they are summed, and the sort that
// repeats scikit-learn's order.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include <gtest/gtest.h>

#include "support/complaint.hpp"
#include "tables.hpp"
#include "weighted/introsort.hpp"
#include "weighted/weighted_bag.hpp"

namespace canopy::forest {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Weights that take all 53 bits.
std::vector<double> real_weights(std::size_t rows, std::uint64_t seed) {
  Stream random{Key{seed}.with("weights")};
  std::vector<double> weights(rows);
  for (auto& weight : weights) weight = std::exp(2 * random.normal());
  return weights;
}

std::vector<double> whole_weights(std::size_t rows, std::uint32_t most, std::uint64_t seed) {
  Stream random{Key{seed}.with("weights")};
  std::vector<double> weights(rows);
  for (auto& weight : weights) weight = random.below(most + 1);
  return weights;
}

std::vector<double> scaled(std::vector<double> weights, double factor) {
  for (auto& weight : weights) weight *= factor;
  return weights;
}

/// The trees as they would be if all weights were `factor` times as large.
std::vector<Tree> scaled(std::vector<Tree> trees, double factor) {
  for (auto& tree : trees) {
    for (auto& node : tree.nodes) node.weight *= factor;
    for (auto& value : tree.values) value *= factor;
  }
  return trees;
}

class Weights : public testing::TestWithParam<std::tuple<std::string, std::string, std::string>> {
 protected:
  std::vector<Tree> grow(TrainingRows const& rows, Settings settings = {}) const {
    auto const [kind, criterion, rng] = GetParam();
    settings.insert(settings.begin(), {{"kind", kind},
                                       {"criterion", criterion},
                                       {"rng", rng},
                                       {"n-estimators", "4"},
                                       {"bootstrap", "false"}});
    return grow_trees(table_, rows, test::parameters(settings), Key{5}, 0, 4);
  }

  EncodedTable table_ = EncodedTable::encode(test::mixed(500, 4, 3));
  std::vector<RowIndex> rows_ = test::all_rows(table_);
  std::vector<double> real_ = real_weights(rows_.size(), 1);
  std::vector<double> whole_ = whole_weights(rows_.size(), 3, 1);
};

using WeightsCase = testing::TestParamInfo<Weights::ParamType>;
std::string name_of(WeightsCase const& test) {
  auto const& [kind, criterion, rng] = test.param;
  return kind + "_" + criterion + "_" + rng;
}

INSTANTIATE_TEST_SUITE_P(Forest, Weights,
                         testing::Combine(testing::Values("random_forest", "extra_trees"),
                                          testing::Values("gini", "entropy"),
                                          testing::Values("keyed", "sklearn")),
                         name_of);

TEST_P(Weights, RowsThatWeighNothingAreLeftOut) {
  for (auto weights : {real_, whole_}) {
    std::vector<RowIndex> some;
    std::vector<double> of_some;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (i % 3 == 0) weights[i] = 0;
      if (weights[i] == 0) continue;
      some.push_back(rows_[i]);
      of_some.push_back(weights[i]);
    }
    auto const trees = grow({rows_, weights});
    EXPECT_EQ(trees[0].nodes[0].samples, some.size());
    EXPECT_EQ(trees, grow({some, of_some}));
  }
}

TEST_P(Weights, AllOnesAreNoWeights) {
  std::vector<double> const ones(rows_.size(), 1.0);
  for (auto const* bootstrap : {"true", "false"})
    EXPECT_EQ(grow({rows_, ones}, {{"bootstrap", bootstrap}}),
              grow(rows_, {{"bootstrap", bootstrap}}));
}

TEST_P(Weights, WholeOnesRepeatRows) {
  std::vector<RowIndex> repeated;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    for (int n = 0; n < whole_[i]; ++n) repeated.push_back(rows_[i]);
  auto weighted = grow({rows_, whole_});
  auto copied = grow(repeated);
  EXPECT_EQ(copied[0].nodes[0].samples, repeated.size());
  for (auto* trees : {&weighted, &copied})
    for (auto& tree : *trees)
      for (auto& node : tree.nodes) node.samples = 0;  // these count rows
  EXPECT_EQ(weighted, copied);
}

/// Halves of odd numbers are not whole, so they take the other way of growing. Not for entropies of
/// the keyed generator, whose ties are broken by how each way rounds.
class HalfWeights : public Weights {};
INSTANTIATE_TEST_SUITE_P(Gini, HalfWeights,
                         testing::Combine(testing::Values("random_forest", "extra_trees"),
                                          testing::Values("gini"),
                                          testing::Values("keyed", "sklearn")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Entropy, HalfWeights,
                         testing::Combine(testing::Values("random_forest", "extra_trees"),
                                          testing::Values("entropy"), testing::Values("sklearn")),
                         name_of);

TEST_P(HalfWeights, GiveWhatWholeOnesGive) {
  auto const halves = scaled(whole_, 0.5);
  for (Settings const& more :
       {Settings{}, Settings{{"bootstrap", "true"}}, Settings{{"max-leaf-nodes", "20"}},
        Settings{{"min-weight-fraction-leaf", "0.02"}},
        Settings{{"min-samples-leaf", "5"}, {"max-features", "all"}}})
    EXPECT_EQ(grow({rows_, whole_}, more), scaled(grow({rows_, halves}, more), 2));
}

TEST_P(Weights, TwiceAsLargeOnesChangeNothing) {
  for (auto const* class_weight : {"none", "balanced"}) {
    Settings const more{{"class-weight", class_weight}, {"bootstrap", "true"}};
    EXPECT_EQ(grow({rows_, scaled(real_, 2)}, more), scaled(grow({rows_, real_}, more), 2));
  }
}

TEST_P(Weights, LeavesHaveTheirShareOfTheWeight) {
  for (auto const& tree : grow({rows_, real_}, {{"min-weight-fraction-leaf", "0.03"}})) {
    EXPECT_GT(tree.size(), 10u);
    for (auto const& node : tree.nodes) EXPECT_GE(node.weight, 0.0299 * tree.nodes[0].weight);
  }
}

TEST_P(Weights, BalancedClassesWeighTheSameWithoutSampleWeights) {
  auto const tree = grow(rows_, {{"class-weight", "balanced"}})[0];
  auto const values = tree.all_values();
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(values[k], 500.0 / 4, 1e-9);
}

TEST(KeyedWeights, DoNotDependOnTheOrderOfRows) {
  auto const table = EncodedTable::encode(test::mixed(500, 4, 3));
  auto const rows = test::all_rows(table);
  auto const weights = real_weights(rows.size(), 1);
  std::vector<RowIndex> turned{rows.rbegin(), rows.rend()};
  std::vector<double> turned_weights{weights.rbegin(), weights.rend()};
  for (auto const* kind : {"random_forest", "extra_trees"})
    for (auto const* criterion : {"gini", "entropy"})
      for (auto const* class_weight : {"none", "balanced"}) {
        auto const parameters = test::parameters({{"kind", kind},
                                                  {"criterion", criterion},
                                                  {"class-weight", class_weight},
                                                  {"bootstrap", "false"}});
        EXPECT_EQ(grow_trees(table, {rows, weights}, parameters, Key{2}, 0, 3),
                  grow_trees(table, {turned, turned_weights}, parameters, Key{2}, 0, 3));
      }
}

TEST(KeyedWeights, AreRoundedSoThatSumsAreExact) {
  auto weights = real_weights(100'000, 7);
  weights[5] = 0;
  weights[6] = 1e-30;
  auto const given = weights;
  make_sums_exact(weights);
  auto const forward = std::accumulate(weights.begin(), weights.end(), 0.0);
  EXPECT_EQ(forward, std::accumulate(weights.rbegin(), weights.rend(), 0.0));
  EXPECT_NE(std::accumulate(given.begin(), given.end(), 0.0),
            std::accumulate(given.rbegin(), given.rend(), 0.0));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_NEAR(weights[i], given[i], forward * 0x1p-51);
    EXPECT_EQ(weights[i] > 0, given[i] > 0);
  }
}

TEST(SampleWeights, SayWhatIsWrongWithThem) {
  auto const table = EncodedTable::encode(test::mixed(4, 2, 1));
  auto const rows = test::all_rows(table);
  auto const refusal = [&](std::vector<double> const& weights) {
    return canopy::test::complaint([&] { grow_trees(table, {rows, weights}, {}, Key{1}, 0, 1); });
  };
  EXPECT_EQ(refusal({1, 2}), "there are 2 sample weights for 4 rows; give one for each row");
  EXPECT_EQ(refusal({1, 1, -0.5, 1}), "sample weight 3 is -0.5; give numbers of 0 or more");
  EXPECT_NE(refusal({1, 1, 1, NAN}), "none");
  EXPECT_NE(refusal({INFINITY, 1, 1, 1}), "none");
  EXPECT_EQ(refusal({0, 0, 0, 0}),
            "all sample weights are 0, so there is nothing to learn from; give at least one row a "
            "weight above 0");
  EXPECT_EQ(refusal({0, 0, 0, 0.1}), "none");
}

// A bootstrap may draw none of the rows that weigh something.
/// weight, criterion, kind, class weight, rng
using OneWeight = std::tuple<double, char const*, char const*, char const*, char const*>;
class OneRowThatWeighs : public ::testing::TestWithParam<OneWeight> {};

TEST_P(OneRowThatWeighs, ATreeWithoutItSaysNothing) {
  auto const set = test::mixed(50, 3, 2);
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  std::vector<double> weights(rows.size());
  auto const& [weight, criterion, kind, class_weight, rng] = GetParam();
  weights[7] = weight;
  auto const parameters = test::parameters({{"n-estimators", "20"},
                                            {"criterion", criterion},
                                            {"kind", kind},
                                            {"class-weight", class_weight},
                                            {"rng", rng},
                                            {"bootstrap", "true"}});
  Forest const forest{parameters, grow_trees(table, {rows, weights}, parameters, Key{1}, 0, 20),
                      set.class_names, set.feature_names};
  auto const empty = std::ranges::count(forest.trees(), 0u, [](Tree const& tree) {
    EXPECT_EQ(tree.size(), 1u);
    return tree.nodes[0].samples;
  });
  EXPECT_GT(empty, 0);
  EXPECT_LT(empty, 20);
  auto const shares = forest.predict_proba(table, rows);
  EXPECT_EQ(shares, forest.predict_proba(set.features));
  EXPECT_DOUBLE_EQ(shares(0, set.labels[7]), 1 - static_cast<double>(empty) / 20);
  EXPECT_EQ(Forest::from_arrays(forest.to_arrays()).predict_proba(set.features), shares);
}

// A whole number takes other ways to grow a tree than one that is not, and so do class weights.
INSTANTIATE_TEST_SUITE_P(Weights, OneRowThatWeighs,
                         ::testing::Combine(::testing::Values(0.3, 1.0),
                                            ::testing::Values("gini", "entropy"),
                                            ::testing::Values("random_forest", "extra_trees"),
                                            ::testing::Values("none", "balanced"),
                                            ::testing::Values("keyed", "sklearn")));

/// sort() of sklearn/tree/_splitter.pyx, swap by swap.
class PlainIntrosort {
 public:
  int heapsorts = 0;

  void sort(std::span<RowKey> keys) {
    auto const n = static_cast<double>(keys.size());
    sort(keys, 2 * static_cast<int>(std::log(n) / std::log(2.0)));
  }

 private:
  void sort(std::span<RowKey> keys, int depth) {
    while (keys.size() > 1) {
      if (depth <= 0) return heapsort(keys);
      --depth;
      auto const pivot =
          median(keys.front().code(), keys[keys.size() / 2].code(), keys.back().code());
      std::size_t i = 0, left = 0, right = keys.size();
      while (i < right)
        if (keys[i].code() < pivot)
          std::swap(keys[i++], keys[left++]);
        else if (keys[i].code() > pivot)
          std::swap(keys[i], keys[--right]);
        else
          ++i;
      sort(keys.first(left), depth);
      keys = keys.subspan(right);
    }
  }

  static std::uint32_t median(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return std::max(std::min(a, b), std::min(std::max(a, b), c));
  }

  static void sift_down(std::span<RowKey> keys, std::size_t root) {
    for (;;) {
      auto const child = 2 * root + 1;
      auto largest = root;
      if (child < keys.size() && keys[largest].code() < keys[child].code()) largest = child;
      if (child + 1 < keys.size() && keys[largest].code() < keys[child + 1].code())
        largest = child + 1;
      if (largest == root) return;
      std::swap(keys[root], keys[largest]);
      root = largest;
    }
  }

  void heapsort(std::span<RowKey> keys) {
    ++heapsorts;
    for (auto start = (keys.size() - 2) / 2 + 1; start-- > 0;) sift_down(keys, start);
    for (auto end = keys.size() - 1; end > 0; --end) {
      std::swap(keys[0], keys[end]);
      sift_down(keys.first(end), 0);
    }
  }
};

TEST(Introsort, LeavesTiesWhereScikitLearnLeavesThem) {
  Stream random{Key{4}};
  PlainIntrosort plain;
  Introsort introsort;
  introsort.reserve(3000);
  std::vector<RowKey> keys, expected;
  for (std::uint32_t const codes : {1u, 2u, 5u, 50u, 300u, 100'000u})
    for (std::uint32_t const rows : {1u, 2u, 3u, 7u, 8u, 16u, 17u, 32u, 33u, 200u, 3000u})
      for (int repeat = 0; repeat < 200; ++repeat) {
        keys.clear();
        for (std::uint32_t i = 0; i < rows; ++i) keys.emplace_back(random.below(codes), i);
        expected = keys;
        plain.sort(expected);
        introsort.sort(keys, {0, codes - 1});
        ASSERT_TRUE(std::ranges::equal(
            keys, expected,
            [](RowKey a, RowKey b) { return a.code() == b.code() && a.item() == b.item(); }))
            << rows << " rows, " << codes << " codes";
      }
  EXPECT_GT(plain.heapsorts, 0);
}

}  // namespace
}  // namespace canopy::forest
