#include <chrono>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "canopy/core/error.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/record/run_record.hpp"

#include "temporary_folder.hpp"

namespace canopy::record {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::ThrowsMessage;

using namespace std::chrono_literals;

/// A folder with the files of one run, and a way to put something there.
struct Place {
  TemporaryFolder folder;
  RunFiles files = run_files(folder / "run.h5", "tune");

  void put_run_file(std::string const& status) const {
    RunRecord run;
    run.status = status;
    write(run, files.run_file);
  }
  /// A journal whose last record is so much newer than the run file.
  void put_journal(std::chrono::seconds newer = 0s) const {
    Journal::create(files.journal).append({{"kind", "start"}});
    date_journal(newer);
  }
  /// What is left of one that was cut.
  void put_journal(std::string const& bytes, std::chrono::seconds newer) const {
    std::ofstream{files.journal, std::ios::binary} << bytes;
    date_journal(newer);
  }

 private:
  void date_journal(std::chrono::seconds newer) const {
    if (std::filesystem::exists(files.run_file))
      std::filesystem::last_write_time(files.journal,
                                       std::filesystem::last_write_time(files.run_file) + newer);
  }
};

TEST(RunFiles, PutsTheJournalBesideTheRunFile) {
  TemporaryFolder const folder;
  auto const files = run_files(folder / "new/deep/run.h5", "tune");
  EXPECT_EQ(files.run_file, folder / "new/deep/run.h5");
  EXPECT_EQ(files.journal, folder / "new/deep/run.journal");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "new/deep"));
  EXPECT_FALSE(std::filesystem::exists(files.run_file));
  EXPECT_EQ(run_files(folder / "run.v2", "tune").journal, folder / "run.v2.journal");
}

TEST(RunFiles, NamesTheRunFileByCommandAndTime) {
  TemporaryFolder const folder;
  auto const before = std::filesystem::current_path();
  std::filesystem::current_path(folder / ".");
  auto const files = run_files("", "tune");
  EXPECT_TRUE(std::filesystem::is_directory("results"));
  std::filesystem::current_path(before);
  EXPECT_THAT(files.run_file.string(), MatchesRegex("results/tune-[0-9]{8}-[0-9]{6}\\.h5"));
  EXPECT_EQ(files.journal.extension(), ".journal");
}

TEST(RunFiles, RefusesPlacesThatCannotHoldARunFile) {
  TemporaryFolder const folder;
  std::ofstream{folder / "file"} << "";
  EXPECT_THAT([&] { run_files(folder / "file/run.h5", "tune"); },
              ThrowsMessage<UserError>(
                  AllOf(HasSubstr("--out is "), HasSubstr("nothing can be written into "))));
  EXPECT_THAT([&] { run_files(folder / ".", "tune"); },
              ThrowsMessage<UserError>(HasSubstr("a folder; expected a file")));
  EXPECT_THAT([&] { run_files((folder / "x").string() + "/", "tune"); },
              ThrowsMessage<UserError>(HasSubstr("a folder; expected a file")));
  EXPECT_THAT([&] { run_files(folder / "run.journal", "tune"); },
              ThrowsMessage<UserError>(HasSubstr("the name of a journal")));
}

TEST(DecideStart, BeginsAfreshWhereNothingIs) {
  Place const place;
  EXPECT_EQ(decide_start(place.files, false, false), Start::fresh);
  EXPECT_EQ(decide_start(place.files, true, false), Start::fresh);
  EXPECT_EQ(decide_start(place.files, false, true), Start::fresh);
}

TEST(DecideStart, NeedsAWordAboutFilesThatAreThere) {
  for (bool const has_run_file : {false, true}) {
    Place const place;
    if (has_run_file) place.put_run_file("complete");
    if (!has_run_file) place.put_journal();
    try {
      decide_start(place.files, false, false);
      ADD_FAILURE() << "no error";
    } catch (UserError const& e) {
      EXPECT_EQ(e.code, ExitCode::usage);
      EXPECT_THAT(e.what(), AllOf(HasSubstr(has_run_file ? "run.h5: " : "run.journal: "),
                                  HasSubstr("--resume"), HasSubstr("--overwrite")));
    }
    EXPECT_EQ(decide_start(place.files, true, false), Start::fresh);
  }
}

TEST(DecideStart, ResumesWhatIsUnfinished) {
  for (auto const* status : {"interrupted", "failed"}) {
    Place const place;
    place.put_run_file(status);
    EXPECT_EQ(decide_start(place.files, false, true), Start::resume) << status;
    place.put_journal();
    EXPECT_EQ(decide_start(place.files, false, true), Start::resume) << status;
  }
  Place const place;
  place.put_journal();
  EXPECT_EQ(decide_start(place.files, false, true), Start::resume);
}

TEST(DecideStart, HasNothingToDoForACompleteRun) {
  Place const place;
  place.put_run_file("complete");
  EXPECT_EQ(decide_start(place.files, false, true), Start::already_complete);
  place.put_journal(-1s);  // killed between the last write and the removal of the journal
  EXPECT_EQ(decide_start(place.files, false, true), Start::already_complete);
}

TEST(DecideStart, ResumesAKilledRunThatWasToReplaceACompleteOne) {
  Place const place;
  place.put_run_file("complete");
  place.put_journal(1s);
  EXPECT_EQ(decide_start(place.files, false, true), Start::resume);
}

TEST(DecideStart, KeepsACompleteRunFileBesideAJournalCutAnywhereInItsFirstLine) {
  Place const place;
  place.put_run_file("complete");
  place.put_journal(1s);
  std::ostringstream line;
  line << std::ifstream{place.files.journal, std::ios::binary}.rdbuf();
  auto const whole = line.str();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    place.put_journal(whole.substr(0, size), 1s);
    EXPECT_EQ(decide_start(place.files, false, true), Start::already_complete) << size;
    EXPECT_FALSE(has_journal_only(place.files)) << size;
  }
  auto damaged = whole;
  damaged.front() ^= 1;
  for (auto const& torn : {damaged, std::string(4096, '\0')}) {
    place.put_journal(torn, 1s);
    EXPECT_EQ(decide_start(place.files, false, true), Start::already_complete) << torn;
  }
  place.put_journal(damaged + whole, 1s);
  EXPECT_EQ(decide_start(place.files, false, true), Start::resume) << "which tells of the damage";
  place.put_journal(whole, 1s);
  EXPECT_EQ(decide_start(place.files, false, true), Start::resume);
}

TEST(HasJournalOnly, WhileTheLatestRunHasNoRunFile) {
  Place const nothing;
  EXPECT_FALSE(has_journal_only(nothing.files));
  nothing.put_journal();
  EXPECT_TRUE(has_journal_only(nothing.files));
  for (auto const* status : {"complete", "interrupted", "failed"}) {
    Place const place;
    place.put_run_file(status);
    EXPECT_FALSE(has_journal_only(place.files)) << status;
    place.put_journal(-1s);  // killed between the last write and the removal of the journal
    EXPECT_FALSE(has_journal_only(place.files)) << status;
    place.put_journal(1s);  // an unfinished run file is a checkpoint of the journal's run
    EXPECT_EQ(has_journal_only(place.files), status == std::string{"complete"});
  }
}

TEST(DecideStart, RefusesContradictionsAndForeignFiles) {
  Place const place;
  EXPECT_THAT([&] { decide_start(place.files, true, true); },
              ThrowsMessage<UserError>(HasSubstr("exclude each other")));
  std::ofstream{place.files.run_file} << "my thesis";
  EXPECT_THROW(decide_start(place.files, false, true), DataError);
}

TEST(SettingsDifferences, ListsKeysInOrder) {
  std::vector<std::string> const none;
  EXPECT_THAT(settings_differences("a = 1\n[t]\nb = [1, 2]\n", "[t]\nb = [1, 2]\n\n# c\n", none),
              ElementsAre("a: 1 -> (not set)"));
  EXPECT_THAT(
      settings_differences("trials = 10\nmodel = 'forest'\nlr = 0.1\nx = true\n"
                           "[space]\nmax_depth = '10-40'\nlist = [1, 2]\n",
                           "lr = 0.1\ntrials = 20\nmodel = 'mlp'\nx = false\nname = ''\n"
                           "[space]\nmax_depth = '10-30'\nlist = [1, 3]\n",
                           none),
      ElementsAre("model: forest -> mlp", "name: (not set) -> \"\"", "space.list: 1,2 -> 1,3",
                  "space.max_depth: 10-40 -> 10-30", "trials: 10 -> 20", "x: true -> false"));
}

TEST(SettingsDifferences, FindsNoneInEqualTexts) {
  std::string const text = "a = 1\nd = 2026-11-23\n[[t]]\nb = 1\n[[t]]\nb = [[1], [2]]\n";
  EXPECT_THAT(settings_differences(text, text, {}), IsEmpty());
  EXPECT_THAT(settings_differences("", "", {}), IsEmpty());
}

TEST(SettingsDifferences, SeesNestedListsAndDates) {
  EXPECT_THAT(
      settings_differences("[[t]]\nb = 1\n[[t]]\nb = 2\n", "[[t]]\nb = 1\n[[t]]\nb = 3\n", {}),
      ElementsAre("t[1].b: 2 -> 3"));
  EXPECT_THAT(settings_differences("d = 2026-11-23\n", "d = 2026-11-24\n", {}),
              ElementsAre("d: 2026-11-23 -> 2026-11-24"));
}

TEST(SettingsDifferences, LeavesOutWhatMayDiffer) {
  std::vector<std::string> const may_differ{"verbose", "log"};
  EXPECT_THAT(settings_differences("verbose = 1\nlogs = 1\n[log]\na = 1\n",
                                   "verbose = 2\nlogs = 2\n[log]\na = 2\n", may_differ),
              ElementsAre("logs: 1 -> 2"));
}

TEST(SettingsDifferences, NamesTheTextThatIsNotToml) {
  EXPECT_THAT([] { settings_differences("a = 1\nb =\n", "", {}); },
              ThrowsMessage<UserError>(HasSubstr("settings of the earlier run: line 2, column ")));
}

}  // namespace
}  // namespace canopy::record
