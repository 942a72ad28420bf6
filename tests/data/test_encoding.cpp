// Summaries of parts merge to that of the whole, and rows coded apart get the codes of the whole.
#include <algorithm>

#include <gtest/gtest.h>

#include "canopy/core/random.hpp"
#include "canopy/data/encoded.hpp"

namespace canopy::data {
namespace {

/// Columns of a kind drawn for each: continuous, whole numbers, whole in some rows only, constant,
/// 0/1 at random (they clash), 0/1 of a group (they do not), minus zero.
Dataset random_set(int rows, int columns, Stream& random) {
  Dataset set{.name = "set",
              .feature_names = {},
              .features = Eigen::MatrixXf::Zero(rows, columns),
              .labels = {},
              .class_names = {"a", "b", "c"},
              .label_name = "label"};
  for (int f = 0; f < columns; ++f) set.feature_names.push_back("f" + std::to_string(f));
  for (int i = 0; i < rows; ++i) set.labels.push_back(static_cast<std::uint16_t>(random.below(3)));
  for (int f = 0; f < columns;) {
    auto const kind = random.below(7);
    if (kind == 6) {
      auto const size = std::min(columns - f, 1 + static_cast<int>(random.below(4)));
      auto const none = random.below(2);  // a code for rows without a 1
      for (int i = 0; i < rows; ++i) {
        auto const member = static_cast<int>(random.below(static_cast<std::uint32_t>(size) + none));
        if (member < size) set.features(i, f + member) = 1;
      }
      f += size;
      continue;
    }
    for (int i = 0; i < rows; ++i) {
      auto& x = set.features(i, f);
      if (kind == 0) x = static_cast<float>(random.normal());
      if (kind == 1) x = static_cast<float>(random.below(300)) - 100;
      if (kind == 2)
        x = i < rows / 2 ? static_cast<float>(random.below(2))
                         : 0.5f + static_cast<float>(random.below(9));
      if (kind == 3) x = 4;
      if (kind == 4) x = static_cast<float>(random.below(4) == 0);
      if (kind == 5) x = random.below(2) ? -0.0f : 0.0f;
    }
    ++f;
  }
  return set;
}

Dataset rows_of(Dataset const& set, std::vector<Eigen::Index> const& rows) {
  auto part = set;
  part.features = set.features(rows, Eigen::all);
  part.labels.clear();
  for (auto const row : rows) part.labels.push_back(set.labels[static_cast<std::size_t>(row)]);
  return part;
}

TEST(Encoding, PartsMergeToTheWholeAndAreCodedAlike) {
  Stream random{Key{5}};
  for (int round = 0; round < 200; ++round) {
    auto const rows = 1 + static_cast<int>(random.below(60));
    auto const set = random_set(rows, 1 + static_cast<int>(random.below(14)), random);
    auto const parts = 1 + random.below(5);  // some of them empty
    std::vector<std::vector<Eigen::Index>> rows_in(parts);
    for (int i = 0; i < rows; ++i) rows_in[random.below(parts)].push_back(i);
    SCOPED_TRACE("round " + std::to_string(round));

    std::vector<ColumnSummary> merged(static_cast<std::size_t>(set.columns()));
    for (auto const& of_part : rows_in) {
      auto const summaries = summarise(rows_of(set, of_part));
      for (std::size_t f = 0; f < merged.size(); ++f) merged[f].merge(summaries[f]);
    }
    auto const plans = plan_blocks(merged, rows);
    auto const whole = EncodedTable::encode(set);
    ASSERT_EQ(plans.size(), whole.blocks().size());
    for (std::size_t b = 0; b < plans.size(); ++b) {
      auto const& block = whole.blocks()[b];
      ASSERT_EQ(plans[b].first_feature, block.first_feature);
      ASSERT_EQ(plans[b].features, block.features);
      ASSERT_EQ(plans[b].codes, block.codes);
      ASSERT_TRUE(std::ranges::equal(plans[b].values, block.values));
    }
    for (auto const& of_part : rows_in) {
      auto const part = EncodedTable::encode(rows_of(set, of_part), plans);
      ASSERT_EQ(part.rows(), std::ssize(of_part));
      for (std::size_t i = 0; i < of_part.size(); ++i) {
        auto const row = of_part[i];
        EXPECT_EQ(part.labels()[i], whole.labels()[static_cast<std::size_t>(row)]);
        for (std::size_t b = 0; b < plans.size(); ++b)
          EXPECT_EQ(part.blocks()[b].code(static_cast<std::int64_t>(i)),
                    whole.blocks()[b].code(row));
      }
    }
  }
}

TEST(Encoding, AGroupEndsWhereAnyPartSeesAClash) {
  auto const part = [](std::vector<std::vector<float>> const& rows) {
    Dataset set{.name = "set",
                .feature_names = {"a", "b", "c"},
                .features = {},
                .labels = {},
                .class_names = {},
                .label_name = ""};
    set.features.resize(std::ssize(rows), 3);
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (int f = 0; f < 3; ++f)
        set.features(static_cast<Eigen::Index>(i), f) = rows[i][static_cast<std::size_t>(f)];
    return summarise(set);
  };
  auto merged = part({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}});  // alone: one group of three
  EXPECT_EQ(plan_blocks(merged, 3).size(), 1u);
  auto const other = part({{1, 0, 0}, {0, 1, 1}});  // the third column clashes with the second
  for (std::size_t f = 0; f < 3; ++f) merged[f].merge(other[f]);
  auto const plans = plan_blocks(merged, 5);
  ASSERT_EQ(plans.size(), 2u);
  EXPECT_EQ(plans[0].features, 2);
  EXPECT_EQ(plans[0].codes, 3u) << "the row (0, 0, 1) has no 1 in the group";
  EXPECT_EQ(plans[1].values, (std::vector<float>{0, 1}));
}

TEST(Assembled, HasTheFormOfTheOtherAndTheCodesItWasGiven) {
  Stream random{Key{6}};
  auto const like = EncodedTable::encode(random_set(50, 12, random));
  std::vector<std::size_t> filled;
  auto const table = EncodedTable::assemble(like, 7, [&](std::size_t b, std::byte* codes) {
    filled.push_back(b);
    auto const& block = like.blocks()[b];
    std::copy_n(block.data, 7 * static_cast<std::size_t>(block.width), codes);
  });
  ASSERT_EQ(filled.size(), like.blocks().size());
  EXPECT_TRUE(std::ranges::is_sorted(filled));
  EXPECT_EQ(table.rows(), 7);
  EXPECT_EQ(table.classes(), 3);
  EXPECT_TRUE(table.labels().empty());
  for (std::int64_t row = 0; row < 7; ++row)
    for (int f = 0; f < 12; ++f) EXPECT_EQ(table.value(row, f), like.value(row, f));
}

}  // namespace
}  // namespace canopy::data
