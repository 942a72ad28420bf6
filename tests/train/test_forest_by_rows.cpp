// Rows on several ranks: coded, split, learnt from and predicted as if one process had them all.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "canopy/comm/communicator.hpp"
#include "canopy/data/readers.hpp"
#include "canopy/train/forest_by_rows.hpp"

#include "forest/tables.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using data::Dataset;
using data::EncodedTable;

/// What one process finds that has all rows.
struct Alone {
  Dataset set;
  EncodedTable table;
  data::Split split;
  std::vector<forest::Tree> trees;
  Eigen::MatrixXd probabilities;
};

Key const split_key = Key{3}.with("hold-out");
Key const fit_key = Key{3}.with("fit");

Alone do_alone(data::Source const& source, forest::ForestParameters const& parameters) {
  Alone alone;
  alone.set = data::load(source, 1).train;
  alone.table = EncodedTable::encode(alone.set);
  alone.split = data::stratified_split(alone.table.labels(), alone.table.classes(), 0.2, split_key);
  alone.trees = forest::grow_trees(alone.table, alone.split.train, parameters, fit_key, 0,
                                   parameters.n_estimators);
  alone.probabilities =
      forest::Forest{parameters, alone.trees, alone.set.class_names, alone.set.feature_names}
          .predict_proba(alone.table, alone.split.test);
  return alone;
}

data::Source synthetic(int rows) {
  data::Source source;
  source.data = "synthetic:forest-cover,rows=" + std::to_string(rows);
  return source;
}

class ByRows : public testing::Test {
 protected:
  void expect_same_codes(RowShard const& shard, EncodedTable const& whole) const {
    auto const first = whole.rows() * world_.rank().value / world_.size();
    ASSERT_EQ(shard.table.rows(), whole.rows() * (world_.rank().value + 1) / world_.size() - first);
    ASSERT_EQ(shard.table.blocks().size(), whole.blocks().size());
    for (std::size_t b = 0; b < whole.blocks().size(); ++b) {
      auto const& mine = shard.table.blocks()[b];
      auto const& theirs = whole.blocks()[b];
      ASSERT_EQ(mine.codes, theirs.codes);
      ASSERT_EQ(mine.features, theirs.features);
      ASSERT_TRUE(std::ranges::equal(mine.values, theirs.values));
      for (std::int64_t i = 0; i < shard.table.rows(); ++i)
        ASSERT_EQ(mine.code(i), theirs.code(first + i));
    }
  }

  /// The whole way from the source to the confusion matrix.
  void expect_as_alone(data::Source const& source, forest::ForestParameters const& parameters,
                       forest::ShardedOptions const& options = {}) const {
    auto const alone = do_alone(source, parameters);
    auto const shard = encode_rows(world_, load_rows(world_, source, 1));
    EXPECT_EQ(shard.rows, alone.set.rows());
    EXPECT_EQ(shard.about.feature_names, alone.set.feature_names);
    EXPECT_EQ(shard.about.class_names, alone.set.class_names);
    expect_same_codes(shard, alone.table);

    auto const split = split_rows(world_, shard, 0.2, split_key);
    auto const first = shard.rows * world_.rank().value / world_.size();
    for (std::size_t i = 0; i < split.train.size(); ++i)
      ASSERT_EQ(alone.split.train[split.numbers[i]], first + split.train[i]);

    int progress = 0;
    ForestByRows fit{world_, shard, split, parameters, fit_key};
    fit.grow([&] { ++progress; }, {}, options);
    EXPECT_EQ(progress, parameters.n_estimators);
    EXPECT_EQ(fit.grown(), parameters.n_estimators);
    EXPECT_EQ(fit.trees(), world_.is_root() ? alone.trees : std::vector<forest::Tree>{});

    auto const before =
        std::ranges::lower_bound(alone.split.test, first) - alone.split.test.begin();
    ASSERT_EQ(fit.test_probabilities().rows(), std::ssize(split.test));
    EXPECT_EQ(fit.test_probabilities(),
              alone.probabilities.middleRows(before, std::ssize(split.test)));
    std::vector<std::uint16_t> labels;
    for (auto const row : alone.split.test) labels.push_back(alone.set.labels[row]);
    EXPECT_EQ(fit.test_confusion(),
              (data::ConfusionMatrix{labels, data::predicted_classes(alone.probabilities),
                                     alone.set.classes()}));
  }

  Communicator const world_ = Communicator::world();
};

TEST_F(ByRows, AGeneratedSetIsDealtAndGivesTheSameForest) {
  for (auto const* kind : {"random_forest", "extra_trees"}) {
    auto const parameters = forest::test::parameters({{"kind", kind}, {"n-estimators", "5"}});
    expect_as_alone(synthetic(3000), parameters);
    expect_as_alone(synthetic(3000), parameters, {.most_rows_moved = 100, .trees_at_once = 2});
  }
}

TEST_F(ByRows, RanksMayHaveNoRows) {
  auto const parameters = forest::test::parameters({{"n-estimators", "3"}});
  Dataset tiny = forest::test::mixed(3, 1, 1);
  Dataset mine = tiny;
  if (!world_.is_root()) {
    mine.features.resize(0, tiny.columns());
    mine.labels.clear();
  }
  RowShard const shard{tiny, encode_in_parts(world_, mine, 3), {}, 3};
  auto const split = split_rows(world_, shard, 0, split_key);
  ForestByRows fit{world_, shard, split, parameters, fit_key};
  fit.grow();
  auto const table = EncodedTable::encode(tiny);
  if (world_.is_root()) {
    EXPECT_EQ(fit.trees(),
              forest::grow_trees(table, forest::test::all_rows(table), parameters, fit_key, 0, 3));
  }
  EXPECT_EQ(fit.test_confusion().total(), 0);
}

TEST_F(ByRows, AnHdf5FileIsReadInPartsByEachRank) {
  auto const path = std::filesystem::temp_directory_path() / "canopy-test-by-rows.h5";
  world_.together("write", [&] {
    if (world_.is_root()) data::write_hdf5(path, forest::test::mixed(1501, 3, 9));
  });
  data::Source source;
  source.data = path.string();
  expect_as_alone(source, forest::test::parameters({{"n-estimators", "4"}}),
                  {.most_rows_moved = 50});
  source.drop = {"f4"};
  expect_as_alone(source, forest::test::parameters({{"n-estimators", "2"}}));
  world_.barrier();
  if (world_.is_root()) std::filesystem::remove(path);
}

TEST_F(ByRows, ATestSetThatComesWithTheDataIsPredictedInBlocks) {
  data::Source source;
  source.data = "synthetic:mnist,rows=200";
  auto const parameters = forest::test::parameters({{"n-estimators", "3"}, {"max-depth", "6"}});
  auto const loaded = data::load(source, 1);
  auto const table = EncodedTable::encode(loaded.train);
  auto const trees =
      forest::grow_trees(table, forest::test::all_rows(table), parameters, fit_key, 0, 3);
  forest::Forest const alone{parameters, trees, loaded.train.class_names,
                             loaded.train.feature_names};
  auto const shard = encode_rows(world_, load_rows(world_, source, 1));
  auto const split = split_rows(world_, shard, 0, split_key);
  ForestByRows fit{world_, shard, split, parameters, fit_key};
  fit.grow();
  if (world_.is_root()) {
    EXPECT_EQ(fit.trees(), trees);
  }
  EXPECT_EQ(fit.test_confusion(),
            (data::ConfusionMatrix{loaded.test->labels, alone.predict(loaded.test->features), 10}));
}

TEST_F(ByRows, GoesOnFromTheTreesOfAnEarlierSession) {
  auto const parameters = forest::test::parameters({{"n-estimators", "6"}});
  auto const shard = encode_rows(world_, load_rows(world_, synthetic(1000), 1));
  auto const split = split_rows(world_, shard, 0.2, split_key);
  ForestByRows whole{world_, shard, split, parameters, fit_key};
  whole.grow();

  // Stops in the third batch of one tree; only one rank is asked to.
  ForestByRows stopped{world_, shard, split, parameters, fit_key};
  bool enough = false;
  auto const is_last = world_.rank().value == world_.size() - 1;
  EXPECT_THROW(stopped.grow([&] { enough = stopped.grown() == 2 && is_last; },
                            [&] { return enough; }, {.trees_at_once = 1}),
               Stopped);
  EXPECT_EQ(stopped.grown(), 2);

  ForestByRows resumed{world_, shard, split, parameters, fit_key};
  resumed.take_over(stopped.take_trees());
  EXPECT_EQ(resumed.grown(), 2);
  resumed.grow();
  EXPECT_EQ(resumed.trees(), whole.trees());
  EXPECT_EQ(resumed.test_probabilities(), whole.test_probabilities());
}

TEST_F(ByRows, TheFingerprintIsThatOfTheRowsHoweverTheyAreDealt) {
  auto const set = forest::test::mixed(300, 3, 2);
  auto const of = [&](Dataset const& whole, int ranks) {
    auto const part = std::min(world_.rank().value, ranks);
    auto const first = part < ranks ? whole.rows() * part / ranks : whole.rows();
    auto const rows = (part < ranks ? whole.rows() * (part + 1) / ranks : whole.rows()) - first;
    Dataset mine = whole;
    mine.features = whole.features.middleRows(first, rows);
    mine.labels = {whole.labels.begin() + first, whole.labels.begin() + first + rows};
    return fingerprint(world_, encode_rows(world_, {mine, {}, whole.rows()}));
  };
  auto const expected = of(set, 1);
  EXPECT_EQ(of(set, world_.size()), expected);
  auto other = set;
  other.labels[7] ^= 1;
  EXPECT_NE(of(other, world_.size()), expected);
  other = set;
  other.features.row(3).swap(other.features.row(4));
  EXPECT_NE(of(other, world_.size()), expected);
}

TEST_F(ByRows, BadInputFailsOnAllRanks) {
  data::Source source;
  source.data = "no-such-data";
  try {
    encode_rows(world_, load_rows(world_, source, 1));
    FAIL() << "nothing was thrown";
  } catch (UserError const& e) {
    EXPECT_EQ(e.code, ExitCode::data);
  }
  auto const shard = encode_rows(world_, load_rows(world_, synthetic(200), 1));
  EXPECT_THROW(split_rows(world_, shard, 1.5, split_key), UserError);
  auto const split = split_rows(world_, shard, 0.2, split_key);
  auto const fit = [&](std::vector<std::pair<std::string, std::string>> const& settings) {
    auto const parameters = forest::test::parameters(settings);
    ForestByRows{world_, shard, split, parameters, fit_key}.grow();
  };
  EXPECT_THROW(fit({{"oob-score", "true"}}), UserError);
  EXPECT_THROW(fit({{"max-leaf-nodes", "5"}}), UserError);
  EXPECT_THROW(fit({{"n-estimators", "0"}}), UserError);
}

}  // namespace
}  // namespace canopy::train
