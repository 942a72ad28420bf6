#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "run_folder_files.hpp"
#include "run_parts.hpp"

namespace canopy::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

/// What --resume finds beside --out.
class ResumeBeside : public ::testing::Test {
 protected:
  ResumeBeside() {
    settings_.out = run_file_;
    settings_.resume = true;
  }

  /// A run file as `identity_` would have left it, changed.
  template <class Change>
  void put_run_file(Change change) {
    record::RunRecord run;
    run.command = identity_.command;
    run.settings = identity_.settings_toml;
    run.environment.set_attribute("data", identity_.fingerprint);
    change(run);
    record::write(run, run_file_);
  }
  void put_run_file() {
    put_run_file([](auto&) {});
  }

  /// All that stands in the folder.
  std::string content() const {
    std::string all;
    for (auto const& path : {run_file_, journal_}) {
      std::ifstream file{path, std::ios::binary};
      all += path.string() + std::string{std::istreambuf_iterator<char>{file}, {}};
    }
    return all;
  }

  /// Refused, and as often as one tries: nothing has changed.
  template <class Texts>
  void expect_refused(Texts const& texts) {
    auto const before = content();
    for (int time = 0; time < 2; ++time) {
      EXPECT_THAT([&] { start_run(settings_, identity_); }, ThrowsMessage<UserError>(texts));
      EXPECT_TRUE(content() == before) << "time " << time;
    }
  }

  std::string told_by_start() {
    ::testing::internal::CaptureStdout();
    start_run(settings_, identity_);
    return ::testing::internal::GetCapturedStdout();
  }

  FolderOfRuns folder_{"run-parts"};
  std::filesystem::path run_file_ = folder_ / "run.h5";
  std::filesystem::path journal_ = folder_ / "run.journal";
  CommonSettings settings_;
  RunIdentity identity_{
      "tune", "trials = 10\ntime_limit = 5\nrefit = 'advised'\n", "of-the-data", "", {"vm"}};
};

TEST_F(ResumeBeside, ACompleteRunHasNothingToDo) {
  put_run_file();
  identity_.settings_toml = "trials = 10\ntime_limit = 7\nrefit = 'advised'\n";
  auto const before = content();
  EXPECT_THAT(told_by_start(), HasSubstr("run.h5 is already complete.\n"));
  EXPECT_TRUE(start_run(settings_, identity_).complete.has_value());
  EXPECT_TRUE(content() == before);
}

TEST_F(ResumeBeside, ARunOfOtherSettingsIsRefused) {
  for (auto const* status : {"complete", "interrupted", "failed"}) {
    put_run_file([&](auto& run) { run.status = status, run.settings = "trials = 9\nfolds = 3\n"; });
    expect_refused(AllOf(HasSubstr("run.h5 was begun with other settings"),
                         HasSubstr("trials: 9 -> 10"), HasSubstr("folds: 3 -> (not set)"),
                         HasSubstr("--overwrite"), HasSubstr("--out")));
  }
}

TEST_F(ResumeBeside, ARunOfAnotherCommandIsRefused) {
  for (auto const* status : {"complete", "interrupted"}) {
    put_run_file([&](auto& run) { run.status = status, run.command = "train"; });
    expect_refused(AllOf(HasSubstr("run.h5 was begun by canopy train, not by canopy tune"),
                         HasSubstr("--overwrite"), HasSubstr("--out")));
  }
}

TEST_F(ResumeBeside, ARunOfOtherDataIsRefused) {
  for (auto const* status : {"complete", "interrupted"}) {
    put_run_file([&](auto& run) {
      run.status = status;
      run.environment.set_attribute("data", std::string{"of-others"});
    });
    expect_refused(HasSubstr("the data"));
  }
  put_run_file([](auto& run) { run.environment = {}; });
  EXPECT_THAT(told_by_start(), HasSubstr("already complete")) << "earlier versions do not tell";
}

TEST_F(ResumeBeside, WhoseModelIsKeptAndWhatItIsAskedMatterOnceItIs) {
  auto const other = [&](auto& run) {
    run.settings = "trials = 10\nrefit = 'best'\npermutation_repeats = 5\n";
  };
  put_run_file(other);
  expect_refused(AllOf(HasSubstr("refit: best -> advised"), HasSubstr("permutation_repeats: 5")));
  put_run_file([&](auto& run) { other(run), run.status = "interrupted"; });
  EXPECT_TRUE(start_run(settings_, identity_).resumes);
}

TEST_F(ResumeBeside, AJournalOfAnotherRunIsRefused) {
  settings_.resume = false;
  start_run(settings_, {"train", identity_.settings_toml, identity_.fingerprint, "", {}});
  settings_.resume = true;
  expect_refused(HasSubstr("run.h5 was begun by canopy train, not by canopy tune"));
}

TEST_F(ResumeBeside, AJournalCutInItsFirstLineTellsNothing) {
  put_run_file();
  std::ofstream{journal_} << "1234abcd {\"kind\":\"sta";
  auto const late = std::filesystem::last_write_time(run_file_) + std::chrono::hours{1};
  std::filesystem::last_write_time(journal_, late);
  EXPECT_THAT(told_by_start(), HasSubstr("already complete"));
  put_run_file([](auto& run) { run.settings = "trials = 9\n"; });
  std::filesystem::last_write_time(journal_, late);
  expect_refused(HasSubstr("trials: 9 -> 10"));
  put_run_file([](auto& run) { run.settings = "trials = 9\n", run.status = "interrupted"; });
  expect_refused(HasSubstr("trials: 9 -> 10"));
  put_run_file([](auto& run) { run.status = "interrupted"; });
  EXPECT_TRUE(start_run(settings_, identity_).resumes);
}

TEST_F(ResumeBeside, NothingIsToldInOneLine) {
  auto const told = told_by_start();
  EXPECT_EQ(told, run_file_.string() +
                      ": nothing is saved that --resume could go on from; the run begins anew.\n");
  EXPECT_THAT(told_by_start(), IsEmpty()) << "now there is a journal";
}

TEST_F(ResumeBeside, NothingIsNotToldToWhoDoesNotAsk) {
  settings_.quiet = true;
  EXPECT_THAT(told_by_start(), IsEmpty());
  settings_ = {};
  settings_.out = folder_ / "other.h5";
  EXPECT_THAT(told_by_start(), IsEmpty());
}

}  // namespace
}  // namespace canopy::app
