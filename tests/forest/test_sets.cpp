// Nodes as sets of bits: what packed rows say of a set, and that growing by them changes no tree.
#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "sets/rows_by_class.hpp"
#include "small/mask_rows.hpp"
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

/// test::mixed with ordinal columns behind it.
data::Dataset with_many_columns(int rows, int classes, int columns, std::uint64_t seed) {
  auto set = test::mixed(rows, classes, seed);
  Stream random{Key{seed}.with("more columns")};
  Eigen::MatrixXf x(rows, columns);
  x.leftCols(set.columns()) = set.features;
  for (auto column = set.columns(); column < columns; ++column)
    for (int i = 0; i < rows; ++i) x(i, column) = static_cast<float>(random.below(50));
  return test::dataset(std::move(x), std::move(set.labels), classes);
}

/// Which sample each bit of packed rows stands for; none where there is no bit.
using Bits = std::vector<std::optional<Sample>>;

/// The bit goes behind those that are there; a class starts with a word of its own.
void add_bit(Bits& bits, Sample const& sample) {
  if (!bits.empty() && bits.back()->label != sample.label)
    bits.resize((bits.size() + most_mask_rows - 1) / most_mask_rows * most_mask_rows);
  bits.emplace_back(sample);
}

/// As the bag's rows should stand.
Bits bits_of(std::vector<Sample> samples) {
  Bits bits;
  std::ranges::stable_sort(samples, {}, &Sample::label);
  for (auto const& sample : samples)
    for (int time = 0; time < sample.weight; ++time) add_bit(bits, sample);
  return bits;
}

/// As the rows of a set should stand once they are packed.
Bits bits_of(Bits const& whole, std::span<RowMask const> set) {
  Bits bits;
  for (std::size_t w = 0; w < set.size(); ++w)
    for_each_row(set[w], [&](std::size_t i) { add_bit(bits, *whole[w * most_mask_rows + i]); });
  return bits;
}

/// All that packed rows say of a set agrees with a plain look at what should stand there.
template <class Code>
void expect_true(RowsByClass<Code>& packed, Bits const& bits, std::span<RowMask const> set,
                 EncodedTable const& table) {
  std::vector<std::uint32_t> weights(static_cast<std::size_t>(table.classes()));
  std::vector<std::uint32_t> told(weights.size());
  std::set<data::RowIndex> rows;
  std::uint32_t sum = 0;
  for (std::size_t w = 0; w < set.size(); ++w)
    for_each_row(set[w], [&](std::size_t i) {
      auto const& sample = bits.at(w * most_mask_rows + i);
      ASSERT_TRUE(sample);
      ++weights[sample->label];
      ++sum;
      rows.insert(sample->row);
      for (std::size_t b = 0; b < table.blocks().size(); ++b)
        EXPECT_EQ(packed.column(b)[w].codes[i], table.blocks()[b].code(sample->row));
    });
  EXPECT_EQ(packed.weigh(set, told), sum);
  EXPECT_EQ(told, weights);
  EXPECT_EQ(packed.distinct(set), rows.size());
}

/// The same of the rows of a set in one word, which MaskRows packs.
template <class Code>
void expect_true(MaskRows<Code>& packed, Bits const& whole, std::span<RowMask const> set,
                 EncodedTable const& table) {
  std::vector<Sample> bits;
  for (auto const& bit : bits_of(whole, set))
    if (bit) bits.push_back(*bit);
  ASSERT_EQ(count(packed.all()), bits.size());
  std::set<data::RowIndex> rows;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    rows.insert(bits[i].row);
    EXPECT_EQ(packed.classes().label(RowMask{1} << i), bits[i].label);
    for (int f = 0; f < table.features(); ++f) {
      auto const place = table.place(f);
      auto const& codes = packed.column(static_cast<std::size_t>(place.block));
      EXPECT_EQ(codes.codes[i], table.block(place).code(bits[i].row));
      if (table.block(place).is_group()) {
        EXPECT_EQ(packed.ones(f) >> i & 1, table.value(bits[i].row, f));
      }
    }
  }
  EXPECT_EQ(packed.distinct(packed.all()), rows.size());
}

/// A set that holds all bits of a row or none, as one that a split makes.
template <class Code>
std::vector<RowMask> set_below(RowsByClass<Code>& whole, Code code) {
  std::vector<RowMask> set(whole.words());
  auto const* codes = whole.column(0);
  for (std::size_t w = 0; w < set.size(); ++w) set[w] = codes[w].at_most(code) & whole.all()[w];
  return set;
}

template <class Code>
void expect_rows_kept(EncodedTable const& table) {
  Stream random{Key{3}};
  std::vector<RowsByClass<Code>> levels(4, RowsByClass<Code>{table});
  MaskRows<Code> small{table, static_cast<std::size_t>(table.classes())};
  for (int repeat = 0; repeat < 3; ++repeat) {  // the memory is used again
    auto samples = bag_of(table, random);
    if (repeat == 1)
      for (auto& sample : samples) sample.weight = 1;
    levels[0].start(samples, weights_of(samples, table.classes()));
    auto bits = bits_of(samples);
    expect_true(levels[0], bits, levels[0].all(), table);
    for (std::size_t level = 1; level < levels.size(); ++level) {
      auto& whole = levels[level - 1];
      auto const set = set_below(whole, static_cast<Code>(random.below(600)));
      expect_true(whole, bits, set, table);
      std::vector<std::uint32_t> weights(static_cast<std::size_t>(table.classes()));
      whole.weigh(set, weights);
      levels[level].start(whole, set, weights);
      EXPECT_LE(levels[level].words(), whole.words());
      bits = bits_of(bits, set);
      expect_true(levels[level], bits, levels[level].all(), table);
      auto few = set_below(levels[level], Code{20});
      std::uint32_t weight = 0;
      for (auto& rows : few) {  // as many as go into one word
        while (weight + count(rows) > most_mask_rows) rows &= rows - 1;
        weight += count(rows);
      }
      small.start(levels[level], few);
      expect_true(small, bits, few, table);
    }
  }
}

TEST(RowsByClass, KeepRowsThroughPackingAfterPacking) {
  auto const table = EncodedTable::encode(test::mixed(700, 5, 2));
  expect_rows_kept<std::uint16_t>(table);
  expect_rows_kept<std::uint32_t>(table);
}

TEST(RowsByClass, KeepRowsOfManyColumns) {
  auto const table = EncodedTable::encode(with_many_columns(700, 5, 30, 2));
  ASSERT_TRUE(RowsByClass<std::uint16_t>{table}.has_many_columns());
  expect_rows_kept<std::uint16_t>(table);
  expect_rows_kept<std::uint32_t>(table);
}

/// Trees without a bootstrap start with the same bag and keep its columns; others must not.
TEST(RowsByClass, TellABagFromTheOneBefore) {
  auto const table = EncodedTable::encode(test::mixed(400, 3, 9));
  Stream random{Key{4}};
  auto const bag = bag_of(table, random);
  RowsByClass<std::uint16_t> packed{table};
  auto const start = [&](std::vector<Sample> const& samples) {
    packed.start(samples, weights_of(samples, table.classes()));
    expect_true(packed, bits_of(samples), packed.all(), table);
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
  start(bag);
  std::swap(same_class->row, other.front().row);
  start(other);
}

TEST(RowsByClass, KnowTheRowsOfAGroupsMember) {
  auto const table = EncodedTable::encode(test::mixed(300, 3, 4));
  RowsByClass<std::uint16_t> packed{table};
  Stream random{Key{5}};
  auto const samples = bag_of(table, random);
  packed.start(samples, weights_of(samples, table.classes()));
  auto const bits = bits_of(samples);
  for (int feature = 5; feature < 10; ++feature) {
    auto const place = table.place(feature);
    ASSERT_TRUE(table.block(place).is_group());
    auto const* ones = packed.ones(feature, static_cast<std::size_t>(place.block),
                                   static_cast<std::uint32_t>(place.member));
    for (std::size_t w = 0; w < packed.words(); ++w)
      for_each_row(packed.all()[w], [&](std::size_t i) {
        EXPECT_EQ(ones[w] >> i & 1, table.value(bits[w * most_mask_rows + i]->row, feature));
      });
  }
}

/// With max_leaf_nodes nodes are neither sets nor compact rows; without, they are. The same splits
/// come out.
void expect_same_splits(EncodedTable const& table, std::vector<RowIndex> const& rows,
                        std::string const& kind = "extra_trees") {
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
    settings.insert(settings.end(), {{"kind", kind}, {"n-estimators", "3"}});
    auto const as_sets = grow_trees(table, rows, test::parameters(settings), Key{7}, 0, 3);
    settings.emplace_back("max-leaf-nodes", "1000000");
    auto const by_rows = grow_trees(table, rows, test::parameters(settings), Key{7}, 0, 3);
    for (std::size_t t = 0; t < as_sets.size(); ++t)
      EXPECT_EQ(facts(as_sets[t]), facts(by_rows[t]));
  }
}

TEST(SetGrower, FindsTheSplitsThatALookAtEveryRowFinds) {
  auto const table = EncodedTable::encode(test::mixed(3000, 4, 6));
  expect_same_splits(table, test::all_rows(table));
}

/// A column of more than 65,536 values beside others: few rows learn, but from all over it.
TEST(SetGrower, FindsTheSplitsOfWideCodes) {
  for (int const columns : {13, 40}) {
    auto set = with_many_columns(70'000, 4, columns, 6);
    for (Eigen::Index i = 0; i < set.rows(); ++i) set.features(i, 0) += static_cast<float>(i) / 16;
    auto const table = EncodedTable::encode(set);
    ASSERT_EQ(table.blocks()[0].width, data::Block::Width::u32);
    std::vector<RowIndex> rows;
    for (RowIndex row = 0; row < table.rows(); row += 25) rows.push_back(row);
    for (auto const* kind : {"extra_trees", "random_forest"}) expect_same_splits(table, rows, kind);
  }
}

TEST(SetGrower, FindsTheSplitsOfManyColumns) {
  auto const table = EncodedTable::encode(with_many_columns(2000, 4, 40, 6));
  expect_same_splits(table, test::all_rows(table));
}

/// Any that there is, or one of few.
template <class Code>
Code any_code(Stream& random, bool few) {
  return static_cast<Code>(few ? random.below(5) : random.next64());
}

template <class Code>
void expect_ends_found() {
  Stream random{Key{8}};
  for (int i = 0; i < 2000; ++i) {
    std::array<MaskColumn<Code>, 3> columns;
    std::array<RowMask, 3> sets{0, RowMask{1} << random.below(64), random.next64()};
    if (i % 2 == 0) sets[2] &= random.next64() & random.next64() & random.next64();
    CodeEnds<Code> ends;
    auto low = std::numeric_limits<Code>::max();
    Code high = 0;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      for (auto& code : columns[c].codes) code = any_code<Code>(random, i % 3 == 0);
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

TEST(CodeEnds, AreTheSmallestAndLargestCodeOfAllSets) {
  expect_ends_found<std::uint16_t>();
  expect_ends_found<std::uint32_t>();
}

template <class Code>
void expect_rows_compared() {
  Stream random{Key{9}};
  for (int i = 0; i < 500; ++i) {
    MaskColumn<Code> column;
    for (auto& code : column.codes) code = any_code<Code>(random, i % 2 == 0);
    auto const bound =
        i % 3 == 0 ? any_code<Code>(random, i % 2 == 0) : column.codes[random.below(64)];
    for_each_row(~RowMask{0}, [&](std::size_t row) {
      ASSERT_EQ(column.at_most(bound) >> row & 1, column.codes[row] <= bound);
      ASSERT_EQ(column.equal_to(bound) >> row & 1, column.codes[row] == bound);
    });
  }
}

TEST(MaskColumn, ComparesEveryRowWithACode) {
  expect_rows_compared<std::uint16_t>();
  expect_rows_compared<std::uint32_t>();
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
