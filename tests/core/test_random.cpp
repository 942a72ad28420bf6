#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "canopy/core/random.hpp"

namespace canopy {
namespace {

using Block = std::array<std::uint32_t, 4>;

double chi_square(std::vector<int> const& counts, double expected) {
  double sum = 0;
  for (int const count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

// kat_vectors of the Random123 distribution.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, 0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, ~std::uint64_t{0}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0'a4093822),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Key, DiffersByEveryWord) {
  Key const root{1};
  EXPECT_EQ(root.with("tree").with(3), Key{1}.with("tree").with(3));
  std::set<std::uint64_t> values{root.value(),
                                 Key{2}.value(),
                                 root.with("").value(),
                                 root.with("a").value(),
                                 root.with("b").value(),
                                 root.with("ab").value(),
                                 root.with("a").with("b").value(),
                                 root.with(97).value(),
                                 root.with(std::string_view{"a\0", 2}).value(),
                                 root.with("bootstrap of a tree").value(),
                                 root.with("bootstrap of a node").value()};
  EXPECT_EQ(values.size(), 11u);
  for (std::uint64_t i = 0; i < 10'000; ++i) values.insert(root.with(i << 20).value());
  EXPECT_EQ(values.size(), 10'011u);
}

TEST(Stream, IsItsKeyAndNothingElse) {
  Stream a{Key{5}.with("x")};
  Stream b{Key{5}.with("x")};
  Stream other{Key{5}.with("y")};
  int equal = 0;
  for (int i = 0; i < 100; ++i) {
    auto const drawn = a();
    EXPECT_EQ(drawn, b());
    equal += drawn == other();
  }
  EXPECT_LE(equal, 1);
  std::uint64_t const key = 0xfedcba98'76543210;
  Stream stream{Key{key}};
  for (std::uint32_t number = 0; number < 11; ++number)
    for (auto const word : philox({number, 0, 0, 0}, key)) EXPECT_EQ(stream(), word);
}

TEST(Stream, SeriesOfAKeyAreUnrelatedBlocks) {
  Stream stream{Key{7}, 3};
  for (std::uint32_t number = 0; number < 6; ++number)
    for (auto const word : philox({number, 0, 3, 0}, 7)) EXPECT_EQ(stream(), word);
}

TEST(Fork, GivesWhatStreamsAndKeysGive) {
  Fork fork{Key{1}};
  for (std::uint64_t value : {0ull, 5ull, 0x0123456789abcdefull, ~0ull}) {
    Key const key{value};
    fork.start(key);
    EXPECT_EQ(fork.branches()[0], key.with(0));
    EXPECT_EQ(fork.branches()[1], key.with(1));
    Stream first{key};
    Stream second{key, 1};
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(fork.first()(), first());
      ASSERT_EQ(fork.second()(), second());
    }
  }
}

TEST(Stream, NumbersAtHandAreTheNext) {
  Stream stream{Key{8}};
  stream();
  auto const at_hand = stream.at_hand();
  ASSERT_GE(at_hand.size(), 3u);
  std::array const next{at_hand[0], at_hand[1], at_hand[2]};
  EXPECT_EQ(stream(), next[0]);
  stream.skip(1);
  EXPECT_EQ(stream(), next[2]);
}

TEST(Stream, BelowIsUnbiased) {
  Stream stream{Key{11}};
  std::vector<int> counts(10);
  for (int i = 0; i < 100'000; ++i) ++counts.at(stream.below(10));
  EXPECT_LT(chi_square(counts, 10'000), 27.9) << "0.1 % of chi-square with 9 degrees";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(stream.below(1), 0u);
}

TEST(Stream, BelowIsUnbiasedForLargeBounds) {
  // Plain multiply-and-shift would make multiples of three twice as likely as the others.
  Stream stream{Key{12}};
  std::vector<int> counts(3);
  for (int i = 0; i < 30'000; ++i) ++counts.at(stream.below(3u << 30) % 3);
  EXPECT_LT(chi_square(counts, 10'000), 13.8) << "0.1 % of chi-square with 2 degrees";
}

TEST(Stream, UniformAndNormalHaveTheirMoments) {
  Stream stream{Key{13}};
  int const n = 100'000;
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < n; ++i) {
    auto const u = stream.uniform();
    ASSERT_TRUE(0 <= u && u < 1);
    auto const x = stream.normal();
    sum += u, squares += u * u, normal_sum += x, normal_squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0.5, 4 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(squares / n, 1.0 / 3, 4 * std::sqrt(4.0 / 45 / n));
  EXPECT_NEAR(normal_sum / n, 0, 4 / std::sqrt(n));
  EXPECT_NEAR(normal_squares / n, 1, 4 * std::sqrt(2.0 / n));
  auto const scaled = stream.uniform(-3, -2);
  EXPECT_TRUE(-3 <= scaled && scaled < -2);
}

TEST(Stream, EveryOrderOfThreeIsEquallyLikely) {
  std::map<std::array<int, 3>, int> seen;
  Stream stream{Key{14}};
  for (int i = 0; i < 60'000; ++i) {
    std::array items{0, 1, 2};
    stream.shuffle(std::span<int>{items});
    ++seen[items];
  }
  std::vector<int> counts;
  for (auto const& [order, count] : seen) counts.push_back(count);
  ASSERT_EQ(counts.size(), 6u);
  EXPECT_LT(chi_square(counts, 10'000), 20.5) << "0.1 % of chi-square with 5 degrees";
}

}  // namespace
}  // namespace canopy
