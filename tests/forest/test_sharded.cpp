// A fit whose rows lie on several processes gives the trees of the fit that has them all. Threads
// play the processes here; tests/train does it over MPI.
#include <atomic>
#include <mutex>

#include <gtest/gtest.h>

#include "canopy/forest/sharded.hpp"

#include "tables.hpp"
#include "threads_exchange.hpp"

namespace canopy::forest {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// For each row the shard that holds it.
using Division = std::vector<int>;

data::Dataset part_of(data::Dataset const& whole, std::vector<RowIndex> const& rows) {
  auto part = whole;
  part.features.resize(std::ssize(rows), whole.columns());
  part.labels.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    part.features.row(static_cast<Eigen::Index>(i)) = whole.features.row(rows[i]);
    part.labels.push_back(whole.labels[rows[i]]);
  }
  return part;
}

/// What one process holds: all rows of a shard, coded as the whole, and which of them it learns
/// from.
struct Held {
  EncodedTable table;
  std::vector<RowIndex> rows;
  std::vector<RowIndex> numbers;
};

std::vector<Held> deal(data::Dataset const& set, std::vector<RowIndex> const& learnt,
                       Division const& division, int shards) {
  auto const plans = data::plan_blocks(data::summarise(set), set.rows());
  std::vector<Held> held(static_cast<std::size_t>(shards));
  std::vector<std::vector<RowIndex>> rows(held.size());
  std::size_t number = 0;
  for (RowIndex row = 0; row < set.rows(); ++row) {
    auto const shard = static_cast<std::size_t>(division[row]);
    if (number < learnt.size() && learnt[number] == row) {
      held[shard].rows.push_back(static_cast<RowIndex>(rows[shard].size()));
      held[shard].numbers.push_back(static_cast<RowIndex>(number++));
    }
    rows[shard].push_back(row);
  }
  for (std::size_t s = 0; s < held.size(); ++s)
    held[s].table = EncodedTable::encode(part_of(set, rows[s]), plans);
  return held;
}

struct Grown {
  std::vector<Tree> trees;  ///< as every process got them
  ShardedCost cost;
};

Grown grow_sharded(std::vector<Held> const& held, ForestParameters const& parameters, Key key,
                   int first, int last, ShardedOptions const& options = {},
                   std::function<StopToken(int rank)> const& stop = {}) {
  std::vector<Grown> all(held.size());
  test::Threads{static_cast<int>(held.size())}.run([&](Exchange& exchange) {
    auto const& mine = held[static_cast<std::size_t>(exchange.rank())];
    auto& grown = all[static_cast<std::size_t>(exchange.rank())];
    grown.cost = grow_trees_sharded(
        {mine.table, mine.rows, mine.numbers}, parameters, key, first, last, exchange,
        [&](int number, Tree tree) {
          EXPECT_EQ(number, first + std::ssize(grown.trees));
          grown.trees.push_back(std::move(tree));
        },
        stop ? stop(exchange.rank()) : StopToken{}, options);
  });
  for (auto const& grown : all) {
    EXPECT_EQ(grown.trees, all[0].trees);
    EXPECT_EQ(grown.cost.rows_moved, all[0].cost.rows_moved);
  }
  return all[0];
}

Division in_blocks(std::size_t rows, int shards) {
  Division division;
  for (std::size_t i = 0; i < rows; ++i)
    division.push_back(static_cast<int>(i * static_cast<std::size_t>(shards) / rows));
  return division;
}

Division at_random(std::size_t rows, int shards, Stream& random) {
  Division division(rows);
  for (auto& shard : division)
    shard = static_cast<int>(random.below(static_cast<std::uint32_t>(shards)));
  return division;
}

/// Most rows in shard 0, then an empty shard, then shards of one row each.
Division lopsided(std::size_t rows, int shards) {
  Division division(rows, 0);
  for (int s = 2; s < shards; ++s) division[rows * static_cast<std::size_t>(s) / 20] = s;
  return division;
}

std::vector<RowIndex> most_rows(std::int64_t rows, Stream& random) {
  std::vector<RowIndex> chosen;
  for (RowIndex row = 0; row < rows; ++row)
    if (chosen.empty() || random.below(5) > 0) chosen.push_back(row);
  return chosen;
}

std::string pick(Stream& random, std::vector<std::string> const& words) {
  return words[random.below(static_cast<std::uint32_t>(words.size()))];
}

Settings random_settings(Stream& random) {
  auto const bootstrap = pick(random, {"true", "false"});
  return {{"kind", pick(random, {"random_forest", "extra_trees"})},
          {"criterion", pick(random, {"gini", "entropy", "log_loss"})},
          {"max-depth", pick(random, {"None", "None", "3", "8"})},
          {"min-samples-split", pick(random, {"2", "2", "7", "0.05"})},
          {"min-samples-leaf", pick(random, {"1", "1", "4", "0.02"})},
          {"min-weight-fraction-leaf", pick(random, {"0", "0", "0.01"})},
          {"max-features", pick(random, {"sqrt", "log2", "1", "0.5", "all"})},
          {"min-impurity-decrease", pick(random, {"0", "0", "0.002"})},
          {"bootstrap", bootstrap},
          {"max-samples", bootstrap == "true" ? pick(random, {"None", "0.4", "77"}) : "None"},
          {"class-weight", pick(random, {"none", "none", "balanced", "balanced_subsample"})}};
}

/// mixed() with constant columns between, so that nodes must draw on.
data::Dataset with_constants(int rows, int classes, std::uint64_t seed) {
  auto const dense = test::mixed(rows, classes, seed);
  Eigen::MatrixXf wide = Eigen::MatrixXf::Constant(rows, 24, 1.5f);
  for (int f = 0; f < dense.columns(); ++f) wide.col(2 * f) = dense.features.col(f);
  return test::dataset(std::move(wide), dense.labels, classes);
}

TEST(Sharded, AnyDivisionGrowsTheTreesOfTheWhole) {
  Stream random{Key{11}};
  for (int round = 0; round < 60; ++round) {
    auto const rows = 150 + static_cast<int>(random.below(350));
    auto const seed = static_cast<std::uint64_t>(round);
    auto const set = round % 3 ? test::mixed(rows, 2 + round % 5, seed)
                               : with_constants(rows, 2 + round % 5, seed);
    auto const table = EncodedTable::encode(set);
    auto const learnt = most_rows(rows, random);
    auto const settings = random_settings(random);
    auto const parameters = test::parameters(settings);
    auto const whole = grow_trees(table, learnt, parameters, Key{seed}, 1, 6);
    std::string trace = "round " + std::to_string(round);
    for (auto const& [name, value] : settings) trace += " --" + name + " " + value;
    SCOPED_TRACE(trace);
    for (int const shards : {1, 2, 3, 7}) {
      std::vector const divisions{in_blocks(static_cast<std::size_t>(rows), shards),
                                  at_random(static_cast<std::size_t>(rows), shards, random),
                                  lopsided(static_cast<std::size_t>(rows), shards)};
      auto const& division = divisions[random.below(3)];
      ShardedOptions const options{
          .most_rows_moved = std::vector{0u, 1u, 10u, 60u, 100'000u}[random.below(5)],
          .trees_at_once = std::vector{0, 1, 2, 100}[random.below(4)],
          .histogram_bytes = std::vector{1u, 2000u, 1u << 26}[random.below(3)]};
      auto const held = deal(set, learnt, division, shards);
      auto const grown = grow_sharded(held, parameters, Key{seed}, 1, 6, options);
      ASSERT_EQ(grown.trees.size(), whole.size());
      for (std::size_t t = 0; t < whole.size(); ++t)
        ASSERT_EQ(grown.trees[t], whole[t])
            << shards << " shards, tree " << t << ", moved up to " << options.most_rows_moved;
    }
  }
}

class ShardedMixed : public testing::Test {
 protected:
  std::vector<Held> blocks(int shards) const {
    return deal(set_, rows_, in_blocks(rows_.size(), shards), shards);
  }

  data::Dataset set_ = test::mixed(2000, 4, 3);
  EncodedTable table_ = EncodedTable::encode(set_);
  std::vector<RowIndex> rows_ = test::all_rows(table_);
  ForestParameters parameters_ = test::parameters({{"n-estimators", "4"}});
};

TEST_F(ShardedMixed, CostsWhatWasAsked) {
  auto const all_moved =
      grow_sharded(blocks(2), parameters_, Key{1}, 0, 4, {.most_rows_moved = 2000}).cost;
  EXPECT_EQ(all_moved.rounds, 0);
  EXPECT_EQ(all_moved.histogram_bytes, 0);
  EXPECT_EQ(all_moved.subtrees, 4);
  // Of each tree's rows, about 0.632 * 2000, one half lies on the other process.
  EXPECT_NEAR(static_cast<double>(all_moved.rows_moved), 4 * 632, 100);

  auto const none_moved =
      grow_sharded(blocks(2), parameters_, Key{1}, 0, 4, {.most_rows_moved = 1}).cost;
  EXPECT_EQ(none_moved.rows_moved, 0);
  EXPECT_EQ(none_moved.subtrees, 0);
  std::size_t splits = 0;
  int deepest = 0;
  for (auto const& tree : grow_trees(table_, rows_, parameters_, Key{1}, 0, 4)) {
    splits += tree.size() - tree.leaves();
    deepest = std::max(deepest, tree.depth());
  }
  EXPECT_EQ(none_moved.wide_nodes, static_cast<std::int64_t>(splits));
  // One sum for each level of the deepest tree, and some more for nodes that drew on.
  EXPECT_GE(none_moved.rounds, deepest);
  EXPECT_LE(none_moved.rounds, 2 * deepest);
}

TEST_F(ShardedMixed, OneProcessMovesNothing) {
  auto const grown = grow_sharded(blocks(1), parameters_, Key{1}, 0, 4);
  EXPECT_EQ(grown.cost.rows_moved, 0);
  EXPECT_EQ(grown.cost.row_bytes_moved, 0);
}

TEST_F(ShardedMixed, RefusesWhatTakesNodesOneByOne) {
  for (auto const& settings : {Settings{{"max-leaf-nodes", "9"}}, Settings{{"rng", "sklearn"}}})
    EXPECT_THROW(grow_sharded(blocks(2), test::parameters(settings), Key{1}, 0, 1), UserError);
}

TEST_F(ShardedMixed, NeedsRowsAndLabels) {
  auto none = blocks(2);
  for (auto& held : none) held.rows = held.numbers = {};
  EXPECT_THROW(grow_sharded(none, parameters_, Key{1}, 0, 1), DataError);
  set_.labels.clear();
  auto const plans = data::plan_blocks(data::summarise(set_), set_.rows());
  std::vector<Held> const unlabelled{{EncodedTable::encode(set_, plans), rows_, rows_}};
  EXPECT_THROW(grow_sharded(unlabelled, parameters_, Key{1}, 0, 1), DataError);
}

TEST_F(ShardedMixed, OneThatStopsStopsAll) {
  // At once, when bags have been drawn, and in the midst of summing or of growing what has moved.
  for (std::uint32_t const most_rows_moved : {1u, 2000u})
    for (int const patience : {0, 1, 2}) {
      std::atomic<int> asked = 0;
      auto const stop = [&](int rank) -> StopToken {
        if (rank != 1) return [] { return false; };
        return [&] { return asked++ >= patience; };
      };
      EXPECT_THROW(grow_sharded(blocks(3), parameters_, Key{1}, 0, 4,
                                {.most_rows_moved = most_rows_moved, .trees_at_once = 4}, stop),
                   Stopped)
          << most_rows_moved << " " << patience;
    }
}

TEST(Sharded, SumsTwiceWhenAllThatWasDrawnIsConstant) {
  // The root of this tree draws one feature; of 30 only the last has two values.
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(90, 30);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < 90; ++i) {
    for (int f = 0; f < 29; ++f) x(i, f) = static_cast<float>(1 + i % 2) * 1e-9f;  // not apart
    x(i, 29) = static_cast<float>(i % 3);
    labels.push_back(static_cast<std::uint16_t>(i % 3));
  }
  auto const set = test::dataset(x, labels, 3);
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  auto const parameters = test::parameters({{"max-features", "1"}, {"bootstrap", "false"}});
  auto const whole = grow_trees(table, rows, parameters, Key{1}, 0, 5);
  auto const held = deal(set, rows, in_blocks(90, 3), 3);
  auto const grown = grow_sharded(held, parameters, Key{1}, 0, 5, {.most_rows_moved = 1});
  EXPECT_EQ(grown.trees, whole);
  EXPECT_GT(grown.cost.rounds, whole[0].depth() + 1);
}

}  // namespace
}  // namespace canopy::forest
