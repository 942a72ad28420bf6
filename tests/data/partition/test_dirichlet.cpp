#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/partition/deals.hpp"

namespace canopy::data {
namespace {

using namespace test;

TEST(Dirichlet, OfALargeAlphaLooksIid) {
  auto const labels = mnist_labels();
  auto const partition = dealt(options_of("dirichlet:1000000"), 10, labels);
  for (auto const size : sizes_of(partition)) EXPECT_NEAR(static_cast<double>(size), 6000, 60);
  for (auto const emd : distances(partition, labels, 10)) EXPECT_LT(emd, 0.01);
}

TEST(Dirichlet, ConcentratesAsAlphaFalls) {
  auto const labels = mnist_labels();
  double last = 0;
  for (auto const* alpha : {"100", "10", "1", "0.1"}) {
    std::vector<double> all;
    for (std::uint64_t seed = 0; seed < 5; ++seed)
      all.push_back(mean(distances(
          dealt(options_of("dirichlet:" + std::string{alpha}), 10, labels, seed), labels, 10)));
    EXPECT_GT(mean(all), 1.5 * last) << alpha;
    last = mean(all);
  }
  EXPECT_GT(last, 1);
}

// One class: the share of a client is Beta(ALPHA, (K - 1) ALPHA).

TEST(Dirichlet, SharesVaryAsTheDistributionSays) {
  auto const labels = labels_with({2000});
  auto const options = options_of("dirichlet:2");
  double sum = 0;
  double squares = 0;
  int n = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    for (auto const size : sizes_of(dealt(options, 5, labels, seed))) {
      auto const share = static_cast<double>(size) / 2000;
      sum += share;
      squares += share * share;
      ++n;
    }
  auto const average = sum / n;
  EXPECT_NEAR(average, 0.2, 1e-9);
  EXPECT_NEAR(squares / n - average * average, 0.2 * 0.8 / 11, 0.1 * 0.2 * 0.8 / 11);
}

TEST(Dirichlet, DrawsAgainUntilEveryClientHasTenRows) {
  auto const labels = mnist_labels();
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    EXPECT_GE(std::ranges::min(sizes_of(dealt(options_of("dirichlet:0.5"), 30, labels, seed))),
              10u);
}

TEST(InnerDirichlet, OfALargeAlphaLooksIidWhateverTheClasses) {
  auto const labels = labels_with({30'000, 10'000, 500});
  auto const partition = dealt(options_of("inner-dirichlet:1000000"), 10, labels);
  for (auto const emd : distances(partition, labels, 3)) EXPECT_LT(emd, 0.06);
}

TEST(InnerDirichlet, ConcentratesAsAlphaFallsAndKeepsSizes) {
  auto const labels = mnist_labels();
  double last = 0;
  for (auto const* alpha : {"100", "10", "1", "0.1", "0.001"}) {
    auto const partition = dealt(options_of("inner-dirichlet:" + std::string{alpha}), 1000, labels);
    EXPECT_THAT(sizes_of(partition), testing::Each(60u));
    auto const distance = mean(distances(partition, labels, 10));
    EXPECT_GT(distance, 1.1 * last) << alpha;
    last = distance;
  }
  EXPECT_GT(last, 1.7);
}

// Two classes of equally many rows, few of them dealt to the client in question: its share of the
// first is Beta(ALPHA, ALPHA), of variance 1 / (4 (2 ALPHA + 1)), plus what 60 draws add to it.

TEST(InnerDirichlet, SharesVaryAsTheDistributionSays) {
  auto const labels = labels_with({30'000, 30'000});
  auto const partition = dealt(options_of("inner-dirichlet:2"), 1000, labels);
  double squares = 0;
  for (int k = 0; k < 1000; ++k) {
    auto const first =
        std::ranges::count_if(partition.rows(k), [&](auto r) { return labels[r] == 0; });
    squares += std::pow(static_cast<double>(first) / 60 - 0.5, 2);
  }
  auto const expected = 0.05 + (0.25 - 0.05) / 60;
  EXPECT_NEAR(squares / 1000, expected, 0.15 * expected);
}

}  // namespace
}  // namespace canopy::data
