// Nodes as sets of bits: what packed rows say of a set, and that growing by them changes no tree.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include <gtest/gtest.h>

#include "sets/rows_by_class.hpp"
#include "small/row_masks.hpp"
#include "split/code_grid.hpp"
#include "tables.hpp"

namespace canopy::forest {
namespace {

/// A bag of a table's rows, some drawn several times and some not at all.
std::vector<Sample> bag_of(EncodedTable const& table, Stream& random) {
  std::vector<Sample> samples;
  for (std::uint32_t row = 0; row < table.rows(); ++row)
    if (auto const weight = random.below(4); weight > 0)
      samples.push_back({row, table.labels()[row], static_cast<std::uint16_t>(weight)});
  return samples;
}

std::vector<std::uint32_t> weights_of(std::vector<Sample> const& samples, int classes) {
  std::vector<std::uint32_t> weights(static_cast<std::size_t>(classes));
  for (auto const& sample : samples) weights[sample.label] += sample.weight;
  return weights;
}

using Rows = std::map<data::RowIndex, std::pair<std::uint16_t, std::uint16_t>>;

/// The rows of a set with label and weight, told by list() alone.
Rows rows_of(RowsByClass const& packed, std::span<RowMask const> set) {
  std::vector<Sample> listed;
  packed.list(set, listed);
  Rows rows;
  for (auto const& sample : listed) rows[packed.row(sample.row)] = {sample.label, sample.weight};
  EXPECT_EQ(rows.size(), listed.size());
  return rows;
}

/// All that packed rows say of a set agrees with a plain look at its rows.
void expect_true(RowsByClass& packed, std::span<RowMask const> set, EncodedTable const& table) {
  auto const rows = rows_of(packed, set);
  std::vector<std::uint32_t> weights(static_cast<std::size_t>(table.classes()));
  std::vector<std::uint32_t> told(weights.size());
  std::uint32_t sum = 0;
  for (auto const& [row, facts] : rows) {
    EXPECT_EQ(facts.first, table.labels()[row]);
    weights[facts.first] += facts.second;
    sum += facts.second;
  }
  EXPECT_EQ(packed.weigh(set, told), sum);
  EXPECT_EQ(told, weights);
  EXPECT_EQ(packed.distinct(set), rows.size());
  for (std::size_t b = 0; b < table.blocks().size(); ++b) {
    auto const* codes = packed.column(b);
    for (std::size_t w = 0; w < set.size(); ++w)
      for_each_row(set[w], [&](std::size_t i) {
        EXPECT_EQ(codes[w].codes[i], table.blocks()[b].code(packed.row(w * most_mask_rows + i)));
      });
  }
}

TEST(RowsByClass, KeepRowsThroughPackingAfterPacking) {
  auto const table = EncodedTable::encode(test::mixed(700, 5, 2));
  Stream random{Key{3}};
  std::vector<RowsByClass> levels(4, RowsByClass{table});
  for (int repeat = 0; repeat < 3; ++repeat) {  // the memory is used again
    auto const samples = bag_of(table, random);
    levels[0].start(samples, weights_of(samples, table.classes()));
    ASSERT_EQ(rows_of(levels[0], levels[0].all()).size(), samples.size());
    expect_true(levels[0], levels[0].all(), table);
    for (std::size_t level = 1; level < levels.size(); ++level) {
      auto& whole = levels[level - 1];
      // A set holds all bits of a row or none, as one that a split makes.
      std::vector<RowMask> set(whole.words());
      auto const* codes = whole.column(0);
      auto const some = static_cast<std::uint16_t>(random.below(600));
      for (std::size_t w = 0; w < set.size(); ++w) set[w] = codes[w].at_most(some) & whole.all()[w];
      expect_true(whole, set, table);
      std::vector<std::uint32_t> weights(static_cast<std::size_t>(table.classes()));
      whole.weigh(set, weights);
      levels[level].start(whole, set, weights);
      EXPECT_LE(levels[level].words(), whole.words());
      EXPECT_EQ(rows_of(levels[level], levels[level].all()), rows_of(whole, set));
      expect_true(levels[level], levels[level].all(), table);
    }
  }
}

/// Trees without a bootstrap start with the same bag and keep its columns; others must not.
TEST(RowsByClass, TellABagFromTheOneBefore) {
  auto const table = EncodedTable::encode(test::mixed(400, 3, 9));
  Stream random{Key{4}};
  auto const bag = bag_of(table, random);
  RowsByClass packed{table};
  auto const start = [&](std::vector<Sample> const& samples) {
    packed.start(samples, weights_of(samples, table.classes()));
    EXPECT_EQ(rows_of(packed, packed.all()).size(), samples.size());
    expect_true(packed, packed.all(), table);
  };
  start(bag);
  start(bag);
  auto fewer = bag;
  fewer.pop_back();
  start(fewer);
  auto other = bag;  // the same weights of classes
  auto const same_class =
      std::ranges::find_if(other.begin() + 1, other.end(), [&](Sample const& sample) {
        return sample.label == other.front().label && sample.weight != other.front().weight;
      });
  ASSERT_NE(same_class, other.end());
  start(bag);
  std::swap(same_class->weight, other.front().weight);
  start(other);
  EXPECT_EQ(rows_of(packed, packed.all()).at(other.front().row).second, other.front().weight);
  start(bag);
  std::swap(same_class->row, other.front().row);
  start(other);
}

TEST(RowsByClass, KnowTheRowsOfAGroupsMember) {
  auto const table = EncodedTable::encode(test::mixed(300, 3, 4));
  RowsByClass packed{table};
  Stream random{Key{5}};
  auto const samples = bag_of(table, random);
  packed.start(samples, weights_of(samples, table.classes()));
  for (int feature = 5; feature < 10; ++feature) {
    auto const place = table.place(feature);
    ASSERT_TRUE(table.block(place).is_group());
    auto const* ones = packed.ones(feature, static_cast<std::size_t>(place.block),
                                   static_cast<std::uint32_t>(place.member));
    for (std::size_t w = 0; w < packed.words(); ++w)
      for_each_row(packed.all()[w], [&](std::size_t i) {
        EXPECT_EQ(ones[w] >> i & 1, table.value(packed.row(w * most_mask_rows + i), feature));
      });
  }
}

/// With max_leaf_nodes nodes are not sets; without, they are. The same splits come out.
TEST(SetGrower, FindsTheSplitsThatALookAtEveryRowFinds) {
  auto const table = EncodedTable::encode(test::mixed(3000, 4, 6));
  std::vector<std::pair<std::string, std::string>> const choices[] = {
      {},
      {{"bootstrap", "true"}},
      {{"bootstrap", "true"}, {"criterion", "entropy"}, {"min-samples-leaf", "3"}},
      {{"bootstrap", "true"}, {"class-weight", "balanced"}},
      {{"class-weight", "balanced"}, {"min-weight-fraction-leaf", "0.002"}}};
  auto const facts = [](Tree const& tree) {
    std::vector<std::tuple<int, int, double, double, std::uint32_t>> nodes;
    for (auto const& node : tree.nodes)
      nodes.emplace_back(node.depth, node.feature, node.threshold, node.impurity, node.samples);
    std::ranges::sort(nodes);
    return nodes;
  };
  for (auto settings : choices) {
    settings.insert(settings.end(), {{"kind", "extra_trees"}, {"n-estimators", "3"}});
    auto const as_sets =
        grow_trees(table, test::all_rows(table), test::parameters(settings), Key{7}, 0, 3);
    settings.emplace_back("max-leaf-nodes", "1000000");
    auto const by_rows =
        grow_trees(table, test::all_rows(table), test::parameters(settings), Key{7}, 0, 3);
    for (std::size_t t = 0; t < as_sets.size(); ++t)
      EXPECT_EQ(facts(as_sets[t]), facts(by_rows[t]));
  }
}

TEST(CodeEnds, AreTheSmallestAndLargestCodeOfAllSets) {
  Stream random{Key{8}};
  for (int i = 0; i < 2000; ++i) {
    std::array<MaskColumn, 3> columns;
    std::array<RowMask, 3> sets{0, RowMask{1} << random.below(64), random.next64()};
    if (i % 2 == 0) sets[2] &= random.next64() & random.next64() & random.next64();
    CodeEnds ends;
    std::uint16_t low = 0xffff;
    std::uint16_t high = 0;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      for (auto& code : columns[c].codes)
        code = static_cast<std::uint16_t>(random.below(i % 3 == 0 ? 5 : 0x10000));
      ends.add(columns[c], sets[c]);
      for_each_row(sets[c], [&](std::size_t row) {
        low = std::min(low, columns[c].codes[row]);
        high = std::max(high, columns[c].codes[row]);
      });
    }
    ASSERT_EQ(ends.smallest(), low);
    ASSERT_EQ(ends.largest(), high);
  }
}

TEST(CodeGrid, FindsTheLastValueHoweverTheyAreSpaced) {
  auto all = test::ascending_values();
  all.push_back({4});
  for (auto const& values : all) {
    CodeGrid const grid{values};
    Stream stream{Key{values.size()}};
    for (int i = 0; i < 4000; ++i) {
      auto const any = stream.below(static_cast<std::uint32_t>(values.size()));
      auto const threshold =
          i % 2 == 0 ? stream.uniform(values.front(), values.back()) : double{values[any]};
      auto const above = std::ranges::upper_bound(values, threshold);
      ASSERT_EQ(grid.last_at_most(threshold), above - values.begin() - 1) << threshold;
    }
  }
}

}  // namespace
}  // namespace canopy::forest
