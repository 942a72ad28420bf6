#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/app/tune.hpp"
#include "canopy/core/text.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/tune/learner.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;

fs::path const golden = fs::path{CANOPY_SOURCE_DIR} / "tests/app/golden";

/// A fresh file name that all ranks agree on.
std::string fresh_file(comm::Communicator const& world, std::string const& name) {
  auto const path = fs::temp_directory_path() /
                    ("canopy-" + name + "-" + std::to_string(std::random_device{}()) + ".h5");
  return world.broadcast(path.string());
}

TuneSettings small_search(std::string out) {
  TuneSettings settings;
  settings.source.data = "synthetic:forest-cover,rows=600";
  settings.search.trials = 7;
  settings.search.folds = 3;
  settings.search.refit = "best";
  settings.common.seed = 11;
  settings.common.quiet = true;
  settings.common.out = std::move(out);
  settings.search.space = tune::Space::from_toml_text(R"(
n_estimators = { type = "int", low = 3, high = 20 }
max_features = ["sqrt", "log2", 0.4]
max_depth = { type = "int", low = 4, high = 12, also = ["None"] }
bootstrap = [true, false]
max_samples = { type = "float", low = 0.5, high = 1.0, if = "bootstrap", is = ["true"] }
criterion = ["gini", "entropy"]
)");
  return settings;
}

/// Everything of a record that must not depend on who computed what when.
std::string essence(record::RunRecord const& record) {
  std::ostringstream out;
  auto const& trials = *record.table("trials");
  for (auto const& column : trials.column_names()) {
    if (column.find("time") != std::string::npos) continue;
    out << column;
    for (std::size_t row = 0; row < trials.rows(); ++row) out << ' ' << trials.text(row, column);
    out << '\n';
  }
  out << "best " << record.table("best")->text(0, "trial") << '\n';
  EXPECT_EQ(record.table("final")->text(0, "trial"), record.table("best")->text(0, "trial"));
  auto const& confusion = *record.table("confusion");
  for (std::size_t row = 0; row < confusion.rows(); ++row) {
    for (auto const& column : confusion.column_names()) out << confusion.text(row, column) << ' ';
    out << '\n';
  }
  out << "model " << record.model_row->text(0, "sha256") << '\n';
  return out.str();
}

/// The golden record was written by np 1; every other number of ranks is held to the same text.
void expect_golden(std::string const& name, TuneSettings const& settings) {
  auto const world = comm::Communicator::world();
  std::minstd_rand delays{static_cast<unsigned>(std::random_device{}())};
  auto const record = run(world, settings, [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{delays() % 40});
  });
  EXPECT_EQ(record.exit_code, 0);
  if (!world.is_root()) return;
  auto const file = golden / (name + ".txt");
  if (std::getenv("CANOPY_WRITE_GOLDEN") != nullptr) std::ofstream{file} << essence(record);
  std::ostringstream expected;
  expected << std::ifstream{file}.rdbuf();
  EXPECT_EQ(essence(record), expected.str());
  EXPECT_EQ(essence(record::read(settings.common.out)), expected.str()) << "what was written";
  EXPECT_FALSE(fs::exists(fs::path{settings.common.out}.replace_extension(".journal")));
  fs::remove(settings.common.out);
}

TEST(Tune, FindsTheSameOnAnyNumberOfRanksWhateverTheDelays) {
  expect_golden("tune", small_search(fresh_file(comm::Communicator::world(), "same")));
}

TEST(Tune, SoItDoesWithDecisionsThatLookAtOutcomes) {
  auto settings = small_search(fresh_file(comm::Communicator::world(), "looking"));
  settings.search.trials = 24;
  settings.search.search = "tpe";
  settings.search.scheduler = "asha";
  settings.search.race = "rows";
  settings.search.min_resource = 3;
  settings.search.max_resource = 27;
  settings.search.lag = 5;
  settings.search.space = settings.search.space->without({"n_estimators"});
  expect_golden("tune-looking", settings);
}

TEST(Tune, SoItDoesWithSlicesAndTheBestOneIsWhatItIsByItself) {
  auto const world = comm::Communicator::world();
  auto settings = small_search(fresh_file(world, "slices"));
  settings.search.slices = true;
  settings.search.race = "forgiving";
  settings.search.space = tune::Space::from_toml_text(R"(
n_estimators = { type = "int", low = 60, high = 140, points = 3 }
max_features = ["sqrt", "log2", 0.4]
max_depth = { type = "int", low = 4, high = 12, also = ["None"] }
min_samples_leaf = [1, 2, 3]
)");
  expect_golden("tune-slices", settings);
  settings.common.out = fresh_file(world, "sliced");
  auto const record = run(world, settings);
  if (!world.is_root()) return;
  auto const& trials = *record.table("trials");
  auto const last = trials.rows() - 1;
  EXPECT_EQ(trials.text(last, "origin"), "slice");
  EXPECT_EQ(trials.text(last, "status"), "complete");
  EXPECT_EQ(record.table("best")->number(0, "trial"), static_cast<double>(last));
  auto const& slices = *record.table("slices");
  EXPECT_EQ(slices.rows() % (3u * 6), 0u) << "three numbers of trees, five depths and None";
  double best = 0;
  for (std::size_t row = 0; row < slices.rows(); ++row)
    best = std::max(best, slices.number(row, "score"));
  EXPECT_EQ(trials.number(last, "mean_test_score"), best);
  fs::remove(settings.common.out);
}

/// What is searched is next to nothing, so that no trial is proven better.
TuneSettings idle_search(std::string out) {
  auto settings = small_search(std::move(out));
  settings.source.data = "synthetic:forest-cover,rows=300";
  settings.search.trials = 4;
  settings.search.space =
      tune::Space::from_toml_text("n_estimators = 10\nmin_samples_split = [3, 4, 5]");
  return settings;
}

TEST(Tune, SavesTheModelThatTheVerdictAdvises) {
  auto const world = comm::Communicator::world();
  for (double const test_size : {0.0, 0.25}) {  // as on unseen rows both models are compared
    auto const run_with = [&](std::string const& refit, int trials) {
      auto settings = idle_search(fresh_file(world, "advised"));
      settings.test_size = test_size;
      settings.search.refit = refit;
      settings.search.trials = trials;
      auto record = run(world, settings);
      if (world.is_root()) fs::remove(settings.common.out);
      return record;
    };
    auto const advised = run_with("advised", 4);
    auto const best = run_with("best", 4);
    auto const initial = run_with("advised", 1);
    if (!world.is_root()) continue;
    EXPECT_EQ(advised.table("verdict")->text(0, "advised"), "0");
    EXPECT_NE(advised.table("best")->text(0, "trial"), "0") << "or there is nothing to advise";
    EXPECT_EQ(advised.table("final")->text(0, "trial"), "0");
    EXPECT_EQ(best.table("final")->text(0, "trial"), best.table("best")->text(0, "trial"));
    auto const sha256 = [](auto const& record) { return record.model_row->text(0, "sha256"); };
    EXPECT_EQ(sha256(advised), sha256(initial));
    EXPECT_NE(sha256(advised), sha256(best));
    auto const score = [](auto const& record) {
      return record.table("evaluation")->text(0, "score");
    };
    EXPECT_EQ(score(advised), score(initial)) << "which is that of the saved model";
    EXPECT_EQ(advised.table("verdict")->text(0, "text"), best.table("verdict")->text(0, "text"));
  }
}

TEST(Tune, WithoutAVerdictTheBestIsSaved) {
  auto const world = comm::Communicator::world();
  auto settings = idle_search(fresh_file(world, "no-verdict"));
  settings.search.refit = "advised";
  settings.search.verdict_repeats = 0;
  auto const record = run(world, settings);
  if (!world.is_root()) return;
  EXPECT_EQ(record.table("final")->text(0, "trial"), record.table("best")->text(0, "trial"));
  fs::remove(settings.common.out);
}

TEST(Tune, FailedTrialsAreRecordedAndTheSearchGoesOn) {
  auto const world = comm::Communicator::world();
  auto settings = small_search(fresh_file(world, "failed"));
  settings.search.trials = 12;
  settings.search.space = tune::Space::from_toml_text(R"(
n_estimators = { type = "int", low = 3, high = 20 }
bootstrap = [true, false]
max_samples = { type = "float", low = 0.5, high = 1.0 }
)");
  auto const record = run(world, settings);
  EXPECT_EQ(record.exit_code, static_cast<int>(ExitCode::partial));
  if (!world.is_root()) return;
  auto const& trials = *record.table("trials");
  ASSERT_EQ(trials.rows(), 12u);
  int failed = 0;
  for (std::size_t row = 0; row < trials.rows(); ++row) {
    bool const bad = trials.text(row, "param_bootstrap") == "false" &&
                     trials.text(row, "param_max_samples") != "None";
    EXPECT_EQ(trials.text(row, "status"), bad ? "failed" : "complete");
    EXPECT_EQ(trials.text(row, "stop_reason").empty(), !bad);
    failed += bad;
  }
  EXPECT_GT(failed, 0);
  fs::remove(settings.common.out);
}

TEST(Tune, IsNotBegunAnewOverARunFileThatHasLostItsJournal) {
  auto const world = comm::Communicator::world();
  auto settings = small_search(fresh_file(world, "no-journal"));
  auto const journal = fs::path{settings.common.out}.replace_extension(".journal");
  settings.search.walltime = 1e-6;
  EXPECT_EQ(run(world, settings).status, "interrupted");
  if (world.is_root()) fs::remove(journal);
  world.barrier();
  settings.common.resume = true;
  for (auto const* time : {"once", "again"}) {
    EXPECT_THROW(run(world, settings), UserError) << time;
    EXPECT_FALSE(fs::exists(journal)) << time;
  }
  world.barrier();
  if (world.is_root()) fs::remove(settings.common.out);
}

TEST(Tune, HoldsRowsOutWhenAskedTo) {
  auto const world = comm::Communicator::world();
  auto settings = small_search(fresh_file(world, "holdout"));
  settings.search.trials = 2;
  settings.test_size = 0.25;
  auto const record = run(world, settings);
  if (!world.is_root()) return;
  auto const& evaluation = *record.table("evaluation");
  EXPECT_EQ(evaluation.text(0, "rows_from"), "hold-out");
  EXPECT_EQ(evaluation.text(0, "rows"), "150");
  EXPECT_EQ(record.model_row->text(0, "rows"), "450");
  fs::remove(settings.common.out);
}

/// Trees so small that each rank gets a share of the rows; their leaves are of several classes.
TEST(Tune, HeldOutRowsAreJudgedTheSameWhoeverPredictsThem) {
  auto const world = comm::Communicator::world();
  auto const search = [](comm::Communicator const& ranks, std::string const& out) {
    auto settings = small_search(out);
    settings.source.data = "synthetic:forest-cover,rows=4000";
    settings.test_size = 0.5;
    settings.search.trials = 2;
    settings.search.scoring = "neg_log_loss";
    settings.search.space = tune::Space::from_toml_text("n_estimators = [3, 4]\nmax_depth = 3");
    auto record = run(ranks, settings);
    if (ranks.is_root()) fs::remove(out);
    return record;
  };
  auto const here = fresh_file(world, "alone");
  auto const part = world.split(world.is_root() ? 0 : 1);
  auto const expected = world.is_root() ? search(part, here) : record::RunRecord{};
  auto const found = search(world, fresh_file(world, "dealt"));
  if (!world.is_root()) return;
  EXPECT_EQ(essence(found), essence(expected));
  EXPECT_EQ(found.table("evaluation")->text(0, "score"),
            expected.table("evaluation")->text(0, "score"));
  auto const& verdict = *found.table("verdict");
  EXPECT_EQ(verdict.text(0, "text"), expected.table("verdict")->text(0, "text"));
  EXPECT_EQ(verdict.text(0, "held_out_rows"), "2000");
  EXPECT_GT(found.table("ranks")->number(0, "tasks"), 0) << "the coordinator has its share, too";
}

TEST(Tune, BadSettingsLeaveNoFileAndReachEveryRank) {
  auto const world = comm::Communicator::world();
  auto settings = small_search(fresh_file(world, "bad"));
  settings.search.folds = 500;
  EXPECT_THROW(run(world, settings), UserError);
  settings = small_search(settings.common.out);
  settings.source.data = "no-such-data";
  try {
    run(world, settings);
    ADD_FAILURE() << "nothing was thrown";
  } catch (UserError const& e) {
    EXPECT_EQ(e.code, ExitCode::data) << e.what();
  }
  settings = small_search(settings.common.out);
  settings.search.space = tune::Space::from_toml_text("n_estimatrs = [3, 4]");
  EXPECT_THROW(run(world, settings), UserError);
  EXPECT_FALSE(fs::exists(settings.common.out));
}

TEST(Tune, SettingsReadBackGiveTheSameSettings) {
  auto settings = small_search("x.h5");
  Options options;
  settings.describe(options);
  auto const text = options.to_toml();
  TuneSettings again;
  Options read;
  again.describe(read);
  read.read_toml_text(text, "text");
  EXPECT_EQ(read.to_toml(), text);
}

}  // namespace
}  // namespace canopy::app
