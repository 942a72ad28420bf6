#include <algorithm>
#include <cmath>
#include <tuple>

#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/data/splits.hpp"

namespace canopy::data {
namespace {

/// Rows of class c: counts[c], in mixed order.
std::vector<std::uint16_t> labels_with(std::vector<int> const& counts) {
  std::vector<std::uint16_t> labels;
  for (std::size_t c = 0; c < counts.size(); ++c)
    labels.insert(labels.end(), static_cast<std::size_t>(counts[c]), static_cast<std::uint16_t>(c));
  Stream{Key{3}}.shuffle(std::span{labels});
  return labels;
}

int classes_of(std::vector<int> const& counts) {
  return static_cast<int>(counts.size());
}

std::vector<int> count_classes(Rows const& rows, std::vector<std::uint16_t> const& labels,
                               std::size_t classes) {
  std::vector<int> counts(classes);
  for (auto const row : rows) ++counts[labels[row]];
  return counts;
}

/// Both parts ascending, and every row in exactly one of them.
void expect_partition(Split const& split, std::size_t rows) {
  EXPECT_TRUE(std::ranges::is_sorted(split.train));
  EXPECT_TRUE(std::ranges::is_sorted(split.test));
  Rows all;
  std::ranges::merge(split.train, split.test, std::back_inserter(all));
  ASSERT_EQ(all.size(), rows);
  for (std::size_t i = 0; i < rows; ++i) ASSERT_EQ(all[i], i);
}

bool same(Split const& a, Split const& b) {
  return a.train == b.train && a.test == b.test;
}

using FoldCase = std::tuple<std::vector<int>, int>;
class Folds : public testing::TestWithParam<FoldCase> {};

TEST_P(Folds, HoldEveryRowOutOnceInEvenShares) {
  auto const& [counts, k] = GetParam();
  auto const labels = labels_with(counts);
  auto const folds = stratified_k_fold(labels, classes_of(counts), k, Key{1});
  ASSERT_EQ(std::ssize(folds), k);
  std::vector<int> times(labels.size());
  for (auto const& fold : folds) {
    expect_partition(fold, labels.size());
    for (auto const row : fold.test) ++times[row];
    auto const held = count_classes(fold.test, labels, counts.size());
    for (std::size_t c = 0; c < counts.size(); ++c) {
      EXPECT_GE(held[c], counts[c] / k);
      EXPECT_LE(held[c], (counts[c] + k - 1) / k);
    }
    auto const even = static_cast<double>(labels.size()) / k;
    EXPECT_LT(std::abs(static_cast<double>(fold.test.size()) - even), 1);
  }
  EXPECT_EQ(std::ranges::count(times, 1), std::ssize(labels));
}

INSTANTIATE_TEST_SUITE_P(Cases, Folds,
                         testing::Values(FoldCase{{50, 50}, 5}, FoldCase{{7, 23, 101, 5}, 5},
                                         FoldCase{{3, 3, 4}, 3}, FoldCase{{13}, 2},
                                         FoldCase{{9, 0, 8}, 4},
                                         FoldCase{{11, 11, 11, 11, 11, 11, 11}, 10}));

TEST(Splits, FoldsAreThoseOfTheKey) {
  auto const labels = labels_with({40, 60});
  auto const folds = [&](std::uint64_t seed) {
    return stratified_k_fold(labels, 2, 4, Key{seed}).front();
  };
  EXPECT_TRUE(same(folds(1), folds(1)));
  EXPECT_FALSE(same(folds(1), folds(2)));
}

TEST(Splits, RepeatsAreFreshShuffles) {
  std::vector<int> const counts{20, 31};
  auto const labels = labels_with(counts);
  auto const all = repeated_stratified_k_fold(labels, 2, 3, 4, Key{1});
  ASSERT_EQ(all.size(), 12u);
  for (std::size_t repeat = 0; repeat < 4; ++repeat) {
    std::vector<int> times(labels.size());
    for (std::size_t fold = 0; fold < 3; ++fold)
      for (auto const row : all[repeat * 3 + fold].test) ++times[row];
    EXPECT_EQ(std::ranges::count(times, 1), std::ssize(labels));
    for (std::size_t other = 0; other < repeat; ++other)
      EXPECT_FALSE(same(all[repeat * 3], all[other * 3]));
  }
}

TEST(Splits, FirstRepeatDoesNotDependOnTheirNumber) {
  auto const labels = labels_with({20, 31});
  auto const one = repeated_stratified_k_fold(labels, 2, 3, 1, Key{1});
  auto const two = repeated_stratified_k_fold(labels, 2, 3, 2, Key{1});
  for (std::size_t fold = 0; fold < 3; ++fold) EXPECT_TRUE(same(one[fold], two[fold]));
}

TEST(Splits, FoldsThatCannotBeAreErrors) {
  auto const labels = labels_with({10, 3});
  EXPECT_THROW(stratified_k_fold(labels, 2, 1, Key{1}), UserError);
  EXPECT_THROW(stratified_k_fold(labels, 2, 4, Key{1}), UserError);
  EXPECT_NO_THROW(stratified_k_fold(labels, 2, 3, Key{1}));
  EXPECT_THROW(repeated_stratified_k_fold(labels, 2, 3, 0, Key{1}), UserError);
}

TEST(Splits, HeldOutShareIsThatOfEveryClass) {
  std::vector<int> const counts{7, 23, 101, 5, 1};
  auto const labels = labels_with(counts);
  for (auto const share : {0.0, 0.01, 0.1, 0.2, 0.25, 1.0 / 3, 0.5, 0.77, 0.99}) {
    auto const split = stratified_split(labels, classes_of(counts), share, Key{1});
    expect_partition(split, labels.size());
    EXPECT_EQ(std::ssize(split.test), std::lround(137 * share)) << share;
    auto const held = count_classes(split.test, labels, counts.size());
    for (std::size_t c = 0; c < counts.size(); ++c)
      EXPECT_LT(std::abs(held[c] - counts[c] * share), 1) << "class " << c << ", share " << share;
  }
}

TEST(Splits, ForestCoverHoldsOut432OfEveryClass) {
  std::vector<int> const counts(7, 2160);
  auto const labels = labels_with(counts);
  auto const split = stratified_split(labels, 7, 0.2, Key{1});
  EXPECT_EQ(count_classes(split.test, labels, 7), std::vector<int>(7, 432));
}

TEST(Splits, HeldOutRowsAreThoseOfTheKey) {
  auto const labels = labels_with({50, 50});
  auto const split = [&](std::uint64_t seed) {
    return stratified_split(labels, 2, 0.2, Key{seed});
  };
  EXPECT_TRUE(same(split(1), split(1)));
  EXPECT_FALSE(same(split(1), split(2)));
}

TEST(Splits, ShareOutsideOfItsRangeIsAnError) {
  auto const labels = labels_with({5, 5});
  for (auto const share : {-0.1, 1.0, 2.0, std::nan("")})
    EXPECT_THROW(stratified_split(labels, 2, share, Key{1}), UserError) << share;
}

}  // namespace
}  // namespace canopy::data
