// The parts that growing is made of: random draws, sorted codes, impurity.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "grow/draws.hpp"
#include "split/gini_score.hpp"
#include "split/impurity.hpp"
#include "split/sorted_codes.hpp"
#include "split/split.hpp"
#include "tables.hpp"

namespace canopy::forest {
namespace {

std::vector<int> order(KeyedDraws& draws, Key node, int known = 0) {
  std::vector<int> features;
  draws.enter(node, known);
  while (draws.has_more()) {
    features.push_back(draws.next().number);
    draws.mark_variable();
  }
  draws.leave();
  return features;
}

TEST(KeyedDraws, GiveEachFeatureOnceInAnOrderOfTheNodesOwn) {
  KeyedDraws draws{Key{1}, 20};
  auto const first = order(draws, Key{10});
  auto const second = order(draws, Key{11});
  EXPECT_EQ(order(draws, Key{10}), first);
  EXPECT_NE(second, first);
  auto sorted = first;
  std::ranges::sort(sorted);
  std::vector<int> all(20);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
}

TEST(KeyedDraws, SiblingsAndTreesDrawApart) {
  KeyedDraws draws{tree_key(Key{1}, 0), 20};
  auto const root = draws.root();
  auto const left = KeyedDraws::child(root, true);
  auto const right = KeyedDraws::child(root, false);
  EXPECT_NE(order(draws, left), order(draws, right));
  EXPECT_NE(order(draws, left), order(draws, root));
  EXPECT_NE(KeyedDraws::child(left, false), KeyedDraws::child(right, true));
  EXPECT_NE((KeyedDraws{tree_key(Key{1}, 1), 20}.root()), root);
  EXPECT_NE((KeyedDraws{tree_key(Key{2}, 0), 20}.root()), root);
}

TEST(KeyedDraws, AreUniform) {
  KeyedDraws draws{Key{1}, 5};
  std::vector<std::vector<int>> seen(5, std::vector<int>(5));
  int const rounds = 20'000;
  for (int i = 0; i < rounds; ++i) {
    auto const features = order(draws, Key{2}.with(static_cast<std::uint64_t>(i)));
    for (std::size_t at = 0; at < 5; ++at) ++seen[at][static_cast<std::size_t>(features[at])];
  }
  for (auto const& at : seen)
    for (auto const count : at) EXPECT_NEAR(count, rounds / 5, 5 * std::sqrt(rounds * 0.16));
}

TEST(KeyedDraws, KnownConstantsAreInheritedDownThePathOnly) {
  KeyedDraws draws{Key{1}, 4};
  draws.enter(Key{1}, 0);
  draws.mark_constant(2);
  draws.mark_constant(2);
  auto const of_root = draws.leave();
  EXPECT_EQ(of_root, 1);
  draws.enter(Key{2}, of_root);  // left child finds another one
  draws.mark_constant(0);
  EXPECT_EQ(draws.leave(), 2);
  draws.enter(Key{3}, of_root);  // right child does not know it
  for (int i = 0; i < 4; ++i) {
    auto const drawn = draws.next();
    EXPECT_EQ(drawn.known_constant, drawn.number == 2);
    if (!drawn.known_constant) draws.mark_variable();
  }
  EXPECT_FALSE(draws.has_more());
}

TEST(KeyedDraws, BootstrapDrawsAsOftenAsAsked) {
  KeyedDraws const draws{Key{4}, 3};
  auto const counts = draws.bootstrap(1000, 700);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 700);
  EXPECT_EQ(draws.bootstrap(1000, 700), counts);
  EXPECT_NE((KeyedDraws{Key{5}, 3}.bootstrap(1000, 700)), counts);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(counts, 0)), 1000 * std::exp(-0.7), 60);
}

// np.random.RandomState(42).randint(2**31 - 1), three times, gives the seeds of three trees; the
// counts are np.bincount(np.random.RandomState(third_seed).randint(0, 10, 12), minlength=10).
TEST(SklearnDraws, BootstrapIsNumpys) {
  SklearnDraws const draws{42, 2, 5};
  EXPECT_EQ(draws.bootstrap(10, 12), (std::vector<std::uint16_t>{1, 0, 1, 1, 1, 2, 1, 2, 2, 1}));
  EXPECT_EQ(draws.bootstrap(1, 3), std::vector<std::uint16_t>{3});
}

TEST(SklearnDraws, ConstantsKeepTheirOrderForSiblings) {
  SklearnDraws draws{42, 0, 6};
  draws.enter({}, 0);
  std::vector<int> constants;
  while (draws.has_more()) {
    auto const drawn = draws.next();
    EXPECT_FALSE(drawn.known_constant);
    if (drawn.number % 2 == 0) {
      draws.mark_constant(drawn.number);
      constants.push_back(drawn.number);
    } else {
      draws.mark_variable();
    }
  }
  EXPECT_EQ(constants.size(), 3u);
  auto const known = draws.leave();
  EXPECT_EQ(known, 3);
  for (int child = 0; child < 2; ++child) {
    draws.enter({}, known);
    std::vector<bool> seen(6);
    while (draws.has_more()) {
      auto const drawn = draws.next();
      EXPECT_EQ(drawn.known_constant, drawn.number % 2 == 0);
      EXPECT_FALSE(seen[static_cast<std::size_t>(drawn.number)]);
      seen[static_cast<std::size_t>(drawn.number)] = true;
      if (!drawn.known_constant) draws.mark_variable();
    }
    EXPECT_EQ(draws.leave(), known);
  }
}

class SortedCodes : public testing::TestWithParam<std::pair<std::size_t, std::uint32_t>> {};
INSTANTIATE_TEST_SUITE_P(RowsAndCodes, SortedCodes,
                         testing::Values(std::pair{1u, 1u}, std::pair{32u, 9u}, std::pair{33u, 9u},
                                         std::pair{64u, 3u}, std::pair{500u, 300u},
                                         std::pair{500u, 3000u}, std::pair{2000u, 70'000u},
                                         std::pair{300u, 0x4000'0000u}));

TEST_P(SortedCodes, SortingAndCountingAgreeWithThePlainWay) {
  auto const [rows, codes] = GetParam();
  Stream random{Key{rows}};
  std::vector<std::uint32_t> column;
  std::vector<Sample> samples;
  for (std::uint32_t i = 0; i < rows; ++i) {
    column.push_back(7 + random.below(codes));
    samples.push_back({i, static_cast<std::uint16_t>(random.below(3)),
                       static_cast<std::uint16_t>(1 + random.below(4))});
  }
  CodeBuffer buffer;
  buffer.reserve(rows);
  auto const range = buffer.gather(std::span<Sample const>{samples},
                                   [&](Sample const& s) { return column[s.row]; });
  EXPECT_EQ(range.low, *std::ranges::min_element(column));
  EXPECT_EQ(range.high, *std::ranges::max_element(column));
  if (codes < 100'000) {
    auto* slots = buffer.count(
        buffer.unsorted(), [](CodeKey key) { return key.code(); }, range, 4);
    std::vector<std::uint32_t> counted(slots, slots + 4 * (range.high - range.low + 1));
    for (auto const& sample : samples) {
      auto* slot = counted.data() + 4 * (column[sample.row] - range.low);
      --slot[0];
      slot[1 + sample.label] -= sample.weight;
    }
    EXPECT_EQ(std::ranges::count(counted, 0u), std::ssize(counted));
  }
  std::vector<CodeKey> expected;
  for (auto const& sample : samples)
    expected.emplace_back(column[sample.row], sample.label, sample.weight);
  auto const sorted = buffer.sort(range);
  EXPECT_TRUE(std::ranges::is_sorted(sorted, {}, &CodeKey::code));
  std::vector<CodeKey> got(sorted.begin(), sorted.end());
  std::ranges::sort(got);
  std::ranges::sort(expected);
  EXPECT_EQ(got, expected);
}

TEST(FixedXLogX, IsXLogX) {
  for (std::uint32_t const largest : {1u, 100u, 581'012u, 100'000'000u}) {
    FixedXLogX const f{largest};
    EXPECT_EQ(f(0), 0);
    EXPECT_EQ(f(1), 0);
    auto const unit = static_cast<double>(f(2)) / 2;
    for (std::uint32_t const x : {3u, 77u, largest})
      EXPECT_NEAR(static_cast<double>(f(x)) / unit, x * std::log2(x),
                  1e-6 + 1e-12 * x * std::log2(x));
  }
}

TEST(Split, LastCodeAtMostIsFoundHoweverValuesAreSpaced) {
  auto const check = [](std::vector<float> const& values) {
    Stream stream{Key{values.size()}};
    for (int i = 0; i < 2000; ++i) {
      auto const low = stream.below(static_cast<std::uint32_t>(values.size() - 1));
      auto const high = low + 1 + stream.below(static_cast<std::uint32_t>(values.size() - 1 - low));
      auto const threshold = i % 2 == 0 ? stream.uniform(values[low], values[high])
                                        : double{values[low + stream.below(high - low)]};
      auto const above = std::upper_bound(values.begin() + low, values.begin() + high, threshold);
      ASSERT_EQ(last_code_at_most(values, {low, high}, threshold), above - values.begin() - 1);
    }
  };
  for (auto const& values : test::ascending_values()) check(values);
}

TEST(Impurity, IsTheTextbookValue) {
  std::vector<std::uint32_t> const counts{2, 6, 0};
  std::vector<double> const ones(3, 1.0);
  EXPECT_DOUBLE_EQ(node_impurity(Criterion::gini, counts, ones), 1 - 0.0625 - 0.5625);
  EXPECT_NEAR(node_impurity(Criterion::entropy, counts, ones), 0.8112781244591328, 1e-15);
  EXPECT_NEAR(node_impurity(Criterion::log_loss, counts, std::vector<double>{3, 1, 1}), 1, 1e-15);
}

template <class Score>
void expect_moves_agree(Score first, Score second) {
  std::vector<std::uint32_t> const totals{5, 9, 4};
  std::vector<std::uint32_t> const bin{2, 0, 3};
  auto one_by_one = first.start(totals.data());
  auto at_once = second.start(totals.data());
  for (std::uint32_t k = 0; k < 3; ++k)
    for (std::uint32_t i = 0; i < bin[k]; ++i) one_by_one.move(k, 1);
  at_once.move(bin.data());
  EXPECT_EQ(one_by_one.score(), at_once.score());
  EXPECT_EQ(one_by_one.weight_left(), at_once.weight_left());
  EXPECT_EQ(one_by_one.weight_right(), at_once.weight_right());
  std::vector<std::uint32_t> left(3);
  at_once.copy_left(left.data());
  EXPECT_EQ(left, bin);
}

TEST(Scores, OfGiniAreTheSameInLanes) {
  for (std::size_t const classes : {1u, 3u, 7u, 8u}) {
    std::vector<std::uint32_t> totals(16, 77);  // what follows the classes must not count
    std::vector<std::uint32_t> bin(16, 99);
    for (std::uint32_t k = 0; k < classes; ++k)
      totals[k] = 1000 * k + 40'000'000 / 8, bin[k] = 3 * k + 5;
    ASSERT_TRUE(GiniScore::LaneSides::fit(classes, 0x1p26 - 1));
    GiniScore score{classes};
    auto lanes = score.start_lanes(totals.data());
    lanes.move(bin.data());
    lanes.move(bin.data());
    auto sides = score.start(totals.data());
    for (int i = 0; i < 2; ++i) sides.move(bin.data());
    EXPECT_EQ(lanes.score(), sides.score());
    EXPECT_EQ(lanes.weight_left(), sides.weight_left());
    EXPECT_EQ(lanes.weight_right(), sides.weight_right());
    std::vector<std::uint32_t> left(classes + 1, 11);
    lanes.copy_left(left.data());
    for (std::uint32_t k = 0; k < classes; ++k) EXPECT_EQ(left[k], 2 * bin[k]);
    EXPECT_EQ(left[classes], 11u) << "nothing is written behind the classes";
  }
  EXPECT_FALSE(GiniScore::LaneSides::fit(9, 1));
  EXPECT_FALSE(GiniScore::LaneSides::fit(2, 0x1p26));
}

TEST(Scores, OfGiniAreScreenedWithoutLosingTheBest) {
  std::vector<std::uint32_t> const totals{50, 31, 19};
  GiniScore score{3};
  for (std::uint32_t a = 0; a <= 50; a += 5)
    for (std::uint32_t b = 0; b <= 31; ++b) {
      if (a + b == 0) continue;
      auto sides = score.start(totals.data());
      std::vector<std::uint32_t> const bin{a, b, 3};
      sides.move(bin.data());
      EXPECT_TRUE(sides.may_reach(sides.score()));
      EXPECT_TRUE(sides.may_reach(GiniScore::worst));
      EXPECT_FALSE(sides.may_reach(sides.score() + 1e-6));
    }
}

TEST(Scores, DoNotDependOnHowRowsWereMoved) {
  FixedXLogX const xlogx{18};
  std::vector<double> const weights{0.7, 1.1, 2.3};
  expect_moves_agree(GiniScore{3}, GiniScore{3});
  expect_moves_agree(EntropyScore{3, xlogx}, EntropyScore{3, xlogx});
  expect_moves_agree(WeightedScore{Criterion::entropy, weights},
                     WeightedScore{Criterion::entropy, weights});
}

}  // namespace
}  // namespace canopy::forest
