#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/wait.h>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "canopy/app/show.hpp"
#include "canopy/core/error.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/tune/trial.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

record::RunRecord finished_run() {
  record::RunRecord run;
  run.command = "tune";
  run.status = "interrupted";
  run.exit_code = 75;
  run.version = "0.1.0";
  run.wall_seconds = 75;
  run.seed = 41;
  run.np = 3;
  run.settings = "trials = 10\ndata = \"forest-cover\"\n";
  run.environment.set_attribute("compiler", std::string{"g++ 12"});
  run.environment.set_attribute("cores", std::int64_t{2});
  Table trials{"trials"};
  trials.column("id", Table::Type::integer).column("mean_test_score", Table::Type::real);
  trials.add({std::int64_t{0}, 0.1 + 0.2});
  trials.add({std::int64_t{1}, empty_cell});
  run.tables.push_back(trials);
  Table best{"best"};
  best.column("trial", Table::Type::integer).column("mean_test_score", Table::Type::real);
  best.add({std::int64_t{1}, 0.1 + 0.2});
  run.tables.push_back(best);
  Table model{"model"};
  model.column("kind", Table::Type::text).column("trees", Table::Type::integer);
  model.add({"RandomForest", std::int64_t{100}});
  run.model_row = model;
  return run;
}

class Show : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string run_file() const { return (folder_ / "run.h5").string(); }
  void write_run() const { record::write(finished_run(), run_file()); }

  std::string show(std::vector<std::string> words) {
    ::testing::internal::CaptureStdout();
    try {
      status_ = run_show(words);
    } catch (...) {
      ::testing::internal::GetCapturedStdout();
      throw;
    }
    return ::testing::internal::GetCapturedStdout();
  }

  fs::path folder_ = fs::temp_directory_path() / ("canopy-show-" + std::to_string(getpid()));
  int status_ = -1;
};

template <class Error = UserError, class F>
Error error_of(F&& f) {
  try {
    f();
  } catch (Error const& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error{""};
}

TEST_F(Show, WithoutATableGivesAnOverview) {
  write_run();
  auto const text = show({run_file()});
  EXPECT_EQ(status_, 0);
  EXPECT_THAT(text, HasSubstr("status     interrupted (exit status 75)\n"));
  EXPECT_THAT(text, HasSubstr("wall time  1 min 15 s\n"));
  EXPECT_THAT(text, HasSubstr("data       forest-cover\n"));
  EXPECT_THAT(text, HasSubstr("mean_test_score  0.3\n"));
  EXPECT_THAT(text, HasSubstr("trials     2        2\n"));
  EXPECT_THAT(text, HasSubstr("model      1        2\n"));
}

TEST_F(Show, PrintsATableForPeopleAndForPrograms) {
  write_run();
  EXPECT_EQ(show({run_file(), "trials"}),
            "id  mean_test_score\n"
            "--  ---------------\n"
            " 0              0.3\n"
            " 1\n");
  EXPECT_EQ(show({run_file(), "trials", "--csv"}),
            "id,mean_test_score\n0,0.30000000000000004\n1,\n");
}

TEST_F(Show, PrintsTheOtherParts) {
  write_run();
  EXPECT_EQ(show({run_file(), "settings"}), finished_run().settings);
  EXPECT_EQ(show({run_file(), "environment", "--csv"}), "name,value\ncompiler,g++ 12\ncores,2\n");
  EXPECT_EQ(show({run_file(), "model", "--csv"}), "kind,trees\nRandomForest,100\n");
}

TEST_F(Show, PrintsTrialsAsCvResults) {
  auto run = finished_run();
  tune::Trial trial;
  trial.configuration = {{"max_depth", "None"}, {"criterion", "gini"}, {"bootstrap", "false"}};
  trial.status = tune::Trial::Status::complete;
  trial.folds = {tune::FoldScore{0.5, 2, 1, {}, {}, {}}, tune::FoldScore{1, 4, 1, {}, {}, {}}};
  run.tables = {tune::trials_table({trial}, {"max_depth", "criterion", "bootstrap"})};
  record::write(run, run_file());
  EXPECT_EQ(show({run_file(), "cv_results", "--csv"}),
            "mean_fit_time,std_fit_time,mean_score_time,std_score_time,param_max_depth,"
            "param_criterion,param_bootstrap,params,split0_test_score,split1_test_score,"
            "mean_test_score,std_test_score,rank_test_score\n"
            "3,1,1,0,None,gini,false,\"{'max_depth': None, 'criterion': 'gini', 'bootstrap': "
            "False}\",0.5,1,0.75,0.25,1\n");
}

TEST_F(Show, StatusReturnsTheRecordedExitStatus) {
  write_run();
  EXPECT_EQ(show({run_file(), "status"}), "interrupted\n");
  EXPECT_EQ(status_, 75);
  auto complete = finished_run();
  complete.status = "complete";
  complete.exit_code = 0;
  record::write(complete, run_file());
  EXPECT_EQ(show({run_file(), "status"}), "complete\n");
  EXPECT_EQ(status_, 0);
}

TEST_F(Show, AnUnknownTableNamesTheKnownOnes) {
  write_run();
  auto const error = error_of([&] { show({run_file(), "trails"}); });
  EXPECT_EQ(error.code, ExitCode::usage);
  EXPECT_THAT(error.what(), HasSubstr("no table 'trails'"));
  EXPECT_THAT(error.what(), HasSubstr("trials, best, model, settings, environment, status"));
  EXPECT_THAT(error_of([&] {
                show({run_file(), "trial"});
              }).what(),
              HasSubstr("did you mean 'trials'?"));
}

TEST_F(Show, OnlyAJournalIsAnUnfinishedRun) {
  {
    auto journal = record::Journal::create(folder_ / "run.journal");
    for (int i = 0; i < 3; ++i) journal.append({{"fold", i}});
  }
  auto const text = show({run_file(), "status"});
  EXPECT_EQ(status_, 75);
  EXPECT_THAT(text, StartsWith("unfinished: no finished run file yet: 3 records in the journal"));
  EXPECT_EQ(show({run_file()}), text);
  EXPECT_EQ(status_, 75);
  auto const error = error_of([&] { show({run_file(), "trials"}); });
  EXPECT_EQ(error.code, ExitCode::interrupted);
  EXPECT_THAT(error.what(), HasSubstr("resume with --resume"));
}

TEST_F(Show, ACompleteRunThatIsBeingReplacedIsUnfinished) {
  auto complete = finished_run();
  complete.status = "complete";
  complete.exit_code = 0;
  record::write(complete, run_file());
  auto journal = record::Journal::create(folder_ / "run.journal");
  auto const late = fs::last_write_time(run_file()) + std::chrono::seconds{1};
  fs::last_write_time(folder_ / "run.journal", late);
  EXPECT_EQ(show({run_file(), "status"}), "complete\n") << "nothing has begun yet";
  journal.append({{"kind", "start"}});
  fs::last_write_time(folder_ / "run.journal", late);
  EXPECT_THAT(show({run_file(), "status"}), StartsWith("unfinished"));
  EXPECT_EQ(status_, 75);
  fs::last_write_time(folder_ / "run.journal",
                      fs::last_write_time(run_file()) - std::chrono::seconds{1});
  EXPECT_EQ(show({run_file(), "status"}), "complete\n");
  EXPECT_EQ(status_, 0);
}

TEST_F(Show, PrintsChosenColumnsAndRows) {
  write_run();
  EXPECT_EQ(show({run_file(), "trials", "--csv", "--columns", "mean_test_score,id", "--rows", "1"}),
            "mean_test_score,id\n0.30000000000000004,0\n");
  EXPECT_THAT(error_of([&] {
                show({run_file(), "trials", "--columns", "idd"});
              }).what(),
              HasSubstr("no column 'idd' (did you mean 'id'?)"));
}

TEST_F(Show, AFullDiskIsAnErrorAndAClosedPipeIsNot) {
  write_run();
  // `show` with its standard output sent to `target`, in a child: stdout belongs to the process.
  auto const status_with = [&](int target) {
    std::fflush(stdout);
    auto const child = fork();
    if (child == 0) {
      std::signal(SIGPIPE, SIG_IGN);
      dup2(target, STDOUT_FILENO);
      try {
        _exit(run_show(std::vector{run_file(), std::string{"trials"}}));
      } catch (UserError const&) {
        _exit(9);
      }
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  auto const full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  EXPECT_EQ(status_with(full), 9);
  close(full);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(status_with(ends[1]), 0);
  close(ends[1]);
}

TEST_F(Show, AFileThatIsNoRunIsADataError) {
  EXPECT_EQ(error_of([&] { show({run_file()}); }).code, ExitCode::data);
}

TEST_F(Show, WithoutWordsAsksForTheRun) {
  EXPECT_THAT(error_of([&] { show({}); }).what(), HasSubstr("which run?"));
  EXPECT_THAT(show({"--help"}), HasSubstr("--csv"));
}

}  // namespace
}  // namespace canopy::app
