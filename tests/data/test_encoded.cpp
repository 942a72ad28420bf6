#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <set>

#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/core/random.hpp"
#include "canopy/data/encoded.hpp"

namespace canopy::data {
namespace {

Dataset dataset(Eigen::MatrixXf features) {
  Dataset set;
  set.name = "test";
  set.features = std::move(features);
  set.class_names = {"a", "b", "c"};
  for (std::int64_t i = 0; i < set.rows(); ++i)
    set.labels.push_back(static_cast<std::uint16_t>(i % 3));
  return set;
}

/// Columns of equal length, as written.
Dataset columns(std::vector<std::vector<float>> const& values) {
  Eigen::MatrixXf x(values.front().size(), values.size());
  for (std::size_t f = 0; f < values.size(); ++f)
    for (std::size_t i = 0; i < values[f].size(); ++i)
      x(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(f)) = values[f][i];
  return dataset(std::move(x));
}

void expect_exact(EncodedTable const& table, Dataset const& set) {
  ASSERT_EQ(table.rows(), set.rows());
  ASSERT_EQ(table.features(), set.columns());
  EXPECT_EQ(table.classes(), set.classes());
  EXPECT_TRUE(std::ranges::equal(table.labels(), set.labels));
  for (int f = 0; f < set.columns(); ++f)
    for (std::int64_t i = 0; i < set.rows(); ++i)
      ASSERT_EQ(table.value(i, f), set.features(i, f)) << "row " << i << ", feature " << f;
  for (auto const& block : table.blocks())
    for (std::int64_t i = 0; i < set.rows(); ++i) ASSERT_LT(block.code(i), block.codes);
}

EncodedTable encode_exactly(Dataset const& set) {
  auto table = EncodedTable::encode(set);
  expect_exact(table, set);
  return table;
}

std::vector<int> features_of_blocks(EncodedTable const& table) {
  std::vector<int> features;
  for (auto const& block : table.blocks()) features.push_back(block.features);
  return features;
}

/// `count` distinct values in mixed order, each at least once.
std::vector<float> shuffled_values(std::size_t count, std::size_t rows, float step) {
  std::vector<float> values(rows);
  for (std::size_t i = 0; i < rows; ++i)
    values[i] = (static_cast<float>(i % count) - 100.0f) * step;
  Stream{Key{5}.with(count)}.shuffle(std::span{values});
  return values;
}

struct WidthCase {
  std::size_t distinct;
  Block::Width width;
};

class EncodedWidth : public testing::TestWithParam<WidthCase> {};

TEST_P(EncodedWidth, IsTheSmallestThatHoldsEveryRank) {
  auto const [count, width] = GetParam();
  // Whole numbers are counted; with a step of 7/8 or 1000 the column has to be sorted.
  for (auto const step : {1.0f, 0.875f, 1000.0f}) {
    auto const table = encode_exactly(columns({shuffled_values(count, count + 50, step)}));
    auto const& block = table.blocks().front();
    EXPECT_EQ(block.width, width);
    EXPECT_EQ(block.codes, count);
    EXPECT_EQ(block.values.size(), count);
    EXPECT_TRUE(std::ranges::is_sorted(block.values, std::less_equal<>{}));
    EXPECT_FALSE(block.is_group());
  }
}

INSTANTIATE_TEST_SUITE_P(Counts, EncodedWidth,
                         testing::Values(WidthCase{1, Block::Width::u8},
                                         WidthCase{256, Block::Width::u8},
                                         WidthCase{257, Block::Width::u16},
                                         WidthCase{65'536, Block::Width::u16},
                                         WidthCase{65'537, Block::Width::u32}),
                         [](auto const& test) { return std::to_string(test.param.distinct); });

TEST(Encoded, RanksFollowTheOrderOfTheValues) {
  auto const table = encode_exactly(columns({{2.5f, -1, 1e30f, 2.5f, -1e30f, 0}}));
  auto const& block = table.blocks().front();
  std::vector<std::uint32_t> codes;
  for (std::int64_t i = 0; i < table.rows(); ++i) codes.push_back(block.code(i));
  EXPECT_EQ(codes, (std::vector<std::uint32_t>{3, 1, 4, 3, 0, 2}));
}

TEST(Encoded, ZeroHasNoSign) {
  for (auto const other : {3.0f, 0.5f}) {  // counted and sorted
    auto const table = encode_exactly(columns({{0.0f, -0.0f, other}}));
    EXPECT_EQ(table.blocks().front().codes, 2u);
    EXPECT_FALSE(std::signbit(table.value(1, 0)));
  }
  EXPECT_EQ(encode_exactly(columns({{-0.0f, 1}, {1, -0.0f}})).blocks().size(), 1u);
}

TEST(Encoded, GroupWhereEveryRowHasAOne) {
  auto const table = encode_exactly(columns({{1, 0, 0, 0}, {0, 1, 0, 1}, {0, 0, 1, 0}}));
  ASSERT_EQ(features_of_blocks(table), std::vector<int>{3});
  EXPECT_TRUE(table.blocks().front().is_group());
  EXPECT_EQ(table.blocks().front().codes, 3u);
  EXPECT_EQ(table.place(2).member, 2);
}

TEST(Encoded, GroupWithRowsThatHaveNone) {
  auto const table = encode_exactly(columns({{1, 0, 0}, {0, 0, 0}, {0, 0, 1}}));
  ASSERT_EQ(features_of_blocks(table), std::vector<int>{3});
  EXPECT_EQ(table.blocks().front().codes, 4u);
  EXPECT_EQ(table.blocks().front().code(1), 3u);
}

TEST(Encoded, SecondOneInARowStartsTheNextGroup) {
  // Two complete groups side by side, the second one with a column of zeros within.
  auto const table = encode_exactly(columns({{7, 8, 9, 7},
                                             {1, 0, 0, 1},
                                             {0, 1, 1, 0},
                                             {1, 0, 1, 0},
                                             {0, 0, 0, 0},
                                             {0, 1, 0, 1},
                                             {5, 5, 5, 5}}));
  EXPECT_EQ(features_of_blocks(table), (std::vector<int>{1, 2, 3, 1}));
  EXPECT_EQ(table.place(5).block, 2);
  EXPECT_EQ(table.place(5).member, 2);
}

TEST(Encoded, LoneBinaryColumnIsOrdinal) {
  auto const table = encode_exactly(columns({{3, 4, 5}, {0, 1, 0}, {2, 1, 0}, {0, 0, 0}}));
  EXPECT_EQ(features_of_blocks(table), (std::vector<int>{1, 1, 1, 1}));
  EXPECT_FALSE(table.blocks()[1].is_group());
  EXPECT_EQ(table.blocks()[3].codes, 1u);
}

TEST(Encoded, GroupOfMoreThan256ColumnsHasWideCodes) {
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(400, 256);
  for (int f = 0; f < 256; ++f) x(f, f) = 1;
  auto const table = encode_exactly(dataset(x));
  EXPECT_EQ(table.blocks().front().width, Block::Width::u16);  // 256 members and none
  EXPECT_EQ(table.blocks().front().codes, 257u);
}

TEST(Encoded, SingleRow) {
  auto const table = encode_exactly(columns({{42}, {0}, {1}, {0.5f}}));
  EXPECT_EQ(features_of_blocks(table), (std::vector<int>{1, 2, 1}));
}

TEST(Encoded, WithoutLabels) {
  auto set = columns({{1, 2, 3}});
  set.labels.clear();
  EXPECT_TRUE(encode_exactly(set).labels().empty());
}

Dataset mixed() {
  return columns({shuffled_values(300, 1000, 1), shuffled_values(900, 1000, 0.3f),
                  shuffled_values(7, 1000, 1)});
}

TEST(Encoded, SectionsAreAligned) {
  auto const table = EncodedTable::encode(mixed());
  auto const offset = [&](void const* at) {
    return static_cast<std::byte const*>(at) - table.bytes().data();
  };
  EXPECT_EQ(offset(table.labels().data()) % 64, 0);
  for (auto const& block : table.blocks()) {
    EXPECT_EQ(offset(block.data) % 64, 0);
    EXPECT_EQ(offset(block.values.data()) % 64, 0);
  }
}

TEST(Encoded, SameDataGivesSameBytes) {
  auto const one = EncodedTable::encode(mixed());
  auto const two = EncodedTable::encode(mixed());
  EXPECT_TRUE(std::ranges::equal(one.bytes(), two.bytes()));
}

using Copy = std::vector<std::byte>;

std::shared_ptr<Copy> copy_of(EncodedTable const& table) {
  return std::make_shared<Copy>(table.bytes().begin(), table.bytes().end());
}

TEST(Encoded, ViewOfACopyIsTheSameTableAndKeepsItAlive) {
  auto const set = mixed();
  auto copy = copy_of(EncodedTable::encode(set));
  std::weak_ptr<Copy> const alive = copy;
  {
    auto const table = EncodedTable::view(*copy, copy);
    copy.reset();
    expect_exact(table, set);
    EXPECT_FALSE(alive.expired());
  }
  EXPECT_TRUE(alive.expired());
}

TEST(Encoded, AnyDamagedByteOfTheIndexIsFound) {
  auto const copy = copy_of(EncodedTable::encode(mixed()));
  auto const index = 64 + 3 * 40;  // header and one record per column
  for (std::size_t at = 0; at < index; ++at) {
    auto damaged = std::make_shared<Copy>(*copy);
    (*damaged)[at] ^= std::byte{0x81};
    bool const is_padding = at >= 56 && at < 64;
    if (is_padding)
      EXPECT_NO_THROW(EncodedTable::view(*damaged, damaged)) << "byte " << at;
    else
      EXPECT_THROW(EncodedTable::view(*damaged, damaged), DataError) << "byte " << at;
  }
}

TEST(Encoded, BytesCutShortOrTooLongAreFound) {
  auto const copy = copy_of(EncodedTable::encode(mixed()));
  auto const whole = std::span<std::byte const>{*copy};
  for (auto const size : {std::size_t{0}, std::size_t{10}, std::size_t{64}, whole.size() - 1})
    EXPECT_THROW(EncodedTable::view(whole.first(size), copy), DataError) << size;
  auto longer = std::make_shared<Copy>(*copy);
  longer->push_back(std::byte{0});
  EXPECT_THROW(EncodedTable::view(*longer, longer), DataError);
}

}  // namespace
}  // namespace canopy::data
