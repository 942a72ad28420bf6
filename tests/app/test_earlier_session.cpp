#include <fstream>

#include <gtest/gtest.h>

#include "earlier_session.hpp"
#include "run_folder_files.hpp"

namespace canopy::app {
namespace {

using nlohmann::json;

/// Of a run that goes on from the run file of an interrupted one, begun at 04:05:06.
class EarlierSession : public ::testing::Test {
 protected:
  EarlierSession() {
    start_.files = record::files_of(folder_ / "run.h5");
    start_.resumes = true;
    auto interrupted = federation_of(2);
    interrupted.status = "interrupted";
    interrupted.tables.push_back(events_table({{1.5, "signal", "stopping", 2}}));
    record::write(interrupted, start_.files.run_file);
  }

  void begin_journal(json const& start) {
    record::Journal::create(start_.files.journal).append(start);
    start_.records = record::JournalRecords{start_.files.journal};
  }

  FolderOfRuns folder_{"earlier-session"};
  RunStart start_;
};

TEST_F(EarlierSession, TellsItsEvents) {
  auto const events = earlier_events(start_);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].time, 1.5);
  EXPECT_EQ(events[0].kind, "signal");
  EXPECT_EQ(events[0].text, "stopping");
  EXPECT_EQ(events[0].rank, 2);
}

TEST_F(EarlierSession, HasNoneWhenTheRunBeginsAnew) {
  start_.resumes = false;
  EXPECT_TRUE(earlier_events(start_).empty());
}

TEST_F(EarlierSession, IsOfTheRunWhoseJournalIsOlder) {
  begin_journal({{"kind", "start"}, {"started", "2026-11-23T04:05:06Z"}});
  EXPECT_EQ(earlier_events(start_).size(), 1u);
  begin_journal({{"kind", "start"}, {"started", "2026-11-23T05:00:00Z"}});
  EXPECT_TRUE(earlier_events(start_).empty()) << "the run file is of one that this one replaces";
  begin_journal({{"kind", "start"}, {"started", "2026-11-23T05:00:00Z"}, {"resumes", true}});
  EXPECT_EQ(earlier_events(start_).size(), 1u);
}

TEST_F(EarlierSession, HasNoneWhenItsFileIsMissingOrDamaged) {
  std::ofstream{start_.files.run_file} << "no HDF5";
  EXPECT_TRUE(earlier_events(start_).empty());
  std::filesystem::remove(start_.files.run_file);
  EXPECT_TRUE(earlier_events(start_).empty());
}

/// Of a run that fails, in the place of the one above.
class FailedRun : public EarlierSession {
 protected:
  FailedRun() {
    auto checkpoint = federation_of(2);
    checkpoint.status = "interrupted";
    checkpoint.environment.set_attribute("data", std::string{"of-the-data"});
    checkpoint.model.emplace().put("weights", std::vector<float>{1, 2});
    record::write(checkpoint, start_.files.run_file);
  }

  bool keeps_checkpoint(RunIdentity const& identity) const {
    record::RunRecord failed;
    keep_checkpoint(failed, start_, identity);
    return failed.model.has_value();
  }

  RunIdentity identity_{"federate", "rounds = 50\n", "of-the-data", ""};
};

TEST_F(FailedRun, KeepsItsCheckpoint) {
  record::RunRecord failed;
  keep_checkpoint(failed, start_, identity_);
  EXPECT_EQ(failed.model, record::read(start_.files.run_file).model);
}

TEST_F(FailedRun, KeepsNoModelOfAnotherRun) {
  EXPECT_FALSE(keeps_checkpoint({"federate", "rounds = 51\n", "of-the-data", ""}));
  EXPECT_FALSE(keeps_checkpoint({"federate", "rounds = 50\n", "of-others", ""}));
  EXPECT_TRUE(keeps_checkpoint(identity_));
  auto complete = record::read(start_.files.run_file);
  complete.status = "complete";
  record::write(complete, start_.files.run_file);
  EXPECT_FALSE(keeps_checkpoint(identity_)) << "it was to be replaced";
}

TEST_F(FailedRun, KeepsNothingWhenThereIsNothing) {
  std::ofstream{start_.files.run_file} << "no HDF5";
  EXPECT_FALSE(keeps_checkpoint(identity_));
  std::filesystem::remove(start_.files.run_file);
  EXPECT_FALSE(keeps_checkpoint(identity_));
}

TEST_F(EarlierSession, IsRefusedWithoutANewJournal) {
  start_.journal.emplace(record::Journal::create(start_.files.journal));
  EXPECT_THROW(refuse(start_, "other layers"), UserError);
  EXPECT_FALSE(std::filesystem::exists(start_.files.journal));
  EXPECT_TRUE(std::filesystem::exists(start_.files.run_file));
}

}  // namespace
}  // namespace canopy::app
