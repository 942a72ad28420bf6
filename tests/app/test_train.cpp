#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/app/train.hpp"
#include "canopy/app/tune.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/data/source.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/forest/importances.hpp"
#include "canopy/forest/out_of_bag.hpp"
#include "canopy/record/run_record.hpp"

#include "app/out_file.hpp"
#include "app/run_text.hpp"
#include "app/small_forest.hpp"
#include "support/complaint.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using record::RunRecord;

fs::path const golden = fs::path{CANOPY_SOURCE_DIR} / "tests/app/golden/train.txt";

using test::digest;
using test::essence;
using test::OutFile;
using test::small_forest;
using test::text_of;

/// The golden record was written by np 1; every other number of ranks is held to the same text.
TEST(Train, GivesTheSameModelOnAnyNumberOfRanksWhateverTheDelays) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  std::minstd_rand delays{std::random_device{}()};
  auto const run_ = run(world, small_forest(out), [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{delays() % 40});
  });
  EXPECT_EQ(run_.exit_code, 0);
  EXPECT_EQ(run_.status, "complete");
  if (!world.is_root()) return;
  if (std::getenv("CANOPY_WRITE_GOLDEN") != nullptr) std::ofstream{golden} << essence(run_);
  std::ostringstream expected;
  expected << std::ifstream{golden}.rdbuf();
  EXPECT_EQ(essence(run_), expected.str());
  EXPECT_EQ(essence(record::read(out.path())), expected.str()) << "what was written";
  EXPECT_FALSE(fs::exists(out.journal()));
}

TEST(Train, TheRecordTellsWhatWasDone) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto const run_ = run(world, small_forest(out));
  if (!world.is_root()) return;
  auto const& phases = *run_.table("phases");
  std::vector<std::string> names;
  for (std::size_t row = 0; row < phases.rows(); ++row) {
    names.push_back(phases.text(row, "name"));
    EXPECT_LE(phases.number(row, "begin"), phases.number(row, "end"));
  }
  EXPECT_THAT(names, testing::ElementsAre("load", "encode", "share", "fit", "evaluate", "write"));
  auto const& ranks = *run_.table("ranks");
  EXPECT_EQ(ranks.rows(), static_cast<std::size_t>(world.size()));
  EXPECT_GT(ranks.number(0, "tasks"), 0) << "the root grows trees itself";
  auto const& evaluation = *run_.table("evaluation");
  EXPECT_EQ(evaluation.text(0, "rows_from"), "hold-out");
  EXPECT_EQ(evaluation.text(0, "rows"), "120");
  EXPECT_EQ(evaluation.text(1, "rows_from"), "out-of-bag");
  EXPECT_EQ(evaluation.text(1, "rows"), "480");
  EXPECT_EQ(run_.model_row->text(0, "trees"), "30");
  EXPECT_EQ(run_.model_row->text(0, "rows"), "480");
  auto const model = forest::Forest::from_arrays(*run_.model);
  auto const& importances = *run_.table("importances");
  ASSERT_EQ(importances.rows(), model.feature_names().size());
  double sum = 0;
  for (std::size_t f = 0; f < importances.rows(); ++f) {
    EXPECT_EQ(importances.text(f, "feature"), model.feature_names()[f]);
    sum += importances.number(f, "importance");
  }
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(Train, ScoresOnWhatTheModelHasNotSeen) {
  auto const world = comm::Communicator::world();
  auto const rows_from = [&](std::string const& data, std::optional<double> test_size, bool oob) {
    OutFile const out{world};
    auto settings = small_forest(out);
    settings.source.data = data;
    settings.test_size = test_size;
    settings.forest.oob_score = oob;
    settings.forest.n_estimators = 3;
    auto const run_ = run(world, settings);
    std::vector<std::string> found;
    if (auto const* evaluation = run_.table("evaluation"))
      for (std::size_t row = 0; row < evaluation->rows(); ++row)
        found.push_back(evaluation->text(row, "rows_from"));
    return world.broadcast(found);
  };
  using testing::ElementsAre;
  EXPECT_THAT(rows_from("synthetic:forest-cover,rows=200", {}, false), ElementsAre("hold-out"));
  EXPECT_THAT(rows_from("synthetic:forest-cover,rows=200", 0, false), ElementsAre());
  EXPECT_THAT(rows_from("synthetic:forest-cover,rows=200", 0, true), ElementsAre("out-of-bag"));
  EXPECT_THAT(rows_from("synthetic:mnist,rows=100", {}, false), ElementsAre("test set"));
  EXPECT_THAT(rows_from("synthetic:mnist,rows=100", 0.5, false), ElementsAre("hold-out"));
}

/// A tree so small that each rank gets a share of the rows; its leaves are of several classes.
TEST(Train, HeldOutRowsAreScoredTheSameWhoeverPredictsThem) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto settings = small_forest(out);
  settings.source.data = "synthetic:forest-cover,rows=4000";
  settings.test_size = 0.5;
  settings.scoring = "neg_log_loss";
  settings.forest.n_estimators = 1;
  settings.forest.max_depth = 3;
  settings.forest.oob_score = false;
  auto const run_ = run(world, settings);
  if (!world.is_root()) return;
  auto const table = data::EncodedTable::encode(data::load(settings.source, 11).train);
  auto const rows =
      data::stratified_split(table.labels(), table.classes(), 0.5, Key{11}.with("hold-out")).test;
  std::vector<std::uint16_t> labels;
  for (auto const row : rows) labels.push_back(table.labels()[row]);
  auto const model = forest::Forest::from_arrays(*run_.model);
  EXPECT_EQ(run_.table("evaluation")->number(0, "score"),
            data::score("neg_log_loss", labels, model.predict_proba(table, rows)));
  double tasks = 0;
  for (int rank = 0; rank < world.size(); ++rank)
    tasks += run_.table("ranks")->number(static_cast<std::size_t>(rank), "tasks");
  EXPECT_GE(tasks, world.size() == 1 ? 1 : 1 + world.size()) << "one of them grows the tree";
}

/// What the root of a run of small_forest() had to learn from and to be judged on.
struct Rows {
  explicit Rows(TrainSettings const& settings, double test_size)
      : set{data::load(settings.source, settings.common.seed)},
        table{data::EncodedTable::encode(set.train)},
        split{data::stratified_split(table.labels(), table.classes(), test_size,
                                     Key{settings.common.seed}.with("hold-out"))} {}

  data::Loaded set;
  data::EncodedTable table;
  data::Split split;
};

TEST(Train, RecordsTheOutOfBagCurveOfTheLibrary) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto const settings = small_forest(out);
  auto const run_ = run(world, settings);
  if (!world.is_root()) return;
  Rows const rows{settings, 0.2};
  auto const model = forest::Forest::from_arrays(*run_.model);
  auto const key = Key{11}.with("refit");
  auto const scores = model.oob_curve(rows.table, rows.split.train, key);
  auto const voted = forest::rows_with_vote(model.parameters(), rows.split.train.size(), key);
  auto const& curve = *run_.table("oob_curve");
  ASSERT_EQ(curve.rows(), 30u);
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(curve.number(i, "trees"), static_cast<double>(i + 1));
    EXPECT_EQ(curve.number(i, "score"), scores[i]);
    EXPECT_EQ(curve.number(i, "rows_with_vote"), static_cast<double>(voted[i]));
  }
  EXPECT_EQ(curve.number(29, "score"), run_.table("evaluation")->number(1, "accuracy"));
  EXPECT_EQ(text_of(*record::read(out.path()).table("oob_curve")), text_of(curve));
}

/// The table as the library's call has it.
void expect_importances(RunRecord const& run_, data::EncodedTable const& table,
                        data::Rows const& rows, std::string const& scoring,
                        std::string const& rows_from) {
  auto const model = forest::Forest::from_arrays(*run_.model);
  auto const expected =
      forest::permutation_importances(model, table, rows, scoring, 2, Key{11}.with("permutation"));
  auto const& found = *run_.table("permutation_importances");
  ASSERT_EQ(found.rows(), model.feature_names().size());
  for (std::size_t f = 0; f < found.rows(); ++f) {
    EXPECT_EQ(found.text(f, "feature"), model.feature_names()[f]);
    EXPECT_EQ(found.number(f, "mean"), expected.mean[static_cast<Eigen::Index>(f)]);
    EXPECT_EQ(found.number(f, "std"), expected.std[static_cast<Eigen::Index>(f)]);
    EXPECT_EQ(found.text(f, "rows_from"), rows_from);
  }
  EXPECT_GT(expected.mean.maxCoeff(), 0);
}

TEST(Train, RecordsThePermutationImportancesOfTheLibrary) {
  auto const world = comm::Communicator::world();
  for (auto const test_size : {0.2, 0.0}) {
    OutFile const out{world};
    auto settings = small_forest(out);
    settings.forest.oob_score = false;
    settings.test_size = test_size;
    settings.scoring = "neg_log_loss";
    settings.permutation_repeats = 2;
    auto const run_ = run(world, settings);
    if (!world.is_root()) continue;
    Rows const rows{settings, test_size};
    if (test_size > 0)
      expect_importances(run_, rows.table, rows.split.test, "neg_log_loss", "hold-out");
    else
      expect_importances(run_, rows.table, rows.split.train, "neg_log_loss", "training");
    EXPECT_EQ(text_of(*record::read(out.path()).table("permutation_importances")),
              text_of(*run_.table("permutation_importances")));
    EXPECT_EQ(run_.table("oob_curve"), nullptr);
  }
}

TEST(Train, PermutesTheTestSetThatCameWithTheData) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto settings = small_forest(out);
  settings.source.data = "synthetic:mnist,rows=100";
  settings.forest.n_estimators = 3;
  settings.permutation_repeats = 2;
  auto const run_ = run(world, settings);
  if (!world.is_root()) return;
  auto const table = data::EncodedTable::encode(*data::load(settings.source, 11).test);
  data::Rows rows(static_cast<std::size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), data::RowIndex{0});
  expect_importances(run_, table, rows, "accuracy", "test set");
}

/// So many repeats would take minutes; the trees are saved, and one may ask for fewer then.
TEST(Train, AStopWhileFeaturesArePermutedKeepsTheTrees) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto settings = small_forest(out);
  settings.permutation_repeats = 100'000;
  settings.walltime = 1;
  auto const stopped = run(world, settings);
  EXPECT_EQ(stopped.status, "interrupted");
  settings.permutation_repeats = 2;
  settings.walltime = {};
  settings.common.resume = true;
  auto const resumed = run(world, settings);
  EXPECT_EQ(resumed.exit_code, 0);
  if (!world.is_root()) return;
  EXPECT_EQ(stopped.table("permutation_importances"), nullptr);
  if (text_of(*stopped.table("phases")).find("evaluate") != std::string::npos) {
    EXPECT_THAT(text_of(*resumed.table("events")), testing::HasSubstr("30 trees taken over"));
  }
  Rows const rows{settings, 0.2};
  expect_importances(resumed, rows.table, rows.split.test, "accuracy", "hold-out");
}

TEST(Train, PermutationRepeatsAreRefusedWhereTheyCanHaveNoEffect) {
  TrainSettings settings;
  settings.permutation_repeats = 5;
  EXPECT_NO_THROW(settings.check());
  settings.rows_sharded = true;
  EXPECT_EQ(test::complaint([&] { settings.check(); }),
            "--permutation-repeats is 5 but --rows-sharded is true, so that no rank has a feature "
            "of all rows to shuffle; set --rows-sharded false, or leave it out (default '0')");
  settings.rows_sharded = false;
  settings.model = "mlp";
  EXPECT_EQ(test::complaint([&] { settings.check(); }),
            "--permutation-repeats is 5 but --model is mlp, a network, and importances are those "
            "of forests; set --model forest, or leave it out (default '0')");
  Options options;
  settings.describe(options);
  EXPECT_EQ(test::complaint([&] { options.set("permutation-repeats", "-1"); }),
            "--permutation-repeats is '-1', expected at least 0");
}

TEST(Train, IsTheRefitOfTuneForTheSameParameters) {
  auto const world = comm::Communicator::world();
  OutFile const out{world}, tuned{world};
  auto settings = small_forest(out);
  settings.test_size = 0;
  settings.forest.oob_score = false;
  settings.model = "extra_trees";
  auto const trained = run(world, settings);
  TuneSettings search;
  search.source = settings.source;
  search.common = settings.common;
  search.common.out = tuned.path();
  search.search.model = "extra_trees";
  search.search.trials = 1;
  search.search.folds = 2;
  search.search.space = tune::Space::from_toml_text("n_estimators = 30");
  auto const best = run(world, search);
  if (world.is_root()) {
    EXPECT_EQ(digest(best), digest(trained));
  }
}

TEST(Train, AFailureOnOneRankIsToldAndRecorded) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto const last = world.rank().value == world.size() - 1;
  try {
    run(world, small_forest(out), [&] {
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
      if (last) throw std::runtime_error{"no memory left"};
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (std::runtime_error const& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("no memory left"));
    if (world.size() > 1) {
      EXPECT_THAT(e.what(), testing::HasSubstr("could not be grown on rank"));
    }
  }
  if (world.is_root()) {
    EXPECT_EQ(record::read(out.path()).status, "failed");
  }
}

TEST(Train, BadSettingsLeaveNoFileAndReachEveryRank) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto settings = small_forest(out);
  settings.forest.bootstrap = false;
  EXPECT_THROW(run(world, settings), UserError) << "no out-of-bag rows";
  settings = small_forest(out);
  settings.source.data = "no-such-data";
  try {
    run(world, settings);
    ADD_FAILURE() << "nothing was thrown";
  } catch (UserError const& e) {
    EXPECT_EQ(e.code, ExitCode::data) << e.what();
  }
  settings = small_forest(out);
  settings.source.data = "synthetic:forest-cover,rows=7";
  settings.test_size = 0.9;
  settings.forest.min_samples_leaf = 500;
  EXPECT_NO_THROW(run(world, settings)) << "a forest of roots";
  world.barrier();
  if (world.is_root()) fs::remove(out.path());
  EXPECT_FALSE(fs::exists(out.journal()));
}

TEST(Train, SettingsReadBackGiveTheSameSettings) {
  TrainSettings settings;
  settings.model = "extra_trees";
  settings.test_size = 0.3;
  settings.forest.max_features = {forest::MaxFeatures::Rule::all};
  Options options;
  settings.describe(options);
  EXPECT_FALSE(options.has("kind")) << "--model says it";
  auto const text = options.to_toml();
  TrainSettings again;
  Options read;
  again.describe(read);
  read.read_toml_text(text, "text");
  EXPECT_EQ(read.to_toml(), text);
  EXPECT_EQ(again.model, "extra_trees");
  EXPECT_EQ(again.test_size, 0.3);
}

}  // namespace
}  // namespace canopy::app
