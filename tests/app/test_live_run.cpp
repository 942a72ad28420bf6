#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"
#include "canopy/federate/records.hpp"
#include "canopy/record/journal.hpp"

#include "headline.hpp"
#include "live_run.hpp"
#include "run_folder_files.hpp"

namespace canopy::app {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class LiveRun : public ::testing::Test {
 protected:
  record::Journal begin(std::string const& command, std::string const& settings,
                        bool resumes = false) const {
    auto journal = record::Journal::create(files_.journal);
    journal.append({{"kind", "start"},
                    {"command", command},
                    {"settings", settings},
                    {"data", "abc"},
                    {"started", utc_now()},
                    {"np", 4},
                    {"nodes", 2},
                    {"resumes", resumes}});
    return journal;
  }

  static json trial(int number, std::string const& status, std::string const& depth) {
    return {{"kind", "trial"},    {"trial", number},
            {"origin", "random"}, {"status", status},
            {"stop_reason", ""},  {"parameters", json::array({json::array({"max_depth", depth})})}};
  }
  static json fold(int trial, int number, double score, int resource = 0) {
    return {{"kind", "fold"}, {"trial", trial},  {"fold", number},    {"resource", resource},
            {"rank", 1},      {"queued", 0.0},   {"started", 0.5},    {"finished", 1.5},
            {"score", score}, {"fit_time", 0.9}, {"score_time", 0.1}, {"confusion", json::array()},
            {"right", ""}};
  }
  static json round(std::int64_t number, double accuracy) {
    federate::RoundRow row;
    row.round = number;
    row.accuracy = accuracy;
    row.model = "m" + std::to_string(number);
    json line{{"kind", "round"}};
    federate::RoundRow::each(row, [&](char const* name, auto const& value) { line[name] = value; });
    return line;
  }
  static std::vector<std::int64_t> numbers(record::RunRecord const& run, char const* table,
                                           char const* column) {
    std::vector<std::int64_t> all;
    for (std::size_t row = 0; row < run.table(table)->rows(); ++row)
      all.push_back(std::get<std::int64_t>(run.table(table)->at(row, column)));
    return all;
  }

  FolderOfRuns folder_{"live-run"};
  record::RunFiles files_ = record::files_of(folder_ / "run.h5");
};

TEST_F(LiveRun, TellsWhatASearchHasFound) {
  auto journal = begin("tune", "folds = 2\nscoring = \"accuracy\"\ntrials = 10\nseed = 7\n");
  for (auto const& line : {trial(0, "running", "5"), trial(1, "running", "9"), fold(0, 0, 0.5),
                           fold(0, 1, 0.7), trial(0, "complete", "5"), fold(1, 1, 0.9)})
    journal.append(line);
  auto const run = live_run(files_);
  EXPECT_EQ(run.status, "running");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.np, 4);
  EXPECT_EQ(run.nodes, 2);
  EXPECT_EQ(run.seed, 7u);
  auto const& trials = *run.table("trials");
  ASSERT_EQ(trials.rows(), 2u);
  EXPECT_EQ(trials.text(0, "status"), "complete");
  EXPECT_EQ(trials.number(0, "mean_test_score"), 0.6);
  EXPECT_EQ(trials.number(1, "param_max_depth"), 9);
  EXPECT_EQ(trials.number(1, "split1_test_score"), 0.9);
  EXPECT_EQ(trials.number(1, "folds_done"), 1);
  EXPECT_EQ(run.table("tasks")->rows(), 3u);
  EXPECT_EQ(run.table("best")->number(0, "mean_test_score"), 0.6);
  EXPECT_EQ(headline(run), "best 0.6000 accuracy, default 0.6000, 1 of 10 trials");
  journal.append(trial(1, "failed", "9"));
  EXPECT_EQ(headline(live_run(files_)),
            "best 0.6000 accuracy, default 0.6000, 2 of 10 trials, 1 failed");
}

TEST(Headline, OfAScalingStudyIsItsBestSpeedUp) {
  record::RunRecord study;
  study.command = "scaling";
  study.tables = {
      Table{"scaling"}.column("size", Table::Type::real).column("speed_up", Table::Type::real)};
  study.tables[0].add({1.0, 1.0});
  study.tables[0].add({3.0, 2.5});
  EXPECT_EQ(headline(study), "speed-up 2.5 at 3");
  study.settings = "growth = \"weak\"\n";
  EXPECT_EQ(headline(study), "scaled speed-up 2.5 at 3");
}

TEST_F(LiveRun, TellsTheRungsOfASearch) {
  auto journal = begin("tune", "folds = 2\n");
  for (auto const& line :
       {trial(0, "running", "5"), fold(0, 0, 0.5, 10), fold(0, 1, 0.7, 10), fold(0, 0, 0.8, 30)})
    journal.append(line);
  auto const run = live_run(files_);
  ASSERT_EQ(run.table("rungs")->rows(), 1u);
  EXPECT_EQ(run.table("rungs")->number(0, "score"), 0.6);
  EXPECT_EQ(run.table("trials")->number(0, "resource"), 30);
  EXPECT_EQ(run.table("trials")->number(0, "folds_done"), 1);
}

TEST_F(LiveRun, IsInterruptedWhenNobodyWrites) {
  begin("tune", "folds = 2\n");
  auto const run = live_run(files_);
  EXPECT_EQ(run.status, "interrupted");
  EXPECT_EQ(run.exit_code, 75);
  EXPECT_TRUE(run.tables.empty());
}

TEST_F(LiveRun, GoesOnFromTheCheckpoint) {
  auto checkpoint = federation_of(4);
  checkpoint.status = "interrupted";
  std::vector<federate::RoundRow> rounds(2);
  rounds[0].round = 1;
  rounds[1].round = 2;
  checkpoint.tables.front() = federate::table_of("rounds", rounds);
  checkpoint.tables.emplace_back("clients").column("client", Table::Type::integer);
  checkpoint.finished = utc_now();
  record::write(checkpoint, files_.run_file);
  auto journal = begin("federate", checkpoint.settings, true);
  journal.append(round(2, 0.8));
  journal.append(round(3, 0.9));
  auto const run = live_run(files_);
  EXPECT_EQ(numbers(run, "rounds", "round"), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(run.table("rounds")->number(1, "accuracy"), 0.8);
  EXPECT_NE(run.table("clients"), nullptr);
  EXPECT_EQ(headline(run), "accuracy 0.9000, 3 of 50 rounds");
}

// After a kill some rounds are computed again; those of the lost session are not the run's.
TEST_F(LiveRun, TakesTheNewestSession) {
  auto journal = begin("federate", "");
  for (auto const number : {1, 2, 3, 2}) journal.append(round(number, 0.1 * number));
  EXPECT_EQ(numbers(live_run(files_), "rounds", "round"), (std::vector<std::int64_t>{1, 2}));
}

TEST_F(LiveRun, HasNothingOfTheRunThatItReplaces) {
  auto old = federation_of(4);
  old.status = "interrupted";
  record::write(old, files_.run_file);
  auto journal = begin("federate", old.settings);
  EXPECT_EQ(live_run(files_).table("rounds"), nullptr);
  journal.append(round(1, 0.3));
  EXPECT_EQ(live_run(files_).table("rounds")->rows(), 1u);
}

TEST_F(LiveRun, TellsTheEpochsOfANetwork) {
  auto journal = begin("train", "epochs = 5\n");
  journal.append({{"kind", "epoch"}, {"epoch", 1}, {"step", 10}, {"loss", 0.5}, {"accuracy", 0.8}});
  journal.append({{"kind", "step"}, {"step", 15}});
  auto const run = live_run(files_);
  ASSERT_EQ(run.table("epochs")->rows(), 1u);
  EXPECT_EQ(run.table("epochs")->number(0, "loss"), 0.5);
  EXPECT_EQ(headline(run), "loss 0.5, accuracy 0.8000, 1 of 5 epochs");
}

TEST_F(LiveRun, TellsTheTreesOfAForest) {
  auto journal = begin("train", "n_estimators = 60\n");
  auto const note = [&](double seconds, int trees) {
    journal.append({{"kind", "trees"}, {"seconds", seconds}, {"trees", trees}});
  };
  note(0.5, 4);
  note(1.5, 12);
  auto const run = live_run(files_);
  EXPECT_EQ(numbers(run, "growth", "trees"), (std::vector<std::int64_t>{4, 12}));
  EXPECT_EQ(headline(run), "12 of 60 trees");
  note(0.75, 12);  // another session
  note(1.75, 20);
  EXPECT_EQ(numbers(live_run(files_), "growth", "trees"), (std::vector<std::int64_t>{12, 20}));
  note(2.5, 2);  // and one that began from nothing
  EXPECT_EQ(numbers(live_run(files_), "growth", "trees"), (std::vector<std::int64_t>{2}));
}

TEST_F(LiveRun, ComplainsOfWhatIsNoJournalOfARun) {
  record::Journal::create(files_.journal);
  EXPECT_THAT([&] { live_run(files_); },
              ThrowsMessage<DataError>(HasSubstr("does not yet tell which run it is of")));
  auto journal = begin("tune", "folds = 2\n");
  journal.append({{"kind", "fold"}, {"trial", "three"}});
  EXPECT_THAT([&] { live_run(files_); },
              ThrowsMessage<DataError>(HasSubstr("another form than this version's")));
}

}  // namespace
}  // namespace canopy::app
